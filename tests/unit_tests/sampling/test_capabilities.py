"""A model is asked for what it can take: refusals are learned once, and cost requests only."""

import pickle
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.globals import set_llm_cache
from langchain_core.messages import BaseMessage
from langchain_core.runnables import ConfigurableField, RunnableLambda

from langchain_tpo import ChatTPO, TPORunnable, TPOSettings
from langchain_tpo.text.shown import what_to_check
from tests.support.fakes import ScriptedModel, ScriptedModelWithN, last_number

Rule = Callable[[list[BaseMessage], dict[str, Any]], str | None]
"""What a service says to a request that it refuses."""


class RefusedError(Exception):
    status_code = 400


def strict(model: type[ScriptedModel], rule: Rule, **fields: Any) -> ScriptedModel:
    """Return a model whose service refuses what the rule names."""

    class Strict(model):  # type: ignore[valid-type, misc]
        temperature: float | None = None
        num_predict: int | None = None
        random_seed: int | None = None

        def _noted(self, messages: list[BaseMessage], kwargs: dict[str, Any]) -> Any:
            own = ("temperature", "num_predict", "random_seed", "n")
            sent = {name: getattr(self, name, None) for name in own}
            noted = super()._noted(messages, kwargs)
            noted.call.kwargs = {**sent, **kwargs}
            if (said := rule(messages, noted.call.kwargs)) is not None:
                self.notebook.calls.append(noted.call)
                raise RefusedError(said)
            return noted

    return Strict(**fields)


def run(model: Any, **changes: Any) -> Any:
    settings = TPOSettings(**{"width": 3, "depth": 1, **changes})
    return TPORunnable(model=model, reward=last_number, settings=settings)


def one_at_a_time(_messages: list[BaseMessage], sent: dict[str, Any]) -> str | None:
    return "'n' : number must be at most 1" if (sent.get("n") or 1) > 1 else None


async def test_a_refused_n_is_asked_for_once_and_counted() -> None:
    model = strict(ScriptedModelWithN, one_at_a_time)
    tpo = run(model)

    first, second = tpo.optimize("Wood?"), await tpo.aoptimize("Wood?")

    assert len(first.pool) == len(second.pool) == 6
    assert (first.usage["requests"], second.usage["requests"]) == (9, 8)
    assert first.usage["completions"] == 8
    assert len(model.notebook.calls) == 17


class OnlySync(ScriptedModelWithN):
    """As LangChain's pipelines of transformers."""

    async def _agenerate(self, *_args: Any, **_kwargs: Any) -> Any:
        raise NotImplementedError("async generation is not supported")


class OnlySyncAtOnce(ScriptedModelWithN):
    """Raises before there is a coroutine."""

    def _agenerate(self, *_args: Any, **_kwargs: Any) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize("kind", [OnlySync, OnlySyncAtOnce])
@pytest.mark.parametrize("one_request", [True, False])
async def test_a_class_that_cannot_be_awaited_is_called_in_a_thread(
    one_request: bool,  # noqa: FBT001
    kind: type[ScriptedModelWithN],
) -> None:
    model = kind()
    tpo = run(model, one_request=one_request)

    first = await tpo.aoptimize("Wood?", {"max_concurrency": 1})
    second = await tpo.aoptimize("Wood?", {"max_concurrency": 1})

    asked = 4 if one_request else 8
    assert len(first.pool) == len(second.pool) == 6
    assert (first.usage["requests"], second.usage["requests"]) == (asked + 1, asked)
    assert len(model.notebook.calls) == 2 * asked


def test_a_class_that_generates_nothing_says_so_itself() -> None:
    class Nothing(ScriptedModel):
        def _generate(self, *_args: Any, **_kwargs: Any) -> Any:
            raise NotImplementedError("no generation at all")

    with pytest.raises(NotImplementedError, match="no generation at all"):
        run(Nothing()).optimize("Wood?")


def test_what_was_learned_travels_with_a_pickle_and_a_copy() -> None:
    tpo = run(ScriptedModel())
    tpo._learned.of(tpo.model).answers_one()

    again = pickle.loads(pickle.dumps(tpo))  # noqa: S301 our own
    wider = tpo.model_copy(update={"settings": TPOSettings(width=4)})

    assert again._learned.of(again.model).known.answers == 1
    assert wider._learned is tpo._learned
    assert again._learned == tpo._learned == run(ScriptedModel())._learned


def test_a_cap_on_n_splits_the_request() -> None:
    def rule(_messages: list[BaseMessage], sent: dict[str, Any]) -> str | None:
        return "n must be in the range [1, 4]" if (sent.get("n") or 1) > 4 else None

    model = strict(ScriptedModelWithN, rule)

    result = run(model, width=10, depth=0).optimize("Wood?")

    assert sorted(call.n for call in model.notebook.calls) == [2, 4, 4, 10]
    assert len(result.pool) == 10
    assert result.usage["requests"] == 4


def test_options_go_where_the_class_has_a_field_for_them(caplog: pytest.LogCaptureFixture) -> None:
    model = strict(ScriptedModel, lambda _messages, _sent: None)
    options = {"temperature": 0.5, "max_tokens": 7}

    run(model, depth=0, seed=3, sample=options).optimize("Wood?")

    sent = [call.kwargs for call in model.notebook.calls]
    assert sorted(one["random_seed"] for one in sent) == [3, 4, 5]
    assert all(one["num_predict"] == 7 and one["temperature"] == 0.5 for one in sent)
    assert not any("max_tokens" in one or "seed" in one for one in sent)
    assert not caplog.records


@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "retry"])
def test_a_refused_option_costs_one_line(wrapped: bool, caplog: pytest.LogCaptureFixture) -> None:  # noqa: FBT001
    def rule(_messages: list[BaseMessage], sent: dict[str, Any]) -> str | None:
        named = "temperature" in sent and sent["temperature"] is not None
        return "Unsupported value: 'temperature'" if named else None

    model = strict(ScriptedModel, rule)
    asked = model.with_retry(stop_after_attempt=5) if wrapped else model

    result = run(asked, sample={"temperature": 0.5}, update={"temperature": 0.5}).optimize("Wood?")

    assert result.stop_reason == "depth"
    assert len(result.pool) == 6
    refused = len(model.notebook.calls) - 8
    assert 1 <= refused <= 3  # three draws ask at once
    assert result.usage["requests"] == len(model.notebook.calls)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "without `temperature`" in caplog.text


def test_an_error_that_says_nothing_of_the_request_passes_through() -> None:
    model = strict(ScriptedModel, lambda _messages, _sent: "No such model: `m`.")

    with pytest.raises(RefusedError, match="No such model"):
        run(model, sample={"temperature": 0.5}).optimize("Wood?")
    assert len(model.notebook.calls) == 3


def test_system_messages_are_folded_for_models_without_them() -> None:
    def rule(messages: list[BaseMessage], _sent: dict[str, Any]) -> str | None:
        system = any(message.type == "system" for message in messages)
        return "System role not supported" if system else None

    said: list[str] = []

    def reply(_step: str, messages: list[BaseMessage], number: int) -> str:
        said.append(messages[0].text)
        return f"<IMPROVED_VARIABLE>text {number}</IMPROVED_VARIABLE>"

    result = run(strict(ScriptedModel, rule, reply=reply), width=2).optimize("Wood?")

    assert result.stop_reason == "depth"
    assert result.usage["requests"] == 7  # six, and one that was refused
    assert said[2].startswith("You evaluate answers")


def test_a_reply_is_shortened_before_the_prompt_is() -> None:
    def rule(messages: list[BaseMessage], sent: dict[str, Any]) -> str | None:
        prompt, asked = sum(len(one.text) for one in messages) // 4, sent.get("num_predict") or 0
        return (
            f"This model's maximum context length is 8192 tokens. However, you requested "
            f"{prompt + asked} tokens ({prompt} in the messages, {asked} in the completion)."
            if prompt + asked > 8192
            else None
        )

    model = strict(ScriptedModel, rule)

    result = TPORunnable(
        model=model, reward=last_number, settings=TPOSettings.paper(width=2, depth=2)
    ).optimize("Wood?")

    assert result.stop_reason == "depth"
    assert result.left_out == 0
    assert result.usage["requests"] == len(model.notebook.calls) == 11  # ten, and one refusal
    longest = [call.kwargs["num_predict"] for call in model.notebook.calls]
    assert longest[2] == 8192
    assert all(4096 < tokens < 8192 for tokens in (*longest[3:5], *longest[7:9]))


class Heard(BaseCallbackHandler):
    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.ended = 0

    def on_llm_new_token(self, token: str, **_: Any) -> None:
        self.tokens.append(token)

    def on_llm_end(self, *_: Any, **__: Any) -> None:
        self.ended += 1


class Talkative(ScriptedModel):
    """Tells its callbacks of every word, as ChatOllama does, whether asked to stream or not."""

    streaming: bool = False

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kw: Any) -> Any:
        assert not self.streaming
        result = super()._generate(messages, stop, None, **kw)
        for word in result.generations[0].text.split():
            run_manager.on_llm_new_token(word)
        return result


def test_no_handler_hears_the_tokens_of_draws() -> None:
    heard = Heard()

    run(Talkative(streaming=True)).invoke("Wood?", {"callbacks": [heard]})

    assert heard.tokens == []
    assert heard.ended == 8


WRAPPED: dict[str, Callable[[ScriptedModel], Any]] = {
    "sequence": lambda model: RunnableLambda(lambda messages: messages) | model,
    "strip": lambda model: model | RunnableLambda(lambda message: message.text),
    "fields": lambda model: model.configurable_fields(
        reports_usage=ConfigurableField(id="reports")
    ),
    "alternatives": lambda model: model.configurable_alternatives(
        ConfigurableField(id="which"), other=ScriptedModel()
    ),
    "unknown": lambda model: RunnableLambda(model.invoke),
}


@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)
def test_a_global_cache_answers_no_draw(wrap: Callable[[ScriptedModel], Any]) -> None:
    model = ScriptedModel()
    tpo = run(wrap(model), depth=0)
    set_llm_cache(InMemoryCache())
    try:
        texts = [c["text"] for _ in range(2) for c in tpo.optimize("Wood?").pool]
    finally:
        set_llm_cache(None)

    assert len(set(texts)) == 6
    assert len(model.notebook.calls) == 6


@pytest.mark.parametrize("wrap", ["sequence", "strip"])
def test_options_pass_the_steps_of_a_sequence(wrap: str) -> None:
    model = strict(ScriptedModel, lambda _messages, _sent: None)

    run(WRAPPED[wrap](model), depth=0, sample={"temperature": 0.5}).optimize("Wood?")

    assert [call.kwargs["temperature"] for call in model.notebook.calls] == [0.5] * 3


async def test_run_time_configuration_reaches_the_model_of_a_chat_tpo() -> None:
    one, other = ScriptedModel(), ScriptedModel()
    model = one.configurable_alternatives(ConfigurableField(id="which"), other=other)
    chat = ChatTPO(model=model, reward=last_number, width=2, depth=0)
    config: Any = {"configurable": {"which": "other"}}

    chat.invoke("Wood?", config)
    await chat.ainvoke("Wood?", config)

    assert (len(one.notebook.calls), len(other.notebook.calls)) == (0, 4)


def test_a_global_cache_gives_no_chat_tpo_the_answer_of_another() -> None:
    set_llm_cache(InMemoryCache())
    try:
        longest = ChatTPO(model=ScriptedModel(), reward=last_number, width=3, depth=0)
        first = longest.invoke("Wood?").text
        shortest = ChatTPO(
            model=ScriptedModel(), reward=lambda _, text: -last_number("", text), width=3, depth=0
        )
        second = shortest.invoke("Wood?").text
    finally:
        set_llm_cache(None)

    assert (first, second) == ("sample 2", "sample 0")


def test_what_is_bound_for_the_answer_binds_the_answer_only() -> None:
    model = ScriptedModel(reply=lambda step, _messages, number: f'{{"{step}": {number}}}')
    bound = model.bind(response_format={"type": "json_object"}, stop=["###"], tools=["a tool"])

    result = run(bound).optimize("Wood?")

    calls = model.notebook.calls
    assert [set(call.kwargs) for call in calls[:3]] == [{"response_format", "tools"}] * 3
    assert [set(call.kwargs) for call in calls[3:5]] == [set(), set()]
    assert [set(call.kwargs) for call in calls[5:]] == [{"response_format"}] * 3
    assert "JSON stays JSON" in calls[5].messages[-1].text
    assert result.stop_reason == "depth"
    assert result.answer.startswith("{")


def test_one_warning_where_optimization_was_paid_for_in_vain(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run(ScriptedModel(reply=lambda step, _, number: f"{step} {number}")).optimize("Wood?")

    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("`update` brought no usable revision in round 1 (no_tag)")


def test_a_first_reply_with_tools_is_asked_for_as_the_model_takes_it() -> None:
    def fields_only(_messages: list[BaseMessage], sent: dict[str, Any]) -> str | None:
        return "unexpected keyword argument 'max_tokens'" if "max_tokens" in sent else None

    model = strict(ScriptedModel, fields_only)
    chat = ChatTPO(model=model, reward=last_number, width=2, depth=0, max_tokens=99)
    words = {"type": "function", "function": {"name": "look_up", "parameters": {}}}

    answer = chat.bind(tools=[words]).invoke("Wood?")

    assert answer.response_metadata["tpo"]["stop_reason"] == "depth"
    assert {call.kwargs["num_predict"] for call in model.notebook.calls} == {99}


def test_what_a_model_does_not_take_can_be_read() -> None:
    tpo = run(strict(ScriptedModelWithN, one_at_a_time))
    tpo.invoke("Wood?")

    (lessons,) = tpo.learned.by_model.values()
    assert lessons.known.words == ["one answer in a request"]


def test_a_seed_that_is_left_out_is_said_to_make_runs_differ(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def no_seed(_messages: list[BaseMessage], sent: dict[str, Any]) -> str | None:
        return "unexpected keyword argument 'random_seed'" if sent.get("random_seed") else None

    run(strict(ScriptedModelWithN, no_seed), seed=7).invoke("Wood?")

    (line,) = [one for one in caplog.messages if "refused a request" in one]
    assert "without `seed`: runs with a seed are not repeatable" in line


class WrongDoorError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(f"Error code: {status}")
        self.status_code = status


class Elsewhere(ScriptedModel):
    """A model behind an address."""

    base_url: str = "http://me:secret@127.0.0.1:8000"
    error: Any = None

    def _generate(self, *args: Any, **kwargs: Any) -> Any:
        if len(self.notebook.calls) >= self.right:
            raise self.error
        return super()._generate(*args, **kwargs)

    right: int = 0


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (WrongDoorError(401), "answered 401. Is the API key right"),
        (WrongDoorError(404), "answered 404. Are the URL and the model's name right"),
        (ConnectionRefusedError("refused"), "could not be reached. Is this its URL"),
        (Exception("[401] Unauthorized"), "answered 401"),
    ],
)
def test_an_error_of_a_wrong_door_has_a_note_of_what_to_check(error: Exception, says: str) -> None:
    with pytest.raises(type(error)) as caught:
        run(Elsewhere(error=error)).optimize("Wood?")

    note = what_to_check(caught.value)
    assert note.startswith("To check: `Elsewhere ")
    assert says in note
    assert "secret" not in note
    assert str(caught.value) == str(error)


def test_a_run_that_a_lost_server_ends_says_where_to_look() -> None:
    result = run(Elsewhere(error=WrongDoorError(404), right=3)).optimize(
        "Wood?", {"max_concurrency": 1}
    )

    assert result.stop_reason == "error"
    assert (
        "To check: `Elsewhere at http://(hidden)@127.0.0.1:8000` answered 404"
        in (result.failure or {"message": ""})["message"]
    )


def test_a_run_whose_model_takes_no_seed_says_that_it_is_not_repeatable() -> None:
    def no_seed(_messages: list[BaseMessage], sent: dict[str, Any]) -> str | None:
        return "seed: extra_forbidden" if "seed" in sent or sent["random_seed"] else None

    seeded, unseeded = run(ScriptedModel(), seed=7), run(strict(ScriptedModel, no_seed), seed=7)
    results = [one.optimize("Wood?") for one in (seeded, unseeded, unseeded)]
    without = run(strict(ScriptedModel, no_seed)).optimize("Wood?")

    assert [one.unseeded for one in (*results, without)] == [False, True, True, False]
    assert results[1].message().response_metadata["tpo"]["unseeded"] is True


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


@pytest.mark.parametrize("told", ["by its profile", "by a refusal"])
def test_a_critic_that_sees_no_images_gets_the_words(told: str) -> None:
    def no_images(messages: list[BaseMessage], _sent: dict[str, Any]) -> str | None:
        shown = any(not isinstance(message.content, str) for message in messages)
        return "This model does not support image input." if shown else None

    fields = {"profile": {"image_inputs": False}} if told == "by its profile" else {}
    policy, critic = ScriptedModel(), strict(ScriptedModel, no_images, **fields)
    tpo = TPORunnable(model=policy, critic=critic, reward=last_number, width=2, depth=2)
    question = [("human", [{"type": "text", "text": "What is this? "}, IMAGE])]

    result = tpo.optimize({"messages": question}, {"max_concurrency": 1})

    assert result.stop_reason == "depth"
    assert len(critic.notebook.calls) == 4 + (told == "by a refusal")
    assert all(isinstance(one.content, str) for one in critic.notebook.calls[-1].messages)
    assert not isinstance(policy.notebook.calls[0].messages[-1].content, str)


def test_a_policy_that_sees_no_images_is_not_asked_about_something_else() -> None:
    model = strict(ScriptedModel, lambda *_: "This model does not support image input.")

    with pytest.raises(RefusedError):
        run(model).optimize([("human", [IMAGE])])
