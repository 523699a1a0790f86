"""Any Python function as a reward model."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, cast

from langchain_core.runnables import RunnableConfig, RunnableSerializable, run_in_executor
from langchain_core.runnables.utils import gather_with_concurrency
from pydantic import ConfigDict, field_validator

from langchain_tpo.constructors import OneTypedLine
from langchain_tpo.errors import RewardTypeError
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.text.conversation import conversation_text


class FunctionReward(OneTypedLine, RunnableSerializable[ScoreRequest, list[Score]]):
    """Scores each response with a function `(prompt, response) -> float`.

    The prompt is the conversation as text. An async function is awaited for all responses of a
    round at once, as many as `max_concurrency` allows, and needs an async run. Whatever the
    function raises passes through.

    Raises:
        RewardTypeError: When the function does not take a prompt and a response.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> reward = FunctionReward(function=lambda prompt, response: response.count("oil"))
        >>> reward.invoke({"messages": [HumanMessage("Wood?")], "responses": ["oil", "wax"]})
        [1, 0]
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    function: Callable[[str, str], Score | Awaitable[Score]]
    """What scores one response."""

    def __init__(
        self, function: Callable[[str, str], Score | Awaitable[Score]], *, name: str | None = None
    ) -> None:
        """Check the function; it is not called.

        Args:
            function: What scores one response.
            name: How traces call it; the function's own name when None.
        """
        options: dict[str, Any] = {"function": function, "name": name}
        super().__init__(**options)

    @field_validator("function")
    @classmethod
    def _takes_prompt_and_response(cls, function: Any) -> Any:  # noqa: ANN401 any callable
        try:
            inspect.signature(function).bind("prompt", "response")
        except TypeError:
            raise RewardTypeError(
                f"`reward` function must take `(prompt, response)`, got "
                f"`{getattr(function, '__name__', function)}{inspect.signature(function)}`."
            ) from None
        except ValueError:  # a builtin without a signature: the first call will tell
            pass
        return function

    def get_name(self, suffix: str | None = None, *, name: str | None = None) -> str:
        """Return the function's own name, by which traces show it."""
        return super().get_name(suffix, name=name or self.name or self._label)

    def invoke(
        self, input: ScoreRequest, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Score]:
        """Score the responses one after the other."""
        del config, kwargs
        if self._is_async:
            raise RewardTypeError(
                f"`reward` function `{self._label}` is async: call `ainvoke`, not `invoke`."
            )
        prompt = conversation_text(input["messages"])
        return [cast("Score", self.function(prompt, response)) for response in input["responses"]]

    async def ainvoke(
        self, input: ScoreRequest, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Score]:
        """Score without blocking the event loop: a plain function runs in a thread."""
        if not self._is_async:
            return await run_in_executor(config, self.invoke, input, config, **kwargs)
        prompt = conversation_text(input["messages"])
        scores = [
            cast("Awaitable[Score]", self.function(prompt, response))
            for response in input["responses"]
        ]
        limit = (config or {}).get("max_concurrency")
        return list(await gather_with_concurrency(limit, *map(_as_coroutine, scores)))

    @property
    def _is_async(self) -> bool:
        call = getattr(self.function, "__call__", None)  # noqa: B004 objects with an async `__call__`
        return inspect.iscoroutinefunction(self.function) or inspect.iscoroutinefunction(call)

    @property
    def _label(self) -> str:
        name = getattr(self.function, "__name__", type(self.function).__name__)
        return type(self).__name__ if name == "<lambda>" else name


async def _as_coroutine(awaitable: Awaitable[Score]) -> Score:
    return await awaitable
