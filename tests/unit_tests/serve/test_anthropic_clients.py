"""Anthropic's own client reaches an optimized answer by a base URL alone."""

from typing import Any

import anthropic
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from langchain_tpo.serve import Keys
from tests.support.anthropic_policy import recorded_anthropic
from tests.support.fakes import ScriptedModelWithN
from tests.support.serving import HERE, HI, loop, openai_policy, post, reaching, served
from tests.support.tool_fakes import ScriptedAgentModel

KEYS = Keys({"alice": Keys.digest("tpo-secret")})
LOOK: Any = {
    "name": "find_oil",
    "description": "Find the oil for a kind of wood.",
    "input_schema": {"type": "object", "properties": {"wood": {"type": "string"}}},
}
ASKED: Any = {"model": "oak", "max_tokens": 100, "messages": HI}


def sdk(app: Any, key: str = "tpo-secret") -> anthropic.AsyncAnthropic:
    http_client = reaching(app, anthropic.DefaultAsyncHttpxClient)
    return anthropic.AsyncAnthropic(
        base_url=HERE, api_key=key, http_client=http_client, max_retries=0
    )


async def test_the_client_gets_the_best_answer_and_the_figures_of_the_run() -> None:
    answer = await sdk(served(keys=KEYS)).messages.create(**ASKED)

    assert [block.model_dump()["text"] for block in answer.content] == ["revision 5"]
    assert (answer.stop_reason, answer.role, answer.model) == ("end_turn", "assistant", "oak")
    assert answer.usage.input_tokens > 20
    assert answer.usage.output_tokens > 5
    told = answer.model_dump()
    assert told["tpo"]["best_rewards"] == [1.0, 5.0]
    assert told["usage"]["tpo"]["completions"] == 6


async def test_a_stream_ends_in_the_answer_and_its_usage() -> None:
    async with sdk(served()).messages.stream(**ASKED) as stream:
        texts = [text async for text in stream.text_stream]
        final = await stream.get_final_message()

    assert "".join(texts) == "revision 5"
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens > 5


async def test_progress_is_thinking_where_it_is_asked_for() -> None:
    asked = {**ASKED, "extra_body": {"tpo": {"progress": "reasoning", "best_so_far": True}}}
    async with sdk(served()).messages.stream(**asked) as stream:
        final = await stream.get_final_message()

    thinking, text = (block.model_dump() for block in final.content)
    assert "tpo round 1 of 1, best reward 5" in thinking["thinking"]
    assert text["text"] == "revision 5"


async def test_a_tool_call_passes_through_whole_and_in_a_stream() -> None:
    for stream in (False, True):
        agent = ScriptedAgentModel(plan=[("find_oil", {"wood": "oak"})])
        client = sdk(served(loop(agent)))
        asked = {**ASKED, "tools": [LOOK], "tool_choice": {"type": "any"}}
        if stream:
            async with client.messages.stream(**asked) as events:
                answer: Any = await events.get_final_message()
        else:
            answer = await client.messages.create(**asked)

        (*_, call) = answer.content
        assert (call.type, call.name, call.input) == ("tool_use", "find_oil", {"wood": "oak"})
        assert answer.stop_reason == "tool_use"
        first = agent.notebook.calls[0]
        assert first.kwargs["tool_choice"] == "any"
        assert first.kwargs["tools"][0]["function"]["parameters"] == LOOK["input_schema"]


async def test_a_conversation_arrives_as_it_was_meant() -> None:
    tpo = loop(width=2, depth=0)
    image = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    messages: Any = [
        {"role": "user", "content": [{"type": "image", "source": image}, text("Which wood?")]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": ""},
                text("Let me look."),
                {"type": "tool_use", "id": "t1", "name": "look", "input": {"at": 1}},
            ],
        },
        {
            "role": "user",
            "content": [
                text("And?"),
                {"type": "tool_result", "tool_use_id": "t1", "content": [text("oak")]},
            ],
        },
    ]

    await sdk(served(tpo)).messages.create(
        model="oak", max_tokens=9, system=[text("Be brief.")], messages=messages
    )

    (call,) = tpo.model.notebook.calls  # type: ignore[attr-defined]  # a scripted model's
    kinds = [type(message) for message in call.messages]
    assert kinds == [SystemMessage, HumanMessage, AIMessage, ToolMessage, HumanMessage]
    _, asked, called, result, again = call.messages
    assert asked.content[0] == {
        "type": "image_url",
        "image_url": {"url": "data:image/png;base64,AAAA"},
    }
    assert (called.text, called.tool_calls[0]["args"]) == ("Let me look.", {"at": 1})
    assert (result.tool_call_id, result.text, again.text) == ("t1", "oak", "And?")
    assert call.kwargs["max_tokens"] == 9


def text(words: str) -> Any:
    return {"type": "text", "text": words}


async def test_what_a_request_asks_for_reaches_the_policy() -> None:
    policy, bodies = openai_policy(lambda body, number: f'{{"title": "oil {number}"}}')
    form = {"type": "object", "properties": {"title": {"type": "string"}}}
    asked = {**ASKED, "temperature": 0.3, "top_p": 0.9, "stop_sequences": ["###"]}
    asked["output_config"] = {
        "format": {"type": "json_schema", "schema": form},
        "effort": "low",
    }

    got = await post(served(loop(policy)), asked, "/v1/messages")

    assert got.json()["content"] == [text('{"title": "oil 5"}')]
    first = bodies[0]
    assert (first["temperature"], first["top_p"], first["stop"]) == (0.3, 0.9, ["###"])
    assert (first["max_completion_tokens"], first["reasoning_effort"]) == (100, "low")
    assert first["response_format"]["json_schema"]["schema"]["properties"] == form["properties"]


async def test_a_strict_tool_and_an_image_that_is_a_link_reach_the_policy() -> None:
    policy, bodies = openai_policy(lambda body, number: f"sample {number}")
    link = "https://example.org/oak.png"
    image = {"type": "image", "source": {"type": "url", "url": link}}
    asked = {**ASKED, "messages": [{"role": "user", "content": [text("Which wood?"), image]}]}

    got = await post(
        served(loop(policy)), {**asked, "tools": [{**LOOK, "strict": True}]}, "/v1/messages"
    )

    assert got.status_code == 200, got.text
    assert bodies[0]["tools"][0]["function"]["strict"] is True
    assert bodies[0]["messages"][-1]["content"][1]["image_url"]["url"] == link


CACHED: Any = {"cache_control": {"type": "ephemeral", "ttl": "5m"}}
MARKED: Any = {
    **ASKED,
    **CACHED,
    "system": [{**text("Be brief."), **CACHED}],
    "tools": [{**LOOK, **CACHED, "defer_loading": True}],
    "messages": [
        {"role": "user", "content": [{**text("Which wood?"), **CACHED}]},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t1", "name": "find_oil", "input": {}}],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "t1",
                    "content": "none",
                    "is_error": True,
                    **CACHED,
                },
                {"type": "document", "source": {"type": "url", "url": "https://example.org/oak"}},
            ],
        },
    ],
}


async def test_a_policy_of_anthropics_own_gets_blocks_and_tools_as_they_came() -> None:
    policy = recorded_anthropic()

    got = await post(served(loop(policy)), MARKED, "/v1/messages")

    assert got.status_code == 200, got.text
    first = policy.bodies[0]
    assert first["cache_control"] == CACHED["cache_control"]
    assert first["system"] == MARKED["system"]
    assert first["tools"] == MARKED["tools"]
    assert first["messages"][0] == MARKED["messages"][0]
    result, document = first["messages"][2]["content"]
    assert result == {**MARKED["messages"][2]["content"][0], "content": [text("none")]}
    assert document == MARKED["messages"][2]["content"][1]
    assert "x-tpo-unused" not in got.headers


async def test_marks_reach_the_draws_and_no_critique() -> None:
    policy = recorded_anthropic(says="<IMPROVED_VARIABLE>Tung {}</IMPROVED_VARIABLE>")
    asked = {**ASKED, "messages": [{"role": "user", "content": [{**text("Oil?"), **CACHED}]}]}

    got = await post(served(loop(policy)), asked, "/v1/messages")

    assert got.json()["tpo"]["rounds"] == 1
    assert ["ephemeral" in str(body) for body in policy.bodies] == [True, True, *[False] * 4]


@pytest.mark.parametrize("stream", [False, True])
async def test_what_another_policy_has_no_use_for_is_named_in_the_head(stream: bool) -> None:  # noqa: FBT001
    policy, bodies = openai_policy(lambda body, number: f"sample {number}")
    shown = [one for one in MARKED["messages"][2]["content"] if one["type"] != "document"]
    messages = [*MARKED["messages"][:2], {"role": "user", "content": shown}]
    asked = {**MARKED, "messages": messages, "tools": [{**LOOK, **CACHED}], "stream": stream}

    got = await post(served(loop(policy)), asked, "/v1/messages")

    assert got.status_code == 200, got.text
    assert got.headers["x-tpo-unused"] == "cache_control"
    assert "cache_control" not in str(bodies)
    assert [one["role"] for one in bodies[0]["messages"]] == ["system", "user", "assistant", "tool"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([{"type": "document", "source": {"type": "text", "data": "x"}}], "type `document` has no"),
        ([{**text("hi"), "zzz": 1}], "`messages.text.zzz` has no use here"),
        ([{"type": "image", "source": {"type": "file", "file_id": "f"}}], "`base64` or a `url`"),
        ([{"type": "tool_result", "content": "x"}], "must have a `tool_use_id`"),
        (["hi"], "must be a text or a list of blocks"),
        (5, "must be a text or a list of blocks"),
    ],
)
async def test_content_that_no_policy_but_anthropics_takes_is_refused_by_name(
    content: Any, words: str
) -> None:
    asked = {**ASKED, "messages": [*HI, {"role": "user", "content": content}]}
    got = await post(served(), asked, "/v1/messages")

    assert got.status_code == 400, got.text
    assert words in got.json()["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "`thinking` has no use here"),
        ({"container": "c"}, "`container` has no use here"),
        ({"zzz": 1}, "`zzz` is no field"),
        ({"output_config": {"zzz": "low"}}, "`output_config.zzz` has no use here"),
        ({"tool_choice": {"type": "any"}}, "`tool_choice` goes with `tools`"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "only tools with an"),
        ({"tools": [{**LOOK, "defer_loading": True}]}, "`tools.defer_loading` has no use here"),
        ({"tools": [LOOK], "tool_choice": {"type": "some"}}, "`tool_choice` must be"),
        ({"tools": [LOOK]}, "takes no tools"),
        ({"temperature": 1.5}, "`temperature`"),
        ({"messages": [{"role": "system", "content": "hi"}]}, "must be `user` or `assistant`"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages"),
        ({"messages": [{"role": "user", "content": ""}]}, "empty"),
        ({"tpo": {"depth": 99}}, "completions here"),
    ],
)
async def test_what_cannot_work_is_told_in_anthropics_form(
    fields: dict[str, Any], words: str
) -> None:
    got = await post(served(), {**ASKED, **fields}, "/v1/messages")

    assert got.status_code == 400, got.text
    assert got.json()["type"] == "error"
    assert got.json()["error"]["type"] == "invalid_request_error"
    assert words in got.json()["error"]["message"]


async def test_errors_are_the_clients_own() -> None:
    with pytest.raises(anthropic.AuthenticationError, match="missing or wrong"):
        await sdk(served(keys=KEYS), "tpo-guess").messages.create(**ASKED)
    with pytest.raises(anthropic.NotFoundError, match="no model `pine`"):
        await sdk(served()).messages.create(**{**ASKED, "model": "pine"})
    with pytest.raises(anthropic.BadRequestError, match="may take 99 tokens here"):
        await sdk(served(answer_tokens=99)).messages.create(**ASKED)


async def test_an_error_in_a_stream_is_raised_by_the_client() -> None:
    def broken(*_: Any) -> str:
        raise RuntimeError("How do I oil oak?")

    client = sdk(served(loop(ScriptedModelWithN(reply=broken))))

    with pytest.raises(anthropic.APIStatusError, match=r"The run failed \(RuntimeError\)") as told:
        async with client.messages.stream(**ASKED) as stream:
            await stream.get_final_message()
    assert "oak?" not in str(told.value)


async def test_usage_that_nobody_counts_is_null_and_not_made_up() -> None:
    got = await post(served(loop(ScriptedModelWithN(reports_usage=False))), ASKED, "/v1/messages")

    assert got.json()["usage"]["input_tokens"] is None
    assert got.json()["usage"]["output_tokens"] is None


async def test_models_are_listed_for_this_client_too() -> None:
    listed = [model async for model in sdk(served()).models.list()]

    assert "oak:best-of-2" in [model.id for model in listed]
    assert {model.type for model in listed} == {"model"}
