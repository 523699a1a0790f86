"""`ChatTPO` as its caller sees it: a chat model whose final answers are optimized."""

import copy
import pickle
from typing import Any

import pytest
from langchain_core.callbacks import UsageMetadataCallbackHandler, get_usage_metadata_callback
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.messages.utils import message_chunk_to_message
from langchain_core.runnables import RunnableLambda
from pydantic import BaseModel, ValidationError

from langchain_tpo import TPORunnable, TPOSettings
from langchain_tpo.chat_models.chat_tpo import ChatTPO
from langchain_tpo.errors import ModelTypeError, SettingsError
from tests.support.fakes import ScriptedModel, ScriptedModelWithN, last_number
from tests.support.tool_fakes import TWO_TOOLS, ScriptedAgentModel, ToolLog

CALLS = ["invoke", "ainvoke", "stream", "astream", "batch"]


@pytest.fixture(params=CALLS)
def ask(request: pytest.FixtureRequest) -> Any:
    """Ask a chat model in every way that LangChain has."""

    async def run(model: Any, value: Any, config: Any = None) -> Any:
        if request.param == "invoke":
            return model.invoke(value, config)
        if request.param == "ainvoke":
            return await model.ainvoke(value, config)
        if request.param == "batch":
            return model.batch([value], config)[0]
        if request.param == "stream":
            chunks = list(model.stream(value, config))
        else:
            chunks = [chunk async for chunk in model.astream(value, config)]
        assert len(chunks) == 1
        return message_chunk_to_message(chunks[0])

    return run


async def test_the_answer_is_the_loops(ask: Any) -> None:
    model, twin = ScriptedModelWithN(), ScriptedModelWithN()
    expected = TPORunnable(model=twin, reward=last_number).optimize("Wood?")

    answer = await ask(ChatTPO(model=model, reward=last_number), "Wood?")

    assert answer.text == expected.answer
    assert model.notebook.steps() == twin.notebook.steps()
    assert answer.response_metadata["tpo"]["best_rewards"] == list(expected.best_rewards)


def counter_in_config() -> Any:
    counter = UsageMetadataCallbackHandler()
    return counter, {"callbacks": [counter]}


@pytest.mark.parametrize("tools", [[], ToolLog().tools])
@pytest.mark.parametrize("policy", [ScriptedAgentModel, lambda: ScriptedAgentModel(n=2)])
async def test_a_usage_handler_hears_of_every_token_once(
    ask: Any, policy: Any, tools: list[Any]
) -> None:
    model = policy()
    chat = ChatTPO(model=model, reward=last_number, width=3, depth=1)
    counter, config = counter_in_config()

    answer = await ask(chat.bind_tools(tools) if tools else chat, "How to oil it?", config)

    spent = [model._usage(call.messages, [f"{call.step} 1"] * call.n) for call in _told(model)]
    total = sum(usage["total_tokens"] for usage in spent)
    assert counter.usage_metadata["scripted-1"]["total_tokens"] == total
    assert answer.usage_metadata["total_tokens"] == total


def _told(model: ScriptedModel) -> list[Any]:
    return model.notebook.calls


async def test_a_usage_handler_of_the_context_hears_of_every_token_once(ask: Any) -> None:
    chat = ChatTPO(model=ScriptedAgentModel(), reward=last_number)

    with get_usage_metadata_callback() as counter:
        answer = await ask(chat, "How to oil it?")
        after = ScriptedAgentModel().invoke("Hello?")

    seen = counter.usage_metadata["scripted-1"]["total_tokens"]
    assert seen == answer.usage_metadata["total_tokens"] + after.usage_metadata["total_tokens"]


async def test_usage_is_unknown_when_a_part_of_it_is(ask: Any) -> None:
    silent = ScriptedModel(reports_usage=False)
    counter, config = counter_in_config()

    chat = ChatTPO(model=ScriptedAgentModel(), reward=last_number, critic=silent)
    answer = await ask(chat, "Wood?", config)

    assert answer.usage_metadata is None
    assert counter.usage_metadata == {}


async def test_tokens_are_counted_once_when_a_loop_runs_on_a_chat_tpo() -> None:
    model = ScriptedAgentModel()
    inner = ChatTPO(model=model, reward=last_number, width=2, depth=0)

    result = TPORunnable(model=inner, reward=last_number, width=2, depth=0).optimize("a b c")

    assert result.usage["requests"] == 2
    assert (result.usage["input_tokens"], result.usage["output_tokens"]) == (6, 8)


async def test_a_reply_that_calls_tools_passes_through_untouched(ask: Any) -> None:
    model = ScriptedAgentModel(plan=TWO_TOOLS)
    plain = model.bind_tools(ToolLog().tools).invoke("Which oil?")
    model.notebook.calls.clear()

    answer = await ask(
        ChatTPO(model=model, reward=last_number).bind_tools(ToolLog().tools), "Which oil?"
    )

    assert [call.n for call in model.notebook.calls] == [1]
    ignored = {"id", "response_metadata"}
    assert answer.model_dump(exclude=ignored) == plain.model_dump(exclude=ignored)
    assert answer.response_metadata["model_name"] == "scripted-1"
    assert "tpo" not in answer.response_metadata


CONVERSATION = [
    HumanMessage("Which oil?"),
    AIMessage("", tool_calls=[{"name": "find_oil", "args": {"wood": "oak"}, "id": "call_1"}]),
    ToolMessage("tung oil", tool_call_id="call_1"),
]


async def test_with_tools_bound_a_final_answer_is_optimized(ask: Any) -> None:
    model = ScriptedAgentModel(plan=TWO_TOOLS[:1])
    chat = ChatTPO(model=model, reward=last_number, width=2, depth=1)

    answer = await ask(chat.bind_tools(ToolLog().tools), CONVERSATION)

    assert [(call.step, call.n, "tools" in call.kwargs) for call in model.notebook.calls] == [
        ("sample", 1, True),
        ("sample", 2, True),
        ("textual_loss", 1, False),
        ("textual_gradient", 1, False),
        ("update", 2, False),
    ]
    assert answer.text == "revision 6"
    assert answer.response_metadata["tpo"]["candidates"] == 5
    assert answer.response_metadata["tpo"]["usage"]["completions"] == 7


async def test_a_draw_that_calls_a_tool_after_all_is_dropped(ask: Any) -> None:
    class Fickle(ScriptedAgentModel):
        def _result(self, call: Any) -> Any:
            many = call.n > 1
            return self._tool_call(call, "find_oil", {}) if many else super()._result(call)

    chat = ChatTPO(model=Fickle(), reward=last_number, width=2, depth=0)

    answer = await ask(chat.bind_tools(ToolLog().tools), CONVERSATION)

    assert answer.text == "sample 0"
    assert answer.response_metadata["tpo"]["dropped"] == 2


async def test_a_call_that_asks_for_json_passes_through(ask: Any) -> None:
    model = ScriptedAgentModel()
    chat = ChatTPO(model=model, reward=last_number)

    answer = await ask(chat.bind(response_format={"type": "json_object"}), "Oil as JSON?")

    assert answer.text == "sample 0"
    assert [call.n for call in model.notebook.calls] == [1]


class Oil(BaseModel):
    """An oil."""

    wood: str


def test_structured_output_keeps_what_is_wrapped_around_the_model() -> None:
    class Flaky(ScriptedAgentModel):
        def _result(self, call: Any) -> Any:
            if len(self.notebook.calls) == 1:
                raise ConnectionError("reset by peer")
            return super()._result(call)

    model = Flaky(plan=(("Oil", {"wood": "oak"}),))
    retried = model.with_retry(wait_exponential_jitter=False)
    chat = ChatTPO(model=retried, reward=lambda _p, _r: 1.0, width=2, max_concurrency=1)

    assert chat.with_structured_output(Oil).invoke("Which?") == Oil(wood="oak")
    assert len(model.notebook.calls) == 3  # the first draw once more


def test_structured_output_of_another_kind_of_chain_is_the_models_own() -> None:
    class Own(ScriptedAgentModel):
        def with_structured_output(self, schema: Any, **kwargs: Any) -> Any:
            return RunnableLambda(lambda _: schema(wood="elm"))

    structured = ChatTPO(model=Own(), reward=last_number).with_structured_output(Oil)

    assert structured.invoke("Which?") == Oil(wood="elm")


def test_structured_output_falls_back() -> None:
    class Broken(ScriptedAgentModel):
        def _result(self, call: Any) -> Any:
            raise ConnectionError("gone")

    spare = ScriptedAgentModel(plan=(("Oil", {"wood": "ash"}),))
    model = Broken().bind(temperature=0).with_fallbacks([spare])  # of another class

    chat = ChatTPO(model=model, reward=lambda _p, response: float(len(response)), width=2, depth=1)

    assert chat.with_structured_output(Oil).invoke("Which?") == Oil(wood="ash")


async def test_tools_reach_a_model_behind_a_retry_and_a_fallback(ask: Any) -> None:
    model = ScriptedAgentModel(plan=TWO_TOOLS)
    wrapped = model.with_retry().with_fallbacks([ScriptedAgentModel(plan=TWO_TOOLS)])

    answer = await ask(
        ChatTPO(model=wrapped, reward=last_number).bind_tools(ToolLog().tools), "Which?"
    )

    assert answer.tool_calls[0]["name"] == "find_oil"


def test_fallbacks_with_another_form_of_tools_are_refused_in_a_line() -> None:
    class Other(ScriptedAgentModel):
        def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
            return self.bind(functions=list(tools))

    chat = ChatTPO(
        model=ScriptedAgentModel().with_fallbacks([Other()]), reward=last_number, depth=0
    )

    with pytest.raises(ModelTypeError, match=r"different forms \(`ScriptedAgentModel`, `Other`\)"):
        chat.bind_tools(ToolLog().tools)


def test_a_plain_runnable_takes_no_tools_and_says_so() -> None:
    chat = ChatTPO(model=RunnableLambda(lambda _: "Oil."), reward=lambda *_: 1.0, depth=0)

    assert chat.invoke("Wood?").text == "Oil."
    with pytest.raises(ModelTypeError, match="must be a chat model for tools, got a `RunnableLam"):
        chat.bind_tools(ToolLog().tools)
    with pytest.raises(ModelTypeError, match="must be a chat model for structured output"):
        chat.with_structured_output(Oil)


async def test_arguments_of_a_call_reach_draws_and_revisions(ask: Any) -> None:
    model = ScriptedModelWithN()
    settings = TPOSettings.paper(width=2, depth=1)
    chat = ChatTPO(model=model, reward=last_number, settings=settings)

    await ask(chat.bind(temperature=0.1), "Wood?")

    sent = {call.step: call.kwargs for call in model.notebook.calls}
    for step in ("sample", "update"):
        assert (sent[step]["temperature"], sent[step]["top_p"]) == (0.1, 0.95)
    assert sent["textual_loss"]["temperature"] == 0.7


def test_stop_sequences_reach_draws_and_revisions() -> None:
    stops: dict[str, Any] = {}

    class Noting(ScriptedModelWithN):
        def _generate(self, messages: Any, stop: Any = None, *args: Any, **kwargs: Any) -> Any:
            result = super()._generate(messages, stop, *args, **kwargs)
            stops[self.notebook.calls[-1].step] = stop
            return result

    chat = ChatTPO(model=Noting(), reward=last_number, width=2, depth=1)
    chat.invoke("Wood?", stop=["END"])

    assert stops == {
        "sample": ["END"],
        "textual_loss": None,
        "textual_gradient": None,
        "update": ["END"],
    }


def test_its_own_sampling_wins_over_the_settings_and_a_calls_over_both() -> None:
    model = ScriptedModelWithN()
    settings = TPOSettings.paper(width=2, depth=0)
    chat = ChatTPO(
        model=model, reward=last_number, settings=settings, temperature=0.2, max_tokens=9
    )

    chat.invoke("Wood?")
    chat.invoke("Wood?", max_tokens=5)

    sent = [(one.kwargs["temperature"], one.kwargs["max_tokens"]) for one in model.notebook.calls]
    assert sent == [(0.2, 9), (0.2, 5)]
    assert chat._get_ls_params()["ls_temperature"] == 0.2


@pytest.mark.parametrize("name", ["timeout", "widht"])
def test_a_name_that_it_does_not_know_is_refused_in_a_line(name: str) -> None:
    with pytest.raises(SettingsError, match=f"^`{name}` is no option of ChatTPO: "):
        ChatTPO(model=ScriptedModel(), reward=last_number, **{name: 3})


def test_what_the_loop_refuses_is_refused_here() -> None:
    with pytest.raises(SettingsError, match="`width` must be at least 2 when `depth` > 0"):
        ChatTPO(model=ScriptedModel(), reward=last_number, width=1)
    with pytest.raises(ModelTypeError, match="init_chat_model"):
        ChatTPO(model="openai:gpt", reward=last_number)  # type: ignore[arg-type]


def test_its_own_fields_cannot_be_changed() -> None:
    chat = ChatTPO(model=ScriptedModel(), reward=last_number)

    with pytest.raises(ValidationError, match="frozen"):
        chat.width = 3


def test_a_copy_with_other_fields_runs_by_them() -> None:
    chat = ChatTPO(model=ScriptedModelWithN(), reward=last_number)
    chat.invoke("Wood?")

    best_of_two = chat.model_copy(update={"settings": TPOSettings(width=2, depth=0)})

    assert best_of_two.invoke("Wood?").response_metadata["tpo"]["candidates"] == 2
    assert copy.deepcopy(chat).invoke("Wood?").text
    assert pickle.loads(pickle.dumps(chat)).settings == chat.settings  # noqa: S301


def test_requests_at_once_are_bounded() -> None:
    model = ScriptedModel(latency=0.01)

    ChatTPO(model=model, reward=last_number, width=6, depth=0, max_concurrency=2).invoke("Wood?")

    assert model.notebook.most_in_flight <= 2


def test_it_goes_by_the_wrapped_models_name_profile_and_tokens() -> None:
    model = ScriptedAgentModel(
        profile={"max_input_tokens": 8}, custom_get_token_ids=lambda text: [7] * len(text)
    )

    chat = ChatTPO(model=model.with_retry(), reward=last_number)

    assert chat.model_name == "scripted-1"
    assert chat.profile == {"max_input_tokens": 8}
    assert chat.get_num_tokens("abc") == 3


def test_a_drawing_shows_the_five_steps_when_asked_to() -> None:
    chat = ChatTPO(model=ScriptedModel(), reward=last_number, width=2, depth=1)
    steps = {"sample", "reward", "textual_loss", "textual_gradient", "update"}

    assert steps <= set(chat.get_graph(xray=True).nodes)
    assert not steps & set(chat.get_graph().nodes)
