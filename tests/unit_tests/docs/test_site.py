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


def test_language_models_find_every_page() -> None:
    listed = re.findall(r"blob/main/(?:docs/)?(\S+\.md)\): ", (DOCS / "llms.txt").read_text())
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}

    assert set(listed) == pages | {"README.md"}
    assert len(listed) == len(set(listed))


def test_the_skill_says_what_it_is_for_in_its_head() -> None:
    skill = DOCS / "skills" / "langchain-tpo" / "SKILL.md"
    _, head, body = skill.read_text().split("---\n", 2)
    fields = dict(line.split(": ", 1) for line in head.splitlines())

    assert fields["name"] == skill.parent.name
    assert 0 < len(fields["description"]) <= 1024
    assert len(body.splitlines()) < 120
    names = set(re.findall(r"`([A-Z]\w+)[(`]", body))
    assert names - {*langchain_tpo.__all__, *reward_models.__all__} == {"None"}


def test_every_public_name_is_in_the_reference() -> None:
    text = "".join(page.read_text() for page in (DOCS / "reference").glob("*.md"))
    shown = {name.rpartition(".")[2] for name in re.findall(r"^::: (\S+)", text, re.MULTILINE)}
    public = {*langchain_tpo.__all__, *reward_models.__all__} - {"__version__"}
    raised = {name for name in public if hasattr(errors, name)}

    assert public - raised - shown == set()
    listed = (DOCS / "errors.md").read_text()
    assert [name for name in raised if name not in listed] == []
