"""Finds in a prompt which words, case, start, end or format are asked for.

Knows English ways to say so; words to use or to avoid are read where they stand in quotation
marks, since otherwise no rule could tell where they end.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial

from langchain_tpo.reward_models.verifiable_instructions.content_rules import (
    ends_with,
    excludes,
    includes,
    is_json,
    lowercase,
    no_commas,
    quoted,
    starts_with,
    uppercase,
)
from langchain_tpo.reward_models.verifiable_instructions.prompt_counts import (
    NUMBER,
    value,
    without_quotations,
)
from langchain_tpo.reward_models.verifiable_instructions.rule import Rule

_ONE_PHRASE = (
    r"(?:\"[^\"\n]{1,80}\"|\u201c[^\u201d\n]{1,80}\u201d|\u2018[^\u2019\n]{1,80}\u2019"
    r"|`[^`\n]{1,80}`|'[^'\n]{1,80}')"
)
_PHRASES = rf"({_ONE_PHRASE}(?:,?\s?(?:and |or )?{_ONE_PHRASE})*)"
_KEYWORD = r"(?:the )?(?:following )?(?:exact )?(?:key ?words?|words?|terms?|phrases?|names?):?\s+"

_NEGATION = r"\b(?:no|not|never|without|avoid\w*|refrain from|cannot|\w+n['\u2019]t)\b"
_GOES_ON = r"(?:\s+(?!and\b|but\b)\w+)"
"""A word more, as long as no other wish begins."""
_SAYING = r"(?:includ|us(?:e|ing)\b|mention|contain|add\b|have\b|say)\w*"
_EXCLUDED = (
    re.compile(
        rf"{_NEGATION}{_GOES_ON}{{0,4}}?\s+"
        rf"(?:{_SAYING}{_GOES_ON}{{0,3}}?\s+(?:{_KEYWORD})?|{_KEYWORD}){_PHRASES}",
        re.IGNORECASE,
    ),
    re.compile(
        rf"{_KEYWORD}{_PHRASES}\s+(?:(?:should|must|may|can|does) ?not|cannot)\b", re.IGNORECASE
    ),
)
_NEGATED = re.compile(rf"{_NEGATION}{_GOES_ON}{{0,6}}\s*\Z", re.IGNORECASE)
_INCLUDED = re.compile(
    rf"\b(?:(?:{_SAYING}|has)(?:\s+\w+){{0,4}}?\s+"
    rf"(?:{_KEYWORD})?|with\s+{_KEYWORD}){_PHRASES}",
    re.IGNORECASE,
)
_REQUIRED = re.compile(
    rf"{_KEYWORD}{_PHRASES}\s+(?:must|should|has to|have to|needs? to)\s+"
    r"(?:appear|occur|be (?:used|mentioned|included|there))",
    re.IGNORECASE,
)
_TIMES = re.compile(
    rf"\b(?:(?P<relation>at least|at most|exactly|(?:no |not )?(?:more|less|fewer) than|up to"
    rf"|a (?:min|max)imum of)\s+)?(?:(?P<number>{NUMBER})(?P<more> or more| or less)? times\b"
    r"|(?P<word>once|twice|thrice)\b)",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    rf"\b(?:between )?(?P<least>{NUMBER})(?: and | to |\s?[-\u2013]\s?)(?P<most>{NUMBER}) times\b",
    re.IGNORECASE,
)
_MORE_THAN = re.compile(r"\bmore than\b", re.IGNORECASE)
_OF_EACH = re.compile(r"\b(?:each|every|per)\b", re.IGNORECASE)
_NEAR = re.compile(r"\A[^.!?\n\"\u201c`]{0,60}")
"""What follows a phrase in its sentence, up to the next phrase."""
_NO_PHRASE = re.compile(
    r"\b(?:letters?|after|before|follow\w*|format|starting|title|called)\b", re.IGNORECASE
)
_WHOLE = r"\b[^.\n\"\u201c]{0,40}?\bwith(?: \w+){0,4}?:?\s+"
_START = re.compile(rf"\b(?:start|begin)s?{_WHOLE}({_ONE_PHRASE})", re.IGNORECASE)
_END = re.compile(rf"\b(?:end|finish)(?:es|s)?{_WHOLE}({_ONE_PHRASE})", re.IGNORECASE)
_ABOUT_A_PART = re.compile(
    r"\b(?:each|every|paragraph|section|line|postscript|title)\b", re.IGNORECASE
)

_CAPITALS = r"(?:capital letters|capitals|caps|upper\s?-?case)"
_NO_COMMAS = rf"{_NEGATION}[^.\n]{{0,40}}?\bcommas?\b|\bcommas? (?:is|are) not allowed"
_LOWERCASE = (
    r"\b(?:all|only|in|entirely|use) (?:\w+ )?lower\s?-?cased?\b"
    r"|\bletters\b[^.\n]{0,40}\b(?:be|are) (?:in )?lower\s?-?case"
    rf"|{_NEGATION} (?:(?:be|use|using|contain|include) )?(?:any )?"
    r"capital(?:s|ization| letters)"
)
_UPPERCASE = (
    rf"\b(?:all|only|entirely)(?: in| be in| use)? {_CAPITALS}"
    rf"|\bentire (?:response|answer|reply)(?: should be)? in {_CAPITALS}"
)
_JSON = (
    r"\b(?:in|as|into)(?: a| the| valid| single)* json format\b"
    r"|\b(?:respond|reply|answer|output|response|return|wrap\w*|provide|give)\b[^.?\n]{0,60}"
    r"\b(?:in|as|into|with|only)(?: a| the| valid| single)* json\b"
)
_QUOTED = (
    r"\b(?:wrap|enclose|put|surround|contained?)\w*\b[^.\n]{0,60}?\bdouble quot(?:ation|es?)"
    r"|\bdouble quot(?:ation|es?)[^.\n]{0,20} around (?:the|your) (?:whole|entire)"
)
_SAID: tuple[tuple[re.Pattern[str], Callable[[], Rule]], ...] = (
    (re.compile(_NO_COMMAS, re.IGNORECASE), no_commas),
    (re.compile(_LOWERCASE, re.IGNORECASE), lowercase),
    (re.compile(_UPPERCASE, re.IGNORECASE), uppercase),
    (re.compile(_JSON, re.IGNORECASE), is_json),
    (re.compile(_QUOTED, re.IGNORECASE), quoted),
)
_LOOK_BACK = 80
"""Characters before a phrase that can change what is wished for."""

_SOME_WORDS = re.compile(r"\bwords?\b[^.\n]{0,40}\b(?:capital|caps|upper)", re.IGNORECASE)


def content_rules_in(prompt: str) -> Iterator[Rule]:
    """Return the rules on content that a prompt sets.

    Example:
        >>> for rule in content_rules_in('Use no commas and include the word "oil".'):
        ...     print(rule.topic)
        includes ('oil',)
        commas
    """
    yield from _word_rules(prompt)
    for pattern, side in ((_START, starts_with), (_END, ends_with)):
        for match in pattern.finditer(prompt):
            before = prompt[max(0, match.start(1) - _LOOK_BACK) : match.start(1)]
            sentence = before.rsplit(".", 1)[-1]
            if _is_word(match[1]) and not _ABOUT_A_PART.search(sentence):
                yield side(match[1][1:-1])
    whole = _SOME_WORDS.sub("some", without_quotations(prompt))
    for said, rule in _SAID:
        if said.search(whole):
            yield rule()


def _word_rules(prompt: str) -> Iterator[Rule]:
    rest = prompt
    for pattern in _EXCLUDED:
        for match in pattern.finditer(rest):
            yield from _excluded(match)
        rest = pattern.sub(".", rest)
    for pattern in (_START, _END):
        rest = pattern.sub(".", rest)
    for pattern in (_INCLUDED, _REQUIRED):
        for match in pattern.finditer(rest):
            if not _NEGATED.search(rest[max(0, match.start() - _LOOK_BACK) : match.start()]):
                yield from _about_words(partial(includes, **_often(match)), match)


def _excluded(match: re.Match[str]) -> Iterator[Rule]:
    """Forbid phrases; "not more than twice" is a limit, and "not twice" leaves open which."""
    often = _often(match)
    most = often.get("at_most")
    if most is None and often and _MORE_THAN.search(_behind(match)):
        most = often["times"] - 1
    if not often or most == 0:
        yield from _about_words(excludes, match)
    elif most is not None:
        yield from _about_words(partial(includes, times=0, at_most=most), match)


def _behind(match: re.Match[str]) -> str:
    """Return what follows a phrase in its sentence."""
    near = _NEAR.match(match.string[match.end(1) :])
    return near[0] if near else ""


def _often(match: re.Match[str]) -> dict[str, int]:
    """Return how often a phrase is asked for: what is said behind it, else before it."""
    behind = _behind(match)
    if _OF_EACH.search(behind):
        return {}  # of a part, not of the whole
    if between := _BETWEEN.search(behind):
        least, most = sorted((value(between["least"]), value(between["most"])))
        return {"times": least, "at_most": most} if most else {}
    said = _TIMES.search(behind) or _TIMES.search(match[0][: match.start(1) - match.start()])
    if said is None:
        return {}
    number = {"once": 1, "twice": 2, "thrice": 3}.get((said["word"] or "").lower())
    if number is None:
        number = value(said["number"])
    return _limits(number, (said["relation"] or said["more"] or "").strip().lower())


def _limits(number: int, relation: str) -> dict[str, int]:
    if relation == "exactly" and number:
        return {"times": number, "at_most": number}
    if relation in ("at most", "up to", "or less", "a maximum of", "no more than", "not more than"):
        return {"times": 0, "at_most": number} if number else {}
    if relation in ("less than", "fewer than"):
        return {"times": 0, "at_most": number - 1} if number > 1 else {}
    return {"times": max(1, number + (relation == "more than"))}


def _about_words(rule: Callable[..., Rule], match: re.Match[str]) -> Iterator[Rule]:
    phrases = [phrase for phrase in re.findall(_ONE_PHRASE, match[1]) if _is_word(phrase)]
    if phrases and not _NO_PHRASE.search(match[0][: match.start(1) - match.start()]):
        yield rule(*(phrase[1:-1].strip(" ,.") for phrase in phrases))


def _is_word(quoted_phrase: str) -> bool:
    return sum(map(str.isalnum, quoted_phrase)) > 1
