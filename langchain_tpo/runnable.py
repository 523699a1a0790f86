"""`TPORunnable`: the loop as a link of any chain."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, Self

from langchain_core.messages import AIMessage
from langchain_core.runnables import (
    Runnable,
    RunnableConfig,
    RunnableGenerator,
    RunnableLambda,
)
from langchain_core.runnables.graph import Graph
from langgraph.graph.state import CompiledStateGraph
from pydantic import ConfigDict, Field, PrivateAttr

from langchain_tpo.graph import loop_graph
from langchain_tpo.loop.answer_streams import StreamsAnswers
from langchain_tpo.loop.call_arguments import (
    check_link_arguments,
    refuse_format,
    refuse_tools,
    with_arguments,
)
from langchain_tpo.loop.links import ANY_DEPTH, ended, roomy
from langchain_tpo.loop.parts import LoopParts
from langchain_tpo.loop.progress import RoundWatch
from langchain_tpo.loop.run_input import TPORunnableInput, as_tpo_input, messages_in_state
from langchain_tpo.loop.run_state import fingerprint
from langchain_tpo.loop.slots import (
    ainvoke_in_slot,
    astream_in_slot,
    invoke_in_slot,
    stream_in_slot,
)
from langchain_tpo.result import TPOResult, TPORound
from langchain_tpo.reward_models.coercion import RewardLike
from langchain_tpo.sampling.call_config import check_config
from langchain_tpo.sampling.capabilities import Learned
from langchain_tpo.sampling.inner_calls import PER_CALL
from langchain_tpo.sampling.run_limit import run_limit
from langchain_tpo.sampling.whole_replies import WholeReplies
from langchain_tpo.sampling.wrappers import ChatModel
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import TPOInput, TPOStep, TPOThread

GRAPHS = ("graph", "link_graph")
"""What is built at first use, and belongs to the fields that it was built from."""


class TPORunnable(LoopParts, StreamsAnswers):
    """Answers like the model it wraps, after optimizing the answer at test time.

    A link for any chain: it takes what a chat model takes and gives an `AIMessage`, the response
    with the highest reward of the run. `usage_metadata` sums over every inner call, critic and
    judges included, and is None when a provider leaves a part of it unknown;
    `response_metadata["tpo"]` holds the run's figures.

    Raises:
        ConfigurationError: At construction, in one line, when something cannot work.

    Example:
        >>> from langchain_core.output_parsers import StrOutputParser
        >>> from langchain_core.prompts import ChatPromptTemplate
        >>> from langchain_core.runnables import RunnableLambda
        >>> model = RunnableLambda(lambda messages: "Dust it, then oil it.")
        >>> def reward(prompt: str, response: str) -> float:
        ...     return -len(response)
        >>> prompt = ChatPromptTemplate([("human", "How do I care for {thing}?")])
        >>> tpo = TPORunnable(model=model, reward=reward, width=2, depth=1)
        >>> (prompt | tpo | StrOutputParser()).invoke({"thing": "a wooden table"})
        'Dust it, then oil it.'
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True
    )

    name: str | None = "tpo"
    """How traces call it."""
    whole_replies: bool | WholeReplies = Field(default=False, repr=False)
    """Whether replies compete that call the tools bound to the policy: the candidates are whole
    replies then, and a reward function may ask for `tool_calls`, or for a `response: AIMessage`.
    Without it a reply that calls tools is dropped and counted."""

    if TYPE_CHECKING:  # what the validators take is more than what the fields hold

        def __init__(  # noqa: PLR0913 one for each field
            self,
            *,
            model: ChatModel | Sequence[ChatModel],
            reward: RewardLike,
            critic: ChatModel | None = None,
            settings: TPOSettings | None = None,
            width: int | None = None,
            depth: int | None = None,
            whole_replies: bool | WholeReplies = False,
            name: str | None = "tpo",
        ) -> None: ...

    _learned: Learned = PrivateAttr(default_factory=Learned)
    """Once for all runs and all copies."""

    @property
    def learned(self) -> Learned:
        """What the models have taught of what they cannot take."""
        return self._learned

    @cached_property
    def graph(self) -> CompiledStateGraph[TPOThread, TPOSettings, TPOInput, TPOThread]:
        """The compiled loop, without a checkpointer of its own.

        For one, compile `build_tpo_graph(...)` yourself.
        """
        return self._compiled(in_link=False)

    @cached_property
    def link_graph(self) -> CompiledStateGraph[TPOThread, TPOSettings, TPOInput, TPOThread]:
        """The loop as it runs inside a link.

        The link gives the answer: if the loop added it to the conversation as well, streams with
        `subgraphs=True` would show it twice.
        """
        return self._compiled(in_link=True)

    def as_node(self, *, name: str | None = None) -> Runnable[TPOInput, TPOStep]:
        """Return the loop as a node for a graph of your own whose state has `messages`.

        The outer graph's checkpointer keeps its steps, and `get_subgraphs()` and Studio see
        inside. It adds the answer, and is deep enough wherever the outer graph runs.

        Args:
            name: Whose message the answer is, as with agents of a supervisor: its `name`.

        Example:
            >>> from langchain_core.runnables import RunnableLambda
            >>> from langgraph.graph import START, MessagesState, StateGraph
            >>> model = RunnableLambda(lambda messages: "Oil it twice a year.")
            >>> tpo = TPORunnable(model=model, reward=lambda prompt, response: 1.0, depth=0)
            >>> builder = StateGraph(MessagesState).add_node("tpo", tpo.as_node())
            >>> graph = builder.add_edge(START, "tpo").compile()
            >>> graph.invoke({"messages": [("human", "Wood?")]})["messages"][-1].text
            'Oil it twice a year.'
        """
        graph = self.link_graph  # LangGraph looks for subgraphs among what a function closes over

        def answer(state: TPOInput, config: RunnableConfig) -> TPOStep:
            asked = TPOInput(messages=messages_in_state(state))
            with run_limit(config):
                output = graph.invoke(asked, roomy(config, threads=self.threads))
            return _answered(output, name)

        async def aanswer(state: TPOInput, config: RunnableConfig) -> TPOStep:
            asked = TPOInput(messages=messages_in_state(state))
            with run_limit(config):
                output = await graph.ainvoke(asked, roomy(config))
            return _answered(output, name)

        return RunnableLambda(answer, aanswer, name=self.get_name())

    def invoke(
        self,
        input: TPORunnableInput,
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Return the best response of a run as a message.

        Args:
            input: A string, a prompt value, messages, or a dict with `messages` and `drafts`.
            config: As for any Runnable; `max_concurrency` bounds the requests of a run.
            kwargs: Arguments of the model's call, such as `stop`, for draws and revisions; as
                `bind(stop=...)` sets them.

        Raises:
            ConversationError: When there is nothing to answer.
            RunError: When no answer could be found.
            Exception: What the model's provider raised, when the first round fails.
        """
        check_config(config)
        if kwargs:
            return self._called_with(kwargs).invoke(input, config)
        link = RunnableLambda(self._message, self._amessage, name=self.get_name())
        return link.invoke(input, config)

    async def ainvoke(
        self,
        input: TPORunnableInput,
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Return the best response of a run as a message, as `invoke` does."""
        check_config(config)
        if kwargs:
            return await self._called_with(kwargs).ainvoke(input, config)
        link = RunnableLambda(self._message, self._amessage, name=self.get_name())
        return await link.ainvoke(input, config)

    def optimize(
        self,
        input: TPORunnableInput,
        config: RunnableConfig | None = None,
    ) -> TPOResult:
        """Return everything a run found out: the pool, every loss and gradient, what it cost.

        Args:
            input: As for `invoke`.
            config: As for `invoke`.

        Raises:
            Exception: As `invoke` does.
        """
        check_config(config)
        link = RunnableLambda(self._run, self._arun, name=self.get_name())
        return link.invoke(input, config)

    async def aoptimize(
        self,
        input: TPORunnableInput,
        config: RunnableConfig | None = None,
    ) -> TPOResult:
        """Return everything a run found out, as `optimize` does."""
        check_config(config)
        link = RunnableLambda(self._run, self._arun, name=self.get_name())
        return await link.ainvoke(input, config)

    def stream_rounds(
        self,
        input: TPORunnableInput,
        config: RunnableConfig | None = None,
    ) -> Iterator[TPORound | TPOResult]:
        """Return every round as soon as it is scored, and the result of the run at last.

        Round 0 is best-of-N: its answer can be shown at once and replaced by what follows.

        Args:
            input: As for `invoke`.
            config: As for `invoke`.

        Raises:
            Exception: As `invoke` does.

        Example:
            >>> from langchain_core.runnables import RunnableLambda
            >>> model = RunnableLambda(lambda messages: "Dust it, then oil it.")
            >>> tpo = TPORunnable(model=model, reward=lambda prompt, response: 1.0, depth=0)
            >>> first, result = tpo.stream_rounds("How do I care for a wooden table?")
            >>> first.answer, first.event["rewards"], result.stop_reason
            ('Dust it, then oil it.', [1.0, 1.0, 1.0, 1.0, 1.0], 'depth')
        """
        check_config(config)
        return self._round_link.stream(input, config)

    def astream_rounds(
        self,
        input: TPORunnableInput,
        config: RunnableConfig | None = None,
    ) -> AsyncIterator[TPORound | TPOResult]:
        """Return every round as soon as it is scored, as `stream_rounds` does."""
        check_config(config)
        return self._round_link.astream(input, config)

    def get_graph(self, config: RunnableConfig | None = None, *, xray: int | bool = False) -> Graph:
        """Return the link as a graph to draw; with `xray`, the five steps inside it."""
        return self.link_graph.get_graph(config) if xray else super().get_graph(config)

    def bind_tools(self, *_tools: object, **_options: object) -> NoReturn:
        """Raise a `SettingsError` that says how tools reach the loop."""
        refuse_tools()

    def with_structured_output(self, *_schema: object, **_options: object) -> NoReturn:
        """Raise a `SettingsError` that says how a format of the answer reaches the loop."""
        refuse_format()

    def __repr__(self) -> str:
        """Say in one line what is optimized, by which reward, and how much."""
        critic = "" if self.critic is None else f", critic={self.critic.get_name()}"
        return (
            f"{type(self).__name__}(model={self.model.get_name()}, "
            f"reward={self.reward.get_name()}{critic}, width={self.settings.width}, "
            f"depth={self.settings.depth}, strategy={self.settings.strategy.spec})"
        )

    __str__ = __repr__

    @property
    def form(self) -> WholeReplies | None:
        """How whole replies are read; None where only words count."""
        return WholeReplies() if self.whole_replies is True else self.whole_replies or None

    @property
    def threads(self) -> int:
        """How many threads a sync run takes: LangGraph's five on two cores are too few for N."""
        return self.settings.width + 1

    def fingerprint(self) -> str:
        """Tells this link from others that are asked the same in one node of a graph.

        Two that differ in nothing but the code of a model or a reward want a `name` each.
        """
        return fingerprint(self.name, self.model.get_name(), self.reward.get_name(), self.settings)

    def _compiled(
        self, *, in_link: bool
    ) -> CompiledStateGraph[TPOThread, TPOSettings, TPOInput, TPOThread]:
        graph = loop_graph(self, self._learned, self.form, in_link=in_link)
        return graph.compile(name="tpo_graph")

    def _run(self, value: TPORunnableInput, config: RunnableConfig) -> TPOResult:
        inner = roomy(config, supersteps=self._supersteps(config), threads=self.threads)
        with run_limit(config):
            output = invoke_in_slot(
                self.link_graph, as_tpo_input(value), inner, who=self.fingerprint
            )
        return TPOResult.from_state(ended(output)["tpo"])

    async def _arun(self, value: TPORunnableInput, config: RunnableConfig) -> TPOResult:
        inner = roomy(config, supersteps=self._supersteps(config))
        asked = as_tpo_input(value)
        with run_limit(config):
            output = await ainvoke_in_slot(self.link_graph, asked, inner, who=self.fingerprint)
        return TPOResult.from_state(ended(output)["tpo"])

    @property
    def _round_link(self) -> Runnable[TPORunnableInput, TPORound | TPOResult]:
        rounds: Any = self._rounds  # takes a config too, which LangChain's types leave out
        arounds: Any = self._arounds
        return RunnableGenerator(rounds, arounds, name=self.get_name())

    def _rounds(
        self, values: Iterator[TPORunnableInput], config: RunnableConfig
    ) -> Iterator[TPORound | TPOResult]:
        inner = roomy(config, supersteps=self._supersteps(config), threads=self.threads)
        for value in values:
            asked, watch = as_tpo_input(value), RoundWatch()
            for thread in stream_in_slot(self.link_graph, asked, inner, who=self.fingerprint):
                yield from watch.scored(thread)
            yield TPOResult.from_state(ended(watch.thread)["tpo"])

    async def _arounds(
        self, values: AsyncIterator[TPORunnableInput], config: RunnableConfig
    ) -> AsyncIterator[TPORound | TPOResult]:
        inner = roomy(config, supersteps=self._supersteps(config))
        async for value in values:
            asked, watch = as_tpo_input(value), RoundWatch()
            threads = astream_in_slot(self.link_graph, asked, inner, who=self.fingerprint)
            async with aclosing(threads):  # whoever stops listening cancels what is on its way
                async for thread in threads:
                    for scored in watch.scored(thread):
                        yield scored
            yield TPOResult.from_state(ended(watch.thread)["tpo"])

    def _called_with(self, arguments: dict[str, Any]) -> Self:
        check_link_arguments(arguments)
        settings = with_arguments(self.settings, arguments)
        return self.model_copy(update={"settings": settings})

    def _supersteps(self, config: RunnableConfig) -> int:
        own = PER_CALL in config.get("configurable", {})
        return ANY_DEPTH if own else self.settings.recursion_limit

    def _message(self, value: TPORunnableInput, config: RunnableConfig) -> AIMessage:
        return self._run(value, config).message()

    async def _amessage(self, value: TPORunnableInput, config: RunnableConfig) -> AIMessage:
        return (await self._arun(value, config)).message()

    def __copy__(self) -> Self:
        """Copy without the graph, which belongs to the fields it was built from."""
        clone = super().__copy__()
        for name in GRAPHS:
            clone.__dict__.pop(name, None)
        return clone

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Copy deeply without the graph, whose inner markers must stay the objects they are."""
        return super(TPORunnable, copy(self)).__deepcopy__(memo)

    def __getstate__(self) -> dict[Any, Any]:
        """Pickle without the graph: it is built again at first use."""
        state = super().__getstate__()
        own = {key: value for key, value in state["__dict__"].items() if key not in GRAPHS}
        return {**state, "__dict__": own}


def _answered(output: Mapping[str, Any], name: str | None) -> TPOStep:
    answer = TPOResult.from_state(ended(output)["tpo"]).message()
    return {"messages": [answer.model_copy(update={"name": name}) if name else answer]}
