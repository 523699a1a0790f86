"""How many examples a property is tried with."""

import os

from hypothesis import settings

TIMES = int(os.environ.get("TPO_TEST_PROPERTIES", "1"))
"""So many times as many examples as usual; more than once they are others in every run."""


def examples(number: int) -> settings:
    """Try a property with so many examples, instead of a hundred.

    Args:
        number: As many as find what the property guards against, where each takes long.
    """
    return settings(max_examples=number * TIMES)
