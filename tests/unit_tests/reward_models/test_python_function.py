"""A function's arguments are bound by name, or refused in one line."""

import asyncio
import functools
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableLambda
from langgraph.errors import GraphInterrupt

from langchain_tpo import TPORunnable
from langchain_tpo.errors import RewardError, RewardOutputError, RewardTypeError
from langchain_tpo.reward_models import Ensemble, FunctionReward
from langchain_tpo.reward_models.base import copied
from langchain_tpo.reward_models.coercion import as_reward_model
from langchain_tpo.reward_models.interface import ScoreRequest

REQUEST: ScoreRequest = {
    "messages": [HumanMessage("6 x 7?")],
    "responses": ["It is 42.", "48"],
    "context": {"answer": "42", "keywords": ["is", "it"]},
}


def seen_by(function: Callable[..., Any]) -> Any:
    """Return what a function that returns its arguments was given for the first response."""
    seen: list[Any] = []

    def record(given: Any) -> float:
        seen.append(given)
        return 1.0

    FunctionReward(function(record)).invoke({**REQUEST, "responses": ["It is 42."]})
    return seen[0]


@pytest.mark.parametrize(
    ("function", "given"),
    [
        (lambda see: lambda prompt, response: see((prompt, response)), ("6 x 7?", "It is 42.")),
        (lambda see: lambda response, prompt: see((prompt, response)), ("6 x 7?", "It is 42.")),
        (lambda see: lambda completion, prompt: see((prompt, completion)), ("6 x 7?", "It is 42.")),
        (lambda see: lambda completion, answer: see((completion, answer)), ("It is 42.", "42")),
        (lambda see: lambda answer: see((answer,)), ("It is 42.",)),
        (lambda see: lambda question, answer: see((question, answer)), ("6 x 7?", "It is 42.")),
        (lambda see: lambda output, expected: see((output, expected)), ("It is 42.", "42")),
        (lambda see: lambda p, r: see((p, r)), ("6 x 7?", "It is 42.")),
        (lambda see: lambda p, response: see((p, response)), ("6 x 7?", "It is 42.")),
        (lambda see: lambda user_msg, bot: see((user_msg, bot)), ("6 x 7?", "It is 42.")),
        (lambda see: lambda x, y: see((x, y)), ("6 x 7?", "It is 42.")),
        (
            lambda see: lambda solution_str, ground_truth: see((solution_str, ground_truth)),
            ("It is 42.", "42"),
        ),
        (lambda see: lambda _, response: see((_, response)), ("6 x 7?", "It is 42.")),
        (lambda see: lambda _prompt, text: see((_prompt, text)), ("6 x 7?", "It is 42.")),
        (
            lambda see: lambda response, keywords: see((response, keywords)),
            ("It is 42.", ["is", "it"]),
        ),
        (lambda see: lambda *both: see(both), ("6 x 7?", "It is 42.")),
        (
            lambda see: (
                lambda *, inputs, outputs, reference_outputs: see(
                    (inputs, outputs, reference_outputs)
                )
            ),
            ("6 x 7?", "It is 42.", "42"),
        ),
        (
            lambda see: lambda response, limit=3, reference=None: see((response, limit, reference)),
            ("It is 42.", 3, "42"),
        ),
        (
            lambda see: lambda outputs, **others: see((outputs, others)),
            ("It is 42.", {"answer": "42", "keywords": ["is", "it"]}),
        ),
    ],
)
def test_arguments_are_bound_by_name(function: Callable[..., Any], given: object) -> None:
    assert seen_by(function) == given


def test_only_keywords_get_everything() -> None:
    assert seen_by(lambda see: lambda **all_of_it: see(all_of_it)) == {
        "prompt": "6 x 7?",
        "response": "It is 42.",
        "answer": "42",
        "keywords": ["is", "it"],
    }


def test_what_is_annotated_as_a_dict_gets_one() -> None:
    seen: list[Any] = []

    def evaluator(inputs: dict[str, str], outputs: dict[str, str]) -> dict[str, Any]:
        seen.append((inputs, outputs))
        return {"key": "right", "score": True, "comment": "As asked."}

    scores = FunctionReward(evaluator).invoke({**REQUEST, "responses": ["42"]})

    assert seen == [({"input": "6 x 7?"}, {"output": "42"})]
    assert scores == [{"reward": 1.0, "rationale": "As asked."}]


@pytest.mark.parametrize(
    ("function", "line"),
    [
        (lambda model_answer, user_question: 1.0, "the wrong way round"),
        (lambda run, example: 1.0, "the wrong way round"),
        (lambda summary, document: 1.0, "the wrong way round"),
        (lambda translation, src: 1.0, "the wrong way round"),
        (lambda pred, text: 1.0, "the wrong way round"),
        (lambda assistant_msg, user_msg: 1.0, "the wrong way round"),
        (lambda essay, topic: 1.0, "the wrong way round"),
        (lambda y, x: 1.0, "the wrong way round"),
        (lambda text, keywords: 1.0, "`context={'keywords': ...}`"),
        (lambda text, max_words: 1.0, "`context={'max_words': ...}`"),
        (lambda chosen, rejected: 1.0, "two responses"),
        (lambda text_1, text_2: 1.0, "two responses"),
        (lambda hyp, ref: 1.0, "against a reference"),
        (lambda hypothesis, refs: 1.0, "against a reference"),
        (lambda pred, gold: 1.0, "against a reference"),
        (lambda y_true, y_pred: 1.0, "against a reference"),
        (lambda gt, text: 1.0, "against a reference"),
        (lambda text, label: 1.0, "against a reference"),
        (lambda text, correct_text: 1.0, "against a reference"),
        (lambda response, completion: 1.0, "takes both `response` and `completion`"),
        (lambda responses, output: 1.0, "takes both `responses` and `output`"),
        (lambda text: 1.0, "call the argument for the response `response`"),
        (lambda prompt, reference: 1.0, "call the argument for the response `response`"),
        (lambda one, two, three: 1.0, "call the argument for the response `response`"),
        (lambda: 1.0, "call the argument for the response `response`"),
    ],
)
def test_what_could_be_swapped_is_refused(function: Callable[..., float], line: str) -> None:
    with pytest.raises(RewardTypeError, match=line) as refusal:
        FunctionReward(function)

    assert "\n" not in str(refusal.value)


def test_a_field_that_the_context_lacks_is_named() -> None:
    reward = FunctionReward(lambda response, source: 1.0)

    reward.check_context({"source": "s"})
    with pytest.raises(RewardTypeError, match=r"`source`.*the context has no fields"):
        reward.check_context({})
    with pytest.raises(RewardTypeError, match=r"`source`.*context=.*\['answer', 'keywords'\]"):
        reward.invoke(REQUEST)


def test_a_batch_function_is_called_once_for_a_round() -> None:
    calls: list[Any] = []

    def trained_with(
        prompts: list[str], completions: list[str], answer: list[str], **columns: Any
    ) -> list[float | None]:
        calls.append((prompts, completions, answer, columns))
        return [float(right in text) for text, right in zip(completions, answer, strict=True)]

    request: ScoreRequest = {**REQUEST, "responses": ["It is 42.", "48", "It is 42."]}

    assert FunctionReward(trained_with).invoke(request) == [1.0, 0.0, 1.0]
    assert calls == [
        (
            ["6 x 7?"] * 2,
            ["It is 42.", "48"],
            ["42", "42"],
            {"keywords": [["is", "it"], ["is", "it"]]},
        )
    ]


def test_a_batch_function_of_conversations_gets_conversations() -> None:
    def lengths(
        completions: list[list[dict[str, str]]], prompts: list[list[dict[str, str]]]
    ) -> Any:
        return [
            len(turns[0]["content"]) + len(asked[0]["content"])
            for turns, asked in zip(completions, prompts, strict=True)
        ]

    assert FunctionReward(lengths).invoke(REQUEST) == [15, 8]


async def test_an_async_batch_function_is_awaited_once() -> None:
    async def lengths(completions: list[str], **columns: Any) -> list[float]:
        await asyncio.sleep(0)
        return [float(len(text) + len(columns["prompts"])) for text in completions]

    assert await FunctionReward(lengths).ainvoke(REQUEST) == [11.0, 4.0]


def test_a_batch_function_with_too_few_scores_is_refused() -> None:
    with pytest.raises(RewardOutputError, match="1 scores for 2 responses"):
        FunctionReward(lambda completions: [1.0]).invoke(REQUEST)


def test_an_annotation_says_that_messages_are_wanted() -> None:
    def kinds(prompt: list[BaseMessage], response: BaseMessage) -> float:
        assert [type(one) for one in (*prompt, response)] == [HumanMessage, AIMessage]
        return float(len(response.text))

    assert FunctionReward(kinds).invoke(REQUEST) == [9.0, 2.0]


async def test_a_function_may_return_what_has_to_be_awaited() -> None:
    async def length(prompt: str, response: str) -> float:
        await asyncio.sleep(0)
        if response == "48":
            raise ValueError
        return float(len(prompt) + len(response))

    @functools.wraps(length)
    def logged(*args: Any, **kwargs: Any) -> Any:
        return length(*args, **kwargs)

    class Client:
        def __call__(self, prompt: str, response: str) -> Any:
            return length(prompt, response)

    for function in (logged, Client()):
        reward = FunctionReward(function)
        assert await reward.ainvoke(REQUEST) == [15.0, None]
        with pytest.raises(RewardTypeError, match="ainvoke"):
            reward.invoke(REQUEST)


def test_messages_are_copies() -> None:
    def greedy(messages: list[BaseMessage], response: str, keywords: list[str]) -> float:
        messages[0].content = "changed"
        messages.append(AIMessage(response))
        keywords.append(response)
        return float(len(messages) + len(keywords))

    assert FunctionReward(greedy).invoke(REQUEST) == [5.0, 5.0]
    assert REQUEST["messages"] == [HumanMessage("6 x 7?")]
    assert REQUEST["context"] == {"answer": "42", "keywords": ["is", "it"]}


def test_functions_of_a_round_run_side_by_side() -> None:
    both_are_here = threading.Barrier(2, timeout=5)

    def waits_for_the_other(prompt: str, response: str) -> float:
        both_are_here.wait()
        return float(len(prompt) + len(response))

    assert FunctionReward(waits_for_the_other).invoke(REQUEST) == [15.0, 8.0]


async def test_functions_of_a_round_run_side_by_side_in_async_runs() -> None:
    both_are_here = threading.Barrier(2, timeout=5)

    def waits_for_the_other(prompt: str, response: str) -> float:
        both_are_here.wait()
        return float(len(prompt) + len(response))

    assert await FunctionReward(waits_for_the_other).ainvoke(REQUEST) == [15.0, 8.0]


def test_max_concurrency_holds() -> None:
    at_work, most = 0, 0

    def counts(response: str) -> float:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        threading.Event().wait(0.01)
        at_work -= 1
        return float(len(response))

    FunctionReward(counts).invoke({**REQUEST, "responses": list("abcdef")}, {"max_concurrency": 1})

    assert most == 1


def fails_for_48(response: str) -> float:
    """Score what is not 48."""
    if response == "48":
        raise ZeroDivisionError(response)
    return 1.0


async def fails_for_48_later(response: str) -> float:
    """Score what is not 48, awaited."""
    return fails_for_48(response)


@pytest.mark.parametrize("function", [fails_for_48, fails_for_48_later])
async def test_one_failure_does_not_lose_the_other_scores(
    function: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert await FunctionReward(function).ainvoke(REQUEST) == [1.0, None]

    assert [record.message for record in caplog.records] == [
        f"reward function `{function.__name__}` raised for 1 of 2 responses, which are not scored "
        "(ZeroDivisionError)"
    ]


def test_when_all_fail_the_first_error_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        FunctionReward(fails_for_48).invoke({**REQUEST, "responses": ["48", "48"]})


def test_a_reward_cannot_end_the_process() -> None:
    def leaves(response: str) -> float:
        raise SystemExit(len(response))

    with pytest.raises(RewardError, match=r"raised `SystemExit\(2\)`"):
        FunctionReward(leaves).invoke({**REQUEST, "responses": ["48"]})


def test_a_pause_inside_of_a_function_passes_through() -> None:
    def pauses(response: str) -> float:
        if response == "48":
            raise GraphInterrupt
        return 1.0

    with pytest.raises(GraphInterrupt):
        FunctionReward(pauses).invoke(REQUEST)


async def test_a_reward_that_sorts_its_list_changes_no_score_of_a_run() -> None:
    def sorts(request: ScoreRequest) -> list[float]:
        request["responses"].sort(key=len)
        return [float(len(text)) for text in request["responses"]]

    both = Ensemble({"sorts": RunnableLambda(sorts), "shouts": lambda response: response.isupper()})
    tpo = TPORunnable(model=RunnableLambda(lambda _: "MMMM"), reward=both, width=2, depth=0)
    result = await tpo.aoptimize({"messages": "q", "drafts": ["zzz", "a"]})

    given = {one["text"]: one["reward"] for one in result.pool}
    assert given == {"zzz": 1.5, "a": 0.5, "MMMM": 2.5}


def test_a_reward_may_sort_what_it_gets() -> None:
    asked = copied({**REQUEST, "pool": [{"text": "x", "reward": 1.0, "round": 0}]})
    asked["responses"].sort()
    asked["messages"].clear()
    asked["pool"][0]["reward"] = 2.0

    assert REQUEST["responses"] == ["It is 42.", "48"]
    assert len(REQUEST["messages"]) == 1


@pytest.mark.parametrize(
    ("function", "name"),
    [(lambda x, k: float(x == k), "k"), (lambda level, text: float(level == text), "level")],
)
def test_a_field_of_the_context_is_not_taken_for_prompt_or_response(
    function: Any, name: str
) -> None:
    request = {**REQUEST, "responses": ["42"], "context": {name: 3}}
    with pytest.raises(RewardTypeError, match=f"`{name}`, which is a field of the context too"):
        FunctionReward(function).invoke(request)


def test_scores_in_no_order_are_refused() -> None:
    reward = FunctionReward(lambda prompts, completions: {1.0, 2.0})
    with pytest.raises(RewardOutputError, match="expected a list"):
        reward.invoke({**REQUEST, "responses": ["42", "43"]})


class Module:
    """A model of tensors, as torch makes them: `__call__` takes anything, `forward` says what."""

    def __call__(self, *args: Any, **kwargs: Any) -> float:
        return self.forward(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def forward(self, input_ids: Any, attention_mask: Any = None) -> float:
        return float(input_ids.sum() + attention_mask)


class ModuleOfTexts(Module):
    """A model that takes texts."""

    def forward(self, prompt: Any, response: Any = "") -> float:
        return float(len(response) - len(prompt))


def test_a_model_of_tensors_is_refused_and_one_of_texts_scores() -> None:
    with pytest.raises(RewardTypeError, match=r"got `Module\(input_ids.*`SequenceClassifier"):
        as_reward_model(Module())
    scores = as_reward_model(ModuleOfTexts()).invoke({**REQUEST, "responses": ["42", "4"]})
    assert scores[0] == scores[1] + 1  # type: ignore[operator]  # floats here


class Lazy:
    """An object that fails, or answers, wherever it is looked at."""

    def __init__(self, answer: Callable[[str], object]) -> None:
        self.answer = answer

    def __getattr__(self, name: str) -> object:
        if name == "answer":
            raise AttributeError(name)
        return self.answer(name)


class CalledLazy(Lazy):
    """Such an object that can be called."""

    def __call__(self, prompt: str, response: str) -> float:
        return float(len(response) > len(prompt))


def not_loaded(name: str) -> object:
    raise RuntimeError(f"`{name}` is not loaded")


@pytest.mark.parametrize("answer", [not_loaded, lambda _: Lazy(not_loaded)])
@pytest.mark.parametrize("kind", [Lazy, CalledLazy])
def test_what_fails_or_answers_anything_where_it_is_looked_at_is_refused_in_one_line(
    kind: type[Lazy], answer: Callable[[str], object]
) -> None:
    with pytest.raises(RewardTypeError, match=r"^`reward` [^\n]*function `\(prompt, response\)"):
        as_reward_model(kind(answer))  # type: ignore[arg-type]  # what is tested


def test_an_object_that_hands_on_to_another_scores_as_it_says() -> None:
    scores = as_reward_model(CalledLazy(lambda name: getattr("text", name))).invoke(
        {**REQUEST, "responses": ["4", "a much longer answer than the question was"]}
    )
    assert scores == [0.0, 1.0]


def test_a_class_is_no_reward() -> None:
    class Brevity:
        def __init__(self, prompt: str, response: str) -> None: ...

    with pytest.raises(RewardTypeError, match=r"hand an instance of it over, `Brevity\(...\)`"):
        as_reward_model(Brevity)  # type: ignore[arg-type]
