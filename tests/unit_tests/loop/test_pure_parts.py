"""What decides and what reads, without any model."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from langchain_tpo.candidate_pool import Candidate, Finish, Reply, chosen, rejected
from langchain_tpo.loop.revisions import Unusable, revision_reader, usable
from langchain_tpo.loop.step_prompts import shortened
from langchain_tpo.loop.stopping import stop_reason
from langchain_tpo.reward_models.scores import checked_scores
from langchain_tpo.sampling.draws import Draws
from langchain_tpo.sampling.usage import NOTHING_USED, as_usage_metadata, usage_of
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import StepRecord
from langchain_tpo.text.conversation import attachments, conversation_text
from langchain_tpo.text.fencing import fence


def pool(*rewards: float | None) -> list[Candidate]:
    return [Candidate(text=str(i), reward=reward, round=0) for i, reward in enumerate(rewards)]


@pytest.mark.parametrize(
    ("rewards", "best", "worst"),
    [
        ((1.0, 2.0, 0.5), 1, 2),
        ((1.0, 1.0, 1.0), 0, 0),
        ((2.0, 1.0, 2.0, 1.0), 0, 1),
        ((None, 1.0, None, 3.0), 3, 1),
        ((0.0, -1.0), 0, 1),
        ((None, None), None, None),
        ((), None, None),
    ],
)
def test_chosen_and_rejected(
    rewards: tuple[float | None, ...], best: int | None, worst: int | None
) -> None:
    assert (chosen(pool(*rewards)), rejected(pool(*rewards))) == (best, worst)


def scored(reward: float, round_number: int, **marks: Any) -> Candidate:
    return Candidate(text="-", reward=reward, round=round_number, **marks)


CUT: Mapping[str, Any] = {"demoted": True, "finish": "length"}


@pytest.mark.parametrize(
    ("pool", "best"),
    [
        ([scored(0.8, 0, **CUT), scored(0.1, 0)], 1),
        ([scored(0.8, 0, **CUT), scored(0.0, 1)], 0),
        ([scored(0.8, 0, **CUT), scored(0.8, 1)], 1),
        ([scored(0.8, 0, **CUT), scored(0.9, 1, **CUT), scored(0.8, 1)], 2),
        ([scored(0.8, 0, **CUT), scored(0.9, 1, **CUT)], 1),
        ([scored(0.8, 0, **CUT), scored(0.1, 0), scored(0.0, 1)], 1),
        ([scored(0.8, 0, demoted=True, fault="no JSON"), scored(0.0, 1)], 1),
    ],
)
def test_a_cut_answer_loses_to_complete_ones_but_to_no_revision_of_a_lower_reward(
    pool: list[Candidate], best: int
) -> None:
    assert chosen(pool) == best
    assert chosen(pool) != rejected(pool)


@pytest.mark.parametrize(
    ("rewards", "done", "reason"),
    [
        ((1.0, 2.0), 0, None),
        ((1.0, 2.0), 2, "depth"),
        ((1.0, 1.0), 0, "no_contrast"),
        ((1.0, None), 0, "no_contrast"),
        ((1.0, 1.0), 2, "depth"),
    ],
)
def test_stop_reason(rewards: tuple[float | None, ...], done: int, reason: str | None) -> None:
    steps = [StepRecord(step="reward", round=done, usage=NOTHING_USED, seconds=0.0, waiting=0.0)]

    assert stop_reason(pool(*rewards), steps, settings=TPOSettings(depth=2)) == reason


@pytest.mark.parametrize(
    ("reply", "revision"),
    [
        ("<IMPROVED_VARIABLE>oil it</IMPROVED_VARIABLE>", "oil it"),
        ("Sure:\n<IMPROVED_VARIABLE>\n oil it \n</IMPROVED_VARIABLE>\nBetter?", "oil it"),
        ("<IMPROVED_VARIABLE>cut off here", "cut off here"),
        ("<improved_variable>oil it</Improved_Variable>", "oil it"),
        (
            "<IMPROVED_VARIABLE>one</IMPROVED_VARIABLE><IMPROVED_VARIABLE>one</IMPROVED_VARIABLE>",
            "one",
        ),
        (
            "<IMPROVED_VARIABLE>one</IMPROVED_VARIABLE><IMPROVED_VARIABLE>two</IMPROVED_VARIABLE>",
            Unusable("ambiguous"),
        ),
        (
            "<IMPROVED_VARIABLE>oil</IMPROVED_VARIABLE> Between <IMPROVED_VARIABLE>, as asked.",
            Unusable("ambiguous"),
        ),
        ("<IMPROVED_VARIABLE>oil</IMPROVED_VARIABLE>\n</IMPROVED_VARIABLE>", "oil"),
        (
            "<IMPROVED_VARIABLE>Close </IMPROVED_VARIABLE> it.</IMPROVED_VARIABLE>",
            Unusable("ambiguous"),
        ),
        (
            "<IMPROVED_VARIABLE>Open <IMPROVED_VARIABLE> it.</IMPROVED_VARIABLE>",
            Unusable("ambiguous"),
        ),
        (
            "<IMPROVED_VARIABLE>\n<IMPROVED_VARIABLE>oil</IMPROVED_VARIABLE></IMPROVED_VARIABLE>",
            "oil",
        ),
        (
            "<IMPROVED_VARIABLE></IMPROVED_VARIABLE>: <IMPROVED_VARIABLE>oil</IMPROVED_VARIABLE>",
            "oil",
        ),
        ("</IMPROVED_VARIABLE><IMPROVED_VARIABLE>late</IMPROVED_VARIABLE>", "late"),
        ("<IMPROVED_VARIABLE>use <b>oil</b> & {wax}</IMPROVED_VARIABLE>", "use <b>oil</b> & {wax}"),
        ("no tags at all", Unusable("no_tag")),
        ("only closed</IMPROVED_VARIABLE>", Unusable("no_tag")),
        ("<IMPROVED_VARIABLE>  </IMPROVED_VARIABLE>", Unusable("empty")),
        ("", Unusable("no_tag")),
    ],
)
def test_a_revision_is_what_stands_between_its_tags(reply: str, revision: str | Unusable) -> None:
    assert revision_reader("IMPROVED_VARIABLE")(reply) == revision


@pytest.mark.parametrize(
    ("reply", "finish", "marks"),
    [
        ("<IMPROVED_VARIABLE>oil it</IMPROVED_VARIABLE> I have also", "length", []),
        ("<IMPROVED_VARIABLE>oil it</IMPROVED_VARIABLE>", "length", []),
        ("oil it: <IMPROVED_VARIABLE>oil it", "length", ["demoted", "finish"]),
        ("<IMPROVED_VARIABLE>oil it and", "length", ["demoted", "finish"]),
        (
            "<IMPROVED_VARIABLE>oil it</IMPROVED_VARIABLE> I have also",
            "content_filter",
            ["demoted", "finish"],
        ),
    ],
)
def test_a_reply_that_was_cut_behind_its_revision_holds_a_whole_one(
    reply: str, finish: Finish, marks: list[str]
) -> None:
    draws = Draws(replies=[Reply(text=reply, finish=finish)], failures=[], usage=NOTHING_USED)
    read = revision_reader("IMPROVED_VARIABLE")

    (candidate,), _ = usable(draws, read, step="update", round_number=1)

    assert sorted(candidate.keys() & {"demoted", "finish"}) == marks


def test_without_a_tag_the_whole_reply_is_the_revision() -> None:
    read = revision_reader(None)

    assert read("  oil it \n") == "oil it"
    assert read(" ") == Unusable("empty")


@pytest.mark.parametrize(
    ("reply", "revision"),
    [
        ("  oil it ", "oil it"),
        ("<ANSWER>\noil it\n</ANSWER>", "oil it"),
        ("<answer>oil it</answer>\n\nA check found in it: ...", "oil it"),
        ("Here it is:\n<ANSWER>oil it", "oil it"),
        ("oil it</ANSWER>", "oil it</ANSWER>"),
        ("<ANSWERS>oil it</ANSWERS>", "<ANSWERS>oil it</ANSWERS>"),
        ("<ANSWER> </ANSWER>", Unusable("empty")),
        ("<ANSWER>oil</ANSWER> or <ANSWER>wax</ANSWER>", Unusable("ambiguous")),
    ],
)
def test_a_copied_frame_is_no_part_of_a_revision(reply: str, revision: str | Unusable) -> None:
    assert revision_reader(None, shown_tag="ANSWER")(reply) == revision


@pytest.mark.parametrize(
    "hostile",
    ["</CONVERSATION>", "< / conversation >", "<CONVERSATION>", "</Conversation foo='1'>"],
)
def test_a_fenced_text_holds_no_tag_of_the_frame(hostile: str) -> None:
    assert fence(hostile, ["CONVERSATION"]) == "&lt;" + hostile[1:]


def test_fencing_leaves_other_markup_alone() -> None:
    text = "if a < b: <b>bold</b> <CONVERSATIONS> {braces} <CONVERSATION_2>"

    assert fence(text, ["CONVERSATION"]) == text


def test_long_texts_are_shortened_to_their_ends() -> None:
    assert shortened(" ".join(["w"] * 20)) == " ".join(["w"] * 20)
    assert shortened(" ".join(str(i) for i in range(21))) == (
        "0 1 2 3 4 5 6 7 8 9 (...) 11 12 13 14 15 16 17 18 19 20"
    )


def test_a_single_question_is_its_own_text() -> None:
    assert conversation_text([HumanMessage("  Wood?\n")]) == "  Wood?\n"


def test_anything_longer_is_a_transcript() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    conversation = [
        SystemMessage("Be kind."),
        HumanMessage([{"type": "text", "text": "Look: "}, image]),
        AIMessage("Oak."),
    ]

    assert conversation_text(conversation) == (
        "System: Be kind.\n\nUser: Look: [image]\n\nAssistant: Oak."
    )
    assert attachments(conversation) == [image]


def test_scores_may_be_numpy_numbers() -> None:
    scores = np.array([1.5, np.nan], dtype=np.float32)

    assert checked_scores(scores, ["a", "b"]) == {"a": {"reward": 1.5}, "b": {"reward": None}}


def test_scores_keep_their_words() -> None:
    explained = [{"reward": 1, "rationale": "short"}, {"reward": None}]

    assert checked_scores(explained, ["a", "b"]) == {
        "a": {"reward": 1.0, "rationale": "short"},
        "b": {"reward": None},
    }


def result_of(*messages: AIMessage) -> LLMResult:
    return LLMResult(generations=[[ChatGeneration(message=message) for message in messages]])


def message(text: str, read: int, written: int, **details: int) -> AIMessage:
    return AIMessage(
        text,
        usage_metadata={
            "input_tokens": read,
            "output_tokens": written,
            "total_tokens": read + written,
            "input_token_details": details,
        },
    )


def test_a_total_repeated_on_every_choice_counts_once() -> None:
    usage = usage_of(result_of(message("one two", 10, 9), message("three", 10, 9)))

    assert (usage["completions"], usage["input_tokens"], usage["output_tokens"]) == (2, 10, 9)


def test_shares_stated_per_choice_are_added_up() -> None:
    usage = usage_of(result_of(message("one two", 10, 4), message("three", 10, 2)))

    assert (usage["input_tokens"], usage["output_tokens"]) == (10, 6)


def test_a_count_of_one_choice_only_is_unknown_not_wrong() -> None:
    """llama.cpp reports the tokens of one choice when n > 1."""
    usage = usage_of(result_of(*[message("five words are in here", 10, 7)] * 5))

    assert usage["output_tokens"] is None
    assert as_usage_metadata(usage) is None


def test_cached_prompt_tokens_are_kept() -> None:
    usage = usage_of(result_of(message("one", 10, 2, cache_read=8)))

    assert usage["cached_tokens"] == 8
    metadata = as_usage_metadata(usage)
    assert metadata is not None
    assert metadata["input_token_details"] == {"cache_read": 8}


def test_an_answer_from_langchains_cache_costs_nothing() -> None:
    cached = message("one two", 10, 4)
    assert cached.usage_metadata is not None
    cached.usage_metadata["total_cost"] = 0  # type: ignore[typeddict-unknown-key] # as core marks it

    usage = usage_of(result_of(cached))

    assert (usage["requests"], usage["input_tokens"], usage["output_tokens"]) == (0, 0, 0)
