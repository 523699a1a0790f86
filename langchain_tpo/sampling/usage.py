"""What model calls cost, counted where they happen.

A callback handler sees every chat-model call below a step, also those inside retries, fallbacks
and judges. It knows LangChain results; it knows nothing of steps or rounds.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NotRequired, cast
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, UsageMetadata
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails
from langchain_core.outputs import ChatGeneration, LLMResult
from typing_extensions import TypedDict

from langchain_tpo.sampling.model_errors import is_never_sent


class Usage(TypedDict):
    """Tokens and requests of one or more model calls; None where a provider did not say."""

    requests: int
    """Requests sent to models, failed ones and retries included."""
    completions: int
    """Responses received; one request with `n=5` brings five."""
    input_tokens: int | None
    """Prompt tokens, cached ones included; a request's prompt counts once."""
    output_tokens: int | None
    """Generated tokens of all completions."""
    cached_tokens: int | None
    """Prompt tokens that the server had already worked out; 0 where it reports none."""
    details: NotRequired["UsageDetails"]
    """What else providers report: reasoning tokens, tokens written to a cache, audio; only there
    where some did."""


class UsageDetails(TypedDict):
    """Parts of the tokens by LangChain's names for them, each counted in the sums already."""

    input: dict[str, int]
    output: dict[str, int]


NOTHING_USED = Usage(requests=0, completions=0, input_tokens=0, output_tokens=0, cached_tokens=0)
"""The usage of no call at all."""


FAILED_REQUEST = Usage(requests=1, completions=0, input_tokens=0, output_tokens=0, cached_tokens=0)
"""Providers do not bill what they refuse; what a broken connection cost nobody says."""


def total_usage(parts: Iterable[Usage]) -> Usage:
    """Add usages up; a token count is None as soon as one part of it is unknown.

    Example:
        >>> known = Usage(
        ...     requests=1, completions=1, input_tokens=7, output_tokens=3, cached_tokens=0
        ... )
        >>> total_usage([known, {**known, "output_tokens": None}])["output_tokens"] is None
        True
    """
    listed = list(parts)
    total = Usage(
        requests=sum(part["requests"] for part in listed),
        completions=sum(part["completions"] for part in listed),
        input_tokens=_sum_or_none(part["input_tokens"] for part in listed),
        output_tokens=_sum_or_none(part["output_tokens"] for part in listed),
        cached_tokens=_sum_or_none(part["cached_tokens"] for part in listed),
    )
    details = [part["details"] for part in listed if "details" in part]
    if details:
        total["details"] = UsageDetails(
            input=_added(detail["input"] for detail in details),
            output=_added(detail["output"] for detail in details),
        )
    return total


def total_tokens(usage: Usage) -> int | None:
    """Return input and output tokens together; None where one of them is unknown."""
    if usage["input_tokens"] is None or usage["output_tokens"] is None:
        return None
    return usage["input_tokens"] + usage["output_tokens"]


def as_usage_metadata(usage: Usage) -> UsageMetadata | None:
    """Return a usage as LangChain's own type, or None when a part of it is unknown."""
    if usage["input_tokens"] is None or usage["output_tokens"] is None:
        return None
    metadata = UsageMetadata(
        input_tokens=usage["input_tokens"],
        output_tokens=usage["output_tokens"],
        total_tokens=usage["input_tokens"] + usage["output_tokens"],
    )
    details = usage.get("details", UsageDetails(input={}, output={}))
    read = {"cache_read": usage["cached_tokens"]} if usage["cached_tokens"] else {}
    if read or details["input"]:
        metadata["input_token_details"] = cast("InputTokenDetails", {**read, **details["input"]})
    if details["output"]:
        metadata["output_token_details"] = cast("OutputTokenDetails", dict(details["output"]))
    return metadata


class UsageCounter(BaseCallbackHandler):
    """Counts what every model call below one config costs."""

    run_inline = True
    """Counting takes microseconds: no hop to a thread in async runs."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._lock = threading.Lock()
        self._requests = 0
        self._decisions: set[UUID] = set()
        self._finished: list[Usage] = []

    @property
    def usage(self) -> Usage:
        """What has been used so far."""
        with self._lock:
            from_cache = sum(1 for part in self._finished if part["requests"] == 0)
            return {**total_usage(self._finished), "requests": self._requests - from_cache}

    def on_chat_model_start(self, *_args: Any, **_kwargs: Any) -> None:
        """Count a request to a chat model."""
        self._count_request()

    def on_llm_start(self, *_args: Any, **_kwargs: Any) -> None:
        """Count a request to a plain text model."""
        self._count_request()

    def on_chain_start(
        self, *_args: Any, run_id: UUID, run_type: str | None = None, **_kwargs: Any
    ) -> None:
        """Count a request to a decision model: it runs as a chain of the type of models."""
        if run_type == "llm":
            self._count_request()
            with self._lock:
                self._decisions.add(run_id)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **_kwargs: Any) -> None:  # noqa: ANN401 of any chain
        """Count what a decision brought, or that it does not say."""
        if run_id in self._decisions:
            message = AIMessage("", usage_metadata=getattr(outputs, "usage", None))
            self.on_llm_end(LLMResult(generations=[[ChatGeneration(message=message)]]))

    def on_llm_error(self, error: BaseException, **_kwargs: Any) -> None:
        """Forget a request that its client refused to send."""
        if is_never_sent(error):
            with self._lock:
                self._requests -= 1

    def on_llm_end(self, response: LLMResult, **_kwargs: Any) -> None:
        """Count what a finished request brought."""
        used = counted(response)
        with self._lock:
            self._finished.append(used)

    def _count_request(self) -> None:
        with self._lock:
            self._requests += 1


COUNTED = "tpo_usage"
"""Where a result keeps what it cost, once its messages no longer tell."""


def counted(result: LLMResult) -> Usage:
    """Return the usage of a finished request, also when its messages have been settled since."""
    noted: Usage | None = (result.llm_output or {}).get(COUNTED)
    return usage_of(result) if noted is None else noted


def usage_of(result: LLMResult) -> Usage:
    """Read the usage of one finished request, whatever its number of completions.

    With `n > 1` some providers put the request's total on every message, others each message's
    own share. Some servers count one completion only; no tokenizer puts two words that a space
    separates into one token, so a count below the number of words is known to be wrong and
    becomes None.
    """
    generations = [generation for listed in result.generations for generation in listed]
    messages = [
        generation.message
        for generation in generations
        if isinstance(generation, ChatGeneration) and isinstance(generation.message, AIMessage)
    ]
    usage = _reported(messages)
    words = sum(len(generation.text.split()) for generation in generations)
    output_tokens = usage["output_tokens"]
    if len(generations) > 1 and output_tokens is not None and output_tokens < words:
        output_tokens = None
    return {**usage, "completions": len(generations), "output_tokens": output_tokens}


def _reported(messages: list[AIMessage]) -> Usage:
    reports = [message.usage_metadata for message in messages]
    if reports and reports[0] is not None and not any(reports[1:]):
        reports = reports[:1]  # a request's total, told once
    if not reports or any(report is None for report in reports):
        return Usage(
            requests=1, completions=0, input_tokens=None, output_tokens=None, cached_tokens=None
        )
    parts = [_from_metadata(report) for report in reports if report is not None]
    if all(part == parts[0] for part in parts):
        return parts[0]
    prompt = max(parts, key=lambda part: part["input_tokens"] or 0)
    return {**prompt, "output_tokens": total_usage(parts)["output_tokens"]}


def _from_metadata(metadata: UsageMetadata) -> Usage:
    if metadata.get("total_cost") == 0:  # answered from LangChain's own cache
        return NOTHING_USED
    read = metadata.get("input_token_details", {})
    usage = Usage(
        requests=1,
        completions=1,
        input_tokens=metadata["input_tokens"],
        output_tokens=metadata["output_tokens"],
        cached_tokens=read.get("cache_read") or 0,
    )
    details = UsageDetails(
        input=_counted(read, but="cache_read"),
        output=_counted(metadata.get("output_token_details", {})),
    )
    if details["input"] or details["output"]:
        usage["details"] = details
    return usage


def _counted(details: Mapping[str, Any], *, but: str = "") -> dict[str, int]:
    """Return the parts that are numbers above nothing."""
    return {
        name: value
        for name, value in details.items()
        if name != but and isinstance(value, int) and value > 0
    }


def _added(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(total)


def _sum_or_none(values: Iterable[int | None]) -> int | None:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total
