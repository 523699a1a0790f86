"""What checks a response for itself, in the same way each time, and says what failed."""

import os
from abc import abstractmethod
from functools import partial
from typing import Any

from langchain_core.runnables import RunnableConfig, RunnableSerializable, run_in_executor
from langchain_core.runnables.config import get_executor_for_config, merge_configs
from pydantic import ConfigDict

from langchain_tpo.constructors import OneTypedLine
from langchain_tpo.reward_models.interface import Score, ScoreRequest


class Verifier(OneTypedLine, RunnableSerializable[ScoreRequest, list[Score]]):
    """A reward from 0 to 1 that needs no judgement; subclasses write `check`.

    Each different text is checked once, as many side by side as there are processors.

    Example:
        >>> class Shouts(Verifier):
        ...     def check(self, request, response):
        ...         return {"reward": float(response.isupper()), "rationale": "In capitals?"}
        >>> Shouts().invoke({"messages": [], "responses": ["HEY"]})
        [{'reward': 1.0, 'rationale': 'In capitals?'}]
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    @property
    def maximum(self) -> float:
        """The reward of a response with which nothing is wrong."""
        return 1.0

    @property
    def explains(self) -> bool:
        """Whether scores come with words for the textual loss."""
        return True

    @abstractmethod
    def check(self, request: ScoreRequest, response: str) -> Score:
        """Score one response."""

    def prepare(self, request: ScoreRequest) -> None:
        """Refuse a request that lacks what is checked against; by default nothing is needed."""

    def check_question(self, request: ScoreRequest) -> None:
        """Refuse a question before anything is drawn, as `prepare` does before scoring.

        Args:
            request: The question, without responses.

        Raises:
            RewardTypeError: When there is nothing to check against.
        """
        self.prepare(request)

    def invoke(
        self, input: ScoreRequest, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Score]:
        """Check the responses."""
        return self._call_with_config(partial(self._score, config), input, config, **kwargs)

    async def ainvoke(
        self, input: ScoreRequest, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Score]:
        """Check the responses without blocking the event loop."""
        return await run_in_executor(config, self.invoke, input, config, **kwargs)

    def _score(self, config: RunnableConfig | None, request: ScoreRequest) -> list[Score]:
        texts = list(dict.fromkeys(request["responses"]))
        if not texts:
            return []
        self.prepare(request)
        wide = merge_configs({"max_concurrency": os.cpu_count() or 1}, config)
        with get_executor_for_config(wide) as executor:
            scores = dict(
                zip(texts, executor.map(partial(self.check, request), texts), strict=True)
            )
        return [scores[text] for text in request["responses"]]
