"""An evaluation in which a fifth of everything that is asked goes wrong."""

import random
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult
from langchain_core.runnables import RunnableLambda

from langchain_tpo import TPOSettings
from langchain_tpo.evaluation.records import Record, read_records
from tests.faults.places import WIDTH, Place
from tests.faults.reward_faults import TABLE
from tests.faults.scripted_faults import FAULTS, rewritten
from tests.support.evaluation_runs import evaluated, keys, questions
from tests.support.fakes import Call, ScriptedModelWithN, last_number
from tests.support.record_files import drop_failed

PROMPTS = 350
SHARE = 0.2

Books: TypeAlias = dict[str, list[tuple[Place, str | None]]]
"""By question: where it was in its run at every request, and which fault struck there."""


class Dice:
    """Strikes a share of the requests, the same in every run with the same seed."""

    def __init__(self, seed: int) -> None:
        self.books: Books = defaultdict(list)
        self._seed = seed

    def strike(self, messages: Sequence[BaseMessage], step: str, faults: list[str]) -> str | None:
        """Note a request and say what goes wrong with it."""
        asked = re.findall(r"question (\d+)", " ".join(message.text for message in messages))[0]
        noted = self.books[asked]
        number = sum(place[0] == "textual_loss" for place, _ in noted) + (step == "textual_loss")
        dice = random.Random(f"{self._seed} {asked} {len(noted)}")  # noqa: S311 no secret
        name = dice.choice(faults) if dice.random() < SHARE else None
        noted.append(((step, number), name))
        return name


class UnreliableModel(ScriptedModelWithN):
    """Follows the script while the dice let it."""

    dice: Dice

    def _result(self, call: Call) -> ChatResult:
        name = self.dice.strike(call.messages, call.step, list(FAULTS))
        result = super()._result(call)
        if name is None:
            return result
        rewrite, _ = FAULTS[name]
        return ChatResult(generations=[rewritten(one, rewrite) for one in result.generations])


def unreliable_reward(dice: Dice) -> RunnableLambda[Any, Any]:
    async def reward(request: Any) -> Any:
        name = dice.strike(request["messages"], "reward", list(TABLE))
        honest = [last_number("", text) for text in request["responses"]]
        return honest if name is None else TABLE[name].scores(honest)

    return RunnableLambda(reward)


def outcome_of(place: Place, name: str | None) -> str:
    """Return the word of the tables for a request."""
    if name is None:
        return "goes on"
    if place[0] == "reward":
        return TABLE[name].later if place[1] else TABLE[name].first
    return FAULTS[name][1].outcome(place)


def check(record: Record, noted: list[tuple[Place, str | None]]) -> None:
    """Hold a record against the books of its example: nothing is lost, nothing is made up."""
    outcomes = [outcome_of(*one) for one in noted]
    assert set(outcomes[:-1]) <= {"goes on"}  # nothing is asked after the end
    last, (place, _) = outcomes[-1], noted[-1]
    if last.startswith("raises"):
        assert (record["status"], record["runs"]) == ("failed", [])
        assert (record["failure"] or {})["type"] == last.split()[1]
        return
    (run,), failure = record["runs"], record["runs"][0]["failure"]
    assert (record["status"], record["failure"]) == ("ok", None)
    if last.startswith("error"):
        assert run["stop_reason"] == "error"
        assert (failure["step"], failure["round"]) == place
        assert failure["type"] == last.split()[1]
    else:
        assert run["stop_reason"] == ("depth" if last == "goes on" else last)
        assert failure is None
        assert last != "goes on" or place == ("reward", 1)
    assert run["reward"] == max(one["reward"] for one in run["pool"] if one["reward"] is not None)
    assert drops_in(run) == expected_drops(noted)


def drops_in(run: dict[str, Any]) -> Counter[tuple[Place, str]]:
    return Counter(((drop["step"], drop["round"]), drop["reason"]) for drop in run["drops"])


def expected_drops(noted: list[tuple[Place, str | None]]) -> Counter[tuple[Place, str]]:
    drops: Counter[tuple[Place, str]] = Counter()
    for place, name in noted:
        if place[0] == "reward" and name and outcome_of(place, name) == "goes on":
            drops[place, "not_scored"] = TABLE[name].not_scored
        elif outcome_of(place, name) == "no_usable_update":
            drops[place, str(FAULTS[str(name)][1].drop(place))] = WIDTH
    return +drops


async def attempt(path: Path, seed: int) -> Books:
    """Evaluate what is not done yet, and give the books of what was asked meanwhile."""
    dice = Dice(seed)
    await evaluated(
        path,
        questions(PROMPTS),
        ["tpo"],
        model=UnreliableModel(dice=dice),
        reward=unreliable_reward(dice),
        settings=TPOSettings(width=WIDTH, depth=1),
        resume=True,
        concurrency=16,
    )
    return dice.books


async def test_every_prompt_is_accounted_for_and_resuming_completes_exactly_the_failed_ones(
    tmp_path: Path,
) -> None:
    path = tmp_path / "records.jsonl"
    everything = Counter((str(number), "tpo") for number in range(PROMPTS))
    unfinished = {str(number) for number in range(PROMPTS)}
    struck: Counter[str | None] = Counter()
    finished: list[Record] = []

    for seed in range(20):
        books = await attempt(path, seed)
        records = list(read_records(path))
        assert books.keys() == unfinished  # the model is asked nothing for the others
        assert keys(records) == everything
        assert records[: len(finished)] == finished
        for record in records[len(finished) :]:
            check(record, books[record["example"]])
        struck.update(name for noted in books.values() for _, name in noted)

        assert await attempt(path, seed) == {}  # to resume without trying again asks nothing
        unfinished = {one["example"] for one in records if one["status"] == "failed"}
        finished = [one for one in records if one["status"] == "ok"]
        assert drop_failed(path) == len(unfinished)
        if not unfinished:
            break

    assert unfinished == set()
    assert FAULTS.keys() | TABLE.keys() <= struck.keys()  # every fault had its turn
    assert 0.15 < 1 - struck[None] / struck.total() < 0.25
