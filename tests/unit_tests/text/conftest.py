"""What tests of texts share."""

import os

import pytest

from tests.support.remembered_texts import forget


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """Forget what was read before: mutmut runs, of one process, the tests that call a function."""
    if "MUTANT_UNDER_TEST" in os.environ:
        forget()
