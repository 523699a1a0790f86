"""What requests mean: names of models, `tpo`, and fields that reach the policy or are refused."""

import asyncio
from typing import Any

import pytest

from langchain_tpo.serve import ServeLimits
from langchain_tpo.serve.chat_completions import REFUSED
from langchain_tpo.serve.presets import PRESET_KINDS, Presets
from langchain_tpo.settings import SamplingOptions, TPOSettings
from tests.support.fakes import ScriptedModelWithN
from tests.support.serving import HI, chat, loop, openai_policy, post, served

OURS = TPOSettings(width=3, depth=1, sample=SamplingOptions(max_tokens=50))
PRESETS = Presets(name="oak:7b", settings=OURS, limits=ServeLimits(answer_tokens=100))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("oak:7b", ("tpo", 3, 1)),
        ("oak:7b:tpo", ("tpo", 3, 1)),
        ("oak:7b:single", ("tpo", 1, 0)),
        ("oak:7b:best-of-5", ("tpo", 5, 0)),
        ("oak:7b:best-of-n", ("tpo", 3, 0)),
        ("oak:7b:synthesize-d2-n5", ("synthesize", 5, 2)),
        ("oak:7b:revision-d2", ("revision", 3, 2)),
        ("oak:7b:fused-n4", ("fused", 4, 1)),
    ],
)
def test_a_name_stands_for_settings(name: str, shape: tuple[str, int, int]) -> None:
    settings = PRESETS.settings_of(name)

    assert (settings.strategy.name, settings.width, settings.depth) == shape
    assert settings.sample.max_tokens == 50


@pytest.mark.parametrize(
    "name",
    [
        *("oak", "oak:7b:", "oak:7b:haiku", "oak:7b:best-of-", "oak:7b:tpo-n5-d2"),
        *("", "oak:7b:tpo:d2", "oak:7b:best-of-n-matched", "OAK:7B", "oak:7b:best-of-n:width=9"),
    ],
)
def test_no_other_name_is_known(name: str) -> None:
    with pytest.raises(Exception, match="There is no model"):
        PRESETS.settings_of(name)


@pytest.mark.parametrize("kind", PRESET_KINDS)
def test_every_kind_is_a_preset(kind: str) -> None:
    assert PRESETS.settings_of(f"oak:7b:{kind}").completions >= 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("oak:7b:best-of-65", "may take 64 completions here"),
        ("oak:7b:tpo-d999-n5", "may take 64 completions here"),
        ("oak:7b:tpo-n1", "`width` must be at least 2"),
        ("oak:7b:best-of-0", "greater than or equal to 1"),
    ],
)
def test_a_name_that_asks_for_what_cannot_be_is_told_why(name: str, words: str) -> None:
    with pytest.raises(Exception, match=words):
        PRESETS.settings_of(name)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"width": 33, "depth": 1}, "may take 64 completions here"),
        ({"widht": 3}, "`tpo.widht` cannot be set"),
        ({"progress_text": True}, "`tpo.progress_text` cannot be set"),
        ({"sample": {"extra": {"model": "gpt-9"}}}, "`sample.extra` cannot be set"),
        ({"sample": {"modle": 1}}, "`modle`"),
        ({"sample": {"max_tokens": 101}}, "may take 100 tokens here"),
        ({"prompts": {"sample": "hi"}}, "`prompts` in a run's context"),
        ({"strategy": "haiku"}, "`strategy` must be"),
        ({"depth": "deep"}, "`depth`"),
    ],
)
def test_options_are_held_within_what_the_operator_allows(
    options: dict[str, Any], words: str
) -> None:
    with pytest.raises(Exception, match=words):
        PRESETS.with_options(OURS, options)


def test_budgets_are_lowered_and_never_raised() -> None:
    own = OURS.with_changes(token_budget=1000)
    presets = Presets(name="oak", settings=own, limits=ServeLimits())

    assert presets.with_options(own, {"token_budget": 900}).token_budget == 900
    assert presets.with_options(own, {"time_budget": 5}).time_budget == 5
    for more in (1001, None):
        with pytest.raises(Exception, match=r"`tpo\.token_budget` may be at most 1000"):
            presets.with_options(own, {"token_budget": more})


def test_what_is_unsaid_of_sampling_stays() -> None:
    changed = PRESETS.with_options(OURS, {"sample": {"temperature": 0.2}, "depth": 0})

    assert (changed.sample.temperature, changed.sample.max_tokens) == (0.2, 50)
    assert (changed.width, changed.depth) == (3, 0)


FORM = {"type": "object", "properties": {"oil": {"type": "string"}}}


def json_schema(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "oil", "schema": schema, **more}}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_field_without_use_is_refused_by_name(name: str) -> None:
    got = await chat(served(), **{name: {"a": 1} if name != "logprobs" else True})

    assert got.status_code == 400
    assert got.json()["error"]["param"] == name


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"top_k": 5}, "top_k"),
        ({"stream_options": {"include_obfuscation": True}}, "include_obfuscation"),
        ({"stream_options": {"zzz": 1}}, "zzz"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"parallel_tool_calls": True}, "parallel_tool_calls"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}], "n": 2}, "n"),
        ({"n": 3}, "n"),
        ({"temperature": 3}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 11}, "max_tokens"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"messages": []}, "messages"),
        ({"max_tokens": 5, "max_completion_tokens": 6}, "max_tokens"),
        ({"response_format": {"json_schema": {"schema": FORM}}}, "response_format"),
        ({"response_format": {"type": "text", "json_schema": {}, "a": 1}}, "response_format.a"),
        ({"response_format": json_schema({"anyOf": [FORM]})}, "response_format"),
        ({"response_format": json_schema(FORM, zzz=1)}, "response_format.zzz"),
        ({"tools": [{"type": "function", "function": {"name": "f"}, "zzz": 1}]}, "tools.zzz"),
        ({"tools": [{"type": "function", "function": {"name": "f", "zzz": 1}}]}, "tools.zzz"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto"}}, "tool_choice"),
        ({"tpo": {"depth": 9}}, "tpo"),
        ({"tpo": {"zzz": 1}}, "tpo.zzz"),
        ({"tpo": {"progress": "loud"}}, "tpo.progress"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"a": 1}}}},
            "response_format",
        ),
    ],
)
async def test_what_cannot_work_is_refused_by_name_before_anything_is_asked(
    fields: dict[str, Any], param: str
) -> None:
    tpo = loop()
    got = await chat(served(tpo, completions=8, answer_tokens=10), **fields)

    assert got.status_code == 400, got.text
    assert got.json()["error"]["param"] == param
    assert tpo.model.notebook.calls == []  # type: ignore[attr-defined]  # a scripted model's


@pytest.mark.parametrize(
    "fields",
    [
        {"logprobs": False, "store": False, "top_k": None, "modalities": ["text"]},
        {"service_tier": "auto", "tool_choice": "none", "metadata": {"a": "b"}},
        {"response_format": {"type": "text"}, "stop": "###", "user": "me", "n": 1},
    ],
)
async def test_what_asks_for_nothing_is_no_hindrance(fields: dict[str, Any]) -> None:
    assert (await chat(served(), **fields)).status_code == 200


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": ""}],
        [{"role": "wizard", "content": "hi"}],
        [{"content": "hi"}],
        [{"role": "user", "content": 5}],
        [{}],
    ],
)
async def test_messages_that_cannot_be_read_are_a_bad_request(messages: Any) -> None:
    got = await post(served(), {"model": "oak", "messages": messages})

    assert got.status_code == 400, got.text
    assert got.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": "hi", "zzz": 1},
        {"role": "user", "content": "hi", "response_metadata": {"a": 1}},
        {"role": "assistant", "content": "hi", "function_call": {"name": "f", "arguments": ""}},
        {"role": "assistant", "content": "hi", "audio": {"id": "a"}},
        {"role": "assistant", "tool_calls": [{"id": "1", "type": "custom", "custom": {}}]},
        {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f"}}]},
        {"role": "tool", "content": "hi"},
        {"role": "function", "name": "f", "content": "hi"},
        {"role": "remove", "id": "1"},
        {"lc": 1, "type": "constructor", "id": ["HumanMessage"], "kwargs": {"content": "hi"}},
    ],
    ids=" ".join,
)
async def test_what_a_message_cannot_hold_is_refused_by_name(message: dict[str, Any]) -> None:
    got = await post(served(), {"model": "oak", "messages": [*HI, message]})

    assert got.status_code == 400, got.text
    assert got.json()["error"]["param"].startswith("messages")


async def test_an_earlier_answer_arrives_whatever_a_model_has_written() -> None:
    """Arguments that are no JSON, a refusal, and thoughts, which are no part of it."""
    policy, bodies = openai_policy(lambda body, number: f"sample {number}")
    broken = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{'a"}}
    messages = [
        *HI,
        {"role": "assistant", "content": None, "tool_calls": [broken], "reasoning": "hm"},
        {"role": "tool", "tool_call_id": "1", "content": "no JSON"},
        {"role": "assistant", "content": None, "refusal": "I cannot."},
        *HI,
    ]

    got = await post(served(loop(policy)), {"model": "oak", "messages": messages})

    assert got.status_code == 200, got.text
    _, called, result, refused, _ = bodies[0]["messages"]
    assert called["tool_calls"] == [broken]
    assert (result["tool_call_id"], refused["content"]) == ("1", "I cannot.")
    assert "hm" not in str(bodies[0])


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"response_format": json_schema(FORM)},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": FORM}}]},
    ],
    ids=["in words", "in a format", "with tools"],
)
async def test_a_reward_is_told_the_context(fields: dict[str, Any]) -> None:
    def reward(prompt: str, response: str, reference: str) -> float:
        return float(len(reference))

    policy, _ = openai_policy(lambda body, number: f'{{"oil": "{number}"}}')
    tpo = loop(policy, width=2, depth=0).model_copy(update={"reward": reward})

    got = await chat(served(tpo), tpo={"context": {"reference": "tung"}}, **fields)

    assert got.status_code == 200, got.text
    assert got.json()["tpo"]["reward"] == 4.0


async def test_a_seed_makes_every_draw_its_own() -> None:
    tpo = loop(width=2, depth=0)

    await chat(served(tpo), seed=7)

    (call,) = tpo.model.notebook.calls  # type: ignore[attr-defined]  # a scripted model's
    assert isinstance(call.kwargs.get("seed"), int)


async def test_usage_that_nobody_counts_is_null_and_not_made_up() -> None:
    got = await chat(served(loop(ScriptedModelWithN(reports_usage=False))))

    assert got.status_code == 200
    assert got.json()["usage"] is None


async def test_one_loop_serves_different_requests_at_once() -> None:
    """Settings of one request reach no other."""
    tpo = loop(ScriptedModelWithN(latency=0.01))
    app = served(tpo)
    bodies = [
        {"model": f"oak:best-of-{n}", "messages": HI, "temperature": n / 10} for n in range(2, 8)
    ]

    got = await asyncio.gather(*(post(app, body) for body in bodies))

    assert [one.json()["tpo"]["candidates"] for one in got] == [2, 3, 4, 5, 6, 7]
    calls = tpo.model.notebook.calls  # type: ignore[attr-defined]  # as above
    assert {(call.n, call.kwargs["temperature"]) for call in calls} == {
        (n, n / 10) for n in range(2, 8)
    }
