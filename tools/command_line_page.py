"""Writes docs/command_line*.md from the help pages of `tpo`: run it with python."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from langchain_tpo.cli.main import app

ANSWERING = """\
# The command line

Install it with `pip install 'langchain-tpo[cli]'`, in a clone `pip install '.[cli]'`; `python -m
langchain_tpo` is the same as `tpo`. Answers go to stdout, everything else to stderr.
`tools/command_line_page.py` generates these pages.

| command | what it does |
| --- | --- |
{commands}

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | something failed: a provider, a server, a disk |
| 2 | what was asked for cannot work; one line says why |
| 130 | Ctrl-C; `tpo optimize` prints the best answer so far, `tpo evaluate --resume` goes on |

`optimize`, `evaluate`, `serve` and `plan` take their settings from a file too:

```toml
model = "openai:gpt-4o-mini"
reward = "tgi:http://127.0.0.1:8080?api_key_env=RM_KEY"

[model_options]
max_retries = 5

[settings]
width = 5
depth = 2

[settings.sample]
temperature = 0.7
```

```
tpo optimize --config tpo.toml "How do I take care of a wooden table?"
```
"""

EVALUATING = """\
# The command line: evaluating

Compare systems on a data set, look at what came of it, and hand it on. How to go about it is in
[evaluation](evaluation.md) and [reports](reports.md); exit codes and settings from a file are in
[the command line](command_line.md).
"""

SERVING = """\
# The command line: serving and planning

How to go about it is in [serving](serving.md) and [capacity](capacity.md); exit codes and settings
from a file are in [the command line](command_line.md).
"""

GROUPS = {
    "command_line.md": (ANSWERING, ("optimize", "rewards")),
    "command_line_evaluating.md": (
        EVALUATING,
        ("evaluate", "judge", "report", "runs", "export", "export-dpo"),
    ),
    "command_line_serving.md": (SERVING, ("serve", "plan")),
}
"""Pages by their files' names: what each begins with, and its commands."""


def pages() -> dict[str, str]:
    """Return all pages by their files' names."""
    tpo = typer.main.get_command(app)
    commands = getattr(tpo, "commands", {})
    found = {}
    for name, (text, group) in GROUPS.items():
        sections = [section(f"tpo {one}", commands[one]) for one in group]
        whole = [section("tpo", tpo), *sections] if text is ANSWERING else sections
        found[name] = "\n".join([text.replace("{commands}", overview(commands)), *whole])
    return found


def overview(commands: Mapping[str, Any]) -> str:
    """Return the rows of a table of all commands, each with a link to its section."""
    homes = {one: name for name, (_, group) in GROUPS.items() for one in group}
    return "\n".join(
        f"| [`tpo {name}`]({homes[name]}#tpo-{name}) | {command.help.partition(chr(10))[0]} |"
        for name, command in commands.items()
    )


def section(name: str, command: Any) -> str:  # noqa: ANN401 what typer gives has no public type
    """Return the help page of one command."""
    context = command.make_context(name, [], resilient_parsing=True, terminal_width=88)
    lines = [line.rstrip() for line in context.get_help().splitlines()]
    return f"## {name}\n\n```\n" + "\n".join(lines) + "\n```\n"


if __name__ == "__main__":
    for name, text in pages().items():
        (Path(__file__).parents[1] / "docs" / name).write_text(text, encoding="utf-8")
