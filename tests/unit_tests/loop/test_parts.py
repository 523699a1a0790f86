"""Width and depth are those of the settings, whichever was set last, at every door."""

import copy
import pickle
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

import pytest
from langchain_core.runnables import ConfigurableField

from langchain_tpo import ChatTPO, TPORunnable, TPOSettings
from langchain_tpo.errors import ConfigurationError
from tests.support.fakes import ScriptedModelWithN, last_number

DOORS: dict[str, Callable[..., Any]] = {"TPORunnable": TPORunnable, "ChatTPO": ChatTPO}

FIELDS = {
    name: ConfigurableField(id=f"my_{name}", name=name) for name in ("settings", "width", "depth")
}


def choices(settings: TPOSettings, width: int, depth: int) -> Iterator[dict[str, Any]]:
    """Return every subset of three options."""
    given = {"settings": settings, "width": width, "depth": depth}
    for taken in product((False, True), repeat=3):
        yield {name: given[name] for name, take in zip(given, taken, strict=True) if take}


def by_copy(loop: Any, changes: Mapping[str, Any]) -> Any:
    return loop.model_copy(update=changes)


def by_config(loop: Any, changes: Mapping[str, Any]) -> Any:
    changeable = loop.configurable_fields(**FIELDS)
    config = {"configurable": {f"my_{name}": value for name, value in changes.items()}}
    return changeable.prepare(config)[0]


def expected(start: tuple[int, int], said: Mapping[str, Any]) -> tuple[int, int]:
    settings = said.get("settings", TPOSettings(width=start[0], depth=start[1]))
    return said.get("width", settings.width), said.get("depth", settings.depth)


def seen(loop: Any) -> tuple[int, int]:
    assert (loop.width, loop.depth) == (loop.settings.width, loop.settings.depth)
    return loop.width, loop.depth


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("change", [by_copy, by_config])
def test_whichever_was_set_last_holds(
    door: str, change: Callable[[Any, Mapping[str, Any]], Any]
) -> None:
    kept = {"prompts": "small", "patience": 7}
    for at_first in choices(TPOSettings(width=9, depth=1), 4, 3):
        loop = DOORS[door](model=ScriptedModelWithN(), reward=last_number, **at_first)
        before = expected((5, 2), at_first)
        assert seen(loop) == before
        for then in choices(TPOSettings(width=7, depth=6, **kept), 3, 0):  # type: ignore[arg-type]
            changed = change(loop, then)
            assert seen(changed) == expected(before, then), (at_first, then)
            assert changed.settings.patience == (7 if "settings" in then else None)
        assert seen(loop) == before


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("change", [by_copy, by_config])
def test_a_run_obeys_what_was_set_last(
    door: str, change: Callable[[Any, Mapping[str, Any]], Any]
) -> None:
    loop = DOORS[door](model=ScriptedModelWithN(), reward=last_number, width=4, depth=1)
    loop.invoke("Wood?")
    for changes, candidates in (
        ({"width": 3}, 6),
        ({"depth": 0}, 4),
        ({"settings": TPOSettings(width=2, depth=2)}, 6),
    ):
        answer = change(loop, changes).invoke("Wood?")
        assert answer.response_metadata["tpo"]["candidates"] == candidates


@pytest.mark.parametrize("door", DOORS)
def test_a_copy_of_a_copy_goes_on_from_there(door: str) -> None:
    loop = DOORS[door](model=ScriptedModelWithN(), reward=last_number, width=4)
    again = by_config(by_copy(loop, {"width": 3}), {"depth": 0})

    assert seen(again) == (3, 0)
    for clone in (copy.copy(again), copy.deepcopy(again), pickle.loads(pickle.dumps(again))):  # noqa: S301 our own
        assert seen(by_config(clone, {"settings": TPOSettings()})) == (5, 2)


@pytest.mark.parametrize("door", DOORS)
def test_none_leaves_it_to_the_settings(door: str) -> None:
    settings = TPOSettings(width=9, depth=1)
    loop = DOORS[door](
        model=ScriptedModelWithN(), reward=last_number, settings=settings, width=None, depth=None
    )

    assert seen(loop) == (9, 1)
    assert seen(by_copy(loop, {"width": None})) == (9, 1)


def test_a_copy_takes_a_function_as_its_reward() -> None:
    loop = TPORunnable(model=ScriptedModelWithN(), reward=last_number, width=2, depth=0)

    copied = loop.model_copy(update={"reward": lambda prompt, response: -len(response)})

    assert copied.optimize("Wood?").reward == -len("sample 0")


@pytest.mark.parametrize(
    "changes",
    [
        {"width": "x"},
        {"width": 1},
        {"depth": -1},
        {"settings": 3},
        {"model": "gpt"},
        {"critic": 3},
        {"reward": 3},
        {"widht": 4},
        {"token_budget": 4_000},
    ],
)
def test_a_copy_that_cannot_work_is_refused_in_one_line(changes: dict[str, Any]) -> None:
    loop = TPORunnable(model=ScriptedModelWithN(), reward=last_number)

    with pytest.raises(ConfigurationError) as refusal:
        loop.model_copy(update=changes)

    assert "\n" not in str(refusal.value)
