"""Writes docs/command_line.md from the help pages of `tpo`: run it with python."""

from pathlib import Path

import typer

from langchain_tpo.cli.main import app

HEAD = """\
# The command line

Install it with `pip install 'langchain-tpo[cli]'`; `python -m langchain_tpo` is the same as `tpo`.
Answers go to stdout, everything else to stderr. `tools/command_line_page.py` generates this page.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | something failed: a provider, a server, a disk |
| 2 | what was asked for cannot work; one line says why |
| 130 | Ctrl-C; `tpo optimize` prints the best answer so far, `tpo evaluate --resume` goes on |

Any command takes its settings from a file too:

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


def page() -> str:
    """Return the page."""
    group = typer.main.get_command(app)
    commands = getattr(group, "commands", {})
    parts = [HEAD, section("tpo", group)]
    parts += [section(f"tpo {name}", command) for name, command in commands.items()]
    return "\n".join(parts)


def section(name: str, command: object) -> str:
    """Return the help page of one command."""
    context = command.make_context(name, [], resilient_parsing=True, terminal_width=88)  # type: ignore[attr-defined]
    lines = [line.rstrip() for line in context.get_help().splitlines()]
    return f"## {name}\n\n```\n" + "\n".join(lines) + "\n```\n"


if __name__ == "__main__":
    (Path(__file__).parents[1] / "docs" / "command_line.md").write_text(page(), encoding="utf-8")
