"""How much memory a process holds, as Linux counts it."""

import os
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


def mebibytes(process: int | str = "self") -> float:
    """Return what a process holds; of a number, another one than this."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE / 2**20
