"""Systems share their first samples: one draw, the same texts and rewards, paid for once."""

from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import BaseMessage, HumanMessage

from langchain_tpo import TPOSettings
from langchain_tpo.evaluation.examples import Example
from langchain_tpo.evaluation.first_samples import SharedSamples, asked_key, first_samples_of
from langchain_tpo.evaluation.records import Record
from langchain_tpo.sampling.usage import total_usage
from tests.support.evaluation_runs import evaluated, questions
from tests.support.fakes import ScriptedModelWithN, obedient

ALL = ["single", "best-of-n", "revision", "tpo", "best-of-n-matched"]


def first(record: Record) -> list[tuple[str, float | None]]:
    """Return texts and rewards of the plain draws."""
    return [(one["text"], one["reward"]) for one in record["runs"][0]["pool"] if not one["round"]]


def by_system(records: list[Record]) -> dict[str, Record]:
    return {record["system"]: record for record in records}


def random_reward() -> Any:
    """Score by the order of asking, as no model would twice in the same way."""
    scores = iter(range(10_000))
    return lambda _prompt, _response: float(next(scores))


class NewWords(ScriptedModelWithN):
    """Never says the same twice, whatever the seed."""

    def __init__(self, **values: Any) -> None:
        numbers = iter(range(10_000))

        def reply(step: str, messages: list[BaseMessage], number: int) -> str:
            if step == "sample":
                return f"sample {next(numbers)}"
            return obedient(step, messages, number)

        super().__init__(reply=reply, **values)


async def test_every_system_begins_with_the_draws_of_the_widest(tmp_path: Path) -> None:
    model = NewWords()

    records = by_system(
        await evaluated(tmp_path / "r", questions(1), ALL, model=model, reward=random_reward())
    )

    drawn = first(records["tpo"])
    assert first(records["single"]) == drawn[:1]
    assert first(records["best-of-n"]) == first(records["revision"]) == drawn
    assert first(records["best-of-n-matched"])[: len(drawn)] == drawn
    assert len(first(records["best-of-n-matched"])) > len(drawn)
    assert records["tpo"]["runs"][0]["first_samples"]["taken"] == 0
    assert records["best-of-n"]["runs"][0]["first_samples"]["taken"] == 2
    assert next(call.n for call in model.notebook.calls if call.step == "sample") == 2


async def test_a_shared_draw_counts_in_every_system_and_is_paid_for_once(tmp_path: Path) -> None:
    model = NewWords()

    records = await evaluated(tmp_path / "r", questions(1), ALL, model=model)

    steps = [step for record in records for step in record["runs"][0]["steps"]]
    paid = total_usage(step["usage"] for step in steps if not step.get("shared"))
    assert paid["completions"] == model.notebook.completions()
    assert paid["requests"] == len(model.notebook.calls)
    alone = by_system(records)["best-of-n"]["runs"][0]["usage"]
    assert (alone["requests"], alone["completions"], alone["output_tokens"]) == (1, 2, 4)
    single = by_system(records)["single"]["runs"][0]["usage"]
    assert (single["requests"], single["completions"], single["output_tokens"]) == (1, 1, 2)


async def test_systems_that_come_later_begin_with_what_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "r"
    before = await evaluated(path, questions(3), ["tpo"], model=NewWords())
    again = ScriptedModelWithN()

    records = await evaluated(
        path, questions(3), ["best-of-n", "wide=best-of-n:width=6"], model=again, resume=True
    )

    assert sorted(call.n for call in again.notebook.calls) == [4, 4, 4]
    for example in "012":
        of_example = by_system([one for one in records if one["example"] == example])
        drawn = first(next(one for one in before if one["example"] == example))
        assert first(of_example["best-of-n"]) == drawn
        assert first(of_example["wide"])[:2] == drawn


async def test_a_system_that_comes_later_costs_what_its_draws_took_the_first_time(
    tmp_path: Path,
) -> None:
    """A wider system has drawn more of them meanwhile, of other lengths and in other requests."""
    path, systems = tmp_path / "r", ["tpo", "best-of-n", "wide=best-of-n:width=9"]
    lengths = iter([3, 3, *[40] * 20])

    class Uneven(ScriptedModelWithN):
        def __init__(self, **values: Any) -> None:
            def reply(step: str, messages: list[BaseMessage], number: int) -> str:
                if step == "sample":
                    return " ".join(["word"] * next(lengths))
                return obedient(step, messages, number)

            super().__init__(reply=reply, **values)

    options: Any = {"model": Uneven(), "reward": random_reward()}
    await evaluated(path, questions(1), systems[:2], **options)
    await evaluated(path, questions(1), systems[2:], resume=True, **options)

    records = by_system(
        await evaluated(path, questions(1), ["late=best-of-n"], resume=True, **options)
    )

    late, early = (records[name]["runs"][0]["usage"] for name in ("late", "best-of-n"))
    assert late == early
    assert records["wide"]["runs"][0]["usage"]["completions"] == 9


async def test_draws_of_other_sampling_are_not_shared(tmp_path: Path) -> None:
    path = tmp_path / "r"
    cold = TPOSettings(width=2, depth=1).with_changes(sample={"temperature": 0.1})
    await evaluated(path, questions(1), ["tpo"], model=NewWords())
    model = NewWords()

    await evaluated(path, questions(1), ["best-of-n"], model=model, resume=True, settings=cold)

    assert model.notebook.completions() == 2


async def test_later_turns_are_shared_where_the_answers_before_them_are_the_same(
    tmp_path: Path,
) -> None:
    row = Example(id="1", messages=(HumanMessage("One"),), follow_ups=("Two",))
    model = NewWords()

    records = await evaluated(
        tmp_path / "r", [row], ["a=best-of-n", "b=best-of-n", "tpo"], model=model
    )

    same, other = by_system(records)["a"]["runs"][1], by_system(records)["tpo"]["runs"][1]
    again = by_system(records)["b"]["runs"][1]["first_samples"]
    assert same["first_samples"] | {"taken": 2, "of": "a", "held": 2} == again
    assert other["messages"] != same["messages"]
    assert other["first_samples"]["key"] != same["first_samples"]["key"]


async def test_draws_that_failed_count_as_drawn(tmp_path: Path) -> None:
    model = ScriptedModelWithN(
        reply=lambda step, messages, number: (
            "" if step == "sample" and number == 1 else obedient(step, messages, number)
        )
    )
    settings = TPOSettings(width=3, depth=1)

    records = by_system(
        await evaluated(
            tmp_path / "r", questions(1), ["tpo", "best-of-n"], model=model, settings=settings
        )
    )

    assert model.notebook.steps().count("sample") == 1
    runs = [records[name]["runs"][0] for name in ("tpo", "best-of-n")]
    assert [[drop["reason"] for drop in run["drops"]] for run in runs] == [["empty"], ["empty"]]


async def test_what_goes_on_with_a_draw_takes_seeds_of_its_own(tmp_path: Path) -> None:
    model = ScriptedModelWithN()
    settings = TPOSettings(width=2, depth=1, seed=7)

    await evaluated(
        tmp_path / "r", questions(1), ["tpo", "best-of-n-matched"], model=model, settings=settings
    )

    drawn = [call for call in model.notebook.calls if call.step == "sample"]
    assert [(call.kwargs["seed"], call.n) for call in drawn] == [(7, 2), (9, 2), (11, 1), (12, 1)]


def test_part_of_a_draw_of_several_requests_costs_its_part() -> None:
    usage = {"requests": 4, "completions": 4, "input_tokens": 40, "output_tokens": 80}
    step = {"step": "sample", "round": 0, "usage": {**usage, "cached_tokens": 8}, "seconds": 2.0}
    pool = [{"text": "same length", "reward": 1.0, "round": 0}] * 4
    shared = SharedSamples()
    shared.add("key", first_samples_of({"pool": pool, "drops": [], "steps": [step]}), "tpo")

    part = shared.take("key", width=1)

    assert part is not None
    assert part["steps"][0]["usage"] == {
        "requests": 1,
        "completions": 1,
        "input_tokens": 10,
        "output_tokens": 20,
        "cached_tokens": 2,
    }


@pytest.mark.parametrize("text", ["plain", "half a pair \ud83d", "\x00"])
def test_any_question_has_a_key(text: str) -> None:
    key = asked_key([HumanMessage(text)], TPOSettings())

    assert key != asked_key([HumanMessage(text + "!")], TPOSettings())


async def test_best_of_n_that_is_drawn_in_parts_counts_what_it_drew_itself(tmp_path: Path) -> None:
    model = ScriptedModelWithN()

    records = by_system(
        await evaluated(tmp_path / "r", questions(1), ["tpo", "best-of-n-matched"], model=model)
    )

    run = records["best-of-n-matched"]["runs"][0]
    steps = [step for step in run["steps"] if step["step"] == "sample"]
    assert [step.get("shared", False) for step in steps] == [True, False, False, False]
    assert [step["usage"]["completions"] for step in steps] == [2, 2, 1, 1]
    assert (run["first_samples"]["taken"], len(run["pool"])) == (2, 6)
    assert len({candidate["text"] for candidate in run["pool"]}) == 6  # none of them twice
