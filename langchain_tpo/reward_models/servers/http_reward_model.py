"""What all reward models behind an HTTP server share: settings, batching, what a failure means.

Knows the contract of reward models and how a flow is carried out. Does not know any server's
routes: a subclass says which calls to make and how to read the answers, once for sync and async.
"""

import logging
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, TypeVar

from langchain_core.callbacks import (
    AsyncCallbackManagerForChainRun,
    CallbackManagerForChainRun,
)
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from pydantic import ConfigDict, Field, SecretStr, model_validator

from langchain_tpo.constructors import OneTypedLine
from langchain_tpo.errors import RewardServerError
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.reward_models.servers.http_calls import RewardServer, check_way
from langchain_tpo.reward_models.servers.http_transport import Flow, arun, run

logger = logging.getLogger(__name__)

T = TypeVar("T")


class HttpRewardModel(OneTypedLine, RunnableSerializable[ScoreRequest, list[Score]]):
    """A reward model behind one HTTP server; immutable, and checked when it is built.

    A subclass writes `scoring`. It is asked for distinct responses only: equal texts are scored
    once, an empty batch not at all. `config["max_concurrency"]` bounds the requests in flight.
    A pickle leaves keys, headers and query out: `model_copy(update={"api_key": SecretStr(...)})`
    gives them again. Connections are kept open over rounds and runs.

    Raises:
        SettingsError: In one line, when an option cannot work.

    Example:
        >>> class LengthServer(HttpRewardModel):
        ...     def scoring(self, request):
        ...         outcomes = yield [self.server.post("/length", t) for t in request["responses"]]
        ...         return read_scores(outcomes, float)
        >>> LengthServer("http://rm:8080", timeout=5).invoke({"messages": [], "responses": []})
        []
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True
    )

    url: str = Field(kw_only=False)  # by place too, also to type checkers
    """Where the server is, such as `http://rm:8080`."""
    api_key: SecretStr | None = None
    """Sent as a bearer token; shown nowhere."""
    headers: Mapping[str, SecretStr] = Field(default_factory=dict)
    """Sent with every request and shown nowhere, such as `{"api-key": "..."}` for Azure."""
    query: Mapping[str, SecretStr] = Field(default_factory=dict)
    """Behind the `?` of every URL and shown nowhere, such as `{"api-version": "..."}` for Azure."""
    timeout: float = 60.0
    """Seconds for one attempt, from connecting to the answer's last byte."""
    max_retries: int = 3
    """Repetitions after HTTP 424, 429 or 5xx, a broken connection or a timeout."""
    max_response_bytes: int = 8 * 2**20
    """Longest answer that is read; all that are in flight may hold eight times as much."""

    def __init__(self, url: str, **options: Any) -> None:
        """Describe the server; nothing is sent yet.

        Args:
            url: Where it is, such as `http://rm:8080`.
            options: Any other field, by name.
        """
        super().__init__(**{"url": url, **options})

    @model_validator(mode="after")
    def _server_can_be_reached(self) -> Self:
        check_way(self.server)
        return self

    def __getstate__(self) -> dict[Any, Any]:
        """Pickle without keys: a pickle is read by whoever finds it."""
        state = super().__getstate__()
        kept = {
            name: None if isinstance(value, SecretStr) else value
            for name, value in state["__dict__"].items()
        }
        return {**state, "__dict__": {**kept, "headers": {}, "query": {}}}

    @property
    def server(self) -> RewardServer:
        """The server with its limits, from which calls are made."""
        return self.server_at(self.url, self.api_key, headers=self.headers, query=self.query)

    def server_at(self, url: str, api_key: SecretStr | None, **options: Any) -> RewardServer:
        """Return a server with this one's limits.

        Args:
            url: Where it is.
            api_key: Its own key.
            options: Any other field of `RewardServer`, by name.
        """
        return RewardServer(
            url=url,
            api_key=api_key,
            timeout=self.timeout,
            max_retries=self.max_retries,
            max_response_bytes=self.max_response_bytes,
            **options,
        )

    @abstractmethod
    def scoring(self, request: ScoreRequest) -> Flow[Sequence[Score]]:
        """Score a batch: yield the calls to make, read their outcomes, return one score each.

        Args:
            request: The conversation, and at least one response; no response comes twice.
        """

    def invoke(
        self,
        input: ScoreRequest,
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> list[Score]:
        """Score all responses of a request.

        Args:
            input: The conversation and the responses to it.
            config: `max_concurrency` bounds the requests in flight.
            kwargs: None are known.

        Raises:
            RewardServerError: Not one response could be scored; one line says why.
        """
        return self._call_with_config(self._score, input, config, **kwargs)

    async def ainvoke(
        self,
        input: ScoreRequest,
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> list[Score]:
        """As `invoke`, without blocking the event loop."""
        return await self._acall_with_config(self._ascore, input, config, **kwargs)

    def _score(
        self,
        request: ScoreRequest,
        run_manager: CallbackManagerForChainRun,  # noqa: ARG002 core passes it
        config: RunnableConfig,
    ) -> list[Score]:
        if not request["responses"]:
            return []
        flow = self.scoring(_distinct(request))
        return _spread(request, run(flow, max_concurrency=config.get("max_concurrency")))

    async def _ascore(
        self,
        request: ScoreRequest,
        run_manager: AsyncCallbackManagerForChainRun,  # noqa: ARG002 core passes it
        config: RunnableConfig,
    ) -> list[Score]:
        if not request["responses"]:
            return []
        flow = self.scoring(_distinct(request))
        return _spread(request, await arun(flow, max_concurrency=config.get("max_concurrency")))


def read_scores(
    outcomes: Sequence[T | RewardServerError], read: Callable[[T], Score]
) -> list[Score]:
    """Turn each outcome into a score; a failed one becomes None, "not scored".

    Args:
        outcomes: What came of the call for each response, read or not.
        read: Gives the score in it, or raises `RewardServerError`.

    Raises:
        RewardServerError: Not one outcome holds a score; names server and cause of the first.

    Example:
        >>> read_scores([{"score": 1.5}, RewardServerError("busy")], lambda a: a["score"])
        [1.5, None]
        >>> read_scores([RewardServerError("`POST http://rm` answered HTTP 401.")], float)
        Traceback (most recent call last):
        langchain_tpo.errors.RewardServerError: None of 1 responses was scored: \
`POST http://rm` answered HTTP 401.
    """
    scores: list[Score] = []
    failures: list[RewardServerError] = []
    for outcome in outcomes:
        try:
            if isinstance(outcome, RewardServerError):
                raise outcome
            scores.append(read(outcome))
        except RewardServerError as error:
            scores.append(None)
            failures.append(error)
    if failures:
        _report(failures, len(outcomes))
    return scores


def _report(failures: Sequence[RewardServerError], asked: int) -> None:
    first = failures[0]
    if len(failures) == asked:
        raise RewardServerError(
            f"None of {asked} responses was scored: {first}", status=first.status
        ) from first
    logger.warning(
        "%d of %d responses were not scored (HTTP status of the first: %s)",
        len(failures),
        asked,
        first.status,
    )


def _distinct(request: ScoreRequest) -> ScoreRequest:
    return {"messages": request["messages"], "responses": [*dict.fromkeys(request["responses"])]}


def _spread(request: ScoreRequest, scores: Sequence[Score]) -> list[Score]:
    """Return each response the score of its text."""
    by_text = dict(zip(dict.fromkeys(request["responses"]), scores, strict=True))
    return [by_text[text] for text in request["responses"]]
