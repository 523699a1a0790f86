"""What tests of texts share."""

import os

import pytest

from langchain_tpo.text import control_tokens, conversation, fencing, look_alikes


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """Forget what was read before: mutmut runs, of one process, the tests that call a function."""
    if "MUTANT_UNDER_TEST" not in os.environ:
        return
    for remembers in (
        control_tokens._pattern,
        conversation._letters,
        fencing._frames,
        fencing._is_of_a_word,
        look_alikes.readings,
    ):
        remembers.cache_clear()
