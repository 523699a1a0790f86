"""What a client of the server is told of an error that reaches it unwrapped."""

from typing import Any

import pytest

from langchain_tpo.serve.failures import failure_of


class ServiceError(Exception):
    """An error of a client library, which keeps the status in its own place."""

    def __init__(self, text: str = "no", **kept: Any) -> None:
        super().__init__(text)
        vars(self).update(kept)


class Answered:
    """What httpx keeps of an answer."""

    status_code = 429
    headers = {"retry-after": "7"}  # noqa: RUF012 read only


BUSY = {
    "openai": ServiceError(status_code=429),
    "httpx": ServiceError(response=Answered()),
    "google": ServiceError(code=429),
    "aiohttp": ServiceError(status=429),
    "boto": ServiceError(response={"ResponseMetadata": {"HTTPStatusCode": 429}}),
    "nvidia": ServiceError("[429] Too Many Requests"),
}


@pytest.mark.parametrize("service", BUSY)
def test_a_busy_service_is_told_as_busy(service: str) -> None:
    told = failure_of(BUSY[service])

    assert (told.status, told.code) == (429, "overloaded")
    assert told.retry_after == (7 if service == "httpx" else 1)


@pytest.mark.parametrize("code", [0, 1, 200, 302, 11600, -1, True])
def test_a_number_of_another_kind_is_no_status(code: int) -> None:
    told = failure_of(ServiceError(code=code))

    assert (told.status, told.code) == (500, "internal_error")
