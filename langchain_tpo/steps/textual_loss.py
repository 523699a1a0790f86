"""Textual loss: why the chosen response of the whole pool beats the rejected one.

Wording: `TPOPrompts.textual_loss`.
"""

from langchain_tpo.loop.node import StepPlan
from langchain_tpo.loop.step_prompts import criticized, critique_request
from langchain_tpo.sampling.context_window import FittingDrawer
from langchain_tpo.sampling.draw_request import DrawRequest
from langchain_tpo.sampling.draws import Draws
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import TPOState, TPOUpdate


def textual_loss(critic: FittingDrawer) -> StepPlan[DrawRequest, Draws]:
    """Plan the step that explains the rewards in words."""
    return StepPlan(name="textual_loss", call=critic, before=request, after=changes)


def request(state: TPOState, settings: TPOSettings) -> DrawRequest:
    """Ask the critic to compare chosen and rejected."""
    return critique_request("textual_loss", state, settings)


def changes(state: TPOState, settings: TPOSettings, draws: Draws) -> TPOUpdate:  # noqa: ARG001 a step's shape
    """Add it to the round in progress.

    Raises:
        NoResponseError: When the critic wrote nothing.
    """
    return criticized("textual_loss", state, draws)
