"""`max_concurrency` of a batch counts requests: places are all taken, and none twice."""

import asyncio
import contextvars
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableConfig, RunnableLambda, RunnableParallel
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import Field

from langchain_tpo import ChatTPO, RequestLimit, TPORunnable, TPOSettings
from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models import ScoreRequest
from langchain_tpo.sampling.request_limit import Places, aplace, place
from tests.support.fakes import ScriptedModel, last_number, obedient

QUESTIONS = [f"Question {number}?" for number in range(6)]


class Gauge:
    """Counts what is under way at once, and how often places stood empty."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.lock = threading.Lock()

    def __enter__(self) -> None:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.now -= 1


class Together(ScriptedModel):
    """Answers nobody before so many requests are in flight; after a minute it gives up waiting."""

    number: int
    until: float = Field(default_factory=lambda: time.monotonic() + 60)

    def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        with self._noted(messages, kwargs) as call:
            for _ in self._until_all_are_there():
                time.sleep(0.005)
            return self._result(call)

    async def _agenerate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        with self._noted(messages, kwargs) as call:
            for _ in self._until_all_are_there():
                await asyncio.sleep(0.005)
            return self._result(call)

    def _until_all_are_there(self) -> Iterator[None]:
        while self.notebook.most_in_flight < self.number and time.monotonic() < self.until:
            yield


@pytest.fixture(params=["batch", "abatch", "batch_as_completed", "abatch_as_completed"])
def door(request: pytest.FixtureRequest) -> Any:
    async def through(runs: Any, inputs: list[Any], config: Any) -> list[Any]:
        if request.param == "batch":
            return runs.batch(inputs, config)
        if request.param == "abatch":
            return await runs.abatch(inputs, config)
        if request.param == "batch_as_completed":
            done = dict(runs.batch_as_completed(inputs, config))
        else:
            done = {place: one async for place, one in runs.abatch_as_completed(inputs, config)}
        return [done[place] for place in range(len(inputs))]

    return through


def busy(**fields: Any) -> tuple[TPORunnable, ScriptedModel]:
    model = ScriptedModel(latency=0.01)
    return TPORunnable(model=model, reward=last_number, width=4, depth=1, **fields), model


async def test_a_batch_keeps_its_requests_within_max_concurrency(door: Any) -> None:
    tpo, model = busy()

    answers = await door(tpo, QUESTIONS, {"max_concurrency": 3})

    assert len(answers) == len(QUESTIONS)
    assert model.notebook.completions() == len(QUESTIONS) * tpo.settings.completions
    assert model.notebook.most_in_flight == 3


async def test_so_does_a_batch_of_a_chain() -> None:
    tpo, model = busy()
    chain = ChatPromptTemplate([("human", "{it}")]) | tpo | StrOutputParser()
    inputs = [{"it": question} for question in QUESTIONS]

    await chain.abatch(inputs, {"max_concurrency": 3})
    chain.batch(inputs, {"max_concurrency": 3})

    assert model.notebook.most_in_flight == 3


async def test_without_a_limit_all_queries_go_at_once(door: Any) -> None:
    model = Together(number=3 * 4)
    tpo = TPORunnable(model=model, reward=last_number, width=4, depth=1)

    await door(tpo, QUESTIONS[:3], None)

    assert model.notebook.most_in_flight == 3 * 4


async def test_all_places_are_taken_while_a_query_is_being_scored() -> None:
    asked = Gauge()
    scored: list[str] = []
    all_taken = asyncio.Event()

    async def scores(request: ScoreRequest) -> list[float]:
        scored.extend(request["responses"])
        async with asyncio.timeout(60):
            await all_taken.wait()
        return [1.0 for _ in request["responses"]]

    async def answer(messages: Any) -> str:
        with asked:
            if asked.now == 5:
                all_taken.set()
            if "First" not in str(messages):  # it is scored before the others are answered
                async with asyncio.timeout(60):
                    await all_taken.wait()
        return "An answer."

    reward = RunnableLambda(scores)
    tpo = TPORunnable(model=RunnableLambda(answer), reward=reward, width=1, depth=0)
    await tpo.abatch(["First?", *(f"{number}?" for number in range(11))], {"max_concurrency": 5})

    assert asked.most == 5
    assert len(scored) == 12


async def test_a_slow_query_holds_no_other_back() -> None:
    def reply(step: str, messages: list[Any], number: int) -> str:
        return obedient(step, messages, number)

    class SlowOnZero(ScriptedModel):
        async def _agenerate(self, messages: list[Any], *args: Any, **kwargs: Any) -> Any:
            if "Question 0?" in messages[-1].text:
                await asyncio.sleep(0.5)
            return await super()._agenerate(messages, *args, **kwargs)

    tpo = TPORunnable(model=SlowOnZero(reply=reply), reward=last_number, width=2, depth=0)
    order = [place async for place, _ in tpo.abatch_as_completed(QUESTIONS, {"max_concurrency": 4})]

    assert order[-1] == 0


async def test_the_reward_server_has_places_of_its_own() -> None:
    under_way = Gauge()

    async def send() -> None:
        async with aplace("reward"):
            with under_way:
                await asyncio.sleep(0.01)

    async def query() -> None:
        async with aplace("model"):
            await asyncio.gather(*(send() for _ in range(8)))

    with RequestLimit(2).shared():
        await asyncio.gather(send(), send(), send(), send())
    assert under_way.most == 2
    with RequestLimit(2).shared():
        await asyncio.wait_for(query(), 5)


async def test_a_model_that_is_a_loop_itself_waits_for_no_place_it_holds() -> None:
    inner = TPORunnable(model=ScriptedModel(), reward=last_number, width=2, depth=0)
    outer = TPORunnable(model=inner, reward=last_number, width=2, depth=0)

    answers = await asyncio.wait_for(outer.abatch(QUESTIONS[:2], {"max_concurrency": 1}), 20)

    assert len(answers) == 2


def test_a_place_is_given_back_when_its_request_fails() -> None:
    with RequestLimit(1).shared():
        for _ in range(3):
            with pytest.raises(ValueError, match="refused"), place("model"):
                raise ValueError("refused")


async def test_a_place_is_given_back_when_its_request_is_cancelled() -> None:
    async def hang() -> None:
        async with aplace("model"):
            await asyncio.sleep(60)

    with RequestLimit(1).shared():
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(hang(), 0.01)


def test_threads_wait_for_each_other_too() -> None:
    under_way = Gauge()
    pause = random.Random(1)  # noqa: S311 no secret

    def answer(_messages: Any) -> str:
        with under_way:
            time.sleep(0.005 + pause.random() / 200)
        return "An answer."

    settings = TPOSettings(width=4, depth=1)
    tpo = TPORunnable(model=RunnableLambda(answer), reward=lambda *_: 1.0, settings=settings)
    tpo.batch(QUESTIONS, {"max_concurrency": 3})

    assert under_way.most == 3


def test_threads_and_event_loops_share_one_count() -> None:
    under_way = Gauge()

    async def send() -> None:
        async with aplace("reward"):
            with under_way:
                await asyncio.sleep(0.01)

    async def several() -> None:
        await asyncio.gather(*(send() for _ in range(5)))

    def wait_here() -> None:
        with place("reward"), under_way:
            time.sleep(0.01)

    with RequestLimit(2).shared():
        contexts = [contextvars.copy_context() for _ in range(6)]
        work = [lambda: asyncio.run(several()), wait_here]
        threads = [
            threading.Thread(target=context.run, args=(work[number % 2],))
            for number, context in enumerate(contexts)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert under_way.most == 2
    assert not any(thread.is_alive() for thread in threads)


async def test_a_place_granted_to_one_who_has_given_up_goes_to_the_next() -> None:
    places = Places(1)

    async def wait() -> None:
        async with places.ataken():
            pass

    async with places.ataken():
        given_up, next_one = asyncio.create_task(wait()), asyncio.create_task(wait())
        await asyncio.sleep(0)
    given_up.cancel()  # granted by now, and not yet told
    with pytest.raises(asyncio.CancelledError):
        await given_up
    await asyncio.wait_for(next_one, 5)
    await asyncio.wait_for(wait(), 5)


def graph_of(answer: Any) -> Any:
    builder = StateGraph(MessagesState).add_node("answer", answer)
    return builder.add_edge(START, "answer").compile()


def asking(question: str) -> dict[str, Any]:
    return {"messages": [("user", question)]}


@pytest.mark.parametrize("kind", ["graph", "chat model in a graph", "links side by side"])
async def test_one_limit_counts_what_no_config_counts_together(kind: str, door: Any) -> None:
    tpo, model = busy()
    chat = ChatTPO(model=model, reward=last_number, width=4, depth=1)
    runs: Any = {
        "graph": graph_of(tpo.as_node()),
        "chat model in a graph": graph_of(
            lambda state: {"messages": [chat.invoke(state["messages"])]}
        ),
        "links side by side": RunnableParallel(one=tpo, other=chat),
    }[kind]
    asked = QUESTIONS[:3] if kind.startswith("links") else list(map(asking, QUESTIONS[:3]))

    with RequestLimit(3).shared():
        await door(runs, asked, None)

    assert model.notebook.most_in_flight == 3
    model.notebook.most_in_flight = 0
    await door(runs, asked, None)
    assert model.notebook.most_in_flight > 3, "it ends with its block"


@pytest.mark.parametrize(("inner", "outer", "most"), [(2, 3, 2), (4, 3, 3)])
async def test_a_batch_inside_a_limit_keeps_to_both(inner: int, outer: int, most: int) -> None:
    tpo, model = busy()
    with RequestLimit(outer).shared():
        await tpo.abatch(QUESTIONS, {"max_concurrency": inner})
    assert model.notebook.most_in_flight == most


async def test_batches_in_the_nodes_of_a_graph_keep_to_the_graphs_limit() -> None:
    tpo, model = busy()

    async def answers(_state: MessagesState, config: RunnableConfig) -> dict[str, Any]:
        return {"messages": await tpo.abatch(QUESTIONS[:3], config)}

    builder = StateGraph(MessagesState)
    for name in ("one", "other"):
        builder.add_node(name, answers).add_edge(START, name)
    await builder.compile().ainvoke(asking("Wood?"), {"max_concurrency": 3})

    assert model.notebook.most_in_flight == 3


def test_a_limit_has_places() -> None:
    with pytest.raises(SettingsError, match="at least 1, or nothing is sent, got 0"):
        RequestLimit(0)
