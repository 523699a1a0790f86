"""What a response has to do with its prompt: words in common, and the form that was asked for.

Knows words, not meanings: an answer in other words than the question looks off topic to it. Every
number is bounded, and text that strays from the prompt is told apart from text that stays.
"""

import math
import re
from collections.abc import Sequence

from langchain_tpo.reward_models.preference_head.form import LENGTH_CAP, is_list_line, log_words
from langchain_tpo.reward_models.preference_head.reading import Reading

_WANTS_DETAIL = re.compile(
    r"\b(?:detail\w*|essay|article|explain|step[- ]by[- ]step|story|blog|guide|plan|code"
    r"|describe|write a)\b"
)
_WANTS_LIST = re.compile(
    r"\b(?:list|ideas|names?|examples|ways|tips|steps|bullet|items|suggest|top \d+|\d+ )\b"
)
_OPENING_WORDS = 12


def topic_features(prompt: Reading, response: Reading) -> dict[str, float]:
    """Return all features that read prompt and response together."""
    return {
        **_overlap(prompt, response),
        **_course(prompt, response),
        **_end(prompt, response),
        **_copying(prompt, response),
        **_wishes(prompt, response),
    }


def _overlap(prompt: Reading, response: Reading) -> dict[str, float]:
    asked, said = prompt.topic, response.topic
    shared = asked & said
    opening = asked & set(response.topic_words[:_OPENING_WORDS])
    return {
        "coverage": _ratio(len(shared), len(asked)),
        "cosine": len(shared) / math.sqrt(max(1, len(asked) * len(said))),
        "log_shared": math.log1p(min(len(shared), 20)),
        "opening": _ratio(len(opening), min(6, len(asked))),
        "log_new": math.log1p(min(len(said - asked), LENGTH_CAP // 2)),
    }


def _course(prompt: Reading, response: Reading) -> dict[str, float]:
    """Follow the response sentence by sentence: how much of it strays from the prompt."""
    on_topic = [bool(part.topic & prompt.topic) for part in response.parts]
    lengths = [len(part.words) for part in response.parts]
    strayed = [0 if on else length for on, length in zip(on_topic, lengths, strict=True)]
    longest, trailing = _runs(strayed)
    words = response.topic_words
    first, second = set(words[: len(words) // 2]), set(words[len(words) // 2 :])
    return {
        "log_words_off_topic": math.log1p(min(sum(strayed), LENGTH_CAP)),
        "log_longest_stray": math.log1p(min(longest, LENGTH_CAP // 2)),
        "log_stray_at_end": math.log1p(min(trailing, LENGTH_CAP // 3)),
        "cohesion": _ratio(len(first & second), len(words) // 2),
    }


def _end(prompt: Reading, response: Reading) -> dict[str, float]:
    """Look at the end on its own: padding and appended texts stand there."""
    words, asked = response.topic_words, prompt.topic
    third = max(1, len(words) // 3)
    before, end = set(words[:-third]) | asked, words[-third:]
    last_two = _topic_of(response.parts[-2:])
    earlier = _topic_of(response.parts[:-2]) | asked
    return {
        "focus_end": _ratio(sum(1 for word in end if word in asked), third),
        "end_on_topic": float(bool(last_two & asked)),
        "new_at_end": _ratio(len(last_two - earlier), len(last_two)),
        "end_linked": _ratio(len(before & set(end)), len(set(end))),
    }


def _copying(prompt: Reading, response: Reading) -> dict[str, float]:
    words, asked = response.words, prompt.words
    fours, known = _fours(words), set(_fours(asked))
    return {
        "copied_fours": _ratio(sum(1 for four in fours if four in known), len(fours)),
        "starts_like_prompt": float(bool(fours) and words[:4] == asked[:4]),
    }


def _wishes(prompt: Reading, response: Reading) -> dict[str, float]:
    wish, length = prompt.text.lower(), log_words(response)
    listed = sum(1 for line in response.lines if is_list_line(line)) > 1
    return {
        "detail_wanted_length": length if _WANTS_DETAIL.search(wish) else 0.0,
        "list_wanted_given": float(listed and bool(_WANTS_LIST.search(wish))),
    }


def _fours(words: Sequence[str]) -> list[tuple[str, ...]]:
    return list(zip(words, words[1:], words[2:], words[3:], strict=False))


def _runs(strayed: Sequence[int]) -> tuple[int, int]:
    """Return the longest run of words off the topic, and the last one (0 when the end is on it)."""
    longest = run = 0
    for length in strayed:
        run = run + length if length else 0
        longest = max(longest, run)
    return longest, run


def _topic_of(parts: Sequence[Reading]) -> frozenset[str]:
    return frozenset(word for part in parts for word in part.topic)


def _ratio(part: float, whole: float) -> float:
    return min(1.0, part / whole) if whole else 0.0
