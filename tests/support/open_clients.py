"""Lets go what the clients of other packages leave open, before a later test meets it."""

import gc
import warnings


def let_go() -> None:
    """Collect clients that partner packages close in `__del__` at best.

    A socket that is collected unclosed is a warning, which fails whatever test it happens to hit.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
