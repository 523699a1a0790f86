"""`TPOMiddleware`: the loop inside `create_agent`, on the agent's final answer (extra `agents`).

Knows LangChain's agents; every call of the model goes through the agent's own handler, so that the
middleware around it (retries, fallbacks, caching) takes part.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, NotRequired, TypeAlias

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.channels import LastValue
from langgraph.types import Command
from pydantic import ConfigDict

from langchain_tpo.agents.options import check_choice, check_function
from langchain_tpo.chat_models.first_reply import Answer, FirstReply, ReplyMessages
from langchain_tpo.constructors import names_checked
from langchain_tpo.errors import MissingExtraError, SettingsError
from langchain_tpo.reward_models.base import check_context
from langchain_tpo.reward_models.coercion import RewardLike
from langchain_tpo.runnable import TPORunnable
from langchain_tpo.sampling.asked_through import AskedThrough
from langchain_tpo.sampling.asking import asked
from langchain_tpo.sampling.foreign_code import contained
from langchain_tpo.sampling.quiet import may_be_cached
from langchain_tpo.sampling.wrappers import ChatModel
from langchain_tpo.settings import TPOSettings
from langchain_tpo.text.shown import shown

try:
    from langchain.agents.middleware import (
        AgentMiddleware,
        AgentState,
        ExtendedModelResponse,
        ModelRequest,
        ModelResponse,
    )
    from langchain.agents.middleware.internal_call_transformer import InternalCallTransformer
except ImportError:
    raise MissingExtraError("langchain", "agents") from None

from langchain_tpo.agents.calls import (
    AsyncCalls,
    AsyncHandler,
    Handler,
    Request,
    SyncCalls,
    conversation,
    quieted,
)
from langchain_tpo.agents.structured_answers import agent_replies, read_anew

ShouldOptimize: TypeAlias = Callable[[ModelRequest[Any], AIMessage], bool]
"""Says of a reply that could be optimized whether it is."""

SettingsOf: TypeAlias = Callable[[ModelRequest[Any]], TPOSettings]
"""Settings that depend on what the agent asks."""

NAMES = ("model_name", "model_provider")
"""What an optimized answer keeps of the reply's `response_metadata`: the rest belongs to a text
that may not be the answer."""


class LastWritten(LastValue[Any]):
    """What was written last; agents that run side by side may write it in one superstep.

    `AnyValue` would take their writes too, and forget the value one superstep later.
    """

    def update(self, values: Sequence[Any]) -> bool:
        """Keep the last of what is written in a superstep."""
        return super().update(values[-1:])


class TPOAgentState(AgentState[Any]):
    """What the middleware adds to the agent's state with its first optimized answer."""

    tpo_rewards: NotRequired[Annotated[list[float | None], LastWritten]]
    """The reward of every candidate for the last optimized answer, in order of arrival. Where
    agents run side by side and hand this key to the same graph, it is that of one of them."""
    tpo: NotRequired[Annotated[dict[str, Any], LastWritten]]
    """The figures of the run that gave that answer, as in `response_metadata["tpo"]`."""


class _AgentLoop(TPORunnable):
    """The loop around an agent's model."""

    model_config = ConfigDict(title="TPOMiddleware")  # what errors call it


_LOOP: type[TPORunnable] = _AgentLoop  # whose types say what its validators take


class TPOMiddleware(AgentMiddleware[TPOAgentState, Any, Any]):
    """Optimizes the final answers of an agent; steps that call tools stay as they are.

    The model replies first. A reply that calls a tool is passed on. A final answer, in words or
    structured, competes with N more, drawn with the same tools at hand, and the loop goes on from
    there. Structured answers are validated: one that does not fit its schema loses to any that
    does, and the critic is told why it does not.

    With `optimize="tool_calls"` replies that call tools compete too: whole replies are drawn,
    scored by a reward that may ask for their `tool_calls`, and revised.

    Nothing but the answer reaches the token stream, and steps that call tools reach it whole, since
    nobody knows beforehand.

    Raises:
        ConfigurationError: At construction, in one line, when something cannot work.

    Example:
        >>> from langchain.agents import create_agent
        >>> from langchain_core.language_models import FakeListChatModel
        >>> model = FakeListChatModel(responses=["Dust it, then oil it."])
        >>> tpo = TPOMiddleware(reward=lambda prompt, response: len(response), width=2, depth=1)
        >>> agent = create_agent(model, middleware=[tpo])
        >>> state = agent.invoke({"messages": [("human", "How do I care for a wooden table?")]})
        >>> state["messages"][-1].text, state["tpo_rewards"]
        ('Dust it, then oil it.', [21.0, 21.0, 21.0])
    """

    state_schema = TPOAgentState
    transformers = (InternalCallTransformer,)

    @names_checked
    def __init__(
        self,
        *,
        reward: RewardLike,
        critic: ChatModel | None = None,
        settings: TPOSettings | SettingsOf | None = None,
        width: int | None = None,
        depth: int | None = None,
        optimize: Literal["answers", "tool_calls"] = "answers",
        should_optimize: ShouldOptimize | None = None,
    ) -> None:
        """Check the options.

        Args:
            reward: What scores answers: a reward model, or a function
                `(prompt, response) -> float`.
            critic: Writes loss and gradient; the agent's model when None, as in the paper.
            settings: Everything else about the loop, or a function that returns it for the
                agent's request: for whom it works, in which state.
            width: N, for short: wins over `settings.width`.
            depth: D, for short: wins over `settings.depth`.
            optimize: What competes: final answers, or replies that call tools as well.
            should_optimize: A function `(request, reply) -> bool`, asked of each reply that could
                be optimized; one for which it returns False is passed on as it is.
        """
        super().__init__()
        check_choice("optimize", optimize, ("answers", "tool_calls"))
        check_function("should_optimize", should_optimize, "request", "reply")
        self._optimize = optimize
        self._should_optimize = should_optimize
        self._settings = settings if callable(settings) else None
        short = {"width": width, "depth": depth}
        self._short = {name: value for name, value in short.items() if value is not None}
        check_function("settings", self._settings, "request")
        self._pattern = _LOOP(
            model=RunnableLambda(_no_model),  # every call brings its own
            reward=reward,
            critic=critic,
            settings=None if callable(settings) else settings,
            width=width,
            depth=depth,
        )
        check_context(self._pattern.reward, {})  # an agent has none

    def wrap_model_call(self, request: Request, handler: Handler) -> ExtendedModelResponse[Any]:
        """Reply, and optimize the reply if it is final.

        Args:
            request: What the agent asks its model.
            handler: Asks it.
        """
        calls = SyncCalls(quieted(request), self._wanted, self._whole(request), handler)
        around = self._around(calls, request)
        return _response(around.run(conversation(request), RunnableConfig()), request)

    async def awrap_model_call(
        self, request: Request, handler: AsyncHandler
    ) -> ExtendedModelResponse[Any]:
        """Reply, and optimize the reply if it is final, without blocking the event loop.

        Args:
            request: What the agent asks its model.
            handler: Asks it.
        """
        calls = AsyncCalls(quieted(request), self._wanted, self._whole(request), handler)
        around = self._around(calls, request)
        return _response(await around.arun(conversation(request), RunnableConfig()), request)

    def _around(self, calls: SyncCalls | AsyncCalls, request: Request) -> FirstReply:
        model, bound = calls.request.model, request.model_settings
        loop = self._pattern.model_copy(
            update={
                "model": AskedThrough(model, calls.draw, bound=bound),
                "settings": self._settings_for(request),
                "whole_replies": calls.whole and agent_replies(request.response_format),
            }
        )

        def competes(reply: ReplyMessages) -> bool:
            if not self._wanted(reply):
                return False
            ask = self._should_optimize
            with contained("`should_optimize`"):
                return ask is None or bool(ask(request, reply.message))

        if cached := may_be_cached(request.model):
            model = quieted(request, cache=True).model
        first = AskedThrough(model, calls.first, name="tpo:first_reply")
        return FirstReply(asked(first, loop.learned, {}, cache=cached), loop, competes)

    def _whole(self, request: Request) -> bool:
        return self._optimize == "tool_calls" or request.response_format is not None

    def _wanted(self, reply: ReplyMessages) -> bool:
        calls = reply.message.tool_calls or reply.message.invalid_tool_calls
        if calls and not reply.is_structured:
            return self._optimize == "tool_calls"
        return reply.is_structured or reply.is_in_words

    def _settings_for(self, request: Request) -> TPOSettings:
        if self._settings is None:
            return self._pattern.settings
        with contained("The `settings` function"):
            settings = self._settings(request)
        if not isinstance(settings, TPOSettings):
            raise SettingsError(
                f"`settings` must return a TPOSettings, got {type(settings).__name__} "
                f"`{shown(settings)}`."
            )
        return settings.with_changes(**self._short)


def _response(answer: Answer, request: Request) -> ExtendedModelResponse[Any]:
    """Return the reply as it was, or the answer and what it earned, as agents take it."""
    reply, result = answer.reply, answer.result
    if result is None:
        read = read_anew(reply, request.response_format)
        response = ModelResponse(result=list(reply.messages), structured_response=read)
        return ExtendedModelResponse(model_response=response)
    best = ReplyMessages.of(answer.message())
    said_by = {key: value for key, value in reply.message.response_metadata.items() if key in NAMES}
    message = best.message.model_copy(
        update={
            "name": reply.message.name,
            "response_metadata": {**said_by, **best.message.response_metadata},
        }
    )
    response = ModelResponse(
        result=[message, *best.messages[1:]],
        structured_response=read_anew(best, request.response_format),
    )
    found = {
        "tpo_rewards": [candidate["reward"] for candidate in result.pool],
        "tpo": result.summary(),
    }
    return ExtendedModelResponse(model_response=response, command=Command(update=found))


def _no_model(_messages: object) -> str:
    raise NotImplementedError
