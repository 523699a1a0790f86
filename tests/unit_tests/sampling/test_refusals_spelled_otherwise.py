"""Refusals as services of many kinds spell them, and errors that only look like one."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import HumanMessage, SystemMessage

from langchain_tpo.sampling.capabilities import ANYTHING, Asking, Lessons


class RefusedError(Exception):
    def __init__(self, words: str, status: int) -> None:
        super().__init__(words)
        self.status_code = status


ASKING = Asking(
    model=FakeListChatModel(responses=["Oil it."]),
    messages=[SystemMessage("Be brief."), HumanMessage("Wood? " * 500)],
    options={"temperature": 0.7, "top_p": 0.95, "max_tokens": 8192, "seed": 7},
    n=5,
)


WORDS: dict[str, list[tuple[str, int, dict[str, Any]]]] = json.loads(
    (Path(__file__).parents[2] / "fixtures/written/refusals.json").read_text(encoding="utf-8")
)
"""What services say, with which status, and what that teaches of a model; by what it is about."""

TEACH = [
    (kind, place) for kind, said in WORDS.items() if kind != "nothing" for place in range(len(said))
]
NOTHING = range(len(WORDS["nothing"]))


def known(lessons: Lessons) -> dict[str, Any]:
    """Return what was learned."""
    before = vars(ANYTHING)
    found = {name: one for name, one in vars(lessons.known).items() if one != before[name]}
    return {name: sorted(one) if isinstance(one, frozenset) else one for name, one in found.items()}


@pytest.mark.parametrize(("kind", "place"), TEACH)
def test_what_is_refused_is_read(kind: str, place: int) -> None:
    lessons = Lessons("m", ANYTHING)
    words, status, taught = WORDS[kind][place]

    lessons.learn(ASKING, RefusedError(words, status))

    assert known(lessons) == taught, words


@pytest.mark.parametrize("n", [5, 1])
@pytest.mark.parametrize("place", NOTHING)
def test_what_is_no_refusal_teaches_nothing(place: int, n: int) -> None:
    lessons = Lessons("m", ANYTHING)
    words, status, _ = WORDS["nothing"][place]

    with pytest.raises(RefusedError):
        lessons.learn(replace(ASKING, n=n), RefusedError(words, status))
    assert lessons.known == ANYTHING, words


def test_without_a_system_message_none_is_to_blame() -> None:
    lessons = Lessons("m", ANYTHING)
    asking = replace(ASKING, messages=[HumanMessage("Wood?"), HumanMessage("Oak?")])

    with pytest.raises(RefusedError):
        lessons.learn(asking, RefusedError("Conversation roles must alternate", 400))
    assert lessons.known == ANYTHING
