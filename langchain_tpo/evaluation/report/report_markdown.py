"""A report as Markdown: tables, and links to the plots beside it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PurePath
from typing import Any

from langchain_tpo.evaluation.datasets import HUB
from langchain_tpo.evaluation.report.chart import Chart
from langchain_tpo.evaluation.report.summaries import Analysis
from langchain_tpo.evaluation.report.tables import Table, tables
from langchain_tpo.evaluation.report.verdict import cautions, verdict
from langchain_tpo.text.well_formed import well_formed


def markdown(manifest: Mapping[str, Any], analysis: Analysis, charts: Sequence[Chart]) -> str:
    """Return the report as Markdown.

    Args:
        manifest: What the run was.
        analysis: It in numbers.
        charts: Plots that lie in `plots/`.
    """
    lines = "\n".join(f"- {inert(line)}" for line in facts(manifest, analysis))
    warned = "\n".join(f"- {inert(line)}" for line in cautions(analysis, manifest))
    parts = [f"# {inert(title(manifest))}", f"**{inert(verdict(analysis, manifest))}**"]
    parts += [warned] if warned else []
    parts += [lines]
    parts += [_table(table) for table in tables(analysis)]
    parts += [
        f"## {chart.title}\n\n![{chart.title}](plots/{chart.name}.png)\n\n{chart.caption}"
        for chart in charts
    ]
    return "\n\n".join(parts) + "\n"


def title(manifest: Mapping[str, Any]) -> str:
    """Name the report after its data set."""
    return f"Test-time preference optimization on {_dataset_name(manifest['dataset']['source'])}"


def facts(manifest: Mapping[str, Any], analysis: Analysis) -> list[str]:
    """Say in a few lines what was run."""
    last = manifest["sittings"][-1]
    packages = ", ".join(f"{name} {version}" for name, version in last["packages"].items())
    draws = "none" if manifest["seed"] is None else manifest["seed"]
    commit = f", commit {last['git_commit'][:12]}" if "git_commit" in last else ""
    return [
        f"model: {manifest['model']}",
        f"critic: {manifest['critic'] or 'the model itself'}",
        f"reward: {manifest['reward']}",
        f"systems: {'; '.join(_shape(system) for system in manifest['systems'])}",
        f"examples: {analysis.examples}",
        f"seeds: {draws} (draws), {analysis.seed} (bootstrap)",
        f"begun {_moment(manifest['sittings'][0]['started'])} with {packages}{commit}",
    ]


def _dataset_name(source: str) -> str:
    """A page that is sent to others says nothing of the folders that its author keeps."""
    return source if source.startswith(HUB) else PurePath(source).name


def _moment(iso: str) -> str:
    return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M} UTC"


def _shape(system: Mapping[str, Any]) -> str:
    settings = system.get("settings", {})
    if not settings.get("depth"):
        return str(system["name"])
    width, depth, prompts = settings["width"], settings["depth"], settings["prompts"]
    return f"{system['name']} (N={width}, D={depth}, prompts {prompts})"


def _table(table: Table) -> str:
    rows = [table.head, ["---"] * len(table.head), *table.rows]
    lines = ["| " + " | ".join(inert(cell) for cell in row) + " |" for row in rows]
    return f"## {inert(table.title)}\n\n{inert(table.about)}\n\n" + "\n".join(lines)


def inert(text: str) -> str:
    r"""Return a text as one line of Markdown that ends no table cell, links nowhere and is no HTML.

    Args:
        text: What a user, a model or a provider's error said.

    Example:
        >>> print(inert("a | b\nc ![x](http://host/x.png) <b>"))
        a \| b c ![x]\(http://host/x.png) &lt;b>
    """
    line = " ".join(well_formed(text).split()).replace("\\", "\\\\").replace("|", "\\|")
    return line.replace("<", "&lt;").replace("](", "]\\(")
