"""OpenAI's client of the Responses API, and `ChatOpenAI` on it, reach an optimized answer."""

from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_openai import ChatOpenAI

from langchain_tpo.serve.responses import REFUSED
from tests.support.fakes import ScriptedModelWithN
from tests.support.serving import HERE, loop, openai_policy, post, reaching, served
from tests.support.tool_fakes import ScriptedAgentModel

LOOK: Any = {
    "type": "function",
    "name": "find_oil",
    "description": "Find the oil for a kind of wood.",
    "parameters": {"type": "object", "properties": {"wood": {"type": "string"}}},
    "strict": False,
}
ASKED: Any = {"model": "oak", "input": "How do I oil oak?"}


def sdk(app: Any) -> openai.AsyncOpenAI:
    http_client = reaching(app, openai.DefaultAsyncHttpxClient)
    return openai.AsyncOpenAI(
        base_url=f"{HERE}/v1", api_key="k", http_client=http_client, max_retries=0
    )


async def test_the_client_gets_the_best_answer_and_the_figures_of_the_run() -> None:
    answer = await sdk(served()).responses.create(**ASKED, instructions="Be brief.")

    assert (answer.output_text, answer.status) == ("revision 5", "completed")
    assert answer.instructions == "Be brief."
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > 30
    told = answer.model_dump()
    assert told["tpo"]["best_rewards"] == [1.0, 5.0]
    assert told["usage"]["tpo"]["completions"] == 6


async def test_a_stream_ends_in_the_same_response() -> None:
    async with sdk(served()).responses.stream(**ASKED) as stream:
        events = [event async for event in stream]
        final = await stream.get_final_response()

    assert final.output_text == "revision 5"
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == "revision 5"
    numbers = [event.sequence_number for event in events if hasattr(event, "sequence_number")]
    assert numbers == sorted(set(numbers))


async def test_progress_is_a_summary_of_reasoning_where_it_is_asked_for() -> None:
    asked = {**ASKED, "extra_body": {"tpo": {"progress": "reasoning"}}}
    async with sdk(served()).responses.stream(**asked) as stream:
        final = await stream.get_final_response()

    thought, message = final.output
    assert "tpo round 1 of 1, best reward 5" in thought.model_dump()["summary"][0]["text"]
    assert message.type == "message"


async def test_a_tool_call_passes_through_whole_and_in_a_stream() -> None:
    for stream in (False, True):
        agent = ScriptedAgentModel(plan=[("find_oil", {"wood": "oak"})])
        client = sdk(served(loop(agent)))
        asked = {**ASKED, "tools": [LOOK], "tool_choice": "required"}
        if stream:
            async with client.responses.stream(**asked) as events:
                answer: Any = await events.get_final_response()
        else:
            answer = await client.responses.create(**asked)

        (call,) = [item for item in answer.output if item.type == "function_call"]
        assert (call.name, call.arguments) == ("find_oil", '{"wood": "oak"}')
        function = agent.notebook.calls[0].kwargs["tools"][0]["function"]
        assert function == {name: LOOK[name] for name in LOOK if name != "type"}


async def test_a_conversation_arrives_as_it_was_meant() -> None:
    tpo = loop(width=2, depth=0)
    items: Any = [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Which wood?"},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
            ],
        },
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"at": 1}'},
        {"type": "function_call", "call_id": "c2", "name": "look", "arguments": '{"at": 2}'},
        {"type": "function_call_output", "call_id": "c1", "output": "oak"},
        {"type": "function_call_output", "call_id": "c2", "output": "ash"},
        {"type": "message", "role": "assistant", "content": [said("Oak.")]},
        {"role": "user", "content": "Sure?"},
    ]

    await sdk(served(tpo)).responses.create(model="oak", input=items, instructions="Be brief.")

    (call,) = tpo.model.notebook.calls  # type: ignore[attr-defined]  # a scripted model's
    kinds = [type(message) for message in call.messages]
    assert kinds == [
        *(SystemMessage, HumanMessage, AIMessage, ToolMessage, ToolMessage, AIMessage),
        HumanMessage,
    ]
    called = call.messages[2]
    assert isinstance(called, AIMessage)
    assert [one["args"] for one in called.tool_calls] == [{"at": 1}, {"at": 2}]
    assert call.messages[1].content[1]["type"] == "image_url"
    assert [message.text for message in call.messages[3:]] == ["oak", "ash", "Oak.", "Sure?"]


def said(words: str) -> Any:
    return {"type": "output_text", "text": words, "annotations": []}


async def test_what_a_request_asks_for_reaches_the_policy() -> None:
    policy, bodies = openai_policy(lambda body, number: f'{{"title": "oil {number}"}}')
    form = {"type": "object", "properties": {"title": {"type": "string"}}}

    answer = await sdk(served(loop(policy))).responses.create(
        **ASKED,
        temperature=0.3,
        top_p=0.9,
        max_output_tokens=77,
        user="someone",
        reasoning={"effort": "low"},
        text={"format": {"type": "json_schema", "name": "advice", "schema": form}},
    )

    assert answer.output_text == '{"title": "oil 5"}'
    told = bodies[0]
    assert (told["temperature"], told["top_p"], told["user"]) == (0.3, 0.9, "someone")
    assert (told["max_completion_tokens"], told["reasoning_effort"]) == (77, "low")
    assert told["response_format"]["json_schema"]["name"] == "advice"


@pytest.mark.parametrize("name", REFUSED)
async def test_a_field_without_use_is_refused_by_name(name: str) -> None:
    got = await post(served(), {**ASKED, name: {"a": 1}}, "/v1/responses")

    assert (got.status_code, got.json()["error"]["param"]) == (400, name)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"zzz": 1}, "`zzz` is no field"),
        ({"tools": [{"type": "web_search"}]}, "only functions are offered"),
        ({"tool_choice": "required"}, "`tool_choice` goes with `tools`"),
        ({"text": {"format": {"type": "xml"}}}, "text.format"),
        ({"text": {"zzz": 1}}, "`text.zzz` has no use here"),
        ({"reasoning": {"zzz": 1}}, "`reasoning.zzz` has no use here"),
        ({"truncation": "auto"}, "`truncation` has no use here"),
        ({"text": {"format": {"type": "json_schema", "schema": {"a": 1}}}}, "with `properties`"),
        (
            {"input": [{"role": "assistant", "content": "hi", "phase": "commentary"}]},
            "`input.phase` has no use here",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_text", "text": "", "a": 1}]}]},
            "`input.content.a` has no use here",
        ),
        ({"tools": [{"type": "function", "name": "f", "async": True}]}, "`tools.async` has no use"),
        ({"input": []}, "empty"),
        ({"input": [{"type": "item_reference", "id": "1"}]}, "`item_reference`"),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "`input_file`"),
        ({"input": [{"type": "function_call_output", "output": 1}]}, "must have a `tool_call_id`"),
        ({"input": [{}]}, "a role must be one of"),
        ({"max_output_tokens": 0}, "`max_output_tokens`"),
    ],
)
async def test_what_cannot_work_is_told(fields: dict[str, Any], words: str) -> None:
    got = await post(served(), {**ASKED, **fields}, "/v1/responses")

    assert got.status_code == 400, got.text
    assert words in got.json()["error"]["message"]


async def test_a_summary_of_reasoning_that_there_is_not_is_named_in_the_head() -> None:
    got = await post(served(), {**ASKED, "reasoning": {"summary": "auto"}}, "/v1/responses")

    assert (got.status_code, got.headers["x-tpo-unused"]) == (200, "reasoning.summary")


async def test_an_error_in_a_stream_is_raised_by_the_client() -> None:
    def broken(*_: Any) -> str:
        raise RuntimeError("How do I oil oak?")

    client = sdk(served(loop(ScriptedModelWithN(reply=broken))))
    stream = await client.responses.create(**ASKED, stream=True)

    with pytest.raises(openai.APIError, match=r"The run failed \(RuntimeError\)"):
        _ = [event async for event in stream]


async def test_chat_openai_answers_and_streams_on_this_api() -> None:
    model = ChatOpenAI(
        model="oak",
        base_url=f"{HERE}/v1",
        api_key="k",  # type: ignore[arg-type]  # as everyone passes it
        use_responses_api=True,
        http_async_client=reaching(served(), openai.DefaultAsyncHttpxClient),
    )

    answer = await model.ainvoke("How do I oil oak?")
    chunks = [chunk async for chunk in model.astream("How do I oil oak?")]

    assert answer.text == "revision 5"
    assert answer.usage_metadata is not None
    assert "".join(chunk.text for chunk in chunks).startswith("revision ")
