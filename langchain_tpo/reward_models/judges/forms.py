"""The forms that judges fill in, with reasons and without.

Their names are sent to models that fill them in by calling a tool. Pure.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from langchain_tpo.reward_models.judges.judge_prompts import (
    A_IS_BETTER,
    RANKING,
    RATIONALE,
    SCORE,
    SCORES,
    VERDICTS,
)
from langchain_tpo.reward_models.judges.replies import Number, number_in


class RatingForm(BaseModel):
    """A verdict on one response."""

    score: Number = Field(description=SCORE)


class ExplainedRatingForm(BaseModel):
    """A verdict on one response; the reasons come first, so that the score can follow from them."""

    rationale: str = Field(description=RATIONALE)
    score: Number = Field(description=SCORE)


class ComparisonForm(BaseModel):
    """A verdict on two responses."""

    a_is_better: Number = Field(description=A_IS_BETTER)


class ExplainedComparisonForm(BaseModel):
    """A verdict on two responses; the reasons come first."""

    rationale: str = Field(description=RATIONALE)
    a_is_better: Number = Field(description=A_IS_BETTER)


def _in_order(value: object) -> object:
    """Return what models write for a list of verdicts as one: by number, or one alone."""
    if isinstance(value, Mapping):
        places = [number_in(str(key).rpartition(" ")[2]) for key in value]
        if any(place is None for place in places):
            return value
        by_place = sorted(zip(places, value.values(), strict=True), key=lambda one: one[0] or ())
        return [each for _, each in by_place]
    return [value] if isinstance(value, int | float) else value


def _plain_number(value: object) -> object:
    number = number_in(value)
    return number[0] if number is not None and number[1] is None else value


def _in_lists(value: object) -> object:
    """Return a ranking as ranks, each a list of the numbers that share it."""
    if not isinstance(value, list):
        return value
    return [
        [_plain_number(place) for place in (rank if isinstance(rank, list) else [rank])]
        for rank in value
    ]


class ListScores(BaseModel):
    """A verdict on several responses, in their order."""

    scores: Annotated[
        list[Annotated[Number, BeforeValidator(_plain_number)]], BeforeValidator(_in_order)
    ] = Field(description=SCORES)


class OfList(BaseModel):
    """A verdict on one response of a list; the reason comes first."""

    rationale: str = Field(description=RATIONALE)
    score: Annotated[Number, BeforeValidator(_plain_number)] = Field(description=SCORE)


class ExplainedListScores(BaseModel):
    """A verdict on several responses, in their order, with reasons."""

    verdicts: Annotated[list[OfList], BeforeValidator(_in_order)] = Field(description=VERDICTS)


class ListRanking(BaseModel):
    """Several responses in order, best first; those of one rank share a list."""

    ranking: Annotated[list[list[int]], BeforeValidator(_in_lists)] = Field(description=RANKING)
