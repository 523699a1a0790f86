"""Sample: draw N responses to the conversation.

Opens the run: whatever a checkpointed thread held of an earlier question is reset here.
"""

from collections.abc import Mapping, Sequence

from langchain_core.messages import BaseMessage

from langchain_tpo.candidate_pool import Candidate
from langchain_tpo.errors import NoResponseError
from langchain_tpo.loop.call_options import call_options
from langchain_tpo.loop.empty_replies import why_no_text
from langchain_tpo.loop.failures import failure_of
from langchain_tpo.loop.node import StepPlan
from langchain_tpo.loop.refusals import all_refuse, settled
from langchain_tpo.loop.revisions import read_response, usable
from langchain_tpo.loop.step_prompts import check_shown
from langchain_tpo.loop.stopping import out_of_time
from langchain_tpo.reward_models.base import check_question
from langchain_tpo.reward_models.interface import RewardModel, ScoreRequest
from langchain_tpo.sampling.draw_request import DrawRequest
from langchain_tpo.sampling.draws import Drawer, Draws
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import Drop, FirstSamples, TPOState, TPOUpdate
from langchain_tpo.text.conversation import sendable
from langchain_tpo.text.well_formed import well_formed


def sample(policy: Drawer, reward: RewardModel) -> StepPlan[DrawRequest, Draws]:
    """Plan the step that draws the first responses from the policy.

    Args:
        policy: What draws.
        reward: Refuses a question that it cannot do with, before anything is paid for.
    """

    def refuse(state: TPOState, settings: TPOSettings, *, sync: bool) -> None:
        check_asked(state["messages"], state["context"], reward, settings, sync=sync)

    return StepPlan(name="sample", call=policy, refuse=refuse, before=request, after=changes)


def check_asked(
    messages: Sequence[BaseMessage],
    context: Mapping[str, object],
    reward: RewardModel,
    settings: TPOSettings,
    *,
    sync: bool,
) -> None:
    """Refuse a question for which something is missing, before anything is paid for.

    Args:
        messages: The conversation.
        context: What else is known of it.
        reward: What is going to score.
        settings: What is going to be shown to the critic.
        sync: Whether the run is a sync one.

    Raises:
        ConfigurationError: In one line that says what is missing.
    """
    question = ScoreRequest(messages=[*messages], responses=[], context=context)
    check_question(reward, question, sync=sync)
    check_shown(context, settings)


def request(state: TPOState, settings: TPOSettings) -> DrawRequest:
    """Ask for N responses to the user's own messages, less those that are given.

    Where what was given has used the time up, it has to do; so it does where every draw fails.
    """
    given = _given(state)
    drawn = sum(not candidate.get("draft", False) for candidate in given["candidates"])
    drawn += sum(not drop.get("draft", False) for drop in given.get("drops", []))
    usable_already = len(state.get("drafts", [])) + len(given["candidates"])
    # When the time is up, one response has to do: `changes` looks at the clock.
    at_least = _needed(settings) if settings.time_budget is None else 1
    if usable_already and settings.on_error != "raise":
        at_least = 0
    enough = usable_already > 0 and out_of_time(state["steps"], settings=settings)
    return DrawRequest(
        messages=sendable(state["messages"]),
        n=0 if enough else max(0, settings.width - drawn),
        at_least=max(0, at_least - usable_already),
        options=call_options(settings.sample, state, settings),
        first_seed=None if settings.seed is None else settings.seed + drawn,
        one_request=settings.one_request,
        labels={"tpo_step": "sample", "tpo_round": 0},
    )


def changes(state: TPOState, settings: TPOSettings, draws: Draws) -> TPOUpdate:
    """Open an empty pool: drafts, then the first samples that are given, then those just drawn.

    Where too few can be used and one was given, that one is scored and the run ends with it.

    Raises:
        NoResponseError: When too few of them hold any text, and none was given.
    """
    given = _given(state)
    drafts = [
        Candidate(text=well_formed(text), reward=None, round=0, draft=True)
        for text in state.get("drafts", [])
    ]
    fresh, fresh_drops = usable(
        draws,
        read_response,
        step="sample",
        round_number=0,
        prefer_complete=settings.prefer_complete,
    )
    in_hand, drops = [*drafts, *given["candidates"]], [*given.get("drops", []), *fresh_drops]
    responses, set_aside = settled([*in_hand, *fresh], settings.on_refusal)
    drops = [*drops, *set_aside]
    refused = all_refuse(responses)
    needed = 1 if out_of_time(state["steps"], settings=settings) else _needed(settings)
    failure = None
    if not refused and len(responses) < needed:
        error = _too_few(state, responses, drops, needed)
        if not in_hand or settings.on_error == "raise":
            raise error
        failure = failure_of("sample", 0, next(iter(draws.failures), error))
    return {
        "responses": [] if refused else responses,
        "pool": responses if refused else [],
        "drops": drops,
        "stop_reason": "refusal" if refused else None,
        "failure": failure,
    }


def _given(state: TPOState) -> FirstSamples:
    return state.get("first_samples") or FirstSamples(candidates=[])


def _too_few(
    state: TPOState, responses: Sequence[Candidate], drops: Sequence[Drop], needed: int
) -> NoResponseError:
    """Return the error of a shortage; what can be used goes with it, for a next run."""
    usable_ones = FirstSamples(candidates=[*responses], steps=state["steps"])
    return NoResponseError(
        f"{len(responses)} of {len(responses) + len(drops)} first responses held any text, "
        f"{needed} needed {why_no_text([_held(drop) for drop in drops])}",
        first_samples=usable_ones if responses else None,
    )


def _held(drop: Drop) -> str:
    return "failed" if drop["reason"] == "failed" else drop["detail"] or drop["reason"]


def _needed(settings: TPOSettings) -> int:
    """A loss contrasts two responses; best-of-N is content with one."""
    return 2 if settings.depth > 0 and settings.strategy.contrasts else 1
