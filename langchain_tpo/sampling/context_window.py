"""Draws for a prompt that may be longer than the model's window.

What fits is settled in this order: the reply may be shorter than was asked for, then the prompt
quotes less of what it quotes, the longest texts first and in the middle. Knows texts by their names
and how tokens are counted; knows nothing of what the prompt is about.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig, run_in_executor

from langchain_tpo.sampling.bound_arguments import asks_for_format
from langchain_tpo.sampling.capabilities import TEMPLATE_TOKENS, prompt_tokens
from langchain_tpo.sampling.draw_request import DrawRequest
from langchain_tpo.sampling.draws import Drawer, Draws, enough
from langchain_tpo.sampling.refusals import is_too_long
from langchain_tpo.sampling.usage import FAILED_REQUEST, total_usage
from langchain_tpo.sampling.wrappers import ChatModel, innermost

SHARES = (3 / 4, 1 / 2, 1 / 4, 1 / 8)
"""How much of the quoted text is kept, try by try: so many tries there are, and no more."""

MARK = "\n[... {count} characters left out here ...]\n"
"""Stands where something was left out, for the model to see."""

_LEAST = 2 * len(MARK)
"""Less than this is not worth a mark."""

ENOUGH_FOR_A_REPLY = 256
"""Tokens below which a prompt is shortened rather than its reply."""


class FittingDrawer:
    """Draws from one model; shortens what a prompt quotes until it fits; immutable."""

    def __init__(self, drawer: Drawer) -> None:
        """Take what draws.

        Args:
            drawer: Sends the requests.
        """
        self._drawer = drawer

    @property
    def answers_in_format(self) -> bool:
        """Whether the model's answers have to have a format, such as JSON."""
        return asks_for_format(self._drawer.model)

    def prompt_tokens(self, request: DrawRequest) -> int:
        """Count the prompts that these draws send: one for each request that they take."""
        counted = self._counted(request)
        sent = len(self._drawer.requests(counted))
        return sent * count_tokens(self._drawer.model, counted.messages)

    def run(self, request: DrawRequest, config: RunnableConfig) -> Draws:
        """Draw.

        Raises:
            Exception: The provider's own, when even the shortest prompt is too long.
        """
        (draws,) = self.run_all([request], config)
        return enough(draws, request.at_least)

    async def arun(self, request: DrawRequest, config: RunnableConfig) -> Draws:
        """Draw as `run` does, without blocking the event loop."""
        (draws,) = await self.arun_all([request], config)
        return enough(draws, request.at_least)

    def run_all(self, requests: Sequence[DrawRequest], config: RunnableConfig) -> list[Draws]:
        """Draw for several prompts at once, each shortened for itself; failures are kept."""
        fitting = _Fitting({place: self._counted(one) for place, one in enumerate(requests)}, {})
        while fitting.open:
            fitting = self._next(fitting, self._drawer.run_all(fitting.asked, config))
        return fitting.draws

    async def arun_all(
        self, requests: Sequence[DrawRequest], config: RunnableConfig
    ) -> list[Draws]:
        """Draw for several prompts as `run_all` does, without blocking the event loop."""
        counted = [await self._acounted(request, config) for request in requests]
        fitting = _Fitting(dict(enumerate(counted)), {})
        while fitting.open:
            fitting = self._next(fitting, await self._drawer.arun_all(fitting.asked, config))
        return fitting.draws

    def _next(self, fitting: "_Fitting", draws: Sequence[Draws]) -> "_Fitting":
        """Keep what was drawn; ask again, with less, where a prompt was too long."""
        again, done = {}, dict(fitting.done)
        for (place, request), drawn in zip(fitting.open.items(), draws, strict=True):
            if _worth_shortening(request, drawn):
                again[place] = self._refused(request)
            else:
                done[place] = _told(drawn, request)
        return _Fitting(again, done)

    def _counted(self, request: DrawRequest) -> DrawRequest:
        """Ask for a shorter reply, then with less of a prompt; the last word is the server's."""
        if request.context_tokens is None:
            return request
        while True:
            room = request.context_tokens - count_tokens(self._drawer.model, request.messages)
            if room >= min(request.reply_tokens, ENOUGH_FOR_A_REPLY):
                return request.with_reply_of(room)
            if not request.shorter:
                return request
            request = request.shortened()

    async def _acounted(self, request: DrawRequest, config: RunnableConfig) -> DrawRequest:
        if request.context_tokens is None:
            return request
        return await run_in_executor(config, self._counted, request)

    def _refused(self, request: DrawRequest) -> DrawRequest:
        refused = request.refused + len(self._drawer.requests(request))
        return replace(request.shortened(), refused=refused)


@dataclass(frozen=True)
class _Fitting:
    """Prompts by their place: those still to be drawn for, and what the others brought."""

    open: Mapping[int, DrawRequest]
    done: Mapping[int, Draws]

    @property
    def asked(self) -> list[DrawRequest]:
        return list(self.open.values())

    @property
    def draws(self) -> list[Draws]:
        return [self.done[place] for place in sorted(self.done)]


def _worth_shortening(request: DrawRequest, draws: Draws) -> bool:
    """Whether a prompt was too long for its draws, too few of which are left."""
    lacking = len(draws.replies) < max(1, request.at_least)
    return bool(request.shorter) and lacking and any(map(is_too_long, draws.failures[:1]))


def _told(draws: Draws, request: DrawRequest) -> Draws:
    """Add what was left out, and the requests that were refused before."""
    usage = total_usage([draws.usage, *[FAILED_REQUEST] * request.refused])
    return replace(draws, usage=usage, left_out=request.left_out)


def shorter(texts: Mapping[str, str], share: float) -> tuple[dict[str, str], int]:
    """Keep a share of some texts, and say how many characters were left out.

    The longest are cut to one common length, so that a text is cut only when all longer ones are.
    What is left out is the middle; beginning and end stay.

    Args:
        texts: What is quoted, by name.
        share: How much of it all may stay, between 0 and 1.

    Example:
        >>> kept, left_out = shorter({"best": "a" * 300, "advice": "Oil it."}, 1 / 2)
        >>> kept["advice"], left_out
        ('Oil it.', 154)
        >>> kept["best"].splitlines()[1]
        '[... 154 characters left out here ...]'
    """
    most = _common_length([len(text) for text in texts.values()], share)
    cut = {name for name, text in texts.items() if len(text) - most >= _LEAST}
    kept = {name: _ends(text, most) if name in cut else text for name, text in texts.items()}
    return kept, sum(len(texts[name]) - most for name in cut)


def count_tokens(model: ChatModel, messages: Sequence[BaseMessage]) -> int:
    """Count the tokens of a prompt: with the model's tokenizer where it has one at hand.

    Any other model's are estimated at four characters each: most of LangChain's counters fetch
    a tokenizer from the network.

    Args:
        model: A chat model, wrapped or not.
        messages: The prompt.
    """
    inside = innermost(model)
    if isinstance(inside, BaseChatModel) and inside.custom_get_token_ids is not None:
        own = sum(inside.get_num_tokens(message.text) for message in messages)
        return own + TEMPLATE_TOKENS
    return prompt_tokens(messages)


def _common_length(lengths: Collection[int], share: float) -> int:
    """Find the length to which the longest have to be cut for all to fit."""
    room = int(share * sum(lengths))
    longest = max(lengths, default=0)
    for place, length in enumerate(sorted(lengths)):
        even = room // (len(lengths) - place)
        if length > even:
            return even
        room -= length
    return longest


def _ends(text: str, length: int) -> str:
    """Return the first and the last part of a text, `length` characters together, and the mark."""
    tail = length // 2
    mark = MARK.format(count=len(text) - length)
    return f"{text[: length - tail]}{mark}{text[len(text) - tail :]}"
