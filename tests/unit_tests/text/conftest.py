"""What tests of texts share."""

import pytest

from langchain_tpo.text import control_tokens, conversation, fencing, look_alikes


@pytest.fixture(scope="session", autouse=True)
def nothing_remembered() -> None:
    """Forget what was read before in this process, by tools that run tests again and again."""
    for remembers in (
        control_tokens._pattern,
        conversation._letters,
        fencing._frames,
        fencing._is_of_a_word,
        look_alikes.readings,
    ):
        remembers.cache_clear()
