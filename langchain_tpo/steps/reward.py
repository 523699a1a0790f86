"""Reward: score what is fresh, once, in one batch, then name chosen and rejected, or stop.

The scorers themselves are in `reward_models/`.
"""

from langchain_tpo.candidate_pool import Candidate, chosen, known_reward, with_score
from langchain_tpo.errors import NothingScoredError
from langchain_tpo.loop.node import StepPlan
from langchain_tpo.loop.scoring import Scorer, Scores
from langchain_tpo.loop.stopping import stop_reason
from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import Drop, Round, TPOState, TPOUpdate


def reward(scorer: Scorer) -> StepPlan[ScoreRequest, Scores]:
    """Plan the step that scores fresh responses and decides whether another round begins."""
    return StepPlan(name="reward", call=scorer, before=request, after=changes)


def request(state: TPOState, settings: TPOSettings) -> ScoreRequest:  # noqa: ARG001 a step's shape
    """Ask for the texts of this round that have no reward yet, each once."""
    texts = dict.fromkeys(one["text"] for one in state["responses"] if one["reward"] is None)
    known = _known(state)
    unknown = [text for text in texts if known_reward(known, text) is None]
    request = ScoreRequest(messages=list(state["messages"]), responses=unknown, pool=known)
    return {**request, "context": state["context"]} if state["context"] else request


def changes(state: TPOState, settings: TPOSettings, scores: Scores) -> TPOUpdate:
    """Put the scored responses into the pool; begin the next round, or say why there is none.

    Raises:
        NothingScoredError: When the run has not one scored response.
    """
    known = _known(state)
    scored = [_scored(fresh, known, scores) for fresh in state["responses"]]
    pool = [*state["pool"], *scored]
    if chosen(pool) is None:
        raise NothingScoredError(
            f"The reward model scored none of {len(pool)} responses: every score was None, NaN or "
            "infinite."
        )
    best, worst = settings.strategy.contrast(pool)
    reason = stop_reason(pool, state["steps"], settings=settings, maximum=scores.maximum)
    if reason is None and not settings.wording.suits(rejected=worst is not None):
        reason = "no_contrast"
    begun = [] if reason else [Round(chosen=best, rejected=worst)]
    return {
        "responses": [],
        "pool": pool,
        "rounds": [*state["rounds"], *begun],
        "drops": [*state["drops"], *_not_scored(scored)],
        "stop_reason": reason,
    }


def _scored(fresh: Candidate, pool: list[Candidate], scores: Scores) -> Candidate:
    """Return the candidate its reward: that of the same text where it has been seen before."""
    if fresh["reward"] is not None:  # a first sample of an earlier run
        return fresh
    return with_score(fresh, known_reward(pool, fresh["text"]) or scores.of(fresh["text"]))


def _known(state: TPOState) -> list[Candidate]:
    """Return what has been scored before: the pool, and first samples of an earlier run."""
    return [*state["pool"], *(one for one in state["responses"] if one["reward"] is not None)]


def _not_scored(candidates: list[Candidate]) -> list[Drop]:
    return [
        Drop(step="reward", round=one["round"], reason="not_scored", detail="")
        for one in candidates
        if one["reward"] is None
    ]
