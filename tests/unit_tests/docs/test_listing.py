"""What LangChain's documentation would show of the package is in its form, and is true."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from langchain_core.language_models import FakeListChatModel

import langchain_tpo
from langchain_tpo import TPOMiddleware

ROOT = Path(__file__).parents[3]
LISTING = ROOT / "docs" / "listing"
REPOSITORY = "https://github.com/langchain-tpo/langchain-tpo"
BLOCK = re.compile(r"^```python ([^\n]+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FIELDS = {"chat": {"stream", "tool_calling", "structured_output", "multimodal"}}
"""What rows of a section may say beside their names."""


def guide() -> str:
    return (LISTING / "langchain_tpo.mdx").read_text(encoding="utf-8")


def test_rows_have_the_fields_of_their_section() -> None:
    rows = yaml.safe_load((LISTING / "integration_external_docs.yaml").read_text())["python"]

    assert set(rows) == {"chat", "middleware"}
    for section, (row,) in rows.items():
        assert set(row) == {"name", "pypi", "docs_url"} | FIELDS.get(
            section, {"available", "source"}
        )
        assert row["pypi"] == "langchain-tpo"
        assert row["name"] in langchain_tpo.__all__


def test_every_link_into_the_repository_leads_to_a_file() -> None:
    texts = [file.read_text(encoding="utf-8") for file in LISTING.iterdir()]
    linked = {link for text in texts for link in re.findall(rf"{REPOSITORY}[^\s)\"]*", text)}

    assert len(linked) > 2
    for link in linked:
        assert (
            ROOT / link.removeprefix(REPOSITORY).removeprefix("/blob/main/").strip("/")
        ).exists()


def test_the_guide_has_the_headings_of_the_template() -> None:
    head = guide().split("---\n")[1]

    assert re.findall(r"^(\w+):", head, re.MULTILINE) == ["title", "description"]
    headings = re.findall(r"^## (.+)$", guide(), re.MULTILINE)
    assert [heading for heading in headings if heading != "Cost"] == [
        "Overview",
        "Setup",
        "Instantiation",
        "Use with an agent",
        "API reference",
    ]


def test_the_guide_explains_arguments_that_exist() -> None:
    explained = re.findall(r'<ParamField body="(\w+)"', guide())

    taken = {*inspect.signature(TPOMiddleware).parameters, *langchain_tpo.TPOSettings.model_fields}
    assert explained
    assert set(explained) <= taken


def test_the_code_of_the_guide_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeListChatModel(
        responses=["Air scatters blue light, most of all.", "Air scatters it."]
    )
    names: dict[str, Any] = {}
    for title, code in BLOCK.findall(guide()):
        if not title.startswith("Enable tracing"):
            monkeypatch.setitem(names, "model", model)
            exec(code.replace('"claude-sonnet-4-6"', "model"), names)  # noqa: S102 our own page

    state = names["agent"].invoke({"messages": [("human", "Why is it blue? Without commas.")]})

    assert state["messages"][-1].text == "Air scatters it."
