"""Sample: draw N responses to the conversation.

Opens the run: whatever a checkpointed thread held of an earlier question is reset here.
"""

from langchain_tpo.candidate_pool import Candidate
from langchain_tpo.errors import NoResponseError
from langchain_tpo.loop.node import StepPlan
from langchain_tpo.loop.revisions import read_response, usable
from langchain_tpo.sampling.draws import Drawer, DrawRequest, Draws
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import TPOState, TPOUpdate
from langchain_tpo.text.conversation import sendable
from langchain_tpo.text.well_formed import well_formed


def sample(policy: Drawer) -> StepPlan[DrawRequest, Draws]:
    """Plan the step that draws the first responses from the policy."""
    return StepPlan(name="sample", call=policy, before=request, after=changes)


def request(state: TPOState, settings: TPOSettings) -> DrawRequest:
    """Ask for N responses to the user's own messages."""
    drafts = state.get("drafts", [])
    return DrawRequest(
        messages=sendable(state["messages"]),
        n=settings.width,
        at_least=max(0, _needed(settings) - len(drafts)),
        options=settings.sample.as_kwargs(),
        first_seed=settings.seed,
        one_request=settings.one_request,
        seconds=settings.time_budget,
        labels={"tpo_step": "sample", "tpo_round": 0},
    )


def changes(state: TPOState, settings: TPOSettings, draws: Draws) -> TPOUpdate:
    """Open an empty pool; drafts stand before the responses that were drawn.

    Raises:
        NoResponseError: When too few of them hold any text.
    """
    drafts = [
        Candidate(text=well_formed(text), reward=None, round=0, draft=True)
        for text in state.get("drafts", [])
    ]
    drawn, drops = usable(draws, read_response, step="sample", round_number=0)
    if len(drafts) + len(drawn) < _needed(settings):
        raise NoResponseError(
            f"{len(drawn)} of {settings.width} first responses held any text, {_needed(settings)} "
            "needed: look at the model's `max_tokens` and whether it answers with reasoning only."
        )
    return {
        "drafts": [],
        "responses": [*drafts, *drawn],
        "pool": [],
        "rounds": [],
        "drops": drops,
        "stop_reason": None,
        "failure": None,
    }


def _needed(settings: TPOSettings) -> int:
    """A loss contrasts two responses; best-of-N is content with one."""
    return 2 if settings.depth > 0 else 1
