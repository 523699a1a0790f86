"""Tries every import that README and docs show, with the package as it is installed.

Run with the interpreter of that installation: `python documented_imports.py ROOT`. Prints JSON: for
each import `ok`, the extra that it asks for, or the error.
"""

import json
import re
import sys
import warnings
from pathlib import Path

SHOWN = re.compile(r"^from langchain_tpo[\w.]* import (?:\([^)]*\)|[^\n(]+)", re.MULTILINE)
EXTRA = re.compile(r"langchain-tpo\[(\w+)\]")


def shown(root: Path) -> list[str]:
    """Return every import of the package's that a page shows, each once."""
    pages = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    texts = [page.read_text(encoding="utf-8") for page in pages]
    return list(dict.fromkeys(found for text in texts for found in SHOWN.findall(text)))


def tried(statement: str) -> str:
    """Say what becomes of an import."""
    try:
        exec(statement, {})  # noqa: S102 our own pages
    except ImportError as error:
        asked = EXTRA.search(str(error))
        return f"extra {asked[1]}" if asked else f"error {error}"
    return "ok"


def main() -> None:
    """Print what becomes of each import."""
    warnings.simplefilter("error", DeprecationWarning)
    outcomes = {statement: tried(statement) for statement in shown(Path(sys.argv[1]))}
    sys.stdout.write(json.dumps(outcomes))


if __name__ == "__main__":
    main()
