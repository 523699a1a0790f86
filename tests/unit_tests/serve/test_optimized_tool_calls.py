"""`"optimize": "tool_calls"`: calls of tools compete by reward, in each of the three APIs."""

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from langchain_tpo import TPORunnable
from tests.support.fakes import Call
from tests.support.serving import events_of, post, served
from tests.support.tool_fakes import ScriptedAgentModel

SCHEMA = {"type": "object", "properties": {"coats": {"type": "integer"}}, "required": ["coats"]}
QUESTION = [{"role": "user", "content": "Oil my table."}]

ASKED: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {
        "messages": QUESTION,
        "tools": [{"type": "function", "function": {"name": "oil", "parameters": SCHEMA}}],
    },
    "/v1/responses": {
        "input": "Oil my table.",
        "tools": [{"type": "function", "name": "oil", "parameters": SCHEMA, "strict": False}],
    },
    "/v1/messages": {
        "messages": QUESTION,
        "max_tokens": 900,
        "tools": [{"name": "oil", "input_schema": SCHEMA}],
    },
}


class Painter(ScriptedAgentModel):
    """Calls the tool with as many coats as completions were drawn before, where it is offered."""

    def _result(self, call: Call) -> ChatResult:
        if not call.kwargs.get("tools"):
            return super()._result(call)
        drawn = [next(self.notebook.numbers) for _ in range(call.n)]
        return ChatResult(
            generations=[
                ChatGeneration(
                    message=AIMessage(
                        content="",
                        tool_calls=[{"name": "oil", "args": {"coats": number}, "id": f"c{number}"}],
                        usage_metadata=self._usage(call.messages, ["oil"]),
                    )
                )
                for number in drawn
            ]
        )


def thinly(prompt: str, response: str, tool_calls: list[Any]) -> float:
    """Like one coat less best of all."""
    return -abs(tool_calls[0]["args"]["coats"] - 1) if tool_calls else -100.0


def application(model: Painter) -> Any:
    return served(TPORunnable(model=model, reward=thinly, width=3, depth=1, whole_replies=True))


def coats(path: str, told: Any) -> list[int]:
    """Read the calls of an answer as its API spells them."""
    if path == "/v1/chat/completions":
        calls = told["choices"][0]["message"]["tool_calls"]
        found = [json.loads(call["function"]["arguments"]) for call in calls]
    elif path == "/v1/responses":
        items = [item for item in told["output"] if item["type"] == "function_call"]
        found = [json.loads(item["arguments"]) for item in items]
    else:
        found = [block["input"] for block in told["content"] if block["type"] == "tool_use"]
    return [arguments["coats"] for arguments in found]


@pytest.mark.parametrize("path", ASKED)
async def test_the_best_call_is_the_answer(path: str) -> None:
    model = Painter()
    body = {"model": "oak", **ASKED[path], "tpo": {"optimize": "tool_calls"}}

    answer = await post(application(model), body, path)

    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert coats(path, told) == [1]  # the second of three draws: neither the first nor the last
    assert told["tpo"]["reward"] == 0
    assert answer.headers["x-tpo-candidates"] == str(told["tpo"]["candidates"])
    assert told["tpo"]["rounds"] == 1


@pytest.mark.parametrize("path", ASKED)
async def test_otherwise_the_first_call_passes_through(path: str) -> None:
    model = Painter()

    answer = await post(application(model), {"model": "oak", **ASKED[path]}, path)

    assert answer.status_code == 200, answer.text
    assert coats(path, answer.json()) == [0]
    assert model.notebook.completions() == 1


async def test_the_best_call_streams_as_openais_do() -> None:
    path = "/v1/chat/completions"
    body = {"model": "oak", **ASKED[path], "tpo": {"optimize": "tool_calls"}, "stream": True}

    answer = await post(application(Painter()), body, path)

    deltas = [chunk["choices"][0]["delta"] for chunk in events_of(answer.text) if chunk["choices"]]
    calls = [call for delta in deltas for call in delta.get("tool_calls") or []]
    assert "".join(call["function"].get("arguments", "") for call in calls) == '{"coats": 1}'
