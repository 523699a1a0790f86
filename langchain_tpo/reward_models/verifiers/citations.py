"""Whether what a response quotes stands in its sources."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from pydantic import Field

from langchain_tpo.errors import RewardTypeError
from langchain_tpo.reward_models.interface import ExplainedScore, ScoreRequest, in_context
from langchain_tpo.reward_models.verifiers.verifier import Verifier

SOURCE_FIELDS = (
    *("context", "contexts", "documents", "sources", "passages", "retrieved_contexts"),
    "retrieval_context",
)
"""Fields of a row that hold what may be quoted: a text, texts, or documents."""

QUOTES_TOLD = 3
"""Quotations not found that a rationale names."""

_LINES = r"(?:[^{0}\n]|\n(?!\s*\n))+"
"""What may stand between marks: lines, but no empty one."""
_PAIRS = (
    *(('"', '"'), ("\u201e", "\u201c\u201d"), ("\u201c", "\u201d"), ("\xab", "\xbb")),
    *(("\u2039", "\u203a"), ("\u300c", "\u300d"), ("\u300e", "\u300f")),
)
_QUOTED = re.compile(
    "|".join(
        [r"^>[ \t]*(?P<block>.+)$", r"(?<!\w)\u2018(?P<single>[^\u2018\n]+?)\u2019(?!\w)"]
        + [f"{opens}({_LINES.format(closes)})[{closes}]" for opens, closes in _PAIRS]
    ),
    re.MULTILINE,
)
_UNSEEN = re.compile(r"[*_`\u00ad\u200b-\u200d\u2060\ufeff]|\s*\[\d+\]")
"""Markup, invisible signs and numbers of notes: they are no words of a source."""
_AROUND = " .,;:!?\"'-"


class Citations(Verifier):
    """The share of a response's quotations that stand in the sources, word for word.

    Quotations are what stands in quotation marks or as a block quote, of at least `least_words`
    words; white space, case, Markdown and an ellipsis in the middle make no difference. With
    fewer than `at_least` of them the response gets 0: it cites nothing.

    Sources are the fields `context`, `documents`, `sources`, `passages` and the like of the
    request's `context`: texts, or documents with `page_content`.

    Example:
        >>> reward = Citations()
        >>> request = {"messages": [], "context": {"documents": ["Oil protects the wood well."]}}
        >>> reward.invoke({**request, "responses": ['They say "oil protects the wood".']})
        [{'reward': 1.0, 'rationale': '1 of 1 quotations stand in the sources.'}]
    """

    name: str | None = "citations"
    """What traces call it."""
    at_least: int = Field(default=1, ge=0)
    """How many quotations a response needs."""
    least_words: int = Field(default=3, ge=1)
    """Words from which on something in quotation marks is a quotation."""

    def check_context(self, context: Mapping[str, object]) -> None:
        """Refuse a question without sources.

        Raises:
            RewardTypeError: When there are none.
        """
        if not _sources(context):
            told = in_context("documents", "[...]")
            raise RewardTypeError(f"`Citations` has no sources: pass {told}.")

    def prepare(self, request: ScoreRequest) -> None:
        """Refuse a question without sources.

        Raises:
            RewardTypeError: When there are none.
        """
        self.check_context(request.get("context", {}))

    def check(self, request: ScoreRequest, response: str) -> ExplainedScore:
        """Look every quotation up."""
        quotes = list(quotations(response, least_words=self.least_words))
        if len(quotes) < max(1, self.at_least):
            reward = 0.0 if quotes or self.at_least else 1.0
            words = f"{len(quotes)} quotations, asked for at least {self.at_least}."
            return {"reward": reward, "rationale": words}
        sources = [f" {_plain(source)} " for source in _sources(request.get("context", {}))]
        missing = [quote for quote in quotes if not any(_stands(quote, one) for one in sources)]
        found = len(quotes) - len(missing)
        named = " ".join(f"`{quote[:80]}` does not." for quote in missing[:QUOTES_TOLD])
        words = f"{found} of {len(quotes)} quotations stand in the sources. {named}".strip()
        return {"reward": found / len(quotes), "rationale": words}


def quotations(text: str, *, least_words: int) -> Iterator[str]:
    """Return what a text quotes.

    Args:
        text: Any text.
        least_words: Words of the shortest quotation.
    """
    for found in _QUOTED.finditer(text):
        quote = next(group for group in found.groups() if group is not None)
        if sum(any(map(str.isalnum, word)) for word in quote.split()) >= least_words:
            yield " ".join(quote.split())


def _stands(quote: str, source: str) -> bool:
    """Return whether the parts of a quotation stand in one source, in their order, as words."""
    place = 0
    for part in re.split(r"\[?(?:\.\.\.|\u2026)\]?", quote):
        words = _plain(part).strip(_AROUND)
        found = re.compile(rf"(?<!\w){re.escape(words)}(?!\w)").search(source, place)
        if found is None:
            return False
        place = found.end()
    return True


def _sources(context: Mapping[str, object]) -> list[str]:
    return [text for name in SOURCE_FIELDS for text in _texts(context.get(name))]


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name in ("page_content", "text", "content"):
            yield from _texts(value.get(name))
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for one in value:
            yield from _texts(one)
    elif content := getattr(value, "page_content", None):
        yield str(content)


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    straight = folded.translate(str.maketrans("\u2018\u2019\u201c\u201d\u2013\u2014", "''\"\"--"))
    return " ".join(_UNSEEN.sub("", straight).split())
