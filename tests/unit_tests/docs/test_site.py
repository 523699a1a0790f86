"""The documentation site leaves no page and no public name out."""

import doctest
import logging
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

import langchain_tpo
from langchain_tpo import errors, reward_models
from tools import page_length

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


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))], ids=lambda page: page.name
)
def test_a_page_is_read_in_one_go(page: Path) -> None:
    count = page_length.words(page.read_text(encoding="utf-8"))

    assert count <= page_length.MOST_WORDS, "split it, so that its parts are found by their names"


@pytest.mark.parametrize(("words", "told"), [(1500, 0), (1501, 1)])
def test_the_site_is_not_built_with_a_page_that_is_too_long(
    words: int, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    cell = "<td><code>a.<span>b</span>()</code></td><td>-</td>"
    page = SimpleNamespace(file=SimpleNamespace(src_path="cost.md"))
    with caplog.at_level(logging.WARNING, "mkdocs"):
        assert page_length.on_page_content(cell * words, page=page) == cell * words

    assert len(caplog.records) == told
    assert doctest.testmod(page_length).failed == 0


def test_warnings_end_the_building_of_the_site() -> None:
    assert "\nstrict: true\n" in (ROOT / "mkdocs.yml").read_text()
    built = re.findall(r"mkdocs build.*", (ROOT / "Makefile").read_text())
    assert built == ["mkdocs build"]  # `--quiet` would silence warnings, and count none
