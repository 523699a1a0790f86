"""Tries every import that README and docs show, with the package as it is installed.

Run with the interpreter of that installation: `python documented_imports.py ROOT FOLDER...`. Prints
JSON: for each folder of more packages, and for each import with these beside what is installed,
`ok`, the extra that it asks for, or the error.
"""

import importlib
import json
import multiprocessing
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


def with_packages(folder: str) -> dict[str, str]:
    """Say what becomes of each import with more packages; in a process that ends with it."""
    sys.path.append(folder)
    importlib.invalidate_caches()
    warnings.simplefilter("error", DeprecationWarning)
    return {statement: tried(statement) for statement in shown(Path(sys.argv[1]))}


def main() -> None:
    """Print what becomes of each import; what all have in common is imported once."""
    importlib.import_module("langchain_tpo")
    folders = sys.argv[2:]
    with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as one_at_a_time:
        outcomes = one_at_a_time.map(with_packages, folders, chunksize=1)
    sys.stdout.write(json.dumps(dict(zip(folders, outcomes, strict=True))))


if __name__ == "__main__":
    main()
