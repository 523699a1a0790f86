"""What a response looks like, whatever was asked: length, layout, wording, order, repetition.

Each function gives bounded numbers by name. Length saturates: past a few hundred words more of it
earns nothing. Nothing here reads the prompt, and nothing anywhere reads meaning.
"""

import math
import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from langchain_tpo.reward_models.preference_head.english import (
    AUXILIARIES,
    CONJUNCTIONS,
    DETERMINERS,
    FUNCTION_WORDS,
    PREPOSITIONS,
)
from langchain_tpo.reward_models.preference_head.reading import Reading

LENGTH_CAP = 200
"""Words past which length no longer counts."""

_LIST_LINE = re.compile(r"(?:[-*•]|\d{1,3}[.)])\s+\S")
_LAST_CHARACTERS = frozenset(".!?:\"')]}`|*\u201d\u2019>\u2026\u3002")
_CLOSING = re.compile(
    r"\b(?:hope (?:this|that) helps|let me know|feel free|if you have any|good luck|in conclusion"
    r"|thank you|happy to help)\b"
)

_NOT_AFTER_DETERMINER = frozenset(
    {*PREPOSITIONS, *CONJUNCTIONS, *AUXILIARIES, *DETERMINERS, "i", "he", "she", "it", "they", "we"}
)
_IMPOSSIBLE_PAIRS = frozenset(
    (first, second)
    for firsts, seconds in (
        (PREPOSITIONS - {"to", "as"}, PREPOSITIONS | CONJUNCTIONS | (AUXILIARIES - {"being"})),
        (CONJUNCTIONS, CONJUNCTIONS - {"if"}),
        ({"to"}, PREPOSITIONS | CONJUNCTIONS | (AUXILIARIES - {"be", "do", "have"})),
        ({"is", "are", "was", "were"}, AUXILIARIES - {"being"}),
    )
    for first in firsts
    for second in seconds
)
"""Neighbours that are rare in English and common in words thrown together."""


def form_features(response: Reading) -> dict[str, float]:
    """Return all features of the response alone."""
    return {
        **_wording(response),
        **_order(response),
        **_repetition(response),
    }


def log_words(response: Reading) -> float:
    """Return the logarithm of the number of words, flat past the cap."""
    return math.log1p(min(len(response.words), LENGTH_CAP))


def is_list_line(line: str) -> bool:
    """Return whether a line is an item of a list: a bullet or a number, then text."""
    return bool(_LIST_LINE.match(line))


def _wording(response: Reading) -> dict[str, float]:
    text, words = response.text, response.words
    count, sentences = max(1, len(words)), max(1, len(response.sentences))
    return {
        "ends_closed": float(text.rstrip()[-1:] in _LAST_CHARACTERS),
        "words_per_sentence": min(4.0, len(words) / sentences / 10),
        "function_words": sum(1 for word in words if word in FUNCTION_WORDS) / count,
        "closing_phrases": min(1.0, len(_CLOSING.findall(text.lower())) / 2),
    }


def _order(response: Reading) -> dict[str, float]:
    words = response.words
    pairs = list(pairwise(words))
    after = [second for first, second in pairs if first in DETERMINERS]
    misplaced = sum(1 for word in after if word in _NOT_AFTER_DETERMINER)
    impossible = sum(1 for pair in pairs if pair in _IMPOSSIBLE_PAIRS)
    return {
        "misplaced_determiners": misplaced / max(3, len(after)),
        "impossible_pairs": min(1.0, 20 * impossible / max(20, len(pairs))),
        "lower_sentence_starts": _share(response.sentences, lambda one: one[0].islower()),
    }


def _repetition(response: Reading) -> dict[str, float]:
    words = response.words
    sentences = [sentence.lower() for sentence in response.sentences if len(sentence.split()) > 3]  # noqa: PLR2004 not "I see."
    return {
        "repeated_triples": _repeated(list(zip(words, words[1:], words[2:], strict=False))),
        "repeated_sentences": _repeated(sentences),
    }


def _repeated(parts: Sequence[object]) -> float:
    return 1 - len(set(parts)) / len(parts) if parts else 0.0


def _share(parts: Sequence[str], holds: Callable[[str], bool]) -> float:
    return sum(1 for part in parts if holds(part)) / max(1, len(parts))
