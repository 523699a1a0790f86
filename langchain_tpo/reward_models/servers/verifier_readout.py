"""From the first token's log-probabilities to a reward.

Pure arithmetic on lists of likeliest tokens; knows no server and no prompt. Only exact labels
count: under a grammar `(Yes|No)` a server also lists `Y` and `N`, whose mass says nothing about
the answer, while the ratio of the exact labels is the same with the grammar and without it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from langchain_tpo.errors import RewardServerError

MASKED_BELOW = -1000.0
"""Log-probabilities at or below this are sentinels for minus infinity, not measurements: vLLM
writes -9999.0 for a token that a grammar forbids, SGLang the lowest float32."""

ROUNDING = 0.1
"""How far above 0 a log-probability may stand by rounding; beyond it, it is none."""

FLOAT32_REST = math.log(2**-24)
"""What is left for other tokens, at most, where a server rounds a label's probability to 1."""

WORD_START = " \t\r\n\u2581\u0120\u010a"
"""What tokenizers put before a word: spaces, and the marks that stand for them."""


@dataclass(frozen=True, kw_only=True)
class TopToken:
    """One of the likeliest first tokens."""

    text: str
    """As the server writes it."""
    logprob: float
    """Natural logarithm; minus infinity for a token that cannot come."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """One token of a reply, and what could have stood in its place."""

    text: str
    """As the server writes it."""
    top: Sequence[TopToken]
    """The likeliest tokens there; none where the server lists none."""


@dataclass(frozen=True, kw_only=True)
class Readout:
    """A reward, and how far to trust it."""

    reward: float
    """Higher is better; finite."""
    label_mass: float
    """The share of probability on the labels: near 0, the model did not mean to answer so."""
    censored: bool = False
    """A label was not listed; its bound stands in, and the true reward is at least as extreme."""


def top_token(text: str, logprob: float | None) -> TopToken:
    """Return a listed token, with every server's way of writing minus infinity understood.

    Args:
        text: The token.
        logprob: What the server wrote: a number, a sentinel, or null.

    Raises:
        RewardServerError: It is above 0.

    Example:
        >>> [top_token("Yes", value).logprob for value in (-0.5, -9999.0, None)]
        [-0.5, -inf, -inf]
    """
    if logprob is None or not logprob > MASKED_BELOW:  # not: NaN is above and below nothing
        return TopToken(text=text, logprob=-math.inf)
    if logprob > ROUNDING:
        raise RewardServerError(
            f"A log-probability is above 0 (`{logprob:g}`): check that the kind of server is right."
        )
    return TopToken(text=text, logprob=min(float(logprob), 0.0))


def yes_no_margin(tokens: Sequence[TopToken], *, yes: str = "Yes", no: str = "No") -> Readout:
    """Return log P(yes) - log P(no): the logit of P(yes), which does not saturate near 1.

    Args:
        tokens: The likeliest first tokens.
        yes: The label that praises; its spellings in other case count as well.
        no: The label that blames.

    Raises:
        RewardServerError: Neither label is listed.

    Example:
        >>> tokens = [top_token("No", -0.25), top_token(" Yes", -1.5), top_token("Y", -9999.0)]
        >>> yes_no_margin(tokens).reward
        -1.25
        >>> yes_no_margin([top_token("Yes", -0.5), top_token("Maybe", -3.0)])
        Readout(reward=2.5, label_mass=0.6065306597126334, censored=True)
    """
    praise, blame = label_logprob(tokens, yes), label_logprob(tokens, no)
    censored = math.isinf(praise) or math.isinf(blame)
    if math.isinf(praise) and math.isinf(blame):
        raise _absent((yes, no), tokens)
    mass = math.exp(praise) + math.exp(blame)
    if censored:
        bound = _bound(tokens, max(praise, blame))
        praise, blame = max(praise, bound), max(blame, bound)
    return Readout(reward=praise - blame, label_mass=min(mass, 1.0), censored=censored)


def expected_rating(tokens: Sequence[TopToken], *, highest: int = 5) -> Readout:
    """Return the mean of the ratings 1 to `highest`, weighted by their probabilities.

    Args:
        tokens: The likeliest first tokens.
        highest: The best rating; one digit, so that each rating is one token.

    Raises:
        RewardServerError: No rating is listed.

    Example:
        >>> import math
        >>> half = math.log(0.5)
        >>> expected_rating([top_token("4", half), top_token("5", half)]).reward
        4.5
    """
    ratings = range(1, highest + 1)
    weights = [math.exp(label_logprob(tokens, str(rating))) for rating in ratings]
    mass = sum(weights)
    if mass == 0:
        raise _absent(tuple(map(str, ratings)), tokens)
    mean = sum(rating * weight for rating, weight in zip(ratings, weights, strict=True)) / mass
    listed = {_word(token.text) for token in tokens}
    unseen = any(str(rating) not in listed for rating in ratings)
    return Readout(reward=mean, label_mass=min(mass, 1.0), censored=unseen)


def label_logprob(tokens: Iterable[TopToken], label: str) -> float:
    """Return the log-probability of a label, over its spellings with spaces or in other case."""
    wanted = label.casefold()
    logprobs = [token.logprob for token in tokens if _word(token.text).casefold() == wanted]
    return _log_sum(logprobs)


def _word(text: str) -> str:
    return text.strip(WORD_START)


def _log_sum(logprobs: Sequence[float]) -> float:
    highest = max(logprobs, default=-math.inf)
    if math.isinf(highest):
        return -math.inf
    return highest + math.log(sum(math.exp(value - highest) for value in logprobs))


def _bound(tokens: Sequence[TopToken], listed: float) -> float:
    """Return the most that a label can have which is not listed beside one that is.

    No more than the least token listed; where the other label stands alone, no more than the
    rest that it leaves.
    """
    finite = [token.logprob for token in tokens if not math.isinf(token.logprob)]
    if len(finite) > 1:
        return min(finite)
    rest = -math.expm1(min(listed, 0.0))
    return min(listed, max(math.log(rest) if rest > 0 else FLOAT32_REST, FLOAT32_REST))


def _absent(labels: Sequence[str], tokens: Sequence[TopToken]) -> RewardServerError:
    wanted = ", ".join(f"`{label}`" for label in labels)
    seen = ", ".join(f"`{token.text}`" for token in tokens) or "nothing"
    return RewardServerError(
        f"The likeliest first tokens ({' '.join(seen.split())}) hold none of the labels {wanted}: "
        "ask with labels that are single tokens of this model, or let it write a number "
        "(`question=JsonScore()`)."
    )
