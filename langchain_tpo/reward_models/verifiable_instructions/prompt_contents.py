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
from langchain_tpo.reward_models.verifiable_instructions.prompt_limits import (
    AFTER,
    BEFORE,
    NEGATION,
    NOT,
    NUMBER,
    bounds,
    relation_in_front,
    relation_of,
    value,
)
from langchain_tpo.reward_models.verifiable_instructions.prompt_quotations import (
    PHRASE,
    with_quotations_blank,
    without_quotations,
)
from langchain_tpo.reward_models.verifiable_instructions.prompt_wishes import (
    clause_of,
    is_question,
    is_wish,
    plainly,
    sentence_before,
)
from langchain_tpo.reward_models.verifiable_instructions.rule import Rule

_KIND = r"(?:key ?words?|words?|terms?|phrases?|names?):?\s+"
_ANOTHER = (
    rf"(?:the )?{_KIND}{PHRASE}"
    r"(?![^.!?\n\"\u201c]*\b(?:once|twice|thrice|times)\b)"
)
"""One more, called by its kind; not one that has a number of times of its own."""
_PHRASES = rf"({PHRASE}(?:,?\s?(?:and |or )?(?:{PHRASE}|{_ANOTHER}))*)"
_KEYWORD = rf"(?:the )?(?:following )?(?:exact )?{_KIND}"

_GOES_ON = r"(?:\s+(?!and\b|but\b)\w+)"
"""A word more, as long as no other wish begins."""
_SAYING = r"(?:includ|us(?:e|ing)\b|mention|contain|add\b|have\b|say)\w*"
_EXCLUDED = (
    re.compile(
        rf"{NEGATION}{_GOES_ON}{{0,4}}?\s+"
        rf"(?:{_SAYING}{_GOES_ON}{{0,3}}?\s+(?:{_KEYWORD})?|{_KEYWORD}){_PHRASES}",
        re.IGNORECASE,
    ),
    re.compile(
        rf"{_KEYWORD}{_PHRASES}\s+(?:(?:should|must|may|can|does) ?not|cannot)\b"
        r"(?! be (?:missing|left|omitted|forgotten))",
        re.IGNORECASE,
    ),
)
_NOT = {**NOT, "at most": "at most"}
"""What "do not use it more than" and the like come to; of others nobody knows."""
_NEGATED = re.compile(rf"{NEGATION}{_GOES_ON}{{0,6}}\s*\Z", re.IGNORECASE)
_NOT_SO = re.compile(
    rf"{NEGATION}|\b(?:stop|how to|anything but|instead of|rather than|other than)\b",
    re.IGNORECASE,
)
_LEFT_OPEN = re.compile(
    r"\byou (?:may|might|can|could)\b(?! not)|\bfeel free|\b(?:fail|hesitate|omit|leave|skip)\b",
    re.IGNORECASE,
)
"""Says neither that something must be there nor that it must not."""
_A_CHOICE = re.compile(
    rf"\b(?:n?either|no|any|(?:{NUMBER}|some) of){_GOES_ON}{{0,4}}:?\s+[\"\u201c\u2018'`]"
    r"|[\"\u201d\u2019'`],? ?or ",
    re.IGNORECASE,
)
_IN_ONE_PLACE = re.compile(
    r"\b(?:in|at) (?:the |your |its )?(?:very )?(?:first|second|third|last|final|opening|closing"
    r"|titles?|head(?:line|ing)s?|intro\w*|conclusion|beginning|start|end|same|each|every)\b"
    r"|\b(?:together|alone|without|as an?|next to|before|after)\b",
    re.IGNORECASE,
)
"""Narrows what is forbidden to one place or one use."""
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
_RELATIONS = "|".join(BEFORE.values())
_LATER = rf"(?:,? (?P<later>{'|'.join(AFTER.values())})\b)?"
_TIMES = re.compile(
    rf"\b(?:(?P<relation>{_RELATIONS})\s+)?(?:(?P<number>{NUMBER})(?: (?P<more>or more|or less"
    rf"|or fewer))? times\b|(?P<word>once|twice|thrice)\b){_LATER}",
    re.IGNORECASE,
)
_SAID_OTHERWISE = re.compile(
    rf"\b(?!(?:within|below)\b)(?:{_RELATIONS}|(?:{NUMBER}) (?:or|and|to)|not(?: even)?\s*\Z"
    r"|to\s*\Z|which|no more|I\b)",
    re.IGNORECASE,
)
_COMPARED = re.compile(r"\s+(?:as|more|less|than)\b", re.IGNORECASE)
_UNREAD_TIMES = re.compile(r"\b(?:times|often|once|\d+x|sparingly)\b", re.IGNORECASE)
_BETWEEN = re.compile(
    rf"\b(?:between )?(?P<least>{NUMBER})(?: and | to |\s?[-\u2013]\s?)(?P<most>{NUMBER}) times\b",
    re.IGNORECASE,
)
_OF_EACH = re.compile(r"\b(?:each|every|per)\b", re.IGNORECASE)
_NEAR = re.compile(r"\A[^.!?\n\"\u201c`]{0,60}")
"""What follows a phrase in its sentence, up to the next phrase."""
_NO_PHRASE = re.compile(
    r"\b(?:letters?|after|before|follow\w*|format|start\w*|begin\w*|title|called)\b", re.IGNORECASE
)
_WHOLE = r"\b[^.\n\"\u201c]{0,40}?\bwith(?: \w+){0,4}?:?\s+"
_START = re.compile(rf"\b(?:start|begin)s?{_WHOLE}({PHRASE})", re.IGNORECASE)
_END = re.compile(rf"\b(?:end|finish)(?:es|s)?{_WHOLE}({PHRASE})", re.IGNORECASE)
_ABOUT_A_PART = re.compile(
    r"\b(?:each|every|all|paragraphs?|sections?|lines?|postscript|title|sentences?|words|names|items"
    r"|first|second|third|last|stanzas?|bullets?|\w+s that)\b",
    re.IGNORECASE,
)
_OR_ELSE = re.compile(r",? or \W")

_CAPITALS = r"(?:capital letters|capitals|caps|upper\s?-?case)"
_NOT_THIS = (
    r"\b(?:but|more|fewer|less|than|only|worry|omit|leave|every|trailing|have to|need to"
    r"|semicolons?|periods?)\b"
)
_NO_COMMAS = (
    rf"{NEGATION}(?:(?!{_NOT_THIS})[^.,;:\n]){{0,40}}?\bcommas?\b(?! splices?)"
    r"|\bcommas? (?:is|are) not allowed"
)
_LOWERCASE = (
    r"\b(?:all|only|in|entirely|use) (?:\w+ )?lower\s?-?cased?\b"
    r"|\bletters\b[^.\n]{0,40}\b(?:be|are) (?:in )?lower\s?-?case"
    rf"|{NEGATION} (?:(?:be|use|using|contain|include) )?(?:any )?"
    r"capital(?:s|ization| letters)"
)
_UPPERCASE = (
    rf"\b(?:all|only|entirely)(?: in| be in| use)? {_CAPITALS}"
    rf"|\bentire (?:response|answer|reply)(?: should be)? in {_CAPITALS}"
)
_REPLY = r"\b(?:respond|reply|answer|output|response|return|wrap\w*|provide|give)\b"
_JSON = (
    r"\b(?:in|as|into)(?: a| the| valid| single)* json format\b"
    rf"|{_REPLY}(?:(?!{_REPLY})[^.?\n]){{0,60}}"
    r"\b(?:in|as|into|with|only)(?: a| the| valid| single)* json\b"
)
_QUOTED = (
    r"\b(?:wrap|enclose|put|surround|contained?)\w*\b"
    r"(?! (?:each|every)\b|(?: \w+)? (?:title|name|heading|keyword|word|phrase)s?\b)"
    r"[^.\n]{0,60}?\bdouble quot(?:ation|es?)"
    r"|\bdouble quot(?:ation|es?)[^.\n]{0,20} around (?:the|your) (?:whole|entire)"
)
_SAID: tuple[tuple[re.Pattern[str], Callable[[], Rule]], ...] = (
    (re.compile(_NO_COMMAS, re.IGNORECASE), no_commas),
    (re.compile(_LOWERCASE, re.IGNORECASE), lowercase),
    (re.compile(_UPPERCASE, re.IGNORECASE), uppercase),
    (re.compile(_JSON, re.IGNORECASE), is_json),
    (re.compile(_QUOTED, re.IGNORECASE), quoted),
)
_SOME_PART = re.compile(
    r"\b(?:head(?:line|ing)s?|titles?|names?|keys?|variables?|password|first|last|each|every)\b"
    r"(?: \w+){0,2}\s*\Z",
    re.IGNORECASE,
)
_BUT_FOR = re.compile(
    r"(?: letters)?\s+(?:except|apart from|other than|before|after|between|for\b"
    r"|in (?:the )?(?:titles?"
    r"|head\w+|names?|password|json|lists?|numbers?)\b)",
    re.IGNORECASE,
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
    prompt = plainly(prompt)
    yield from _word_rules(prompt)
    blank = with_quotations_blank(prompt)
    for pattern, side in ((_START, starts_with), (_END, ends_with)):
        for match, before in _matches(pattern, prompt, blank):
            if _is_word(match[1]) and _frames_all(match, before):
                yield side(match[1][1:-1])
    whole = _SOME_WORDS.sub("some", without_quotations(prompt))
    blank = with_quotations_blank(whole)
    for said, rule in _SAID:
        if any(_is_for_all(match, before) for match, before in _matches(said, whole, blank)):
            yield rule()


def _matches(
    pattern: re.Pattern[str], text: str, blank: str
) -> Iterator[tuple[re.Match[str], str]]:
    """Yield what a pattern finds, each with what stands before it in its sentence, quotes blank."""
    for match in pattern.finditer(text):
        yield match, sentence_before(blank, match.start())


def _frames_all(match: re.Match[str], before: str) -> bool:
    """Return whether the whole answer must start or end so, and in no other way."""
    head = match[0][: match.start(1) - match.start()]
    said = before + head
    return not (
        is_question(said)
        or not is_wish(said)
        or _ABOUT_A_PART.search(clause_of(said).rpartition("with")[0])
        or _NOT_SO.search(said)
        or _A_CHOICE.search(head + match[1])
        or _OR_ELSE.match(match.string[match.end() : match.end() + 8])
    )


def _is_for_all(match: re.Match[str], before: str) -> bool:
    """Return whether a format or a case is asked for, and for the whole answer."""
    after = match.string[match.end() : match.end() + _LOOK_BACK]
    return not (
        is_question(before + match[0])
        or not is_wish(before + match[0])
        or _NOT_SO.search(clause_of(before))
        or _SOME_PART.search(before)
        or _BUT_FOR.match(after)
    )


def _word_rules(prompt: str) -> Iterator[Rule]:
    rest = prompt
    for pattern in _EXCLUDED:
        for match, before in _matches(pattern, rest, with_quotations_blank(rest)):
            if _binds(match, before):
                yield from _excluded(match, before)
        rest = pattern.sub(".", rest)
    for pattern in (_START, _END):
        rest = pattern.sub(".", rest)
    blank = with_quotations_blank(rest)
    for pattern in (_INCLUDED, _REQUIRED):
        for match, before in _matches(pattern, rest, blank):
            negated = _NEGATED.search(before) or _A_CHOICE.search(match[0])
            if _binds(match, before) and not negated:
                yield from _included(match, before)


def _binds(match: re.Match[str], before: str) -> bool:
    """Return whether it is said to the writer of the answer, and not left open."""
    said = before + match[0][: match.start(1) - match.start()]
    return not is_question(said) and is_wish(said) and not _LEFT_OPEN.search(clause_of(said))


def _excluded(match: re.Match[str], before: str) -> Iterator[Rule]:
    """Forbid phrases; "not more than twice" is a limit, and "not twice" leaves open which."""
    said = _times(match, before)
    if said is None or _IN_ONE_PLACE.search(_behind(match)):
        return
    limits = [(_NOT.get(relation, ""), number) for relation, number in said]
    if not said or limits == [("at most", 0)]:
        yield from _about_words(excludes, match)
    else:
        yield from _so_often(limits, match)


def _included(match: re.Match[str], before: str) -> Iterator[Rule]:
    said = _times(match, before)
    if said == []:
        yield from _about_words(includes, match)
    elif said is not None:
        yield from _so_often(said, match)


def _so_often(limits: list[tuple[str, int]], match: re.Match[str]) -> Iterator[Rule]:
    """Ask for phrases so many times, where the limits say one thing together."""
    allowed = [_bounds(relation, number) for relation, number in limits]
    least = max((least for least, _ in allowed), default=0)
    most = min((most for _, most in allowed if most is not None), default=None)
    one_each = most is not None and least > 0 and not allowed[2:]
    if (one_each or not allowed[1:]) and (least if most is None else 0 < most >= least):
        yield from _about_words(partial(includes, times=least, at_most=most), match)


def _bounds(relation: str, number: int) -> tuple[int, int | None]:
    """Return the least and the most times; of an unclear relation what nothing can keep."""
    return (0, 0) if relation in ("", "about") else bounds(relation, number, number)


def _behind(match: re.Match[str]) -> str:
    """Return what follows a phrase in its sentence."""
    near = _NEAR.match(match.string[match.end(1) : match.end(1) + _LOOK_BACK])
    return near[0] if near else ""


def _times(match: re.Match[str], before: str) -> list[tuple[str, int]] | None:
    """Return how often a phrase is asked for: what is said behind it, else before it."""
    behind = _behind(match)
    if _OF_EACH.search(behind):
        return []  # of a part, not of the whole
    if between := _BETWEEN.search(behind):
        least, most = sorted((value(between["least"]), value(between["most"])))
        return [("at least", least), ("at most", most)]
    head = match[0][: match.start(1) - match.start()]
    for text in (behind, head):
        if found := list(_TIMES.finditer(text)):
            unclear = _SAID_OTHERWISE.search(text[: found[0].start()])
            compared = _COMPARED.match(text[found[-1].end() :])
            by_default = relation_in_front(before + head) or "at least"
            said = [_relation(times, by_default) for times in found]
            return None if unclear or compared else said
    return None if _UNREAD_TIMES.search(behind) else []


def _relation(said: re.Match[str], by_default: str) -> tuple[str, int]:
    """Return a relation of `_bounds` and the number that it is about."""
    word = (said["word"] or "").lower()
    number = {"once": 1, "twice": 2, "thrice": 3}.get(word) or value(said["number"] or "0")
    way = said["more"] or said["later"] or said["relation"]
    return (relation_of(way) if way else by_default), number


def _about_words(rule: Callable[..., Rule], match: re.Match[str]) -> Iterator[Rule]:
    phrases = [phrase for phrase in re.findall(PHRASE, match[1]) if _is_word(phrase)]
    if phrases and not _NO_PHRASE.search(match[0][: match.start(1) - match.start()]):
        yield rule(*(phrase[1:-1].strip(" ,.") for phrase in phrases))


def _is_word(quoted_phrase: str) -> bool:
    return sum(map(str.isalnum, quoted_phrase)) > 1
