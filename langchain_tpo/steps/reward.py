"""Reward: score what is fresh, once, in one batch, then name chosen and rejected, or stop.

The scorers themselves are in `reward_models/`.
"""

from functools import partial

from langchain_tpo.candidate_pool import Candidate, KeptScore, chosen, known_reward, with_score
from langchain_tpo.errors import NothingScoredError
from langchain_tpo.loop.forecast import Forecast
from langchain_tpo.loop.node import StepPlan
from langchain_tpo.loop.scoring import BatchScores, RewardCaller
from langchain_tpo.loop.stopping import stop_reason
from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.sampling.replies import message_of
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import Drop, Round, TPOState, TPOUpdate


def reward(
    scorer: RewardCaller, forecast: Forecast, *, whole: bool = False
) -> StepPlan[ScoreRequest, BatchScores]:
    """Plan the step that scores fresh responses and decides whether another round begins.

    Args:
        scorer: Calls the reward model.
        forecast: Counts what a round will cost.
        whole: Whether it is shown whole replies as well.
    """
    before = request_with_replies if whole else request
    after = partial(changes, forecast=forecast)
    return StepPlan(name="reward", call=scorer, before=before, after=after)


def request(state: TPOState, settings: TPOSettings) -> ScoreRequest:  # noqa: ARG001 a step's shape
    """Ask for the texts of this round that have no reward yet, each once."""
    asked = ScoreRequest(
        messages=list(state["messages"]), responses=list(_unknown(state)), pool=_known(state)
    )
    return {**asked, "context": state["context"]} if state["context"] else asked


def request_with_replies(state: TPOState, settings: TPOSettings) -> ScoreRequest:
    """Ask as `request` does, and show the messages whose texts these are."""
    replies = [message_of(candidate) for candidate in _unknown(state).values()]
    return {**request(state, settings), "replies": replies}


def _unknown(state: TPOState) -> dict[str, Candidate]:
    """Return what is to be scored by its text; of equal ones the first."""
    known = _known(state)
    fresh = [
        response
        for response in state["responses"]
        if response["reward"] is None and "fault" not in response
    ]
    unknown = [one for one in fresh if known_reward(known, one["text"]) is None]
    first: dict[str, Candidate] = {}
    for candidate in unknown:
        first.setdefault(candidate["text"], candidate)
    return first


def changes(
    state: TPOState, settings: TPOSettings, scores: BatchScores, *, forecast: Forecast
) -> TPOUpdate:
    """Put the scored responses into the pool; begin the next round, or say why there is none.

    Raises:
        NothingScoredError: When the run has not one scored response.
    """
    known = _known(state)
    judged = [_scored(fresh, known, scores) for fresh in state["responses"]]
    scored = [_with_fault(one, [*known, *judged]) for one in judged]
    pool = [*state["pool"], *scored]
    if chosen(pool) is None:
        raise NothingScoredError(
            f"The reward model scored none of {len(pool)} responses: every score was None, NaN or "
            "infinite."
        )
    best, worst = settings.strategy.contrast(pool)
    begun = Round(chosen=best, rejected=worst)
    suits = settings.wording.suits(rejected=worst is not None)
    reason = stop_reason(
        pool,
        state["steps"],
        settings=settings,
        maximum=scores.maximum,
        ahead=lambda: forecast.tokens({**state, "pool": pool}, begun, settings) if suits else 0,
    )
    if reason is None and not suits:
        reason = "no_contrast"
    failure = None if worst is not None else state["failure"]  # `sample` lacked a second response
    if failure is not None:
        reason = "error"
    return {
        "responses": [],
        "pool": pool,
        "failure": failure,
        "rounds": state["rounds"] if reason else [*state["rounds"], begun],
        "drops": [*state["drops"], *_not_scored(scored)],
        "stop_reason": reason,
    }


def _scored(fresh: Candidate, pool: list[Candidate], scores: BatchScores) -> Candidate:
    """Return a candidate with its reward: that of the same text where it has been seen before."""
    if fresh["reward"] is not None or "fault" in fresh:  # a first sample of an earlier run, or none
        return fresh
    return with_score(fresh, known_reward(pool, fresh["text"]) or scores.of(fresh["text"]))


def _with_fault(candidate: Candidate, others: list[Candidate]) -> Candidate:
    """Let a faulty candidate earn no more than any other, so that it can be rejected."""
    if "fault" not in candidate:
        return candidate
    rewards = [other["reward"] for other in others if other["reward"] is not None]
    return with_score(candidate, KeptScore(reward=min(rewards, default=0.0)))


def _known(state: TPOState) -> list[Candidate]:
    """Return what has been scored before: the pool, and first samples of an earlier run."""
    return [
        *state["pool"],
        *(response for response in state["responses"] if response["reward"] is not None),
    ]


def _not_scored(candidates: list[Candidate]) -> list[Drop]:
    return [
        Drop(step="reward", round=candidate["round"], reason="not_scored", detail="")
        for candidate in candidates
        if candidate["reward"] is None
    ]
