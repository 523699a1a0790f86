"""A report as one HTML page: self-contained, escaped, in light and dark.

Needs jinja2 (extra `evaluation`). The page's own text is `report.html.jinja`.
"""

from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from langchain_tpo.errors import MissingExtraError
from langchain_tpo.evaluation.report.chart import Chart
from langchain_tpo.evaluation.report.gallery import Gallery
from langchain_tpo.evaluation.report.report_markdown import facts, title
from langchain_tpo.evaluation.report.summaries import Analysis
from langchain_tpo.evaluation.report.tables import tables
from langchain_tpo.evaluation.report.verdict import cautions, verdict

try:
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup
except ImportError:
    raise MissingExtraError("jinja2", "evaluation") from None


def page(
    manifest: Mapping[str, Any],
    analysis: Analysis,
    charts: Sequence[Chart],
    gallery: Gallery | None,
) -> str:
    """Return the page. It loads nothing and runs no script.

    Args:
        manifest: What the run was.
        analysis: It in numbers.
        charts: Its plots.
        gallery: Its best and worst cases.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    source = resources.files(__package__ or "") / "report.html.jinja"
    template = environment.from_string(source.read_text(encoding="utf-8"))
    return template.render(
        title=title(manifest),
        verdict=verdict(analysis, manifest),
        cautions=cautions(analysis, manifest),
        facts=facts(manifest, analysis),
        tables=tables(analysis),
        charts=[
            {"title": one.title, "caption": one.caption, "name": one.name, "svg": _drawn(one)}
            for one in charts
        ],
        gallery=gallery,
    )


def _drawn(chart: Chart) -> Markup:
    """Trust what matplotlib wrote: it escapes the names that come from users."""
    return Markup(chart.svg())  # noqa: S704 see above
