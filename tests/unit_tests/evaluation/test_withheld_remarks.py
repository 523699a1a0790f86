"""The reward's words are kept from one system, and from that one only."""

from pathlib import Path
from typing import Any

from langchain_tpo.evaluation.records import Record
from tests.support.evaluation_runs import evaluated, questions
from tests.support.fakes import ScriptedModelWithN, last_number

WORDS = "the number is too small"


def told(prompt: str, response: str) -> dict[str, Any]:
    return {"reward": last_number(prompt, response), "rationale": WORDS}


def said_in(record: Record) -> set[str]:
    return {one.get("rationale", "") for one in record["runs"][0]["pool"]}


async def both(path: Path, systems: list[str], **options: Any) -> tuple[dict[str, Record], str]:
    model = ScriptedModelWithN()
    records = await evaluated(path, questions(1), systems, model=model, reward=told, **options)
    return {record["system"]: record for record in records}, str(model.notebook.__dict__)


async def test_neither_prompts_nor_pool_hold_the_words(tmp_path: Path) -> None:
    records, asked = await both(tmp_path / "dumb", ["dumb=tpo:remarks=withheld"])

    assert said_in(records["dumb"]) == {""}
    assert WORDS not in asked
    assert WORDS in (await both(tmp_path / "tpo", ["tpo"]))[1]


async def test_it_begins_with_the_draws_of_the_others(tmp_path: Path) -> None:
    records, _ = await both(tmp_path / "r", ["dumb=tpo:remarks=withheld", "tpo"])

    first = {
        name: [
            (one["text"], one["reward"]) for one in record["runs"][0]["pool"] if one["round"] == 0
        ]
        for name, record in records.items()
    }
    assert first["dumb"] == first["tpo"]
    assert records["dumb"]["runs"][0]["first_samples"]["taken"] == 2
    assert said_in(records["tpo"]) == {WORDS}
    assert said_in(records["dumb"]) == {""}


async def test_nobody_begins_with_draws_of_which_nothing_is_said(tmp_path: Path) -> None:
    path = tmp_path / "r"
    await both(path, ["dumb=tpo:remarks=withheld"])

    records, _ = await both(path, ["dumb=tpo:remarks=withheld", "tpo"], resume=True)

    assert said_in(records["tpo"]) == {WORDS}
    assert records["tpo"]["runs"][0]["first_samples"]["taken"] == 0
