"""The documentation site leaves no page and no public name out."""

import re
from pathlib import Path

import langchain_tpo
from langchain_tpo import errors, reward_models

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"


def test_every_page_is_in_the_navigation() -> None:
    named = re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}

    assert set(named) == pages | {"index.md"}
    assert len(named) == len(set(named))


def test_every_public_name_is_in_the_reference() -> None:
    text = "".join(page.read_text() for page in (DOCS / "reference").glob("*.md"))
    shown = {name.rpartition(".")[2] for name in re.findall(r"^::: (\S+)", text, re.MULTILINE)}
    public = {*langchain_tpo.__all__, *reward_models.__all__} - {"__version__"}
    raised = {name for name in public if hasattr(errors, name)}

    assert public - raised - shown == set()
    listed = (DOCS / "errors.md").read_text()
    assert [name for name in raised if name not in listed] == []
