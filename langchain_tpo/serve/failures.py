"""What a client is told when something went wrong, in the form of the API that it speaks.

Knows the package's errors and how providers' clients report a status; knows no request.
"""

from dataclasses import dataclass, replace
from typing import Any

from langchain_tpo.errors import (
    ConfigurationError,
    RewardServerError,
    RunError,
    TimeBudgetError,
    WeightsError,
)
from langchain_tpo.sampling.model_errors import status_of
from langchain_tpo.text.shown import message_of

PASSED_ON = (400, 404, 413, 422)
"""Statuses of a provider that the client's own request has earned."""

OVERLOADED = (429, 503, 529)
"""Statuses with which a provider asks to come back later."""

OPENAI_TYPES = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}

ANTHROPIC_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One thing that went wrong, whatever the API."""

    status: int
    message: str
    """One line, without keys."""
    code: str | None = None
    """A word for programs."""
    param: str | None = None
    """The field of the request that is meant."""
    retry_after: int | None = None
    """Seconds after which another try makes sense."""

    def openai(self) -> dict[str, Any]:
        """Return the body that OpenAI's clients read."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"  # noqa: PLR2004
        return {
            "error": {
                "message": self.message,
                "type": OPENAI_TYPES.get(self.status, kind),
                "param": self.param,
                "code": self.code,
            }
        }

    def anthropic(self) -> dict[str, Any]:
        """Return the body that Anthropic's clients read."""
        kind = "invalid_request_error" if self.status < 500 else "api_error"  # noqa: PLR2004
        told = {"type": ANTHROPIC_TYPES.get(self.status, kind), "message": self.message}
        return {"type": "error", "error": told}

    @property
    def headers(self) -> dict[str, str]:
        """What goes into the head of the answer."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


class FailedRequest(Exception):  # noqa: N818 carries a failure; what is raised is made below
    """A request that this server refuses, or could not answer."""

    def __init__(self, failure: Failure) -> None:
        """Take what to tell the client."""
        super().__init__(failure.message)
        self.failure = failure


def bad_request(message: str, *, param: str | None = None, code: str | None = None) -> Exception:
    """Return the error of a request that cannot work as it is.

    Args:
        message: What is wrong, the value seen, and what to do.
        param: The field that is meant.
        code: A word for programs.
    """
    return FailedRequest(Failure(status=400, message=message, param=param, code=code))


def turned_away(
    status: int, message: str, *, code: str, retry_after: float | None = None
) -> Exception:
    """Return the error of a request that could have worked at another time or from another client.

    Args:
        status: The HTTP status.
        message: What is wrong, and what to do.
        code: A word for programs.
        retry_after: Seconds until another try makes sense.
    """
    seconds = None if retry_after is None else max(1, round(retry_after))
    return FailedRequest(Failure(status=status, message=message, code=code, retry_after=seconds))


def failure_of(error: BaseException) -> Failure:
    """Return what to tell a client of an error.

    A key that a provider refuses is the operator's: the client is not asked for another.

    Example:
        >>> from langchain_tpo.errors import SettingsError
        >>> failure_of(SettingsError("`width` must be at least 2.")).status
        400
        >>> failure_of(TimeBudgetError("Too slow.")).status
        504
    """
    if isinstance(error, FailedRequest):
        return error.failure
    if isinstance(error, ConfigurationError) and not isinstance(error, WeightsError):
        return Failure(status=400, message=message_of(error), code="invalid_request")
    if isinstance(error, TimeBudgetError):
        return Failure(status=504, message=message_of(error), code="timeout")
    if isinstance(error, RewardServerError):
        return _of_provider(error, error.status, "The reward model")
    if isinstance(error, RunError):
        return Failure(status=502, message=message_of(error), code="no_answer")
    return _of_provider(error, status_of(error), "The model")


def _of_provider(error: BaseException, status: int | None, who: str) -> Failure:
    kind = type(error).__name__
    if who == "The model" and status in PASSED_ON:
        return Failure(status=status, message=message_of(error), code="refused_by_model")
    if status in OVERLOADED:
        told = f"{who} is overloaded (status {status}): try again later."
        status = 429 if status == 429 else 503  # noqa: PLR2004 too many requests
        return Failure(status=status, message=told, code="overloaded", retry_after=_wait(error))
    if status is not None:
        told = f"{who} failed (status {status}): its server's log says more."
        return Failure(status=502, message=told, code="model_failed")
    if isinstance(error, TimeoutError) or "Timeout" in kind:
        return Failure(status=504, message=f"{who} took too long ({kind}).", code="timeout")
    if isinstance(error, ConnectionError) or "Connect" in kind or "RemoteProtocol" in kind:
        return Failure(status=502, message=f"{who} is out of reach ({kind}).", code="unreachable")
    told = f"The run failed ({kind}): the server's log has the request's id."
    return Failure(status=500, message=told, code="internal_error")


def _wait(error: BaseException) -> int:
    """Read how long a provider wants to be left alone."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    said = str(headers.get("retry-after", getattr(error, "retry_after", "")) or "")
    number = said.partition(".")[0]
    return max(1, min(int(number), 3600)) if number.isdecimal() else 1


def about(failure: Failure, request_id: str) -> Failure:
    """Return a failure of ours whose message names the request.

    Args:
        failure: Any.
        request_id: As the server's log has it.
    """
    if failure.code != "internal_error":
        return failure
    return replace(failure, message=f"{failure.message.rstrip('.')} {request_id}.")
