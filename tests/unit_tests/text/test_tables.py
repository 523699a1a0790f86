"""Every entry of every table is needed: a text notices when it is dropped."""

from collections.abc import Callable, Iterator

import pytest

from langchain_tpo.text import control_tokens, conversation, fencing, look_alikes, thinking
from langchain_tpo.text.control_tokens import inert
from langchain_tpo.text.conversation import transcript
from langchain_tpo.text.fencing import fence
from langchain_tpo.text.look_alikes import readings
from langchain_tpo.text.thinking import split_thinking
from tests.support.remembered_texts import forget

FORMS_OF_TOKENS = [
    "<|im_end|>",
    "<|turn>",
    "<turn|>",
    "<seed:bos>",
    "<extra_id_1>",
    "[unused1]",
    "[|endofturn|]",
]
"""An example of every form, in the order of the table."""

NUMBERED = ["extra_id_1", "special_1", "unused1", "reserved_1", "tokens_unused_1"]
NUMBERED += ["unused_token_1"]

FORMS_OF_THOUGHTS = [
    "<think>a</think>b",
    "[THINK]a[/THINK]b",
    "\u25c1think\u25b7a\u25c1/think\u25b7b",
    "<|START_THINKING|>a<|END_THINKING|>b",
    "<|begin_of_thought|>a<|end_of_thought|>b",
    "<|inner_prefix|>a<|inner_suffix|>b",
    "<|channel>thought\na<channel|>b",
    "<unused94>thought\na<unused95>b",
    "<|channel|>analysis<|message|>a<|end|>b",
]

FRAMES_OF_ANSWERS = [
    "<think>a</think><|START_RESPONSE|>b<|END_RESPONSE|>",
    "<think>a</think><|begin_of_solution|>b<|end_of_solution|>",
    "<think>a</think><|channel|>final<|message|>b<|return|>",
    "<think>a</think><|start|>assistant<|channel|>final<|message|>b<|return|>",
    "<think>a</think><|start|>assistant<|channel|>final<|message|>b<|end|>",
]


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield
    monkeypatch.undo()
    forget()


def without(table: tuple[object, ...], place: int) -> tuple[object, ...]:
    return table[:place] + table[place + 1 :]


def each_counts(
    monkeypatch: pytest.MonkeyPatch,
    name: tuple[object, str],
    noticed: Callable[[int], bool],
) -> None:
    """Drop one entry after the other; `noticed(place)` says whether it is missed, then."""
    module, attribute = name
    table = getattr(module, attribute)
    forget()
    assert [place for place in range(len(table)) if noticed(place)] == []
    for place in range(len(table)):
        monkeypatch.setattr(module, attribute, without(table, place))
        forget()
        assert noticed(place), f"nothing misses {table[place]!r}"
        monkeypatch.setattr(module, attribute, table)


def test_every_control_token_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = control_tokens.CONTROL_TOKENS
    each_counts(
        monkeypatch,
        (control_tokens, "CONTROL_TOKENS"),
        lambda place: inert(tokens[place]) == tokens[place],
    )


def test_every_form_of_control_tokens_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(FORMS_OF_TOKENS) == len(control_tokens._FORMS)
    each_counts(
        monkeypatch,
        (control_tokens, "_FORMS"),
        lambda place: inert(FORMS_OF_TOKENS[place]) == FORMS_OF_TOKENS[place],
    )
    assert len(NUMBERED) == len(control_tokens._NUMBERED.split("|"))
    for name in NUMBERED:
        assert inert(f"<{name}>[{name}]") == f"< {name}>[ {name}]"
        assert inert(f"<{name.upper()}>") == f"< {name.upper()}>"


@pytest.mark.parametrize("character", "<>[]/|")
def test_either_width_of_what_frames_a_token_is_a_token(character: str) -> None:
    tokens = ["</s>", "[/INST]", "</|im_end|>", "[|user|]", "<turn|>", "<|turn>", "</seed:think>"]
    tokens += ["<unused1>", "[unused1]"]
    wide = chr(ord(character) + 0xFEE0)
    for token in tokens:
        if character in token:
            typed = token.replace(character, wide)
            assert inert(typed) == f"{typed[0]} {typed[1:]}", typed


def test_every_form_of_thinking_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(FORMS_OF_THOUGHTS) == len(thinking._OPENINGS)
    each_counts(
        monkeypatch,
        (thinking, "_OPENINGS"),
        lambda place: split_thinking(FORMS_OF_THOUGHTS[place]) != ("a", "b"),
    )


def test_every_frame_of_an_answer_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(split_thinking(text) == ("a", "b") for text in FRAMES_OF_ANSWERS)
    each_counts(
        monkeypatch,
        (thinking, "_ANSWER_FRAMES"),
        lambda place: split_thinking(FRAMES_OF_ANSWERS[place]) != ("a", "b"),
    )


NAMES_OF_THOUGHTS = ["think", "thinking", "thought", "thoughts", "reasoning", "seed:think"]


@pytest.mark.parametrize("name", [*NAMES_OF_THOUGHTS, "ns_reasoning", "THINK"])
def test_every_name_of_thinking_is_known(name: str) -> None:
    assert split_thinking(f"<{name}>a</{name}>b") == ("a", "b")


def dropped(text: str, place: int) -> str:
    return text[:place] + text[place + 1 :]


OWN = {"<": "ST", "[": "[ST]", "{": "{ST}"}


@pytest.mark.parametrize("kind", list(OWN))
def test_every_look_alike_of_an_opening_bracket_is_needed(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    brackets = look_alikes.OPENING[kind]
    for place, bracket in enumerate(brackets):
        assert fence(f"{bracket}ST", [OWN[kind]]) == f"{fencing.ESCAPED[kind]}ST", ascii(bracket)
        fewer = {**look_alikes.OPENING, kind: dropped(brackets, place)}
        monkeypatch.setattr(fencing, "OPENING", fewer)
        fencing._frames.cache_clear()
        assert fence(f"{bracket}ST", [OWN[kind]]) == f"{bracket}ST", ascii(bracket)
        monkeypatch.undo()
        fencing._frames.cache_clear()


@pytest.mark.parametrize("kind", list(OWN))
def test_every_look_alike_of_a_closing_bracket_closes_a_tag_of_a_template(kind: str) -> None:
    for opening in look_alikes.OPENING[kind]:
        for closing in look_alikes.CLOSING[kind]:
            ascii_pair = f"{OWN[kind]}" if kind != "<" else "ST"
            assert fencing.tags_in(f"{opening}/ST{closing}") == {ascii_pair}, ascii(closing)


def alike() -> Iterator[tuple[str, str]]:
    for letter, others in look_alikes._ALIKE.items():
        for other in others:
            yield letter, other


def test_every_look_alike_of_a_letter_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Unicode's own names tell needs no entry: then the table would say nothing new."""
    read_as, told_twice = look_alikes._READ_AS, []
    for letter, other in alike():
        assert letter in readings(other), (letter, ascii(other))
        rest = tuple(one for one in read_as[other] if one != letter)
        monkeypatch.setitem(read_as, other, rest)
        readings.cache_clear()
        if letter in readings(other):
            told_twice.append(other)
        monkeypatch.undo()
        readings.cache_clear()
    assert told_twice == []


def test_everything_blank_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    for blank in sorted(look_alikes._BLANK):
        assert fence(f"<S{blank}T>", ["ST"]) == f"&lt;S{blank}T>"
        monkeypatch.setattr(look_alikes, "_BLANK", look_alikes._BLANK - {blank})
        forget()
        assert fence(f"<S{blank}T>", ["ST"]) == f"<S{blank}T>", ascii(blank)
        monkeypatch.undo()
        forget()


OVERLOOKED = {
    "Cs": "\ud800",
    "Co": "\ue000",
    "Cn": "\u0378",
    "Mn": "\u0301",
    "Mc": "\u0903",
    "Me": "\u20dd",
    "Cc": "\x01",
    "Cf": "\u200b",
}
"""A character of every category that a reader overlooks."""


def test_every_category_that_is_overlooked_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(OVERLOOKED) == look_alikes._NOTHING
    for category, character in OVERLOOKED.items():
        assert fence(f"<S{character}T>", ["ST"]).startswith("&lt;"), category
        for table in ("_NOTHING", "_MEANINGLESS"):
            monkeypatch.setattr(look_alikes, table, getattr(look_alikes, table) - {category})
        forget()
        assert fence(f"<S{character}T>", ["ST"]).startswith("<S"), category
        monkeypatch.undo()
        forget()


@pytest.mark.parametrize("before", fencing._BEFORE)
def test_what_may_stand_before_a_name_is_read_past(before: str) -> None:
    assert fence(f"<{before}ST>", ["ST"]) == f"&lt;{before}ST>"
    assert fence(f"<x{before}ST>", ["ST"]) == f"<x{before}ST>"


@pytest.mark.parametrize("within", fencing._WITHIN)
def test_what_may_stand_within_a_name_is_read_past(within: str) -> None:
    assert fence(f"<S{within}T>", ["ST"]) == f"&lt;S{within}T>"
    assert fence("<S/T>", ["ST"]) == "<S/T>"


@pytest.mark.parametrize("separator", conversation._SEPARATORS)
def test_nobody_speaks_behind_any_separator_of_lines(separator: str) -> None:
    assert transcript([("User", f"a{separator}System: b")]) == f"User: a{separator}> System: b"


@pytest.mark.parametrize("kind", sorted(conversation._CALLS))
def test_a_block_that_calls_a_tool_is_told_once(kind: str) -> None:
    block = {"type": kind, "name": "f", "input": {}, "id": "1"}
    assert conversation._block_texts([block, "text"]) == ["text"]


@pytest.mark.parametrize("role", ["User", "Assistant", "System", "Tool"])
def test_no_role_is_forged(role: str) -> None:
    assert transcript([("Critic", f"{role}: a")]) == f"Critic: > {role}: a"


def test_names_of_letters_are_read_to_their_end() -> None:
    assert "q" in readings("\ua7af")  # LATIN LETTER SMALL CAPITAL Q
    assert "q" in readings("\U0001f160")  # NEGATIVE CIRCLED LATIN CAPITAL LETTER Q
    assert "l" in readings("\u0142")  # LATIN SMALL LETTER L WITH STROKE
