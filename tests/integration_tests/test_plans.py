"""What a plan counts is what runs take: held against runs over HTTP that a server counted."""

from collections.abc import Mapping
from math import ceil
from typing import Any

import pytest
from langchain_core.messages import convert_to_messages
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from langchain_tpo import TPORunnable, TPOSettings
from langchain_tpo.planning import REMARK, Lengths, rehearse
from langchain_tpo.reward_models import ChatJudge
from langchain_tpo.state import StepRecord
from tests.support.fakes import last_number, step_of
from tests.support.servers.openai_double import OpenAIDouble

pytestmark = pytest.mark.integration

LENGTHS = Lengths(prompt=72, answer=120, critique=90, verdict=40)


def sized(tokens: int, number: int) -> str:
    """Write a text of so many tokens, in words of five letters, that ends in its number."""
    return "words " * (tokens * 4 // 6 - 1) + f"{number:05}."


QUESTION = sized(72, 0)


def script(body: dict[str, Any], number: int) -> str:
    """Write what each step asks for, each text as long as the plan supposes."""
    step = step_of(convert_to_messages(body["messages"]))
    if step == "update":
        return f"<IMPROVED_VARIABLE>{sized(120, number)}</IMPROVED_VARIABLE>"
    return sized(120 if step == "sample" else 90, number)


class Counting(OpenAIDouble):
    """A server that takes four characters for a token, and four tokens more for a message."""

    def _count(self, body: dict[str, Any], texts: list[str]) -> dict[str, int]:
        read = sum(ceil(len(message["content"]) / 4) + 4 for message in body["messages"])
        written = sum(ceil(len(text) / 4) for text in texts)
        return {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
        }


def chat(url: str) -> ChatOpenAI:
    return ChatOpenAI(model="scripted", base_url=url, api_key=SecretStr("-"))


def figures(steps: Any) -> list[Mapping[str, Any]]:
    """Return what each step took, but time and what a cache kept."""
    return [_figures(step) for step in steps]


def _figures(step: StepRecord) -> Mapping[str, Any]:
    usage = {key: value for key, value in step["usage"].items() if key != "cached_tokens"}
    return {"step": step["step"], "round": step["round"], **usage}


@pytest.mark.parametrize("one_request", [True, False])
@pytest.mark.parametrize(
    ("strategy", "width", "depth"),
    [("tpo", 5, 2), ("tpo", 3, 1), ("tpo", 4, 0), ("threaded", 2, 2)],
)
def test_a_plan_counts_what_a_server_counted(
    strategy: str,
    width: int,
    depth: int,
    one_request: bool,  # noqa: FBT001 drawn
) -> None:
    settings = TPOSettings(strategy=strategy, width=width, depth=depth, one_request=one_request)
    with Counting(script) as server:
        tpo = TPORunnable(model=chat(server.base_url), reward=last_number, settings=settings)
        result = tpo.optimize(QUESTION)

    plan = rehearse(settings, LENGTHS)

    assert figures(plan.steps) == figures(result.steps)
    assert sum(step["usage"]["requests"] for step in plan.steps) == len(server.requests)
    pool = [[one for one in result.pool if one["round"] == r] for r in range(depth + 1)]
    assert [list(map(len, plan.scored))] == [list(map(len, pool))]
    texts = [ceil(len(QUESTION) / 4) + 4 + ceil(len(one["text"]) / 4) + 4 for one in result.pool]
    assert sum(map(sum, plan.scored)) == sum(texts)


@pytest.mark.parametrize("remark", [REMARK, 100])
def test_a_plan_counts_what_a_reward_said(remark: int) -> None:
    settings = TPOSettings(strategy="explain", width=5, depth=2)

    def says(prompt: str, response: str) -> tuple[float, str]:
        number = float(last_number(prompt, response))
        return number, f"{number:09.2f}".ljust(4 * remark, "x")

    with Counting(script) as server:
        tpo = TPORunnable(model=chat(server.base_url), reward=says, settings=settings)
        result = tpo.optimize(QUESTION)

    plan = rehearse(settings, LENGTHS.model_copy(update={"remark": remark}))

    assert figures(plan.steps) == figures(result.steps)


def test_a_plan_counts_what_a_judge_was_asked() -> None:
    settings = TPOSettings(width=3, depth=1)

    def rate(_body: dict[str, Any], number: int) -> str:
        score = 1 + 0.01 * number
        head = f'{{"score": {score:.2f}, "rationale": "'
        return head + "x" * (160 - len(head) - 2) + '"}'

    with Counting(script) as server, Counting(rate) as judge:
        reward = ChatJudge(chat(judge.base_url), structured=False)
        tpo = TPORunnable(model=chat(server.base_url), reward=reward, settings=settings)
        result = tpo.optimize(QUESTION)

    plan = rehearse(settings, LENGTHS, judge=True)

    taken = [one for one in figures(plan.steps) if one["step"] == "reward"]
    assert taken == [one for one in figures(result.steps) if one["step"] == "reward"]
