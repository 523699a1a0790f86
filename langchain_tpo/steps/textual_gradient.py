"""Textual gradient: the loss turned into criticism and strategies for the chosen response.

Wording: `TPOPrompts.textual_gradient`.
"""

from langchain_tpo.loop.node import StepPlan
from langchain_tpo.loop.step_prompts import criticized, critique_request
from langchain_tpo.sampling.context_window import FittingDrawer
from langchain_tpo.sampling.draw_request import DrawRequest
from langchain_tpo.sampling.draws import Draws
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import TPOState, TPOUpdate


def textual_gradient(critic: FittingDrawer) -> StepPlan[DrawRequest, Draws]:
    """Plan the step that turns the loss into instructions."""
    return StepPlan(name="textual_gradient", call=critic, before=request, after=changes)


def request(state: TPOState, settings: TPOSettings) -> DrawRequest:
    """Ask the critic what to do better."""
    return critique_request("textual_gradient", state, settings)


def changes(state: TPOState, settings: TPOSettings, draws: Draws) -> TPOUpdate:  # noqa: ARG001 a step's shape
    """Add it to the round in progress.

    Raises:
        NoResponseError: When the critic wrote nothing.
    """
    return criticized("textual_gradient", state, draws)
