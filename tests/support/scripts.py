"""Python in a process of its own, in which a warning is an error."""

import sys

STRICTLY = (
    *(sys.executable, "-W", "error"),
    # Importing langsmith calls this; Python 3.14 warns of it.
    *("-W", "ignore:'asyncio.iscoroutinefunction' is deprecated:DeprecationWarning"),
)
"""How its command begins."""
