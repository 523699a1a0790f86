"""What critic and editor are told: the messages of loss, gradient and update.

Turns a state into rendered prompts. Pure; knows prompts and the pool, calls nothing.
"""

from collections.abc import Sequence
from functools import partial
from typing import Literal

from langchain_core.messages import BaseMessage, HumanMessage

from langchain_tpo.candidate_pool import Candidate
from langchain_tpo.errors import NoResponseError
from langchain_tpo.prompts import TPOPrompts
from langchain_tpo.prompts.prompt_set import PromptName
from langchain_tpo.sampling.context_window import SHARES, FittingRequest, Shorter, shorter
from langchain_tpo.sampling.draws import DrawRequest, Draws
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import TPOState
from langchain_tpo.text.conversation import attachments, conversation_text

SPAN_WORDS = 10
"""How many words a shortened text keeps at either end (TextGrad's variable span)."""


def prompt_messages(
    step: PromptName, state: TPOState, prompts: TPOPrompts
) -> tuple[list[BaseMessage], Sequence[Shorter]]:
    """Return the prompt of a step, and what shortens it for a small window."""
    words = partial(_rendered, step, state, prompts)
    return words(1.0)[0], [partial(words, share) for share in SHARES]


def critique_request(
    step: Literal["textual_loss", "textual_gradient"], state: TPOState, settings: TPOSettings
) -> FittingRequest:
    """Ask the critic for one reply, sampled as the settings say for this step."""
    messages, shorter_ones = prompt_messages(step, state, settings.prompts)
    number = len(state["rounds"])
    options = getattr(settings, step)
    draw = DrawRequest(
        messages=messages,
        n=1,
        at_least=1,
        options=options.as_kwargs(),
        first_seed=None if settings.seed is None else settings.seed + number,
        one_request=False,
        labels={"tpo_step": step, "tpo_round": number},
    )
    return FittingRequest(draw=draw, shorter=shorter_ones, context_tokens=settings.context_tokens)


def critique_text(draws: Draws) -> str:
    """Return what the critic wrote.

    Raises:
        NoResponseError: When that is nothing: without a critique there is nothing to revise by.
    """
    text = draws.replies[0]["text"]
    if not text.strip():
        raise NoResponseError(
            "The critic's reply held no text: look at its `max_tokens` and whether it answers with "
            "reasoning or a refusal only."
        )
    return text


def shortened(text: str) -> str:
    """Return the first and the last ten words of a text of more than twenty.

    Example:
        >>> shortened(" ".join(str(number) for number in range(25)))
        '0 1 2 3 4 5 6 7 8 9 (...) 15 16 17 18 19 20 21 22 23 24'
    """
    words = text.split()
    if len(words) <= 2 * SPAN_WORDS:
        return text
    return " ".join([*words[:SPAN_WORDS], "(...)", *words[-SPAN_WORDS:]])


def _rendered(
    step: PromptName, state: TPOState, prompts: TPOPrompts, share: float
) -> tuple[list[BaseMessage], int]:
    """Render the prompt of a step with a share of what it quotes; the query is always whole."""
    this = state["rounds"][-1]
    best, worst = state["pool"][this["chosen"]], state["pool"][this["rejected"]]
    texts = {
        "chosen": best["text"],
        "rejected": worst["text"],
        "remarks": _remarks(best, worst),
        "textual_loss": this.get("textual_loss", ""),
        "textual_gradient": this.get("textual_gradient", ""),
    }
    asked = prompts.asked(step)
    kept, left_out = shorter({name: texts[name] for name in texts if name in asked}, share)
    known = {"query": conversation_text(state["messages"]), **kept}
    if "loss_instruction" in asked:
        known["loss_instruction"] = prompts.render("textual_loss", **known)[0].text
    rendered = prompts.render(step, chosen_span=shortened(best["text"]), **known)
    return _with_attachments(rendered, state), left_out


def _remarks(best: Candidate, worst: Candidate) -> str:
    lines = [
        f"What the scorer said of the {role} answer: {candidate['rationale']}"
        for role, candidate in (("chosen", best), ("rejected", worst))
        if candidate.get("rationale")
    ]
    return "\n" + "\n".join(lines) + "\n" if lines else ""


def _with_attachments(rendered: list[BaseMessage], state: TPOState) -> list[BaseMessage]:
    """Show the critic what the user showed: images travel with the first of its user messages."""
    attached = attachments(state["messages"])
    if not attached:
        return rendered
    users = (place for place, one in enumerate(rendered) if isinstance(one, HumanMessage))
    first = next(users, len(rendered) - 1)
    shown = HumanMessage([{"type": "text", "text": rendered[first].text}, *attached])
    return [*rendered[:first], shown, *rendered[first + 1 :]]
