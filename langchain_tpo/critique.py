"""What critic and editor are told: the messages of loss, gradient and update.

Turns a state into rendered prompts. Pure; knows prompts and the pool, calls nothing.
"""

from typing import Literal

from langchain_core.messages import BaseMessage, HumanMessage

from langchain_tpo.candidate_pool import Candidate
from langchain_tpo.conversation import attachments, conversation_text
from langchain_tpo.draws import DrawRequest, Draws
from langchain_tpo.errors import NoResponseError
from langchain_tpo.prompts import TPOPrompts
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import TPOState

SPAN_WORDS = 10
"""How many words a shortened text keeps at either end (TextGrad's variable span)."""


def loss_messages(state: TPOState, prompts: TPOPrompts) -> list[BaseMessage]:
    """Ask why the chosen response of this round beats the rejected one."""
    return _with_attachments(prompts.render("textual_loss", **_compared(state)), state)


def gradient_messages(state: TPOState, prompts: TPOPrompts) -> list[BaseMessage]:
    """Ask for criticism and strategies, given this round's loss."""
    rendered = prompts.render("textual_gradient", **_exchange(state, prompts))
    return _with_attachments(rendered, state)


def update_messages(state: TPOState, prompts: TPOPrompts) -> list[BaseMessage]:
    """Ask for a revision of the chosen response, given this round's loss and gradient."""
    this = state["rounds"][-1]
    gradient = this.get("textual_gradient", "")
    rendered = prompts.render("update", **_exchange(state, prompts), textual_gradient=gradient)
    return _with_attachments(rendered, state)


def critique_request(
    step: Literal["textual_loss", "textual_gradient"],
    messages: list[BaseMessage],
    state: TPOState,
    settings: TPOSettings,
) -> DrawRequest:
    """Ask the critic for one reply, sampled as the settings say for this step."""
    number = len(state["rounds"])
    options = getattr(settings, step)
    return DrawRequest(
        messages=messages,
        n=1,
        at_least=1,
        options=options.as_kwargs(),
        first_seed=None if settings.seed is None else settings.seed + number,
        one_request=False,
        seconds=None,
        labels={"tpo_step": step, "tpo_round": number},
        on_arrival=None,
    )


def critique_text(draws: Draws) -> str:
    """Give what the critic wrote.

    Raises:
        NoResponseError: When that is nothing: without a critique there is nothing to revise by.
    """
    text = draws.texts[0]
    if not text.strip():
        raise NoResponseError(
            "The critic's reply held no text: look at its `max_tokens` and whether it answers with "
            "reasoning or a refusal only."
        )
    return text


def shortened(text: str) -> str:
    """Give the first and the last ten words of a text of more than twenty.

    Example:
        >>> shortened(" ".join(str(number) for number in range(25)))
        '0 1 2 3 4 5 6 7 8 9 (...) 15 16 17 18 19 20 21 22 23 24'
    """
    words = text.split()
    if len(words) <= 2 * SPAN_WORDS:
        return text
    return " ".join([*words[:SPAN_WORDS], "(...)", *words[-SPAN_WORDS:]])


def _compared(state: TPOState) -> dict[str, str]:
    this = state["rounds"][-1]
    best, worst = state["pool"][this["chosen"]], state["pool"][this["rejected"]]
    return {
        "query": conversation_text(state["messages"]),
        "chosen": best["text"],
        "rejected": worst["text"],
        "remarks": _remarks(best, worst),
    }


def _exchange(state: TPOState, prompts: TPOPrompts) -> dict[str, str]:
    compared = _compared(state)
    return {
        **compared,
        "chosen_span": shortened(compared["chosen"]),
        "loss_instruction": loss_messages(state, prompts)[0].text,
        "textual_loss": state["rounds"][-1].get("textual_loss", ""),
    }


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
