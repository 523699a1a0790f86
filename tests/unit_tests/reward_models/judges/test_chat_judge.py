import copy
import logging
import threading
from typing import Any, TypedDict

import pytest
from langchain_core.callbacks import UsageMetadataCallbackHandler
from langgraph.graph import START, StateGraph
from pydantic import ValidationError

from langchain_tpo.errors import ModelTypeError, RewardOutputError, SettingsError
from langchain_tpo.reward_models.interface import Score
from langchain_tpo.reward_models.judges.chat_judge import ChatJudge
from tests.unit_tests.reward_models.judges.judge_fakes import (
    BOTH_FORMS,
    BOTH_WAYS,
    ProviderError,
    judge_model,
    request_for,
    response_in,
    rewards_of,
    score,
)

SCORES = {"good": 5, "fair": 3, "bad": 1, "wild": 11}


def by_text(prompt: str) -> dict[str, Any]:
    text = response_in(prompt)
    if text == "lost":
        raise ProviderError(text)
    return {"rationale": f"so {text}", "score": SCORES[text]}


@BOTH_WAYS
@BOTH_FORMS
async def test_each_response_is_rated_with_its_reasons(run: str, tools: bool) -> None:  # noqa: FBT001
    judge = ChatJudge(judge_model(by_text, tools=tools))
    assert await score(run, judge, request_for("good", "bad")) == [
        {"reward": 5.0, "rationale": "so good"},
        {"reward": 1.0, "rationale": "so bad"},
    ]


@BOTH_WAYS
@BOTH_FORMS
async def test_without_reasons_rewards_are_plain(run: str, tools: bool) -> None:  # noqa: FBT001
    model = judge_model(lambda prompt: {"score": 2.5}, tools=tools)
    judge = ChatJudge(model, explain=False)
    assert await score(run, judge, request_for("good")) == [2.5]
    assert "rationale" not in str(model.asked.prompts[0][0].text)


@BOTH_WAYS
async def test_identical_texts_are_judged_once(run: str) -> None:
    model = judge_model(by_text)
    scores = await score(run, ChatJudge(model), request_for("good", "bad", "good"))
    assert rewards_of(scores) == [5.0, 1.0, 5.0]
    assert len(model.asked.prompts) == 2


@BOTH_WAYS
async def test_nothing_is_asked_for_no_responses(run: str) -> None:
    assert await score(run, ChatJudge(judge_model(by_text)), request_for()) == []


@BOTH_WAYS
async def test_a_failed_or_off_scale_rating_is_not_scored_and_counted(
    run: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        scores = await score(
            run, ChatJudge(judge_model(by_text)), request_for("lost", "good", "wild")
        )
    assert rewards_of(scores) == [None, 5.0, None]
    assert [record.getMessage() for record in caplog.records] == [
        "ChatJudge: 2 of 3 judgements failed (ProviderError, The score 11 is not from 1 to 5)"
    ]


@BOTH_WAYS
async def test_when_all_fail_the_providers_own_error_is_raised(run: str) -> None:
    errors = {"a": ProviderError("a"), "b": ProviderError("b")}

    def broken(prompt: str) -> str:
        raise errors[response_in(prompt)]

    with pytest.raises(ProviderError) as raised:
        await score(run, ChatJudge(judge_model(broken)), request_for("a", "b"))
    assert raised.value is errors["a"]


@BOTH_WAYS
async def test_when_no_reply_can_be_read_one_line_says_so(run: str) -> None:
    judge = ChatJudge(judge_model(lambda prompt: "I'd rather not."))
    with pytest.raises(RewardOutputError, match="none of 2 replies") as raised:
        await score(run, judge, request_for("a", "b"))
    assert "rather not" not in str(raised.value)


@BOTH_WAYS
async def test_concurrency_obeys_the_limit(run: str) -> None:
    model = judge_model(lambda prompt: {"rationale": "", "score": 3}, latency=0.02)
    responses = [str(number) for number in range(9)]
    await score(run, ChatJudge(model), request_for(*responses), {"max_concurrency": 3})
    assert model.asked.most_in_flight <= 3


def test_without_a_limit_all_are_asked_at_once_in_threads_too() -> None:
    width = 20
    everyone = threading.Barrier(width, timeout=20)

    def together(prompt: str) -> dict[str, Any]:
        everyone.wait()  # breaks unless all twenty are in flight
        return {"rationale": "", "score": 3}

    responses = [str(number) for number in range(width)]
    scores = ChatJudge(judge_model(together)).invoke(request_for(*responses))
    assert rewards_of(scores) == [3.0] * width


class State(TypedDict):
    scores: list[Score]


@BOTH_WAYS
async def test_no_token_of_a_judgement_reaches_an_outer_stream(run: str) -> None:
    judge = ChatJudge(judge_model(by_text, tools=False))

    def node(state: State) -> State:
        return {"scores": judge.invoke(request_for("good"))}

    async def anode(state: State) -> State:
        return {"scores": await judge.ainvoke(request_for("good"))}

    builder = StateGraph(State).add_node("judge", node if run == "invoke" else anode)
    graph = builder.add_edge(START, "judge").compile()
    start: State = {"scores": []}
    chunks = [chunk async for chunk in graph.astream(start, stream_mode="messages")]
    assert chunks == []


@BOTH_WAYS
async def test_callbacks_see_what_judging_cost(run: str) -> None:
    counter = UsageMetadataCallbackHandler()
    judge = ChatJudge(judge_model(by_text))
    await score(run, judge, request_for("good", "bad"), {"callbacks": [counter]})
    assert counter.usage_metadata["judge"]["total_tokens"] == 20


def test_scale_and_criteria_reach_the_model() -> None:
    model = judge_model(by_text)
    ChatJudge(model, scale=10, criteria="Only rhyme counts.").invoke(request_for("good"))
    told = str(model.asked.prompts[0][0].text)
    assert "from 1 to 10" in told
    assert "Only rhyme counts." in told


def test_wrong_options_are_refused_in_one_line() -> None:
    with pytest.raises(ModelTypeError, match="init_chat_model"):
        ChatJudge("gpt-5")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"`scale` of ChatJudge.*got `1`") as refusal:
        ChatJudge(judge_model(by_text), scale=1)
    assert "\n" not in str(refusal.value)


def test_a_judge_is_frozen_and_can_be_copied() -> None:
    judge = ChatJudge(judge_model(by_text), name="strict")
    with pytest.raises(ValidationError, match="frozen"):
        judge.scale = 3  # type: ignore[misc]
    assert copy.deepcopy(judge).invoke(request_for("good")) == judge.invoke(request_for("good"))
