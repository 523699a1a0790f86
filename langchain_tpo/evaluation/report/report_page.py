"""A report as one HTML page: self-contained, escaped, in light and dark.

Figures are part of the page and read without a script; the examples are data that its one script
draws when they are opened. Needs jinja2 (extra `evaluation`). The page's own text is
`report.html.jinja`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

from langchain_tpo.errors import MissingExtraError
from langchain_tpo.evaluation.report.chart import Chart
from langchain_tpo.evaluation.report.examples import Examples
from langchain_tpo.evaluation.report.report_markdown import facts, title
from langchain_tpo.evaluation.report.summaries import Analysis
from langchain_tpo.evaluation.report.tables import tables
from langchain_tpo.evaluation.report.verdict import cautions, verdict
from langchain_tpo.page.run_page import NO_SCRIPT, asset, embedded, head

try:
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup, escape
except ImportError:
    raise MissingExtraError("jinja2", "evaluation") from None

_DATA = "<!-- data of the examples -->"
"""Where the template has room for them; no escaped text can hold it."""

_BACKTICKS = re.compile(r"`([^`\n]+)`")


def page(
    manifest: Mapping[str, Any],
    analysis: Analysis,
    charts: Sequence[Chart],
    examples: Examples | None,
) -> Iterator[str]:
    """Return the page in pieces, so that no more than one example is in memory. It loads nothing.

    Args:
        manifest: What the run was.
        analysis: It in numbers.
        charts: Its plots.
        examples: What was asked and said.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["code"] = _code
    source = resources.files(__package__ or "") / "report.html.jinja"
    template = environment.from_string(source.read_text(encoding="utf-8"))
    drawn = template.render(
        head=Markup(head(title(manifest))),  # noqa: S704 escapes what it is given
        title=title(manifest),
        verdict=verdict(analysis, manifest),
        cautions=cautions(analysis, manifest),
        facts=facts(manifest, analysis),
        tables=tables(analysis),
        charts=[
            {
                "title": chart.title,
                "caption": chart.caption,
                "name": chart.name,
                "svg": _drawn(chart),
            }
            for chart in charts
        ],
        places={row["id"]: row["place"] for row in examples.index} if examples else {},
        subject=analysis.subject,
        baseline=analysis.baseline,
        no_script=NO_SCRIPT,
        script=Markup(asset("view.js")),  # noqa: S704 our own
        data=Markup(_DATA),  # noqa: S704 our own
    )
    before, _, after = drawn.partition(_DATA)
    yield before
    if examples:
        yield embedded("examples-index", {"examples": list(examples.index)})
        for place, texts in examples.texts():
            yield "\n" + embedded(f"example-{place}", texts)
    yield after


def _code(text: str) -> Markup:
    """Return a text with what stands between backticks as code, and all of it escaped."""
    return Markup(_BACKTICKS.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 see above


def _drawn(chart: Chart) -> Markup:
    """Trust what matplotlib wrote: it escapes the names that come from users."""
    return Markup(chart.svg())  # noqa: S704 see above
