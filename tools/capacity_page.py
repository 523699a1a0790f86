"""Writes into docs/capacity.md what its `tpo plan` commands print: run it with python."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "capacity.md"
SHOWN = re.compile(r"```\n\$ tpo (plan [^\n]+)\n(.*?)```", re.DOTALL)


def renewed(page: str) -> str:
    """Return the page with what its commands print now."""
    return SHOWN.sub(lambda shown: f"```\n$ tpo {shown[1]}\n{printed(shown[1])}```", page)


def printed(command: str) -> str:
    """Return what a command of `tpo` prints."""
    asked = [sys.executable, "-m", "langchain_tpo", *command.split()]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout  # noqa: S603 our own command


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
