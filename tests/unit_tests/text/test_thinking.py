"""What a model thought is told from what it answered."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_tpo.text.thinking import split_thinking

FORMS = [
    ("<think>", "</think>"),
    ("<think>\n", "\n</think>\n\n"),
    ("\n<Think>", "</THINK>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning >"),
    ("<seed:think>", "</seed:think>"),
    ("<longcat_think>", "</longcat_think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<|channel>thought\n", "<channel|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel|>analysis<|message|>", "<|end|>"),
]


@pytest.mark.parametrize(("opening", "closing"), FORMS)
def test_a_leading_block_is_no_part_of_the_answer(opening: str, closing: str) -> None:
    assert split_thinking(f"{opening}Oil or wax?{closing}Oil it.") == ("Oil or wax?", "Oil it.")


@pytest.mark.parametrize(("opening", "closing"), FORMS)
def test_a_reply_cut_inside_its_thinking_holds_no_answer(opening: str, closing: str) -> None:
    assert split_thinking(f"{opening}Oil or wax? {closing[:2]}") == (
        f"Oil or wax? {closing[:2]}".strip(),
        "",
    )
    assert split_thinking(opening) == ("", "")
    assert split_thinking(f"{opening}Oil or wax?{closing}") == ("Oil or wax?", "")


@pytest.mark.parametrize(("opening", "closing"), FORMS)
def test_a_text_about_such_tags_stays_whole(opening: str, closing: str) -> None:
    for text in (
        f"Write {opening}like this{closing}, then answer.",
        f"```\n{opening}like this{closing}\n```\n",
        f"`{opening.strip()}` opens a block,\n`{closing.strip()}` closes it.",
    ):
        assert split_thinking(text) == ("", text)


def test_the_block_ends_at_its_first_closing_tag() -> None:
    reply = "<think>It goes <IMPROVED_VARIABLE>here</IMPROVED_VARIABLE></think> A </think> B"

    assert split_thinking(reply) == (
        "It goes <IMPROVED_VARIABLE>here</IMPROVED_VARIABLE>",
        "A </think> B",
    )


def test_another_kind_of_tag_does_not_close_it() -> None:
    assert split_thinking("<think>a</thinking>b</think>c") == ("a</thinking>b", "c")


def test_an_empty_block_is_taken_away_too() -> None:
    assert split_thinking("<think>\n\n</think>\n\nOil it.") == ("", "Oil it.")


def test_blocks_in_a_row_are_all_thinking() -> None:
    assert split_thinking("<think></think><think>a</think>\n<thought>b</thought>c") == (
        "a\n\nb",
        "c",
    )


@pytest.mark.parametrize("closing", ["</think>", " </think> ", "</seed:think>", "[/THINK]"])
def test_a_block_may_be_opened_by_the_prompt(closing: str) -> None:
    assert split_thinking(f"Oil or\nwax?\n{closing}\n\nOil it.") == ("Oil or\nwax?", "Oil it.")


@pytest.mark.parametrize(
    "text",
    [
        "Close it with </think> and go on.",
        "Open it with <think>\nand close it with\n</think>\nThat is all.",
        "Like this:\n```\n</think>\n```\nThat is all.",
        "Close the answer with\n</thinking>\nThat is all.",
    ],
)
def test_a_closing_tag_in_a_text_about_it_closes_nothing(text: str) -> None:
    assert split_thinking(text) == ("", text)


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("<|END_THINKING|><|START_RESPONSE|>Oil it.<|END_RESPONSE|>", "Oil it."),
        ("<|END_THINKING|><|START_RESPONSE|>Oil it", "Oil it"),
        ("<|END_THINKING|>Oil it.<|END_RESPONSE|>", "Oil it.<|END_RESPONSE|>"),
    ],
)
def test_the_frame_of_an_answer_is_no_part_of_it(reply: str, answer: str) -> None:
    assert split_thinking(f"<|START_THINKING|>Hm.{reply}") == ("Hm.", answer)


def test_gpt_oss_names_the_channel_of_its_answer() -> None:
    reply = (
        "<|channel|>analysis<|message|>Hm.<|end|>"
        "<|start|>assistant<|channel|>final<|message|>Oil it.<|return|>"
    )
    assert split_thinking(reply) == ("Hm.", "Oil it.")


@given(st.text())
def test_any_other_text_is_its_own_answer(text: str) -> None:
    assert split_thinking(f"x{text}") == ("", f"x{text}")


@pytest.mark.parametrize(
    "piece", ["<think>", "</think>", "<think></think>", " ", "\n", "\n</think>", "```\n", "a"]
)
def test_a_megabyte_is_split_in_no_time(piece: str) -> None:
    since = time.process_time()
    split_thinking(piece * (1_000_000 // len(piece)))
    split_thinking(f"<think>{piece * (1_000_000 // len(piece))}")
    assert time.process_time() - since < 5


@pytest.mark.parametrize(
    ("text", "thought", "answer"),
    [
        ("<|channel|>final<|message|>Oil it.<|return|>", "", "Oil it."),
        ("\n  <|channel|>final<|message|>Oil it.<|return|>", "", "Oil it."),
        ("<|start|>assistant<|channel|>final<|message|>Oil it.<|end|>", "", "Oil it."),
        (
            "<|start|>assistant<|channel|>analysis<|message|>Hm.<|end|>"
            "<|start|>assistant<|channel|>commentary<|message|>I look it up.<|end|>"
            "<|start|>assistant<|channel|>final<|message|>Oil it.<|return|>",
            "Hm.\n\nI look it up.",
            "Oil it.",
        ),
        ("<unused94>thought\nHm.<unused95>Oil it.", "Hm.", "Oil it."),
        ("\ufeff<think>Hm.</think>Oil it.", "Hm.", "Oil it."),
        ("\u200b\n<think>Hm.", "Hm.", ""),
        ("It begins with <|channel|>final<|message|>.", "", None),
    ],
)
def test_frames_around_an_answer_and_what_stands_before_a_block(
    text: str, thought: str, answer: str | None
) -> None:
    assert split_thinking(text) == (thought, text if answer is None else answer)


def test_a_code_block_that_is_closed_ends_before_the_thinking_does() -> None:
    thought = "```\ncode\n```"
    assert split_thinking(f"{thought}\n</think>\nb") == (thought, "b")
