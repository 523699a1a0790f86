"""The reward model, its features and its weights; what training measures is in the other file."""

import asyncio
import copy
import json
import math
import pickle
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.runnables import Runnable

from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.reward_models.preference_head import HeadWeights, PreferenceHead
from langchain_tpo.reward_models.preference_head.features import FEATURE_NAMES, features
from langchain_tpo.reward_models.preference_head.reading import Reading
from langchain_tpo.reward_models.scores import checked_scores

PROMPT = "Explain why bees are important for a vegetable garden."
GOOD = (
    "Bees are important for a vegetable garden because they pollinate the flowers. Squash, "
    "cucumbers and beans set fruit only when pollen moves between flowers, and bees carry it as "
    "they gather nectar. A garden with many bees gives larger harvests of vegetables."
)
OFF_TOPIC = (
    "To change a tyre, loosen the nuts before you lift the car. Then put the jack under the frame, "
    "raise the wheel and take the nuts off. Mount the spare, tighten the nuts by hand, lower the "
    "car and tighten them again in a star pattern. Check the pressure soon after."
)
FILLER = (
    "There are many things to consider here, and everyone is different. ",
    "As always, it is a good idea to do some reading before you decide. ",
    "In conclusion, I hope this helps, and feel free to ask me anything else. ",
    "All in all, this remains a fascinating matter with a long history. ",
)


def rewards(*responses: str, prompt: str = PROMPT) -> list[float]:
    scored = PreferenceHead().invoke(
        {"messages": [HumanMessage(prompt)], "responses": list(responses)}
    )
    assert all(isinstance(one, float) and math.isfinite(one) for one in scored)
    return [one for one in scored if isinstance(one, float)]


def test_known_texts_keep_their_rewards_exactly() -> None:
    """Features or weights that change unnoticed would make the model card a lie."""
    assert rewards(GOOD, OFF_TOPIC) == pytest.approx([2.41837, 0.46561], abs=1e-4)


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param(OFF_TOPIC, id="answers another question"),
        pytest.param(f"{GOOD} {GOOD}", id="said twice"),
        pytest.param(f"{GOOD}\n\n{GOOD}\n\n{GOOD}", id="said three times"),
        pytest.param("Bees are important for a vegetable garden. " * 6, id="one sentence repeated"),
        pytest.param(" ".join(sorted(GOOD.split())), id="words in another order"),
        pytest.param(GOOD[: len(GOOD) // 2], id="cut off"),
        pytest.param(f"{PROMPT} {PROMPT} {PROMPT}", id="the prompt itself"),
        pytest.param("xq zvkt wplm ghrw tzz bnmq " * 8, id="gibberish"),
        pytest.param(f"{GOOD} {''.join(FILLER)}", id="padded"),
    ],
)
def test_a_spoilt_answer_earns_less_than_the_answer(spoilt: str) -> None:
    good, worse = rewards(GOOD, spoilt)
    assert good > worse


def test_ever_more_filler_never_pays() -> None:
    padded = [f"{GOOD} {''.join(FILLER) * times}" for times in (1, 2, 4, 16, 64)]
    plain, *grown = rewards(GOOD, *padded)
    assert max(grown) < plain


def test_past_the_cap_length_adds_next_to_nothing() -> None:
    """Even words that are all new: ten times as many hardly move the reward."""
    words = [f"{letter}{other}x" for letter in "abcdefghijklmnopqrst" for other in FEATURE_NAMES]
    distinct = [f"{word}{number}" for number in range(40) for word in words]
    long, longer = rewards(" ".join(distinct[:2_000]), " ".join(distinct[:20_000]))
    assert longer - long < 0.05
    for text in (GOOD, OFF_TOPIC, "oil " * 50):
        repeated, more = rewards(f"{text} " * 40, f"{text} " * 400)
        assert more - repeated < 0.01


def test_every_feature_is_bounded() -> None:
    texts = [
        "",
        "?",
        PROMPT,
        GOOD * 30,
        "a" * 9_000,
        "( " * 4_000,
        "\n" * 99,
        "naïve 漢字 🙂 " * 500,
    ]
    for prompt in texts:
        for response in texts:
            seen = features(Reading(text=prompt), Reading(text=response))
            assert tuple(seen) == FEATURE_NAMES
            assert all(0 <= value <= 6 for value in seen.values()), seen


def test_facts_and_sums_are_not_read() -> None:
    """Its best known blind spot, stated in the model card: a wrong number scores the same."""
    right, wrong = rewards("It is 42 in all.", "It is 17 in all.", prompt="What is 6 times 7?")
    assert right == wrong


def test_a_response_without_words_is_not_scored() -> None:
    scores = PreferenceHead().invoke(
        {"messages": [HumanMessage(PROMPT)], "responses": ["", " \n", "...", GOOD]}
    )
    assert scores[:3] == [None, None, None]
    assert scores[3] is not None


def test_only_what_the_user_said_is_the_prompt() -> None:
    alone = PreferenceHead().invoke({"messages": [HumanMessage(PROMPT)], "responses": [GOOD]})
    framed = PreferenceHead().invoke(
        {
            "messages": [SystemMessage(OFF_TOPIC), AIMessage(OFF_TOPIC), HumanMessage(PROMPT)],
            "responses": [GOOD],
        }
    )
    assert framed == alone
    continued = PreferenceHead().invoke(
        {
            "messages": [HumanMessage(PROMPT), AIMessage(GOOD), HumanMessage("And in short?")],
            "responses": [GOOD, OFF_TOPIC],
        }
    )
    assert continued[0] > continued[1]  # type: ignore[operator] # both hold words


def test_a_conversation_without_a_user_turn_is_read_as_a_whole() -> None:
    asked: ScoreRequest = {"messages": [SystemMessage(PROMPT)], "responses": [GOOD, OFF_TOPIC]}
    good, off_topic = PreferenceHead().invoke(asked)
    assert good > off_topic  # type: ignore[operator] # both hold words


async def test_sync_async_and_batch_agree_and_keep_the_order() -> None:
    head = PreferenceHead()
    request: ScoreRequest = {
        "messages": [HumanMessage(PROMPT)],
        "responses": [OFF_TOPIC, GOOD, OFF_TOPIC],
    }
    expected = head.invoke(request)
    assert expected[0] == expected[2] != expected[1]
    assert await head.ainvoke(request) == expected
    assert head.batch([request, request]) == [expected, expected]
    assert await asyncio.gather(*(head.ainvoke(request) for _ in range(8))) == [expected] * 8
    assert checked_scores(expected, ["x", "y", "z"])["y"]["reward"] == expected[1]


async def test_async_scoring_leaves_the_event_loop_free(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []
    score = PreferenceHead._score

    def noted(self: PreferenceHead, request: ScoreRequest) -> object:
        threads.append(asyncio._get_running_loop())
        return score(self, request)

    monkeypatch.setattr(PreferenceHead, "_score", noted)
    await PreferenceHead().ainvoke({"messages": [HumanMessage(PROMPT)], "responses": [GOOD]})
    assert threads == [None]


def test_it_is_a_frozen_runnable_with_a_name() -> None:
    head = PreferenceHead()
    assert isinstance(head, Runnable)
    assert head.get_name() == "preference_head"
    assert head == pickle.loads(pickle.dumps(head)) == copy.deepcopy(head)  # noqa: S301 our own bytes
    with pytest.raises(ValueError, match="frozen"):
        head.name = "other"


def test_own_weights_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    flat = HeadWeights(by_feature=dict.fromkeys(FEATURE_NAMES, 0.0), bias=1.5)
    path.write_text(flat.model_dump_json())
    head = PreferenceHead(weights=HeadWeights.read(path))
    assert head.invoke({"messages": [HumanMessage(PROMPT)], "responses": [GOOD]}) == [1.5]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"by_feature": {"log_new": 1.0}}, "missing or unknown"),
        ({"by_feature": {**dict.fromkeys(FEATURE_NAMES, 0.0), "vibe": 1.0}}, "vibe"),
        ({"by_feature": {**dict.fromkeys(FEATURE_NAMES, 0.0), "log_new": "much"}}, "number"),
        ({"bias": float("nan")}, "finite"),
        ({"extra": 1}, "`extra` is no option"),
    ],
)
def test_weights_of_another_shape_are_refused_in_one_line(
    tmp_path: Path, change: dict[str, object], named: str
) -> None:
    path = tmp_path / "weights.json"
    whole = {"by_feature": dict.fromkeys(FEATURE_NAMES, 0.0), "bias": 0.0}
    path.write_text(json.dumps({**whole, **change}))
    with pytest.raises(SettingsError, match=named) as refused:
        HeadWeights.read(path)
    assert "\n" not in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_file_that_is_no_json_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    path.write_text("weights")
    with pytest.raises(SettingsError, match="holds no weights"):
        HeadWeights.read(path)
