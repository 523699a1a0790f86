"""Update: draw N revisions of the chosen response and take them out of their tags.

Wording: `TPOPrompts.update`.
"""

from langchain_tpo.loop.node import StepPlan
from langchain_tpo.loop.revisions import revision_reader, usable
from langchain_tpo.loop.step_prompts import prompt_messages
from langchain_tpo.prompts.formatted import for_format
from langchain_tpo.sampling.context_window import FittingDrawer, FittingRequest
from langchain_tpo.sampling.draws import DrawRequest, Draws
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import TPOState, TPOUpdate


def update(policy: FittingDrawer) -> StepPlan[FittingRequest, Draws]:
    """Plan the step that draws revisions from the policy.

    Where the policy's answers have a format, its revisions have the same and no tags.
    """
    formatted = policy.answers_in_format

    def in_form(settings: TPOSettings) -> TPOSettings:
        if not formatted:
            return settings
        return settings.with_changes(prompts=for_format(settings.prompts))

    return StepPlan(
        name="update",
        call=policy,
        before=lambda state, settings: request(state, in_form(settings)),
        after=lambda state, settings, draws: changes(state, in_form(settings), draws),
    )


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
