"""Update: draw N revisions of the chosen response and take them out of their tags.

Wording: `TPOPrompts.update`.
"""

from langchain_tpo.loop.node import StepPlan
from langchain_tpo.loop.revisions import revision_reader, usable
from langchain_tpo.loop.step_prompts import prompt_messages
from langchain_tpo.sampling.draws import DrawRequest, Draws
from langchain_tpo.sampling.fitting import FittingDrawer, FittingRequest
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import TPOState, TPOUpdate


def update(policy: FittingDrawer) -> StepPlan[FittingRequest, Draws]:
    """Plan the step that draws revisions from the policy."""
    return StepPlan(name="update", call=policy, before=request, after=changes)


def request(state: TPOState, settings: TPOSettings) -> FittingRequest:
    """Ask for N revisions, given the chosen response, the loss and the gradient."""
    number = len(state["rounds"])
    messages, shorter = prompt_messages("update", state, settings.prompts)
    draw = DrawRequest(
        messages=messages,
        n=settings.width,
        at_least=1,
        options=settings.update.as_kwargs(),
        first_seed=None if settings.seed is None else settings.seed + number * settings.width,
        one_request=settings.one_request,
        labels={"tpo_step": "update", "tpo_round": number},
    )
    return FittingRequest(draw=draw, shorter=shorter, context_tokens=settings.context_tokens)


def changes(state: TPOState, settings: TPOSettings, draws: Draws) -> TPOUpdate:
    """Send the usable revisions on to the reward; a round without one ends the run."""
    read = revision_reader(settings.prompts.revision_tag)
    revisions, drops = usable(
        draws,
        read,
        step="update",
        round_number=len(state["rounds"]),
        prefer_complete=settings.prefer_complete,
    )
    return {
        "responses": revisions,
        "drops": [*state["drops"], *drops],
        "stop_reason": None if revisions else "no_usable_update",
    }
