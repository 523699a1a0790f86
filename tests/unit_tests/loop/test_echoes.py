"""What a small model copies of the prompt is no part of a revision, and earns nothing."""

import time

import pytest
from langchain_core.messages import BaseMessage
from langchain_core.prompts import ChatPromptTemplate

from langchain_tpo import TPORunnable, TPOSettings
from langchain_tpo.loop.echoes import without_echo
from langchain_tpo.loop.revisions import Unusable, read_response
from langchain_tpo.prompts import (
    SMALL_DIRECTED_PROMPTS,
    SMALL_EXPLAINED_PROMPTS,
    SMALL_SYNTHESIS_PROMPTS,
    TPOPrompts,
)
from langchain_tpo.reward_models import VerifiableInstructions
from tests.support.fakes import ScriptedModelWithN, last_number

HEED = "Heed this, and keep to everything that is asked for above."
WHOLE = "Write the whole changed answer, and nothing else."


@pytest.mark.parametrize(
    ("form", "reply", "revision"),
    [
        ("update", "Oil it.\n<REMARK>\nBroken: `oil` missing.\n</REMARK>", "Oil it."),
        ("update", "Oil it.</REMARK> Wax it.", "Oil it."),
        ("update", f"Oil it.\n\n{WHOLE}", "Oil it."),
        ("update", f"{WHOLE}\nOil it.", Unusable("echo")),
        ("update", "<REMARK>", Unusable("echo")),
        ("remind", f"*{HEED}*", Unusable("echo")),
        ("remind", HEED.upper().replace(",", ""), Unusable("echo")),
        ("remind", "Heed this: oil it.", "Heed this: oil it."),
        (
            "remind",
            "Oil it, and change only what is needed.",
            "Oil it, and change only what is needed.",
        ),
        ("remind", "Use <b>oil</b>.", "Use <b>oil</b>."),
        ("remind", "Heed this.\nTake care!", Unusable("echo")),
        ("remind", "Heed this.\nOil it.", "Heed this.\nOil it."),
        ("remind", "Oil it.\n\nTake care!", "Oil it.\n\nTake care!"),
        ("remind", "42", "42"),
        ("remind", "***", "***"),
        ("remind", "  ", Unusable("empty")),
        (
            "remind",
            "TAKING CARE: AN EARLIER ANSWER FAILED A CHECK, WHICH FOUND:\nREMARK\nBROKEN: 3.",
            Unusable("echo"),
        ),
        ("remind", "Heed me, and keep to everything that is asked for above.", Unusable("echo")),
        ("remind", "Oil it. Take care: an earlier answer failed a check, which found:", "Oil it."),
        (
            "remind",
            "Keep to everything that is asked for at the door.",
            "Keep to everything that is asked for at the door.",
        ),
        ("update", "Oil it.\n\nA check found in it:\nBroken: `oil` missing.", "Oil it."),
        ("update", "So a check found in it a flaw.", "So a check found in it a flaw."),
        ("update", "Here is an answer to this:\nOil it.", "Here is an answer to this:\nOil it."),
    ],
)
def test_a_revision_ends_where_a_copy_begins(
    form: str, reply: str, revision: str | Unusable
) -> None:
    read = without_echo(read_response, SMALL_EXPLAINED_PROMPTS, form, asked="Why oil a table?")

    assert read(reply) == revision


def test_what_the_conversation_says_itself_is_no_copy() -> None:
    asked = f"What does <REMARK> mean, and what `{HEED}`?"
    read = without_echo(read_response, SMALL_EXPLAINED_PROMPTS, "remind", asked=asked)

    assert read(f"<REMARK> is a tag. {HEED}") == f"<REMARK> is a tag. {HEED}"
    read = without_echo(read_response, SMALL_EXPLAINED_PROMPTS, "remind", asked="Say: heed this!")
    assert read("Heed this.") == "Heed this."


@pytest.mark.parametrize(
    "asked",
    [
        "Put it politely: heed this, and keep to all that is asked for above",
        "Say after me heed this, and keep to all that is asked for above",
    ],
)
def test_what_the_conversation_says_in_nearly_our_words_is_no_copy(asked: str) -> None:
    read = without_echo(read_response, SMALL_EXPLAINED_PROMPTS, "remind", asked=asked)

    assert read("Heed this, and keep to all that is asked for above!").startswith("Heed")


@pytest.mark.parametrize(
    "reply",
    [
        "Here is an answer to your question: oil it.",
        "Oil it. Keep to everything that the maker asks for.",
    ],
)
def test_a_short_sentence_is_no_copy_for_being_like_ours(reply: str) -> None:
    read = without_echo(read_response, SMALL_DIRECTED_PROMPTS, "update", asked="Why oil a table?")

    assert read(reply) == reply


@pytest.mark.parametrize(
    ("told", "reply"),
    [
        ("Answer with yes, no, or unknown.", "No."),
        ("Under these headings:\n## What went well today\n", "## What went well today\nAll."),
        (
            'End with "This is no advice of a lawyer, and replaces no consultation."',
            "You can. This is no advice of a lawyer, and replaces no consultation.",
        ),
        (
            "Begin with\n```\ndef main(arguments: list[str]) -> int:\n```",
            "```\ndef main(arguments: list[str]) -> int:\n    return 0\n```",
        ),
        ("ऊपर दिए गए प्रश्न का बेहतर उत्तर दें।", "ऊपर दिए गए प्रश्न का बेहतर उत्तर यह है।"),
    ],
)
def test_an_answer_may_say_what_a_prompt_of_ones_own_wants_said(told: str, reply: str) -> None:
    own = TPOPrompts(
        name="own",
        update=ChatPromptTemplate([("human", f"{{query}}\n\nBefore: {{chosen}}\n\n{told}")]),
        revision_tag=None,
    )

    assert without_echo(read_response, own, "update", asked="Why?")(reply) == reply


@pytest.mark.parametrize("text", ["oil it " * 8_000 + ". ", f"Oil. {HEED} " * 1_000])
def test_a_long_reply_is_read_at_once(text: str) -> None:
    read = without_echo(read_response, SMALL_EXPLAINED_PROMPTS, "remind", asked="Why oil a table?")
    since = time.process_time()

    kept = read(text + HEED.replace("this", "me"))

    assert isinstance(kept, str)
    assert len(kept) < len(text)
    assert time.process_time() - since < 2


def test_every_small_prompt_knows_its_own_sentences() -> None:
    read = without_echo(read_response, SMALL_SYNTHESIS_PROMPTS, "update", asked="Why?")
    (prompt,) = SMALL_SYNTHESIS_PROMPTS.render("update", "", {}, query="Why?")

    assert read(f"Oil it.\n{prompt.text}") == "Oil it."


@pytest.mark.parametrize("n", [1, 3])
def test_a_copied_remark_earns_nothing(n: int) -> None:
    def reply(step: str, messages: list[BaseMessage], number: int) -> str:
        if step == "sample":
            return "Our grid is good."
        return f"Our grid is good. {number}\n<REMARK>use `grid` at least 5 times: grid grid grid"

    tpo = TPORunnable(
        model=ScriptedModelWithN(reply=reply),
        reward=VerifiableInstructions(),
        settings=TPOSettings.small_model(strategy="explain", width=n + 1, depth=1),
    )

    result = tpo.optimize('Write a tweet that mentions the word "grid" at least 3 times.')

    assert result.reward == pytest.approx(0.5 / 3)
    assert not any("REMARK" in one["text"] for one in result.pool)
    assert "remark" not in result.answer.lower()


def test_what_stands_in_any_answer_that_was_shown_is_no_copy() -> None:
    def reply(step: str, messages: list[BaseMessage], number: int) -> str:
        if "the best of them first" in messages[-1].text:
            return f"<remarks>All fine.</remarks> {number}"
        return "None. 1" if number else "<remarks>None.</remarks> 0"

    tpo = TPORunnable(
        model=ScriptedModelWithN(reply=reply),
        reward=last_number,
        settings=TPOSettings.small_model(strategy="synthesize", width=2, depth=1),
    )

    result = tpo.optimize("Write a note in XML.")

    assert result.answer == "<remarks>All fine.</remarks> 3"
