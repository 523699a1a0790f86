"""docs/command_line.md is what `tpo --help` says; `tools/command_line_page.py` writes it."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_page_is_what_the_commands_say() -> None:
    spec = importlib.util.spec_from_file_location(
        "command_line", ROOT / "tools" / "command_line_page.py"
    )
    assert spec is not None
    assert spec.loader is not None
    command_line = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(command_line)

    assert (ROOT / "docs" / "command_line.md").read_text(encoding="utf-8") == command_line.page(), (
        "run `python tools/command_line_page.py`"
    )
