"""The forms that judges fill in, with reasons and without.

Their names are sent to models that fill them in by calling a tool. Pure.
"""

from pydantic import BaseModel, Field

from langchain_tpo.reward_models.judges.judge_prompts import A_IS_BETTER, RATIONALE, SCORE
from langchain_tpo.reward_models.judges.replies import Number


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
