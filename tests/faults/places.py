"""Where in a D2-N5 run a fault can strike, and what the run comes to: the expectations, as data.

Nothing here is worked out by the package: the tables say in words what DESIGN demands.
"""

import threading
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import pytest
from langchain_core.messages import BaseMessage

from langchain_tpo import TPOResult
from langchain_tpo.state import Drop
from tests.support.fakes import step_of

WIDTH = 5

Place: TypeAlias = tuple[str, int]
"""Step and round."""

PLACES: tuple[Place, ...] = (
    ("sample", 0),
    ("textual_loss", 1),
    ("textual_gradient", 1),
    ("update", 1),
    ("textual_loss", 2),
    ("textual_gradient", 2),
    ("update", 2),
)
"""Every stage of a run that calls the model, in order."""

DRAWING = tuple(place for place in PLACES if place[0] in ("sample", "update"))

REQUESTS = {True: (1, 1, 1, 1, 1, 1, 1), False: (5, 1, 1, 5, 1, 1, 5)}
"""Requests of every place, with one request for N draws and with N of them."""


@dataclass(frozen=True)
class Row:
    """What a run comes to when a fault strikes everything at one place, or one draw of five."""

    sample: str
    """`raises X`, or `goes on`."""
    critique: str
    """`error X`: the best so far with that failure; or `goes on`."""
    update: str
    """As before, or `no_usable_update`."""
    lost: tuple[str | None, str | None]
    """Why one struck draw of five is dropped, at sample and at update; None: it is not."""

    def outcome(self, place: Place) -> str:
        """Return the words for a place where everything was struck."""
        return {"sample": self.sample, "update": self.update}.get(place[0], self.critique)

    def drop(self, place: Place) -> str | None:
        """Return the reason for which one struck draw is dropped."""
        return self.lost[0 if place[0] == "sample" else 1]


def failed(error: str) -> Row:
    """Return the row of a request that fails: nothing to go on with, or one draw less."""
    return Row(f"raises {error}", f"error {error}", f"error {error}", ("failed", "failed"))


NO_TEXT = Row(
    "raises NoResponseError", "error NoResponseError", "no_usable_update", ("empty", "no_tag")
)
"""An answer arrives and holds no text: no response, no critique, no revision."""

FILTERED = Row(
    "raises NoResponseError", "error NoResponseError", "no_usable_update", ("filtered", "filtered")
)
"""As before, and the provider says why."""

NO_REVISION = Row("goes on", "goes on", "no_usable_update", (None, "no_tag"))
"""Any text will do as a response or as a critique; a revision needs its tag."""

AMBIGUOUS = Row("goes on", "goes on", "no_usable_update", (None, "ambiguous"))
"""Two texts stand between the tags: nobody can say which of them is the revision."""

EMPTY_REVISION = Row("goes on", "goes on", "no_usable_update", (None, "empty"))
"""The tag is there and holds nothing."""

HARMLESS = Row("goes on", "goes on", "goes on", (None, None))
"""Nothing is lost."""


Struck: TypeAlias = Literal["all", "one"]


class Strike:
    """Says of each request of a run whether it is struck; a run has one place that is."""

    def __init__(self, place: Place, *, struck: Struck = "all") -> None:
        self._place = place
        self._struck = struck
        self._lock = threading.Lock()
        self._losses = 0
        self._seen: Counter[Place] = Counter()

    def hits(self, messages: list[BaseMessage]) -> bool:
        """Count a request and say whether it is struck."""
        step = step_of(messages)
        with self._lock:
            self._losses += step == "textual_loss"
            here = (step, self._losses)
            self._seen[here] += 1
            return here == self._place and (self._struck == "all" or self._seen[here] == WIDTH - 2)


class ScoredLog:
    """A reward that keeps its own books: what it was asked, in order, and what it said."""

    def __init__(self) -> None:
        self.scores: list[tuple[str, float]] = []

    def __call__(self, _prompt: str, response: str) -> float:
        digits = "".join(letter if letter.isdigit() else " " for letter in response).split()
        score = float(digits[-1]) if digits else -1.0
        self.scores.append((response, score))
        return score

    @property
    def best(self) -> str:
        """The earliest response with the highest score."""
        return max(self.scores, key=lambda pair: pair[1])[0]


def requests_until(place: Place, *, one_request: bool) -> int:
    """Count the requests of a run that ends at a place, that place included."""
    return sum(REQUESTS[one_request][: PLACES.index(place) + 1])


def check_end(result: TPOResult, outcome: str, place: Place) -> None:
    """Hold a result against the words of the table."""
    ended = result.failure or {}
    if outcome == "goes on":
        assert (result.stop_reason, result.failure) == ("depth", None)
    elif outcome == "no_usable_update":
        assert (result.stop_reason, result.failure) == (outcome, None)
    else:
        reason, error = outcome.split()
        assert result.stop_reason == reason
        assert (ended["step"], ended["round"]) == place
        assert ended["type"].endswith(error)
        assert ended["message"]


def check_honest(result: TPOResult, scored: ScoredLog) -> None:
    """The answer is the best of everything that was scored, and each text was scored once."""
    assert result.answer == scored.best
    assert len({text for text, _ in scored.scores}) == len(scored.scores)
    assert {one["text"] for one in result.pool} == {text for text, _ in scored.scores}


def drops_of(result: TPOResult) -> Counter[tuple[str, int, str]]:
    """Count the drops of a run by step, round and reason."""
    return Counter(map(_named, result.drops))


def _named(drop: Drop) -> tuple[str, int, str]:
    return drop["step"], drop["round"], drop["reason"]


async def raised_by(run: Awaitable[object]) -> Exception:
    """Return what a run raises; it has to."""
    try:
        result = await run
    except Exception as error:  # noqa: BLE001 the table says which
        return error
    pytest.fail(f"no error, but {result}")
