"""Where candidates and critiques are longer than the model's window, prompts are shortened."""

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.exceptions import ContextOverflowError
from langchain_core.messages import BaseMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from langchain_tpo import TPORunnable, TPOSettings, build_tpo_graph
from langchain_tpo.prompts import TPO_PROMPTS
from langchain_tpo.reward_models.interface import Score
from langchain_tpo.sampling.context_window import MARK, SHARES, count_tokens, shorter
from langchain_tpo.sampling.refusals import is_too_long
from tests.support.fakes import ScriptedModel, ScriptedModelWithN, last_number, step_of
from tests.support.hostile import frame_of, hostile_texts
from tests.support.servers.recorded import answer
from tests.support.strategies import WORDINGS

QUERY = "How do I take care of a wooden table? " * 20
LONG = "Oil it twice a year, along the grain. " * 250
"""Nine thousand characters; the frames of the paper's prompts take about three thousand."""

MARKED = re.compile(re.escape(MARK).replace(r"\{count\}", r"(\d+)"))


def size(messages: list[BaseMessage]) -> int:
    return sum(len(message.text) for message in messages)


@dataclass
class Window:
    """What a model says that refuses what is longer than its window, and else writes at length."""

    characters: int = 9_000
    refusal: Exception = field(default_factory=lambda: ContextOverflowError("longer than 9000"))
    accepted: list[list[BaseMessage]] = field(default_factory=list)
    refused: list[list[BaseMessage]] = field(default_factory=list)

    def __call__(self, step: str, messages: list[BaseMessage], number: int) -> str:
        if size(messages) > self.characters:
            self.refused.append(messages)
            raise self.refusal
        self.accepted.append(messages)
        return f"<IMPROVED_VARIABLE>{LONG} {number}</IMPROVED_VARIABLE> {number}"


ENDLESS = 10**9


def tpo(model: Any, **settings: Any) -> TPORunnable:
    if isinstance(model, Window):
        model = ScriptedModel(reply=model)
    chosen = TPOSettings(**{"width": 3, "depth": 1, **settings})
    return TPORunnable(model=model, reward=last_number, settings=chosen)


def explained(prompt: str, response: str) -> Score:
    return {"reward": last_number(prompt, response), "rationale": "Too long."}


def marks(messages: list[BaseMessage]) -> list[int]:
    return [int(count) for message in messages for count in MARKED.findall(message.text)]


@pytest.mark.parametrize(
    ("kind", "door"), [(ScriptedModel, "aoptimize"), (ScriptedModelWithN, "optimize")]
)
@pytest.mark.parametrize(("strategy", "style"), WORDINGS)
async def test_a_run_goes_on_with_shorter_prompts(
    strategy: str, style: str, kind: type[ScriptedModel], door: str
) -> None:
    model = Window()
    told = TPOSettings(width=3, strategy=strategy, prompts=style)
    loop = TPORunnable(model=kind(reply=model), reward=explained, settings=told)

    result = await loop.aoptimize(QUERY) if door == "aoptimize" else loop.optimize(QUERY)

    assert result.stop_reason == "depth"
    assert result.drops == ()
    assert LONG.strip() in result.answer  # what is told to the model is shortened, no candidate
    assert all(QUERY.strip() in "".join(map(str, messages)) for messages in model.accepted)
    begins = LONG[:30]
    quoting = [one for one in model.accepted if any(begins in message.text for message in one)]
    assert quoting
    assert all(marks(messages) for messages in quoting)
    assert result.left_out == sum(step.get("left_out", 0) for step in result.steps) > 0
    shortened = {step["step"] for step in result.steps if "left_out" in step}
    assert "update" in shortened
    assert shortened <= {"textual_loss", "textual_gradient", "update"}


def test_every_refused_request_is_counted() -> None:
    for kind in (ScriptedModel, ScriptedModelWithN):
        window = Window()
        model = kind(reply=window)
        result = tpo(model).optimize(QUERY)

        assert result.usage["requests"] == len(model.notebook.calls)
        assert len(window.refused) > 2
        assert result.usage["completions"] == TPOSettings(width=3, depth=1).completions


def test_the_mark_says_how_much_is_missing() -> None:
    model = Window()
    result = tpo(model, strategy="threaded").optimize(QUERY)

    prompts = {step_of(messages): messages for messages in model.accepted}
    recorded = {step["step"]: step["left_out"] for step in result.steps if "left_out" in step}
    assert set(recorded) == {"textual_loss", "textual_gradient", "update"}
    for step, left_out in recorded.items():
        assert sum(marks(prompts[step])) == left_out


def test_events_and_the_summary_tell() -> None:
    graph = build_tpo_graph(
        ScriptedModel(reply=Window()), last_number, settings=TPOSettings(width=2, depth=1)
    ).compile(checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}
    given_events = list(
        graph.stream({"messages": [HumanMessage(QUERY)]}, thread, stream_mode="custom")
    )

    told = [one["left_out"] for one in given_events if "left_out" in one and "step" in one]
    assert len(told) == 3
    assert given_events[-1]["left_out"] == sum(told)
    answer = graph.get_state(thread).values["messages"][-1]
    assert answer.response_metadata["tpo"]["left_out"] == sum(told)
    steps = graph.get_state(thread).values["tpo"]["steps"]
    assert [one.get("left_out", 0) for one in steps].count(0) == 3


class Killed(BaseException):
    """What no failure policy catches."""


def test_a_run_killed_while_it_shortens_repeats_no_finished_call() -> None:
    window = Window()
    finished: list[str] = []

    def reply(step: str, messages: list[BaseMessage], number: int) -> str:
        said = window(step, messages, number)
        if step == "update" and finished.count("update") == 2 and "killed" not in finished:
            finished.append("killed")
            raise Killed
        finished.append(step)
        return said

    settings = TPOSettings(width=3, depth=1)
    graph = build_tpo_graph(ScriptedModel(reply=reply), last_number, settings=settings).compile(
        checkpointer=InMemorySaver()
    )
    one_by_one: Any = {"configurable": {"thread_id": "1"}, "max_concurrency": 1}
    with pytest.raises(Killed):
        graph.invoke({"messages": [HumanMessage(QUERY)]}, one_by_one)
    ended = graph.invoke(None, one_by_one)["tpo"]

    assert ended["stop_reason"] == "depth"
    assert finished.count("update") == 3
    assert len(ended["pool"]) == 6
    assert ended["steps"][-2]["left_out"] > 0


def test_nothing_is_shortened_where_everything_fits() -> None:
    model = Window(ENDLESS)
    result = tpo(model).optimize(QUERY)

    assert result.left_out == 0
    assert not any("left_out" in step for step in result.steps)
    assert not any(marks(messages) for messages in model.accepted)


def test_a_query_that_does_not_fit_is_the_models_own_error() -> None:
    model = Window(len(QUERY))
    result = tpo(model).optimize(QUERY)

    assert result.stop_reason == "error"
    assert result.failure == {
        "step": "textual_loss",
        "round": 1,
        "type": "ContextOverflowError",
        "message": "longer than 9000",
    }
    assert len(model.refused) == 1 + len(SHARES)
    assert result.usage["requests"] == 3 + len(model.refused)
    with pytest.raises(ContextOverflowError, match="longer than 9000"):
        tpo(Window(len(QUERY)), on_error="raise").optimize(QUERY)


def test_the_first_responses_are_asked_for_once() -> None:
    model = Window(10)
    with pytest.raises(ContextOverflowError):
        tpo(ScriptedModelWithN(reply=model)).optimize(QUERY)

    assert len(model.refused) == 1


def test_other_errors_shorten_nothing() -> None:
    model = Window(refusal=ValueError("Rate limit reached: 30000 tokens per minute"))
    result = tpo(model).optimize(QUERY)

    assert result.failure is not None
    assert result.failure["type"] == "ValueError"
    assert len(model.refused) == 1


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("door", ["optimize", "aoptimize"])
async def test_a_known_window_saves_the_refusals(door: str, own: bool) -> None:  # noqa: FBT001 a parameter
    counter = {"custom_get_token_ids": lambda text: list(range(len(text) // 3))} if own else {}
    window = Window(ENDLESS)
    model = ScriptedModel(reply=window, **counter)
    capped = {"max_tokens": 500}
    loop = tpo(model.with_retry(), context_tokens=3_600, textual_loss=capped, update=capped)

    result = await loop.aoptimize(QUERY) if door == "aoptimize" else loop.optimize(QUERY)

    assert result.left_out > 0
    assert result.usage["requests"] == result.usage["completions"] == len(window.accepted)
    assert len(model.notebook.calls) == len(window.accepted)
    for call in model.notebook.calls[3:]:
        cap = call.kwargs.get("max_tokens", 0)
        assert (cap == 0) == (call.step == "textual_gradient")
        assert cap == 0 or 256 <= cap <= 500
        assert count_tokens(model, call.messages) + cap <= 3_600
    assert (count_tokens(model, [HumanMessage("x" * 1_500)]) > 500) is own


def test_a_known_window_that_is_too_small_leaves_the_last_word_to_the_server() -> None:
    model = Window(ENDLESS)
    result = tpo(model, context_tokens=10).optimize(QUERY)

    assert result.stop_reason == "depth"
    assert all(marks(messages) for messages in model.accepted if step_of(messages) != "sample")


SAID = [
    "Error code: 400 - {'error': {'message': \"This model's maximum context length is 8192 tokens. "
    "However, your messages resulted in 8227 tokens.\", 'code': 'context_length_exceeded'}}",
    "Your input exceeds the context window of this model. Please adjust your input and try again.",
    "Requested token count exceeds the model's maximum context length of 202752 tokens.",
    "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
    "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    "request (4099 tokens) exceeds the available context size (2048 tokens), try increasing it",
    "{'code': 400, 'type': 'exceed_context_size_error', 'n_ctx': 2048}",
    "the input length exceeds the context length (status code: 400)",
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 1512. Given: 2000",
    "Input validation error: `inputs` must have less than 1024 tokens. Given: 1200",
    "prompt is too long: 213462 tokens > 200000 maximum",
    "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
    "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).",
    "ValidationException: Input is too long for requested model.",
    "Please reduce the length of the messages or completion.",
]


@pytest.mark.parametrize("message", SAID)
def test_what_servers_say_is_understood(message: str) -> None:
    assert is_too_long(ValueError(message))


@pytest.mark.parametrize("message", SAID[:2])
def test_whatever_servers_say_a_run_goes_on(message: str) -> None:
    model = Window(refusal=RuntimeError(message))
    assert tpo(model).optimize(QUERY).stop_reason == "depth"


@pytest.mark.parametrize(
    "message",
    [
        "Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 28000.",
        "Request too large for gpt-4o: Limit 30000, Requested 50000 tokens per minute.",
        "max_tokens is too large: 100000. This model supports at most 16384 completion tokens.",
        "Connection error.",
        "The server had an error while processing your request.",
        "content_filter",
    ],
)
def test_what_is_no_overflow_is_not_taken_for_one(message: str) -> None:
    assert not is_too_long(ValueError(message))


def test_recorded_answers_of_servers_are_understood() -> None:
    for name in ("vllm_recorded/lm_err_too_long.json", "written/tgi_error_validation.json"):
        assert is_too_long(ValueError(f"Error code: 400 - {answer(name)}"))


TEXTS = st.dictionaries(st.sampled_from("abcde"), st.text(max_size=2_000), max_size=5)


@given(TEXTS, st.sampled_from(SHARES))
def test_the_longest_texts_are_cut_first_and_in_the_middle(
    texts: dict[str, str], share: float
) -> None:
    kept, left_out = shorter(texts, share)

    counted = 0
    for name, text in texts.items():
        if kept[name] == text:
            continue
        (mark,) = [one for one in MARKED.finditer(kept[name]) if _joins(text, kept[name], one)][:1]
        counted += int(mark[1])
        assert len(kept[name]) < len(text)
        assert all(
            kept[longer] != texts[longer] for longer in texts if len(texts[longer]) > len(text)
        )
    assert counted == left_out
    room = share * sum(map(len, texts.values()))
    slack = 3 * len(MARK) * len(texts)  # of marks, and of cuts too small to be worth one
    assert sum(map(len, kept.values())) <= room + slack
    assert sum(map(len, texts.values())) - left_out > room - 1 - len(texts)  # and no more is cut


def _joins(text: str, kept: str, mark: re.Match[str]) -> bool:
    head, tail = kept[: mark.start()], kept[mark.end() :]
    same = text.startswith(head) and text.endswith(tail)
    return same and len(text) - len(head) - len(tail) == int(mark[1])


@given(st.dictionaries(st.sampled_from("abc"), st.text(max_size=300), max_size=3))
def test_all_of_it_is_all_of_it(texts: dict[str, str]) -> None:
    assert shorter(texts, 1.0) == (texts, 0)


def test_a_short_text_stays_whole_beside_a_long_one() -> None:
    texts = {"chosen": LONG, "rejected": "Burn it.", "advice": "Be kind." * 20}
    for share in SHARES:
        kept, _ = shorter(texts, share)
        assert (kept["rejected"], kept["advice"]) == (texts["rejected"], texts["advice"])
        assert len(kept["chosen"]) <= share * len(LONG) + 200


@pytest.mark.parametrize("share", SHARES)
def test_a_cut_through_hostile_text_keeps_the_frame(share: float) -> None:
    tags = TPO_PROMPTS.frame_tags
    whole = "\n".join(hostile_texts(tags))
    plain = TPO_PROMPTS.render("textual_loss", query="", chosen="", rejected="", remarks="")
    for end in range(len(whole) - 40, len(whole)):
        kept, _ = shorter({"chosen": whole[:end], "rejected": whole[end % 40 :]}, share)
        attacked = TPO_PROMPTS.render("textual_loss", query="", remarks="", **kept)
        for one, other in zip(attacked, plain, strict=True):
            assert frame_of(one.text, tags) == frame_of(other.text, tags)
