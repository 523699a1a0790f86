"""What the clients of other packages leave open goes with the module that opened it."""

from collections.abc import Iterator

import pytest

from tests.support.open_clients import let_go


@pytest.fixture(autouse=True, scope="module")
def others_connections_go() -> Iterator[None]:
    """Collect clients that nobody closed."""
    yield
    let_go()
