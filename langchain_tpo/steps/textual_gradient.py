"""Textual gradient: the loss turned into criticism and strategies for the chosen response.

Wording: `TPOPrompts.textual_gradient`.
"""

from langchain_tpo.critique import critique_request, critique_text, gradient_messages
from langchain_tpo.draws import Drawer, DrawRequest, Draws
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import TPOState, TPOUpdate
from langchain_tpo.step import StepPlan


def textual_gradient(critic: Drawer) -> StepPlan[DrawRequest, Draws]:
    """Plan the step that turns the loss into instructions."""
    return StepPlan(name="textual_gradient", call=critic, before=request, after=changes)


def request(state: TPOState, settings: TPOSettings) -> DrawRequest:
    """Ask the critic what to do better."""
    return critique_request(
        "textual_gradient", gradient_messages(state, settings.prompts), state, settings
    )


def changes(state: TPOState, settings: TPOSettings, draws: Draws) -> TPOUpdate:  # noqa: ARG001 a step's shape
    """Add the gradient to the round in progress.

    Raises:
        NoResponseError: When the critic wrote nothing.
    """
    this = state["rounds"][-1].copy()
    this["textual_gradient"] = critique_text(draws)
    return {"rounds": [*state["rounds"][:-1], this]}
