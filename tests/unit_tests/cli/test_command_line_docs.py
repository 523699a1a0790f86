"""docs/command_line.md is what `tpo --help` says: `python docs/command_line.py` writes it again."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_is_what_the_commands_say() -> None:
    spec = importlib.util.spec_from_file_location("command_line", DOCS / "command_line.py")
    assert spec is not None
    assert spec.loader is not None
    command_line = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(command_line)

    assert (DOCS / "command_line.md").read_text(encoding="utf-8") == command_line.page(), (
        "run `python docs/command_line.py`"
    )
