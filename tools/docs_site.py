"""Hooks of the documentation site: its first page is the README, with links that lead inside.

`mkdocs.yml` names this file; `make docs` builds the site.
"""

import re
from pathlib import Path
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

REPOSITORY = "https://github.com/langchain-tpo/langchain-tpo"
TREE = f"{REPOSITORY}/blob/main/"
INSIDE = re.compile(rf"\]\({re.escape(TREE)}docs/([^)]+)\)")
EXAMPLE = re.compile(r"^Example:$", re.MULTILINE)


def first_page(readme: str) -> str:
    """Return the README as the site's first page: links to docs lead to the site's own pages.

    Example:
        >>> first_page(f"[cost]({TREE}docs/cost.md), [paper](https://arxiv.org/abs/2501.12895)")
        '[cost](cost.md), [paper](https://arxiv.org/abs/2501.12895)'
    """
    return INSIDE.sub(r"](\1)", readme)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the README to the pages."""
    readme = Path(config.config_file_path).parent / "README.md"
    page = first_page(readme.read_text(encoding="utf-8"))
    files.append(File.generated(config, "index.md", content=page))
    return files


class ExamplesAsCode(griffe.Extension):
    """Show what follows `Example:` in a docstring as code: Griffe knows `Examples:` alone."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:  # noqa: ARG002 Griffe's own
        """Name the section as Griffe does."""
        if obj.docstring is not None:
            obj.docstring.value = EXAMPLE.sub("Examples:", obj.docstring.value)
