"""The reward: what it adds up, what it says, which part of a conversation it reads."""

import asyncio
import copy
import pickle

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from langchain_tpo.loop.scoring import checked_scores
from langchain_tpo.reward_models.combined.ensemble import Ensemble
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.reward_models.preference_head import PreferenceHead
from langchain_tpo.reward_models.verifiable_instructions import (
    Rule,
    Verdict,
    VerifiableInstructions,
    bullets,
    includes,
    max_words,
)
from langchain_tpo.reward_models.verifiable_instructions.reward import NO_RULE


def judged(reward: VerifiableInstructions, asked: str | list[BaseMessage], text: str) -> Score:
    messages = [HumanMessage(asked)] if isinstance(asked, str) else asked
    return reward.invoke({"messages": messages, "responses": [text]})[0]


def test_it_says_what_was_broken_and_what_was_kept() -> None:
    reward = VerifiableInstructions(rules=(max_words(4), bullets(1), includes("oil", "wax")))
    assert judged(reward, "Wood?", "- Oil and water do not mix") == {
        "reward": pytest.approx((0.5 * (1 - 2 / 4) + 1 + 0.5 * 0.5) / 3),
        "rationale": "Broken: 6 words, asked for at most 4; `wax` missing. "
        "To do: write at most 4 words; use `wax`. "
        "Kept: 1 bullet point, asked for exactly 1.",
    }


def test_without_configuration_the_prompt_sets_the_rules() -> None:
    reward = VerifiableInstructions()
    asked = "Why oil a table? Answer in no more than two sentences and mention the word 'water'."
    assert judged(reward, asked, "Oil keeps water out.") == {
        "reward": 1.0,
        "rationale": "Kept: 1 sentence, asked for at most 2; `water` there.",
    }
    broken = judged(reward, asked, "It looks good. It lasts. It is cheap.")
    assert isinstance(broken, dict)
    assert broken["reward"] == pytest.approx((0.25 + 0) / 2)


def test_fixed_rules_do_not_read_the_prompt() -> None:
    reward = VerifiableInstructions(rules=(max_words(9),))
    assert judged(reward, "In exactly 2 words.", "Six words are more than two.") == {
        "reward": 1.0,
        "rationale": "Kept: 6 words, asked for at most 9.",
    }


def test_nothing_to_check_scores_all_alike_and_says_so() -> None:
    scores = VerifiableInstructions().invoke(
        {"messages": [HumanMessage("Why oil a table?")], "responses": ["To seal it.", "No idea"]}
    )
    assert scores == [{"reward": 1.0, "rationale": NO_RULE}] * 2


@pytest.mark.parametrize(
    ("wish", "first"),
    [("", 0), (" In exactly 3 words.", 1)],
    ids=["nothing to check: the head decides", "a broken limit outweighs the head"],
)
def test_it_joins_an_ensemble_and_keeps_its_words(wish: str, first: int) -> None:
    both = Ensemble(
        {"head": PreferenceHead(), "rules": VerifiableInstructions()},
        weights={"head": 1, "rules": 20},
    )
    texts = ["Oil keeps water out of the wood of a table.", "Bananas are yellow."]
    scores = both.invoke(
        {"messages": [HumanMessage(f"Why oil a table?{wish}")], "responses": texts}
    )
    scored = checked_scores(scores, texts)
    rewards = [scored[text]["reward"] or 0.0 for text in texts]
    assert rewards.index(max(rewards)) == first
    said = "asked for exactly 3" if wish else NO_RULE
    assert all(said in scored[text].get("rationale", "") for text in texts)


@pytest.mark.parametrize("empty", ["", " \n", "...", "- "])
def test_an_empty_response_keeps_nothing(empty: str) -> None:
    """It is within every upper limit and must not win by that."""
    assert judged(VerifiableInstructions(), "At most 70 words.", empty) == {
        "reward": 0.0,
        "rationale": "Broken: the response is empty.",
    }


@pytest.mark.parametrize(
    ("messages", "kept"),
    [
        ([SystemMessage("At most 3 words."), HumanMessage("Why?")], False),
        ([HumanMessage("At most 3 words."), AIMessage("Ok."), HumanMessage("Why?")], None),
        ([SystemMessage("At most 3 words."), HumanMessage("In at most 9 words: why?")], True),
        ([AIMessage("At most 3 words."), HumanMessage("Why?")], None),
    ],
    ids=[
        "system counts",
        "an earlier turn does not",
        "the later limit holds",
        "nor does the model",
    ],
)
def test_system_messages_and_the_last_user_turn_set_the_rules(
    messages: list[BaseMessage], *, kept: bool | None
) -> None:
    score = judged(VerifiableInstructions(), messages, "Because of the water.")
    assert isinstance(score, dict)
    said = {True: "Kept: 4 words", False: "Broken: 4 words", None: NO_RULE}[kept]
    assert score["rationale"].startswith(said)


def test_a_kept_rule_always_beats_a_nearly_kept_one() -> None:
    reward = VerifiableInstructions(rules=(max_words(100),))
    rewards = [
        score["reward"] if isinstance(score, dict) else None
        for score in reward.invoke(
            {"messages": [], "responses": ["word " * count for count in (100, 101, 150, 200, 999)]}
        )
    ]
    assert rewards == [1.0, pytest.approx(0.495), pytest.approx(0.25), 0.0, 0.0]


class EndsInALaugh(Rule):
    topic = "laugh"

    def check(self, text: str) -> Verdict:
        return Verdict(satisfaction=float(text.endswith("ha")), words="a laugh was asked for")


def test_a_rule_of_ones_own() -> None:
    reward = VerifiableInstructions(rules=(EndsInALaugh(),))
    assert judged(reward, "Joke!", "Haha") == {
        "reward": 1.0,
        "rationale": "Kept: a laugh was asked for.",
    }


async def test_sync_async_and_batch_agree() -> None:
    reward = VerifiableInstructions()
    request: ScoreRequest = {
        "messages": [HumanMessage("One sentence only, no commas.")],
        "responses": ["A, b."],
    }
    expected = reward.invoke(request)
    assert await reward.ainvoke(request) == expected
    assert reward.batch([request] * 2) == [expected] * 2
    assert await asyncio.gather(*(reward.ainvoke(request) for _ in range(4))) == [expected] * 4


def test_it_is_frozen_and_travels() -> None:
    reward = VerifiableInstructions(rules=[max_words(70), bullets(3), includes("oil")])  # type: ignore[arg-type] # a list is taken too
    assert reward.rules == (max_words(70), bullets(3), includes("oil"))
    assert reward == pickle.loads(pickle.dumps(reward)) == copy.deepcopy(reward)  # noqa: S301 our own bytes
    assert reward.get_name() == "verifiable_instructions"
    with pytest.raises(ValueError, match="frozen"):
        reward.rules = None
