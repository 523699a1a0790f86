"""OpenAI's own client and `ChatOpenAI` reach an optimized answer by a base URL alone."""

from collections.abc import Mapping
from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from langchain_tpo.serve import Keys
from tests.support.fakes import ScriptedModelWithN, last_number
from tests.support.serving import HERE, HI, loop, openai_policy, reaching, served
from tests.support.tool_fakes import ScriptedAgentModel

KEY = "tpo-secret"
KEYS = Keys({"alice": Keys.digest(KEY)})
LOOK = {
    "type": "function",
    "function": {
        "name": "find_oil",
        "description": "Find the oil for a kind of wood.",
        "parameters": {"type": "object", "properties": {"wood": {"type": "string"}}},
    },
}


def sdk(app: Any, key: str = KEY) -> openai.AsyncOpenAI:
    http_client = reaching(app, openai.DefaultAsyncHttpxClient)
    return openai.AsyncOpenAI(
        base_url=f"{HERE}/v1", api_key=key, http_client=http_client, max_retries=0
    )


def chat_openai(app: Any, **options: Any) -> ChatOpenAI:
    http_client = reaching(app, openai.DefaultAsyncHttpxClient)
    given: dict[str, Any] = {"model": "oak", "base_url": f"{HERE}/v1", "api_key": KEY, **options}
    return ChatOpenAI(http_async_client=http_client, max_retries=0, **given)


async def test_the_client_gets_the_best_answer_and_the_figures_of_the_run() -> None:
    tpo = loop()

    answer = await sdk(served(tpo)).chat.completions.create(model="oak", messages=HI)

    assert answer.choices[0].message.content == "revision 5"
    assert answer.choices[0].finish_reason == "stop"
    told: Mapping[str, Any] = answer.model_dump()["tpo"]
    assert (told["reward"], told["rounds"], told["stop_reason"]) == (5.0, 1, "depth")
    assert told["best_rewards"] == [1.0, 5.0]
    notebook = tpo.model.notebook  # type: ignore[attr-defined]  # a scripted model's
    usage = answer.usage
    assert usage is not None
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 30
    inner = usage.model_dump()["tpo"]
    assert (inner["requests"], inner["completions"]) == (len(notebook.calls), 6)
    assert sum(one["input_tokens"] for one in inner["steps"].values()) == usage.prompt_tokens
    assert sum(one["output_tokens"] for one in inner["steps"].values()) == usage.completion_tokens


async def test_headers_tell_the_figures_as_well() -> None:
    raw = await sdk(served()).chat.completions.with_raw_response.create(model="oak", messages=HI)

    told = {name: raw.headers.get(f"x-tpo-{name}") for name in ("reward", "rounds", "stop-reason")}
    assert told == {"reward": "5.0", "rounds": "1", "stop-reason": "depth"}
    assert raw.headers["x-request-id"]


async def test_a_stream_ends_in_the_answer_and_its_usage() -> None:
    stream = await sdk(served()).chat.completions.create(
        model="oak", messages=HI, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]

    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert deltas[0].role == "assistant"
    assert "".join(delta.content or "" for delta in deltas) == "revision 5"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 5
    assert [c.model_dump()["tpo"]["reward"] for c in chunks if "tpo" in c.model_dump()] == [5.0]


async def test_several_answers_are_the_best_of_the_run_in_order() -> None:
    answer = await sdk(served()).chat.completions.create(model="oak", messages=HI, n=2)

    texts = [choice.message.content for choice in answer.choices]
    assert texts == ["revision 5", "revision 4"]


async def test_errors_are_the_clients_own() -> None:
    client = sdk(served(keys=KEYS))

    with pytest.raises(openai.NotFoundError, match="no model `pine`") as missing:
        await client.chat.completions.create(model="pine", messages=HI)
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError, match="`logprobs` has no use here") as refused:
        await client.chat.completions.create(model="oak", messages=HI, logprobs=True)
    assert refused.value.param == "logprobs"
    with pytest.raises(openai.AuthenticationError, match="missing or wrong"):
        await sdk(served(keys=KEYS), "tpo-guess").chat.completions.create(model="oak", messages=HI)


async def test_an_error_in_a_stream_is_raised_by_the_client() -> None:
    def broken(*_: Any) -> str:
        raise RuntimeError("the provider said: How do I oil oak?")

    app = served(loop(ScriptedModelWithN(reply=broken)))
    stream = await sdk(app).chat.completions.create(model="oak", messages=HI, stream=True)

    with pytest.raises(openai.APIError, match=r"The run failed \(RuntimeError\)") as failed:
        _ = [chunk async for chunk in stream]
    assert "oak?" not in str(failed.value)


async def test_models_are_listed_with_what_they_stand_for() -> None:
    listed = [model async for model in sdk(served()).models.list()]

    assert {"oak", "oak:best-of-2", "oak:synthesize"} <= {model.id for model in listed}
    (best,) = [model.model_dump()["tpo"] for model in listed if model.id == "oak:best-of-2"]
    assert (best["width"], best["depth"], best["completions"]) == (2, 0, 2)


async def test_chat_openai_answers_streams_and_counts() -> None:
    model = chat_openai(served(), stream_usage=True)

    answer = await model.ainvoke("How do I oil oak?")
    chunks = [chunk async for chunk in model.astream("How do I oil oak?")]

    assert answer.text == "revision 5"
    assert "".join(chunk.text for chunk in chunks).startswith("revision ")
    assert answer.usage_metadata is not None
    usages = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
    assert [usage["input_tokens"] > 20 for usage in usages] == [True]
    assert answer.usage_metadata["output_tokens"] > 5


async def test_a_tool_call_passes_through_and_its_result_is_answered() -> None:
    agent = ScriptedAgentModel(plan=[("find_oil", {"wood": "oak"})])
    model = chat_openai(served(loop(agent))).bind_tools([LOOK])

    called = await model.ainvoke([HumanMessage("How do I oil oak?")])
    assert [(one["name"], one["args"]) for one in called.tool_calls] == [
        ("find_oil", {"wood": "oak"})
    ]
    assert called.response_metadata["finish_reason"] == "tool_calls"
    assert called.usage_metadata is not None

    result = {"role": "tool", "tool_call_id": called.tool_calls[0]["id"], "content": "tung oil"}
    final = await model.ainvoke([HumanMessage("How do I oil oak?"), called, result])
    assert final.text.startswith("revision ")
    seen = [call for call in agent.notebook.calls if call.kwargs.get("tools")]
    assert seen[0].kwargs["tools"] == [LOOK]


async def test_a_tool_call_streams_as_openais_do() -> None:
    agent = ScriptedAgentModel(plan=[("find_oil", {"wood": "oak"})])
    model = chat_openai(served(loop(agent))).bind_tools([LOOK])

    total: Any = None
    async for chunk in model.astream("How do I oil oak?"):
        total = chunk if total is None else total + chunk

    assert [(one["name"], one["args"]) for one in total.tool_calls] == [
        ("find_oil", {"wood": "oak"})
    ]


class Advice(BaseModel):
    """What to do."""

    title: str


async def test_structured_answers_are_optimized() -> None:
    policy, asked = openai_policy(lambda body, number: f'{{"title": "oil {number}"}}')
    tpo = loop(policy).model_copy(update={"reward": last_number})
    model = chat_openai(served(tpo)).with_structured_output(Advice, include_raw=True)

    found: Any = await model.ainvoke("How do I oil oak?")

    assert found["parsed"] == Advice(title="oil 5")
    raw: AIMessage = found["raw"]
    assert raw.usage_metadata is not None
    assert asked[0]["response_format"]["json_schema"]["name"] == "Advice"


async def test_what_a_request_asks_for_reaches_the_policy() -> None:
    policy, asked = openai_policy(lambda body, number: f"<IMPROVED_VARIABLE>{number}")
    fields: dict[str, Any] = {
        "temperature": 0.3,
        "top_p": 0.9,
        "max_completion_tokens": 77,
        "stop": ["###"],
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "logit_bias": {"50256": -100.0},
        "user": "someone",
        "reasoning_effort": "low",
        "response_format": {"type": "json_object"},
    }
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    content = [{"type": "text", "text": "Which wood is this? In JSON."}, image]
    messages: Any = [{"role": "developer", "content": "Be brief."}]

    await sdk(served(loop(policy))).chat.completions.create(
        model="oak", messages=[*messages, {"role": "user", "content": content}], seed=7, **fields
    )

    first = asked[0]
    assert {name: first.get(name) for name in fields} == fields
    assert first["messages"] == [messages[0], {"role": "user", "content": content}]
    assert first["seed"] is not None
    assert "seed" in asked[-1]
    assert asked[-1]["temperature"] == 0.3


async def test_a_seed_reaches_the_call_that_may_call_tools() -> None:
    policy, asked = openai_policy(lambda body, number: f"sample {number}")
    function = {"name": "look", "parameters": {"type": "object", "properties": {}}}
    tools: Any = [{"type": "function", "function": function}]

    await sdk(served(loop(policy))).chat.completions.create(
        model="oak", messages=[{"role": "user", "content": "Which oil?"}], tools=tools, seed=7
    )

    assert asked[0]["tools"]
    assert asked[0]["seed"] == 7
