"""`TPOMiddleware`: the loop inside `create_agent`, on the agent's final answer (extra `agents`).

Knows LangChain's agents; every call of the model goes through the agent's own handler, so that the
middleware around it (retries, fallbacks, caching) takes part.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, SystemMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.channels import AnyValue
from langgraph.types import Command

from langchain_tpo.chat_models.first_reply import Answer, FirstReply, Reply
from langchain_tpo.errors import MissingExtraError
from langchain_tpo.reward_models.coercion import RewardLike, as_reward_model
from langchain_tpo.runnable import TPORunnable
from langchain_tpo.sampling.capabilities import Asking
from langchain_tpo.sampling.quiet import quiet
from langchain_tpo.sampling.wrappers import ChatModel, without_tools
from langchain_tpo.settings import TPOSettings
from langchain_tpo.strategies import FRESH

try:
    from langchain.agents.middleware import (
        AgentMiddleware,
        AgentState,
        ExtendedModelResponse,
        ModelRequest,
        ModelResponse,
    )
    from langchain.agents.middleware.internal_call_transformer import (
        InternalCallTransformer,
        internal_call_metadata,
    )
except ImportError:
    raise MissingExtraError("langchain", "agents") from None

NAMES = ("model_name", "model_provider")
"""What an optimized answer keeps of the reply's `response_metadata`: the rest belongs to a text
that may not be the answer."""


class TPOAgentState(AgentState[Any]):
    """What the middleware adds to the agent's state."""

    tpo_rewards: NotRequired[Annotated[list[float | None], AnyValue]]
    """The reward of every candidate for the last optimized answer, in order of arrival. Where
    agents run side by side and hand this key to the same graph, it is that of one of them."""
    tpo: NotRequired[Annotated[dict[str, Any], AnyValue]]
    """The figures of the run that gave the last answer, as in `response_metadata["tpo"]`."""


Request = ModelRequest[Any]
Handler = Callable[[Request], ModelResponse[Any]]
AsyncHandler = Callable[[Request], Awaitable[ModelResponse[Any]]]


class TPOMiddleware(AgentMiddleware[TPOAgentState, Any, Any]):
    """Optimizes the final answers of an agent; steps that call tools stay as they are.

    The model replies first. When it calls a tool or gives a structured response, that is passed
    on. When it answers in words, the reply competes with N more responses, drawn with the same
    tools at hand, and the loop goes on without tools. Nothing but the answer reaches the token
    stream, and steps that call tools reach it whole, since nobody knows beforehand.

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

    def __init__(
        self,
        *,
        reward: RewardLike,
        critic: ChatModel | None = None,
        settings: TPOSettings | None = None,
        width: int | None = None,
        depth: int | None = None,
    ) -> None:
        """Check the options.

        Args:
            reward: What scores answers: a reward model, or a function
                `(prompt, response) -> float`.
            critic: Writes loss and gradient; the agent's model when None, as in the paper.
            settings: Everything else about the loop.
            width: N, for short: wins over `settings.width`.
            depth: D, for short: wins over `settings.depth`.
        """
        super().__init__()
        self._pattern = TPORunnable(
            model=RunnableLambda(_no_model),  # every call brings its own
            reward=as_reward_model(reward),
            critic=critic,
            settings=settings or TPOSettings(),
            width=width,
            depth=depth,
        )

    def wrap_model_call(self, request: Request, handler: Handler) -> ExtendedModelResponse[Any]:
        """Reply, and optimize the reply if it is final.

        Args:
            request: What the agent asks its model.
            handler: Asks it.
        """
        calls = _SyncCalls(_quiet(request), handler)
        return _response(self._around(calls).run(_conversation(request), RunnableConfig()))

    async def awrap_model_call(
        self, request: Request, handler: AsyncHandler
    ) -> ExtendedModelResponse[Any]:
        """Reply, and optimize the reply if it is final, without blocking the event loop.

        Args:
            request: What the agent asks its model.
            handler: Asks it.
        """
        calls = _AsyncCalls(_quiet(request), handler)
        answer = await self._around(calls).arun(_conversation(request), RunnableConfig())
        return _response(answer)

    def _around(self, calls: "_SyncCalls | _AsyncCalls") -> FirstReply:
        policy = RunnableLambda(calls.draw, name="model")
        loop = self._pattern.model_copy(update={"model": policy})
        return FirstReply(RunnableLambda(calls.first, name="model"), loop)


@dataclass(frozen=True)
class _Calls:
    """The agent's own request, as the loop makes it."""

    request: Request

    def asked(
        self, messages: Sequence[AnyMessage], config: RunnableConfig, options: dict[str, Any]
    ) -> Request:
        """Draw responses with the tools at hand; all other steps have prompts of their own."""
        asking = Asking(model=self.request.model, messages=messages, options=options)
        model, others = asking.placed()
        sampled = {**self.request.model_settings, **others}
        labels = config.get("metadata", {})
        if labels.get("tpo_step") == "sample" or labels.get("tpo_form") == FRESH:
            return self.request.override(model=model, model_settings=sampled)
        system, rest = _split(messages)
        return self.request.override(
            model=model,
            messages=rest,
            system_message=system,
            tools=[],
            tool_choice=None,
            response_format=None,
            model_settings=without_tools(sampled),
        )


@dataclass(frozen=True)
class _SyncCalls(_Calls):
    """Through the agent's handler."""

    handler: Handler

    def first(self, _messages: Sequence[BaseMessage]) -> Reply:
        return _as_reply(self.handler(self.request))

    def draw(
        self, messages: Sequence[AnyMessage], config: RunnableConfig, **options: Any
    ) -> AIMessage:
        return _as_reply(self.handler(self.asked(messages, config, options))).message


@dataclass(frozen=True)
class _AsyncCalls(_Calls):
    """Through the agent's async handler."""

    handler: AsyncHandler

    async def first(self, _messages: Sequence[BaseMessage]) -> Reply:
        return _as_reply(await self.handler(self.request))

    async def draw(
        self, messages: Sequence[AnyMessage], config: RunnableConfig, **options: Any
    ) -> AIMessage:
        return _as_reply(await self.handler(self.asked(messages, config, options))).message


def _quiet(request: Request) -> Request:
    """Ask a copy of the model whose calls are known as internal: they stay out of every stream."""
    metadata = {**(request.model.metadata or {}), **internal_call_metadata()}
    model = quiet(request.model.model_copy(update={"metadata": metadata}), cache=False)
    return request.override(model=cast("BaseChatModel", model))


def _conversation(request: Request) -> list[BaseMessage]:
    system = [] if request.system_message is None else [request.system_message]
    return [*system, *request.messages]


def _split(messages: Sequence[AnyMessage]) -> tuple[SystemMessage | None, list[AnyMessage]]:
    if messages and isinstance(messages[0], SystemMessage):
        return messages[0], list(messages[1:])
    return None, list(messages)


def _as_reply(response: ModelResponse[Any]) -> Reply:
    return Reply(messages=response.result, structured_response=response.structured_response)


def _response(answer: Answer) -> ExtendedModelResponse[Any]:
    """Return the agent the reply as it was, or the answer and what it earned."""
    reply, result = answer.reply, answer.result
    if result is None:
        untouched = ModelResponse(
            result=list(reply.messages), structured_response=reply.structured_response
        )
        return ExtendedModelResponse(model_response=untouched)
    message = answer.message()
    said_by = {key: value for key, value in reply.message.response_metadata.items() if key in NAMES}
    message = message.model_copy(
        update={
            "name": reply.message.name,
            "id": None,  # streams have seen the inner message and would pass over its id
            "response_metadata": {**said_by, **message.response_metadata},
        }
    )
    found = {
        "tpo_rewards": [candidate["reward"] for candidate in result.pool],
        "tpo": result.summary(),
    }
    return ExtendedModelResponse(
        model_response=ModelResponse(result=[message]), command=Command(update=found)
    )


def _no_model(_messages: object) -> str:
    raise NotImplementedError
