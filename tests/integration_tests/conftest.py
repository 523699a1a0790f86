"""What the clients of other packages leave open goes with the module that opened it."""

import gc
import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def others_connections_go() -> Iterator[None]:
    """Collect clients that partner packages close in `__del__` at best, before a later test does.

    A socket that is collected unclosed is a warning, which fails whatever test it happens to hit.
    """
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
