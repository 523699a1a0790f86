import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableLambda
from langgraph.errors import GraphInterrupt

from langchain_tpo.reward_models.judges.forms import ExplainedRatingForm, RatingForm
from langchain_tpo.reward_models.judges.judgement import AllAtOnce, judgement
from langchain_tpo.sampling.capabilities import Learned
from tests.unit_tests.reward_models.judges.judge_fakes import (
    BOTH_FORMS,
    ProviderError,
    judge_model,
)

FORM = {"rationale": "r", "score": 4}


def good(prompt: str) -> dict[str, Any]:
    return FORM


@BOTH_FORMS
@pytest.mark.parametrize("wrapped", ["plain", "bind", "retry", "fallbacks", "all", "with_config"])
def test_wrapped_models_are_asked_in_their_own_form(wrapped: str, tools: bool) -> None:  # noqa: FBT001
    model = judge_model(good, tools=tools)
    ways: dict[str, Runnable[Any, AIMessage]] = {
        "plain": model,
        "bind": model.bind(temperature=0),
        "retry": model.with_retry(),
        "fallbacks": model.with_fallbacks([model]),
        "all": model.bind(temperature=0).with_retry().with_fallbacks([model]),
        "with_config": model.with_config(tags=["mine"]),
    }
    asker = judgement(ways[wrapped], ExplainedRatingForm, structured=True)
    assert asker.invoke("Rate it.") == ExplainedRatingForm(rationale="r", score=4)
    expected = {"temperature": 0} if wrapped in {"bind", "all"} else {}
    expected |= {"tool": "ExplainedRatingForm"} if tools else {}
    assert {key: model.asked.kwargs[0].get(key) for key in expected} == expected


def test_structured_output_can_be_switched_off() -> None:
    model = judge_model(good)
    judgement(model, RatingForm, structured=False).invoke("Rate it.")
    assert "tool" not in model.asked.kwargs[0]


@BOTH_FORMS
def test_a_retry_around_the_model_asks_again_after_an_unreadable_reply(tools: bool) -> None:  # noqa: FBT001
    replies = iter(["no idea", FORM])
    model = judge_model(lambda _: next(replies), tools=tools)
    patient = model.with_retry(stop_after_attempt=2, wait_exponential_jitter=False)
    assert judgement(patient, RatingForm, structured=True).invoke("?") == RatingForm(score=4)


@BOTH_FORMS
def test_a_fallback_is_asked_in_its_own_form(tools: bool) -> None:  # noqa: FBT001
    def broken(prompt: str) -> str:
        raise ProviderError

    first, second = judge_model(broken, tools=not tools), judge_model(good, tools=tools)
    model = first.with_fallbacks([second])
    assert judgement(model, RatingForm, structured=True).invoke("?") == RatingForm(score=4)


class Forced(Exception):  # noqa: N818 a provider's
    """A refusal, with its status where the SDK has it."""

    status_code = 400


@pytest.mark.parametrize("run", ["invoke", "ainvoke"])
async def test_a_model_that_refuses_forms_is_asked_for_text_from_then_on(run: str) -> None:
    def thinks(prompt: str) -> dict[str, Any]:
        if "tool" in model.asked.kwargs[-1]:
            raise Forced("tool_choice may not be forced when thinking is enabled.")
        return FORM

    model = judge_model(thinks, tools=True)
    learned = Learned()
    asker = judgement(model.with_retry(), RatingForm, structured=True, learned=learned)
    answered = [asker.invoke("?") if run == "invoke" else await asker.ainvoke("?") for _ in "ab"]
    again = judgement(model, RatingForm, structured=True, learned=learned)

    assert [*answered, again.invoke("?")] == [RatingForm(score=4)] * 3
    assert ["tool" in one for one in model.asked.kwargs] == [True, False, False, False]
    assert [lesson.known.words for lesson in learned.by_model.values()] == [
        ["one answer in a request", "verdicts as JSON in the text"]
    ]


def test_a_server_that_fails_is_no_server_that_refuses_forms() -> None:
    def broken(prompt: str) -> str:
        raise ProviderError("The server had an error while processing your request")

    model = judge_model(broken, tools=True)
    with pytest.raises(ProviderError):
        judgement(model, RatingForm, structured=True).invoke("?")
    assert len(model.asked.kwargs) == 1


def test_a_verdict_in_words_counts_where_a_form_was_to_be_filled_in() -> None:
    model = judge_model(lambda _: 'Fine: {"score": 4}', tools=True)
    assert judgement(model, RatingForm, structured=True).invoke("?") == RatingForm(score=4)


def test_a_runnable_that_hides_its_model_is_asked_for_json() -> None:
    model = judge_model(good)
    hidden: Runnable[Any, AIMessage] = RunnableLambda(model.invoke)
    assert judgement(hidden, RatingForm, structured=True).invoke("?") == RatingForm(score=4)


async def test_a_failure_stays_in_its_place_with_a_retry_around() -> None:
    """`RunnableRetry.batch` gives back results in wrong places here (langchain-core 1.7)."""

    def flaky(number: int) -> int:
        if number == 1:
            raise ProviderError
        return number

    patient: Runnable[int, int] = RunnableLambda(flaky).with_retry(
        retry_if_exception_type=(TimeoutError,), stop_after_attempt=2
    )
    for outcomes in (
        AllAtOnce(patient).invoke([0, 1, 2]),
        await AllAtOnce(patient).ainvoke([0, 1, 2]),
    ):
        assert outcomes[0] == 0
        assert isinstance(outcomes[1], ProviderError)
        assert outcomes[2] == 2


async def test_a_pause_of_the_graph_is_no_failure() -> None:
    def pause(_: int) -> int:
        raise GraphInterrupt

    with pytest.raises(GraphInterrupt):
        AllAtOnce(RunnableLambda(pause)).invoke([1, 2])
    with pytest.raises(GraphInterrupt):
        await AllAtOnce(RunnableLambda(pause)).ainvoke([1, 2])


def test_openai_gets_the_schema_with_reasons_first_and_what_was_bound() -> None:
    openai = pytest.importorskip("langchain_openai")
    httpx = pytest.importorskip("httpx")
    bodies: list[dict[str, Any]] = []

    def answer(request: Any) -> Any:
        bodies.append(json.loads(request.content))
        message = {"role": "assistant", "content": json.dumps(FORM)}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        return httpx.Response(
            200,
            json={
                "id": "1",
                "object": "chat.completion",
                "created": 0,
                "model": "m",
                "choices": [choice],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            },
        )

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        model = openai.ChatOpenAI(
            model="m", api_key="sk-secret", base_url="http://judge/v1", http_client=client
        )
        patient = model.bind(temperature=0).with_retry()
        asker = judgement(patient, ExplainedRatingForm, structured=True)
        assert asker.invoke("Rate it.").score == 4
    assert "sk-secret" not in repr(asker)
    assert bodies[0]["temperature"] == 0
    schema = bodies[0]["response_format"]["json_schema"]["schema"]
    assert list(schema["properties"]) == ["rationale", "score"]
