"""What critic and policy are told: the messages of loss, gradient and update.

Turns a state into rendered prompts. Pure; knows prompts and the pool, calls nothing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage, HumanMessage

from langchain_tpo.candidate_pool import Candidate, flaws_of
from langchain_tpo.errors import ConversationError, NoResponseError, RunError
from langchain_tpo.loop.call_options import call_options
from langchain_tpo.loop.empty_replies import why_no_text
from langchain_tpo.loop.revisions import read_response, usable
from langchain_tpo.prompts import TPOPrompts
from langchain_tpo.prompts.blocks import Blocks, CandidatesBlock, HistoryBlock, Shown, Tried, figure
from langchain_tpo.sampling.context_window import SHARES, shorter
from langchain_tpo.sampling.draw_request import DrawRequest, Shorter
from langchain_tpo.sampling.draws import Draws
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import Round, TPOState, TPOUpdate
from langchain_tpo.strategies import CRITIQUE_STEPS, CritiqueStep, Draw, RunSoFar
from langchain_tpo.text.conversation import attachments, conversation_text

_CONTEXT = "context"
"""What is known of a question, among the texts that a prompt quotes."""

SPAN_WORDS = 10
"""How many words a shortened text keeps at either end (TextGrad's variable span)."""


def run_so_far(state: TPOState, settings: TPOSettings) -> RunSoFar:
    """Return what a strategy is told of a run."""
    return RunSoFar(state["pool"], state["rounds"], settings.width)


def prompts_of(state: TPOState, settings: TPOSettings) -> TPOPrompts:
    """Return the prompts of the round that is under way."""
    return settings.wording.of_round(rejected=state["rounds"][-1]["rejected"] is not None)


def draws_of(state: TPOState, settings: TPOSettings) -> list[Draw]:
    """Return the draws of the round that is under way, those that share a prompt together.

    Raises:
        RunError: When the strategy asks for more or fewer than there are to draw.
    """
    strategy = settings.strategy
    draws = [draw for draw in strategy.draws(run_so_far(state, settings)) if draw.n > 0]
    asked = sum(draw.n for draw in draws)
    if asked != settings.width:
        raise RunError(
            f"The strategy `{strategy.name}` asked for {asked} draws in a round of "
            f"{settings.width}: `draws` must return as many as `run.width`."
        )
    alike = groupby(draws, key=lambda draw: replace(draw, n=1))
    return [replace(draw, n=sum(each.n for each in same)) for draw, same in alike]


def prompt_messages(
    name: str, state: TPOState, settings: TPOSettings, draw: Draw
) -> tuple[list[BaseMessage], list[Shorter]]:
    """Return a prompt, and what shortens it for a small window.

    Args:
        name: Whose prompt: a step's, or another form of the update's.
        state: The run.
        settings: What it obeys.
        draw: What is shown and told.
    """
    words = partial(_rendered, name, state, settings, draw)
    return words(1.0)[0], [partial(words, share) for share in SHARES]


def critique_request(step: CritiqueStep, state: TPOState, settings: TPOSettings) -> DrawRequest:
    """Ask the critic for as many replies as the strategy wants, sampled as the settings say."""
    strategy = settings.strategy
    shown = strategy.compared(run_so_far(state, settings))
    messages, shorter_ones = prompt_messages(step, state, settings, Draw(shown=shown))
    number = len(state["rounds"])
    return DrawRequest(
        messages=messages,
        n=strategy.replies(step, settings.width),
        at_least=1,
        options=call_options(getattr(settings, step), state, settings),
        first_seed=None if settings.seed is None else settings.seed + number,
        one_request=settings.one_request,
        labels={"tpo_step": step, "tpo_round": number},
        shorter=shorter_ones,
        context_tokens=settings.context_tokens,
    )


def criticized(step: CritiqueStep, state: TPOState, draws: Draws) -> TPOUpdate:
    """Add what the critic wrote to the round in progress, and what could not be used to the drops.

    Raises:
        NoResponseError: When that is nothing: without a critique there is nothing to revise by.
    """
    written, drops = usable(draws, read_response, step=step, round_number=len(state["rounds"]))
    if not written:
        held = [reply.get("instead", "a refusal") for reply in draws.replies]
        raise NoResponseError(f"The critic's reply held no text {why_no_text(held)}")
    texts = [critique["text"] for critique in written]
    current = with_critiques(step, state["rounds"][-1], texts)
    return {"rounds": [*state["rounds"][:-1], current], "drops": [*state["drops"], *drops]}


def with_critiques(step: CritiqueStep, begun: Round, texts: Sequence[str]) -> Round:
    """Return a round with what the critic wrote in one of its steps.

    Args:
        step: Where.
        begun: The round.
        texts: The critic's replies.
    """
    current = begun.copy()
    current[step] = "\n\n".join(texts)
    if len(texts) > 1:
        current["directions"] = [*texts]
    return current


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
    name: str, state: TPOState, settings: TPOSettings, draw: Draw, share: float
) -> tuple[list[BaseMessage], int]:
    """Render a prompt with a share of what it quotes; the query is always whole."""
    prompts, pool = prompts_of(state, settings), state["pool"]
    best = pool[state["rounds"][-1]["chosen"]]
    asked = prompts.asked(name)
    told = {**_quoted(state), "direction": draw.direction}
    if draw.remark is not None:
        told["remark"] = draw.remark
    quoted = {key: text for key, text in told.items() if key in asked}
    several, known = _several(state, settings, draw, asked), _context(name, state, settings)
    kept, left_out = shorter({**quoted, **several.texts(pool), **known}, share)
    values = {
        "query": conversation_text(state["messages"]) + kept.get(_CONTEXT, ""),
        "chosen_span": shortened(best["text"]),
        "reward": figure(best["reward"]),
        **{key: kept[key] for key in quoted},
    }
    instruction = ""
    if "loss_instruction" in asked:
        earlier = several.blocks(pool, kept, several.compared)
        instruction = prompts.render("textual_loss", "", earlier, **values)[0].text
    blocks = several.blocks(pool, kept, several.shown)
    return _with_attachments(prompts.render(name, instruction, blocks, **values), state), left_out


@dataclass(frozen=True)
class _Several:
    """What a prompt shows several of, by their places."""

    shown: Sequence[int]
    """Candidates of this prompt."""
    compared: Sequence[int]
    """Candidates that the loss compared, where this prompt quotes what it was told."""
    tried: Sequence[Tried]
    """What earlier rounds advised."""

    def texts(self, pool: Sequence[Candidate]) -> dict[str, str]:
        """Return the texts in it, by names of their own."""
        places = (*self.shown, *self.compared)
        advice = {f"advice {at}": one.advice for at, one in enumerate(self.tried)}
        return {**{f"candidate {place}": pool[place]["text"] for place in places}, **advice}

    def blocks(
        self, pool: Sequence[Candidate], kept: Mapping[str, str], shown: Iterable[int]
    ) -> Blocks:
        """Return the blocks with what was kept of each text."""
        candidates = [
            Shown(
                response=kept[f"candidate {place}"],
                reward=pool[place]["reward"],
                remark=pool[place].get("rationale", ""),
            )
            for place in shown
        ]
        tried = [replace(one, advice=kept[f"advice {at}"]) for at, one in enumerate(self.tried)]
        return {"candidates": CandidatesBlock(candidates), "history": HistoryBlock(tried)}


def _several(
    state: TPOState, settings: TPOSettings, draw: Draw, asked: Collection[str]
) -> _Several:
    """Look up what a prompt shows several of; nothing that it does not ask for."""
    run, strategy = run_so_far(state, settings), settings.strategy
    compared = strategy.compared(run) if "loss_instruction" in asked else ()
    return _Several(
        shown=draw.shown if "candidates" in asked else (),
        compared=compared if "candidates" in asked else (),
        tried=run.tried(strategy.memory) if "history" in asked else (),
    )


def _quoted(state: TPOState) -> dict[str, str]:
    """Return the texts that prompts quote, by their variables."""
    current = state["rounds"][-1]
    best = state["pool"][current["chosen"]]
    worst = None if current["rejected"] is None else state["pool"][current["rejected"]]
    return {
        "chosen": best["text"],
        "rejected": "" if worst is None else worst["text"],
        "remark": flaws_of(best),
        "remarks": _remarks(best, worst),
        "textual_loss": current.get("textual_loss", ""),
        "textual_gradient": current.get("textual_gradient", ""),
    }


def check_shown(context: Mapping[str, object], settings: TPOSettings) -> None:
    """Refuse a context that lacks what the critic is to be shown of it.

    Raises:
        ConversationError: With the name of the field.
    """
    for field in settings.critic_context:
        if field not in context:
            raise ConversationError(
                f"`critic_context` shows the critic `{field}`, which the context lacks: it has "
                f"{sorted(context) or 'no fields'}."
            )


def _context(name: str, state: TPOState, settings: TPOSettings) -> dict[str, str]:
    """Return what the critic is shown of the context, to stand behind the conversation."""
    if not settings.critic_context or name not in CRITIQUE_STEPS:
        return {}
    fields = [f"{field}: {_told(state['context'][field])}" for field in settings.critic_context]
    return {_CONTEXT: "\n\n".join(["", "What else is known:", *fields])}


def _told(field: object) -> str:
    """Return a field in words: of documents their texts, since metadata is for machines."""
    several = list(field) if isinstance(field, list | tuple) else [field]
    texts = [one.page_content if isinstance(one, Document) else one for one in several]
    told = [text for text in texts if isinstance(text, str)]
    return "\n\n".join(told) if len(told) == len(texts) else str(field)


def _remarks(best: Candidate, worst: Candidate | None) -> str:
    lines = [
        f"What the scorer said of the {role} answer: {candidate['rationale']}"
        for role, candidate in (("chosen", best), ("rejected", worst))
        if candidate is not None and candidate.get("rationale")
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
