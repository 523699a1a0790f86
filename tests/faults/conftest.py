"""What the tests of faults share."""

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from tests.support.servers.own_process import in_own_process

SERVING = ("fastapi", "prometheus_client", "uvicorn", "openai", "langchain_openai")

collect_ignore = [] if all(map(find_spec, SERVING)) else ["test_served_faults.py"]
"""The server's clients are left out without the extra `serve`."""


@pytest.fixture(params=["optimize", "aoptimize"])
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def hanging_url() -> Iterator[str]:
    """Serve from another process, so that what is counted here is the client's."""
    from tests.faults.hanging import hanging_server  # noqa: PLC0415 needs the extra `openai`

    with in_own_process(hanging_server) as url:
        yield url
