"""Update: draw N revisions, as the strategy asks for them, and take them out of their tags.

Wording: `TPOPrompts.update` and `TPOPrompts.forms`.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate

from langchain_core.messages import BaseMessage

from langchain_tpo.candidate_pool import Candidate
from langchain_tpo.loop.call_options import call_options
from langchain_tpo.loop.echoes import without_echo
from langchain_tpo.loop.node import StepPlan
from langchain_tpo.loop.revisions import Reader, read_response, revision_reader, usable
from langchain_tpo.loop.step_prompts import draws_of, prompt_messages, prompts_of
from langchain_tpo.prompts.formatted import for_format, for_whole_replies
from langchain_tpo.sampling.draw_request import DrawRequest, Shorter
from langchain_tpo.sampling.several import SeveralDrawer, SeveralDraws
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import TPOState, TPOUpdate
from langchain_tpo.strategies import FRESH, Draw
from langchain_tpo.text.conversation import conversation_text, sendable


def update(
    policy: SeveralDrawer, *, whole: bool = False
) -> StepPlan[Sequence[DrawRequest], SeveralDraws]:
    """Plan the step that draws revisions from the policy.

    Where the policy's answers have a format, its revisions have the same and no tags. Whole replies
    are asked for in the conversation itself, where the tools are at hand.

    Args:
        policy: Draws.
        whole: Whether whole replies compete.
    """
    formatted = policy.answers_in_format

    def in_form(settings: TPOSettings) -> TPOSettings:
        if not formatted and not whole:
            return settings
        reworded = for_whole_replies if whole else for_format
        return settings.with_changes(prompts=reworded(settings.wording))

    def before(state: TPOState, settings: TPOSettings) -> list[DrawRequest]:
        asked = requests(state, in_form(settings))
        return [_in_conversation(one, state) for one in asked] if whole else asked

    return StepPlan(
        name="update",
        call=policy,
        before=before,
        after=lambda state, settings, drawn: changes(state, in_form(settings), drawn),
    )


def requests(state: TPOState, settings: TPOSettings) -> list[DrawRequest]:
    """Ask for N revisions; draws that share a prompt are one request where the model can."""
    draws = draws_of(state, settings)
    numbers = accumulate((draw.n for draw in draws), initial=0)
    return [
        _request(draw, number, state, settings)
        for draw, number in zip(draws, numbers, strict=False)  # the last number is their sum
    ]


def _in_conversation(request: DrawRequest, state: TPOState) -> DrawRequest:
    """Put what is asked for behind the conversation, unless it is the conversation alone."""
    if request.labels.get("tpo_form") == FRESH:
        return request
    conversation = sendable(state["messages"])

    def behind(make: Shorter) -> tuple[list[BaseMessage], int]:
        messages, left_out = make()
        return [*conversation, *messages], left_out

    return replace(
        request,
        messages=[*conversation, *request.messages],
        shorter=[partial(behind, one) for one in request.shorter],
    )


def changes(state: TPOState, settings: TPOSettings, drawn: SeveralDraws) -> TPOUpdate:
    """Send the usable revisions on to the reward; a round without one ends the run."""
    number = len(state["rounds"])
    revisions: list[Candidate] = []
    drops = list(state["drops"])
    for draw, draws in zip(draws_of(state, settings), drawn.each, strict=True):
        reader = _reader(draw, state, settings)
        read, unread = usable(
            draws,
            reader,
            step="update",
            round_number=number,
            prefer_complete=settings.prefer_complete,
        )
        revisions += [_labelled(revision, draw) for revision in read]
        drops += unread
    return {
        "responses": revisions,
        "drops": drops,
        "stop_reason": None if revisions else "no_usable_update",
    }


def _request(draw: Draw, number: int, state: TPOState, settings: TPOSettings) -> DrawRequest:
    rounds = len(state["rounds"])
    options = settings.update
    messages, shorter = sendable(state["messages"]), list[Shorter]()
    if draw.form == FRESH:
        options = settings.sample
    else:
        messages, shorter = prompt_messages(draw.form, state, settings, draw)
    return DrawRequest(
        messages=messages,
        n=draw.n,
        at_least=0,
        options=call_options(options, state, settings),
        first_seed=None if settings.seed is None else settings.seed + rounds * settings.width,
        first=number,
        one_request=settings.one_request,
        labels={"tpo_step": "update", "tpo_round": rounds, **_form(draw)},
        shorter=shorter,
        context_tokens=settings.context_tokens,
    )


def _form(draw: Draw) -> dict[str, str]:
    return {} if draw.form == "update" else {"tpo_form": draw.form}


def _reader(draw: Draw, state: TPOState, settings: TPOSettings) -> Reader:
    if draw.form == FRESH:
        return read_response
    prompts = prompts_of(state, settings)
    if prompts.revision_tag:
        return revision_reader(prompts.revision_tag)
    asked, shown = _asked_and_answered(draw, state), prompts.shown_tag
    if shown and f"<{shown}>".lower() in asked.lower():
        shown = None  # the tag is the question's own, not a copy of ours
    return without_echo(revision_reader(None, shown_tag=shown), prompts, draw.form, asked=asked)


def _asked_and_answered(draw: Draw, state: TPOState) -> str:
    """Return the conversation, and the responses that a draw may go on with."""
    places = dict.fromkeys([state["rounds"][-1]["chosen"], *draw.shown])
    texts = [state["pool"][place]["text"] for place in places]
    return "\n".join([conversation_text(state["messages"]), *texts])


def _labelled(revision: Candidate, draw: Draw) -> Candidate:
    """Say how a revision was asked for, where others were asked for otherwise."""
    labelled = revision.copy()
    if draw.label or draw.form != "update":
        labelled["form"] = draw.label or draw.form
    if draw.direction:
        labelled["direction"] = draw.direction
    return labelled
