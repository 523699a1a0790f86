"""Several links side by side in one node of a checkpointed graph: each resumes its own run."""

import asyncio
import random
from collections import Counter
from typing import Any, TypedDict

import pytest
from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, RetryPolicy

from langchain_tpo import ChatTPO, TPORunnable, TPOSettings
from langchain_tpo.reward_models.human.human import HumanReward

THREAD: Any = {"configurable": {"thread_id": "1"}}
QUESTIONS = ["question A", "question B", "question C"]


class Asked(TypedDict):
    questions: list[str]
    answers: list[str]


class Echo:
    """Answers about the question that it is asked, after a while, and fails once where told."""

    def __init__(self, *, fails: str = "") -> None:
        self.calls: Counter[tuple[str, str, int]] = Counter()
        self._fails = fails

    async def __call__(self, messages: list[BaseMessage], config: RunnableConfig) -> str:
        about = next(q for q in QUESTIONS if q in str([m.content for m in messages]))
        labels = config["metadata"]
        step = labels["tpo_step"]
        await asyncio.sleep(random.random() / 100)  # noqa: S311 no secret
        if step == self._fails:
            self._fails = ""
            await asyncio.sleep(0.05)  # the others have got somewhere
            raise ConnectionError("down")
        self.calls[about, f"{step} {labels['tpo_round']}", labels["tpo_candidate"]] += 1
        text = f"{about}, {step} {labels['tpo_candidate']}"
        return f"<IMPROVED_VARIABLE>{text}</IMPROVED_VARIABLE>" if step == "update" else text


def only_async(_messages: object) -> str:
    raise NotImplementedError


def around(link: Runnable[Any, Any], **options: Any) -> Any:
    """Ask all questions at once in one node, each after a pause of its own."""

    async def retrieve(question: str) -> str:
        await asyncio.sleep(random.random() / 50)  # noqa: S311 as above
        return question

    chain: Any = RunnableLambda(only_async, retrieve) | link

    async def node(state: Asked) -> dict[str, Any]:
        answers = await asyncio.gather(
            *(chain.ainvoke(question) for question in state["questions"]), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return {"answers": [answer.text for answer in answers]}  # type: ignore[union-attr]

    builder = StateGraph(Asked).add_node("ask", node, **options)
    return builder.add_edge(START, "ask").compile(checkpointer=InMemorySaver())


def model_of(echo: Echo) -> Any:
    return RunnableLambda(only_async, echo)


def spelled(_prompt: str, response: str) -> float:
    return float(sum(map(ord, response)))


@pytest.mark.parametrize("make", [TPORunnable, ChatTPO], ids=["TPORunnable", "ChatTPO"])
@pytest.mark.parametrize("way", ["resume", "retry"])
async def test_an_error_leaves_every_answer_with_its_question(make: Any, way: str) -> None:
    echo = Echo(fails="textual_gradient")
    settings = TPOSettings(width=2, depth=1, on_error="raise")
    options: dict[str, Any] = {"retry_policy": RetryPolicy(initial_interval=0.01)}
    link = make(model=model_of(echo), reward=spelled, settings=settings)
    graph = around(link, **(options if way == "retry" else {}))

    if way == "resume":
        with pytest.raises(ConnectionError):
            await graph.ainvoke({"questions": QUESTIONS}, THREAD)
    state = await graph.ainvoke({"questions": QUESTIONS} if way == "retry" else None, THREAD)

    assert [answer.split(",")[0] for answer in state["answers"]] == QUESTIONS
    assert len(echo.calls) == 3 * (2 + 1 + 1 + 2)
    assert set(echo.calls.values()) == {1}, "no finished call is made again"


async def test_a_person_judges_each_question_and_the_answers_stay_in_place() -> None:
    link = TPORunnable(model=model_of(Echo()), reward=HumanReward(mode="pick"), width=2, depth=0)
    graph = around(link)
    state = await graph.ainvoke({"questions": QUESTIONS}, THREAD)

    for _ in range(6):
        if "__interrupt__" not in state:
            break
        picks = {asked.id: 2 for asked in state["__interrupt__"]}
        state = await graph.ainvoke(Command(resume=picks), THREAD)

    assert state["answers"] == [f"{question}, sample 1" for question in QUESTIONS]


async def test_equal_questions_keep_runs_of_their_own() -> None:
    echo = Echo(fails="textual_loss")
    settings = TPOSettings(width=2, depth=1, on_error="raise")
    graph = around(TPORunnable(model=model_of(echo), reward=spelled, settings=settings))
    same = {"questions": ["question A"] * 3}
    with pytest.raises(ConnectionError):
        await graph.ainvoke(same, THREAD)

    state = await graph.ainvoke(None, THREAD)

    assert len(state["answers"]) == 3
    assert set(echo.calls.values()) == {3}, "three runs, none of them made again"


async def test_links_with_other_settings_do_not_share_a_run() -> None:
    echo = Echo()
    model = model_of(echo)
    links = [
        TPORunnable(model=model, reward=spelled, width=width, depth=0).with_config(run_name="x")
        for width in (1, 3)
    ]

    async def node(state: Asked) -> dict[str, Any]:
        answers = await asyncio.gather(*(link.ainvoke(state["questions"][0]) for link in links))
        counts = [str(one.response_metadata["tpo"]["candidates"]) for one in answers]
        if not state.get("answers"):
            raise ConnectionError(counts)
        return {"answers": counts}

    builder = StateGraph(Asked).add_node("ask", node).add_edge(START, "ask")
    graph: Any = builder.compile(checkpointer=InMemorySaver())
    with pytest.raises(ConnectionError):
        await graph.ainvoke({"questions": ["question A"]}, THREAD)
    before = echo.calls.total()
    links.reverse()
    with pytest.raises(ConnectionError, match=r"\['3', '1'\]"):
        await graph.ainvoke(None, THREAD)

    assert echo.calls.total() == before == 4


def test_sync_links_in_threads_resume_their_own_runs() -> None:
    outage = ["textual_loss"]
    calls: Counter[str] = Counter()

    def answer(messages: list[BaseMessage], config: RunnableConfig) -> str:
        about = next(q for q in QUESTIONS if q in str([m.content for m in messages]))
        step = config["metadata"]["tpo_step"]
        if step in outage:
            outage.remove(step)
            raise ConnectionError("down")
        calls[f"{about} {step} {config['metadata']['tpo_candidate']}"] += 1
        text = f"{about}, {config['metadata']['tpo_candidate']}"
        return f"<IMPROVED_VARIABLE>{text}</IMPROVED_VARIABLE>" if step == "update" else text

    settings = TPOSettings(width=2, depth=1, on_error="raise")
    tpo = TPORunnable(model=RunnableLambda(answer), reward=spelled, settings=settings)

    def node(state: Asked) -> dict[str, Any]:
        asked = list(state["questions"])
        random.shuffle(asked)
        answers = tpo.batch(asked, return_exceptions=True)
        for one in answers:
            if isinstance(one, Exception):
                raise one
        by_question = dict(zip(asked, answers, strict=True))
        return {"answers": [by_question[question].text for question in state["questions"]]}

    builder = StateGraph(Asked).add_node("ask", node).add_edge(START, "ask")
    graph: Any = builder.compile(checkpointer=InMemorySaver())
    with pytest.raises(ConnectionError):
        graph.invoke({"questions": QUESTIONS}, THREAD)

    state = graph.invoke(None, THREAD)

    assert [answer.split(",")[0] for answer in state["answers"]] == QUESTIONS
    assert max(calls.values()) == 1


async def test_streams_of_the_graph_around_see_the_steps_and_nothing_else() -> None:
    link = TPORunnable(model=model_of(Echo()), reward=spelled, width=2, depth=0)
    stream = around(link).astream(
        {"questions": ["question A"]}, THREAD, stream_mode="updates", subgraphs=True
    )

    updates = [(len(namespace), name) async for namespace, data in stream for name in data]

    assert [name for _, name in updates if name != "model_call"] == ["sample", "reward", "ask"]
