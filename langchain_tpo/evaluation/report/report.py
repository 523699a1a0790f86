"""A run's report: one HTML page, Markdown, JSON and PNG plots.

Puts analysis, plots and examples together; each of them knows its own part.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_tpo.costs import ModelRole, Price
from langchain_tpo.errors import DatasetError
from langchain_tpo.evaluation.frames import frame_of
from langchain_tpo.evaluation.judging import JUDGEMENTS, Judgement, read_judgements, verdicts
from langchain_tpo.evaluation.manifest import manifest_at
from langchain_tpo.evaluation.metrics.of_answers import metric_values
from langchain_tpo.evaluation.outcomes import Failed, Outcome, outcome_of
from langchain_tpo.evaluation.records import RECORDS, read_placed_records, read_records
from langchain_tpo.evaluation.report.analysis import analyse
from langchain_tpo.evaluation.report.chart import Chart
from langchain_tpo.evaluation.report.charts import charts, opinion_charts
from langchain_tpo.evaluation.report.examples import (
    Examples,
    beginning,
    example_index,
    said_by_judges,
)
from langchain_tpo.evaluation.report.report_markdown import markdown
from langchain_tpo.evaluation.report.report_page import page
from langchain_tpo.evaluation.report.second_opinion import (
    SecondOpinion,
    second_opinions,
    second_scores,
)
from langchain_tpo.evaluation.report.summaries import Analysis
from langchain_tpo.evaluation.report.verdict import cautions, verdict
from langchain_tpo.reward_models.interface import RewardModel
from langchain_tpo.text.well_formed import well_formed


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that a report says."""

    manifest: Mapping[str, Any]
    """What the run was."""
    analysis: Analysis
    """It in numbers."""
    charts: Sequence[Chart]
    """Its plots."""
    examples: Examples | None
    """What was asked and said; None where nothing was answered."""
    outcomes: Sequence[Outcome | Failed] = ()
    """What came of every example."""
    second_opinions: Sequence[SecondOpinion] = ()
    """How answers change with the number of candidates, by a second reward, where one was asked."""

    def frame(self) -> Any:  # noqa: ANN401 a data frame
        """Return what came of every example as a pandas data frame, a row per system."""
        return frame_of(self.outcomes)

    def as_dict(self) -> dict[str, Any]:
        """Return manifest and numbers as JSON values."""
        return {
            "verdict": verdict(self.analysis, self.manifest),
            "cautions": cautions(self.analysis, self.manifest),
            "manifest": dict(self.manifest),
            **self.analysis.as_dict(),
            "second_opinions": [opinion.as_dict() for opinion in self.second_opinions],
        }

    def write(self, folder: Path) -> Path:
        """Write all forms of the report, and return the path of the page.

        Args:
            folder: Where to; it is made if need be.

        Raises:
            DatasetError: In one line, when the folder cannot be written to.
        """
        try:
            return self._write(folder)
        except OSError as error:
            raise DatasetError(
                f"`{folder}` could not be written to: {error.strerror or error}."
            ) from error

    def _write(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        plots = folder / "plots"
        plots.mkdir(exist_ok=True)
        for chart in self.charts:
            chart.write_png(plots)
        numbers = well_formed(json.dumps(self.as_dict(), indent=2, ensure_ascii=False))
        (folder / "report.json").write_text(numbers + "\n", encoding="utf-8")
        text = markdown(self.manifest, self.analysis, self.charts)
        (folder / "report.md").write_text(text, encoding="utf-8")
        html = folder / "report.html"
        with html.open("w", encoding="utf-8") as file:
            for piece in page(self.manifest, self.analysis, self.charts, self.examples):
                file.write(well_formed(piece))
        return html


def make_report(
    folder: Path,
    *,
    parameters: float | None = None,
    prices: Mapping[ModelRole, Price] | None = None,
    baseline: str | None = None,
    difficulties: Mapping[str, float] | None = None,
    second: RewardModel | None = None,
    seed: int = 0,
) -> Report:
    """Read a run and work out its report.

    Args:
        folder: Of the run.
        parameters: Of the policy, to estimate arithmetic.
        prices: Of the models, to work out money; a critic without one is the policy itself.
        baseline: Whom everything is compared with; by default the fairest that there is.
        difficulties: Of instructions, by example, for the win rate at equal length.
        second: Scores all recorded candidates once more, to see up to where it agrees.
        seed: Makes the intervals repeatable.

    Raises:
        DatasetError: In one line, when the folder holds no run.
        MissingExtraError: When a package is missing.
    """
    manifest = manifest_at(folder)
    kinds = _kinds(manifest, baseline)
    read, judgements = _read(folder / RECORDS), read_judgements(folder / JUDGEMENTS)
    analysis = analyse(
        read.outcomes,
        kinds,
        baseline=baseline,
        difficulties=difficulties,
        verdicts=verdicts(judgements),
        parameters=parameters,
        prices=prices,
        matches={one["name"]: one["match"] for one in manifest["systems"] if one.get("match")},
        seed=seed,
    )
    opinions: list[SecondOpinion] = []
    if second is not None:
        scores = second_scores(read_records(folder / RECORDS), second)
        opinions = second_opinions(scores, seed=seed)
    return Report(
        manifest=manifest,
        analysis=analysis,
        charts=[*charts(analysis, _points(read.outcomes)), *opinion_charts(opinions)],
        second_opinions=opinions,
        outcomes=read.outcomes,
        examples=_examples(folder / RECORDS, read, analysis, judgements),
    )


def _kinds(manifest: Mapping[str, Any], baseline: str | None) -> dict[str, str]:
    """Return what each system is, by name, once the baseline is known to be among them."""
    kinds = {system["name"]: system["kind"] for system in manifest["systems"]}
    if baseline is not None and baseline not in kinds:
        known = ", ".join(f"`{name}`" for name in kinds)
        raise DatasetError(f"`--baseline` must be one of {known}, got `{baseline}`.")
    return kinds


@dataclass(frozen=True, kw_only=True)
class _ReadRecords:
    """What is kept of the records: figures, and where their texts are."""

    outcomes: Sequence[Outcome | Failed]
    places: Mapping[str, Sequence[int]]
    beginnings: Mapping[str, str]


def _read(path: Path) -> _ReadRecords:
    outcomes: list[Outcome | Failed] = []
    places: dict[str, list[int]] = {}
    beginnings: dict[str, str] = {}
    for place, record in read_placed_records(path):
        outcomes.append(outcome_of(record, metric_values))
        places.setdefault(record["example"], []).append(place)
        if record["runs"]:
            beginnings.setdefault(record["example"], beginning(record))
    return _ReadRecords(outcomes=outcomes, places=places, beginnings=beginnings)


def _examples(
    path: Path, read: _ReadRecords, analysis: Analysis, judgements: Sequence[Judgement]
) -> Examples | None:
    answered = [outcome for outcome in read.outcomes if isinstance(outcome, Outcome)]
    if analysis.subject is None or not answered:
        return None
    index = example_index(
        answered,
        read.beginnings,
        subject=analysis.subject,
        baseline=analysis.baseline,
        field=analysis.kinds.field if analysis.kinds else None,
    )
    judged = said_by_judges(judgements, analysis.subject, analysis.baseline)
    return Examples(
        path=path, index=index, places=read.places, subject=analysis.subject, judged=judged
    )


def _points(outcomes: Sequence[Outcome | Failed]) -> dict[str, list[tuple[float, float]]]:
    points: dict[str, list[tuple[float, float]]] = {}
    for outcome in outcomes:
        if isinstance(outcome, Outcome):
            points.setdefault(outcome.system, []).append((outcome.length, outcome.reward))
    return points
