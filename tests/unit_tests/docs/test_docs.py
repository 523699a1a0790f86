"""What README and docs show is what happens: every Python block runs."""

import re
import sys
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
CLAIM = re.compile(r"\s*print\(.+\)  # (.+)")
"""What a line says that it prints."""

SKIPPED = re.compile(r"# not run here: .+|# with the embedded model")
"""First line of a block that needs what a test machine lacks (a key, a GPU, a server), or a
network: `test_readme.py` among the integration tests runs those."""


REPOSITORY = "https://github.com/langchain-tpo/langchain-tpo/blob/main/"
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")


def test_the_readmes_links_work_on_a_package_index() -> None:
    links = [one or other for one, other in LINK.findall(PAGES[0].read_text(encoding="utf-8"))]
    assert len(links) > 10
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    own = [link.removeprefix(REPOSITORY) for link in links if link.startswith(REPOSITORY)]
    assert own
    assert [path for path in own if not (ROOT / path.partition("#")[0]).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_python_block_runs_and_prints_what_stands_behind_its_prints(page: Path) -> None:
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    printed: dict[int, str] = {}
    names: dict[str, object] = {"__name__": "docs", "print": partial(_keep, printed)}

    for block in blocks:
        source = compile(block, f"<{page.name}>", "exec")
        if SKIPPED.match(block):
            continue
        printed.clear()
        exec(source, names)  # noqa: S102 our own pages
        claimed = {
            number: said[1]
            for number, line in enumerate(block.splitlines(), 1)
            if (said := CLAIM.match(line))
        }
        assert {number: printed.get(number) for number in claimed} == claimed


def _keep(printed: dict[int, str], *values: object) -> None:
    printed[sys._getframe(1).f_lineno] = " ".join(map(str, values))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_block_only_asserts(page: Path) -> None:
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))

    assert [block for block in blocks if "assert " in block and "print(" not in block] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_local_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []
