"""A second judge: who wins, system or baseline, asked in both orders and written down as it comes.

The judge compares; it never sees the reward. Knows records; how it is asked is `PairwiseJudge`.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, cast

from langchain_core.messages import BaseMessage, convert_to_messages

from langchain_tpo.evaluation.outcomes import known_mean
from langchain_tpo.evaluation.records import Record, RecordFile, read_lines
from langchain_tpo.evaluation.report.analysis import Verdicts
from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.reward_models.judges.pairwise_judge import PairwiseJudge
from langchain_tpo.reward_models.judges.styles import OWN
from langchain_tpo.sampling.wrappers import ChatModel
from langchain_tpo.text.shown import named

JUDGEMENTS = "judgements.jsonl"
"""The file's name in the folder of a run."""


class Judgement(TypedDict):
    """One comparison, in both orders."""

    example: str
    """The example's name."""
    system: str
    """Whose answer."""
    baseline: str
    """Against whose."""
    judge: str
    """Who compared."""
    win: float | None
    """How sure the judge is that the system's is better; None when it could not say."""
    failure: str | None
    """Why it could not."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What a judge reads of one record."""

    messages: Sequence[BaseMessage]
    """The conversation up to the first answer."""
    text: str
    """The answer; with more turns, all that followed."""


async def judge_run(
    pairs: Iterable[tuple[str, str, str, Answered, Answered]],
    model: ChatModel,
    file: RecordFile,
    *,
    label: str,
    style: str = OWN,
    concurrency: int = 4,
    observe: Callable[[Judgement], None] = lambda judgement: None,  # noqa: ARG005 tells nobody
) -> None:
    """Compare every pair and write down who won.

    Args:
        pairs: Example, system, baseline and their answers; read as fast as they are judged.
        model: The judge.
        file: Where judgements go.
        label: The judge's name.
        style: A published judge, as whom it is asked and read; see `PairwiseJudge`.
        concurrency: How many pairs at once.
        observe: Is told of every judgement.

    Raises:
        OSError: When judgements can no longer be written.
    """
    waiting = iter(pairs)

    async def work() -> None:
        for example, system, baseline, ours, theirs in waiting:
            win, failure = await _compare(model, ours, theirs, style)
            judgement = Judgement(
                example=example,
                system=system,
                baseline=baseline,
                judge=label,
                win=win,
                failure=failure,
            )
            file.append(judgement)
            observe(judgement)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(max(1, concurrency)):
                group.create_task(work())
    except BaseExceptionGroup as group_error:
        raise group_error.exceptions[0] from None


def pairs_of(
    records: Iterable[Record], wanted: Sequence[tuple[str, str]], done: set[tuple[str, str, str]]
) -> Iterator[tuple[str, str, str, Answered, Answered]]:
    """Return the pairs that are still to be judged, as soon as both answers have come by.

    Args:
        records: Of the run.
        wanted: System and baseline of each comparison.
        done: Example, system and baseline of what has been judged.
    """
    names = {name for pair in wanted for name in pair}
    answers: dict[str, dict[str, Answered]] = defaultdict(dict)
    for record in records:
        if record["system"] not in names or not record["runs"]:
            continue
        example, here = record["example"], answers[record["example"]]
        here[record["system"]] = answered(record)
        for system, baseline in wanted:
            complete = record["system"] in (system, baseline) and {system, baseline} <= here.keys()
            if complete and (example, system, baseline) not in done:
                yield example, system, baseline, here[system], here[baseline]
        if here.keys() == names:
            del answers[example]


def read_judgements(path: Path, judge: str | None = None) -> list[Judgement]:
    """Return what has been judged, by one judge or by all; nothing where there is no file."""
    if not path.is_file():
        return []
    listed = read_lines(path, _as_judgement)
    return [one for one in listed if judge is None or one["judge"] == judge]


def _as_judgement(value: object) -> Judgement:
    missing = Judgement.__required_keys__ - (value.keys() if isinstance(value, dict) else set())
    if missing:
        raise ValueError(f"the judgement lacks `{min(missing)}`")
    return cast("Judgement", value)


def decided(path: Path, judge: str) -> set[tuple[str, str, str]]:
    """Return example, system and baseline of what a judge has decided already."""
    return {
        (one["example"], one["system"], one["baseline"])
        for one in read_judgements(path, judge)
        if one["win"] is not None
    }


def verdicts(judgements: Iterable[Judgement]) -> Verdicts:
    """Sort judgements for an analysis; several judges of one pair are averaged.

    None stands for a pair that no judge could decide.
    """
    wins: dict[tuple[str, str], dict[str, list[float | None]]]
    wins = defaultdict(lambda: defaultdict(list))
    for judgement in judgements:
        wins[judgement["system"], judgement["baseline"]][judgement["example"]].append(
            judgement["win"]
        )
    return {
        pair: {example: known_mean(each) for example, each in by_example.items()}
        for pair, by_example in wins.items()
    }


def answered(record: Record) -> Answered:
    """Read what a judge needs of a record."""
    first, *later = record["runs"]
    text = first["answer"]
    for run in later:
        text += f"\n\nUser: {run['messages'][-1]['content']}\n\nAssistant: {run['answer']}"
    return Answered(messages=convert_to_messages(first["messages"]), text=text)


async def _compare(
    model: ChatModel, ours: Answered, theirs: Answered, style: str
) -> tuple[float | None, str | None]:
    judge = PairwiseJudge(model, anchors=[theirs.text], explain=False, style=style)
    request = ScoreRequest(messages=list(ours.messages), responses=[ours.text])
    try:
        (score,) = await judge.ainvoke(request)
    except Exception as error:  # noqa: BLE001 any provider's: this pair has no verdict
        return None, named(error)
    win = score["reward"] if isinstance(score, Mapping) else score
    return win, None if win is not None else "The judge's reply could not be read."
