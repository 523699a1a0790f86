"""Finds in a prompt which words and phrases to use or to avoid, and how often.

Knows English ways to say so; phrases are read where they stand in quotation marks, since otherwise
no rule could tell where they end.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial

from langchain_tpo.reward_models.verifiable_instructions.content_rules import excludes, includes
from langchain_tpo.reward_models.verifiable_instructions.prompt_formats import END, START
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
from langchain_tpo.reward_models.verifiable_instructions.prompt_openings import (
    TEXT,
    asks,
    is_of_a_text,
    opens,
)
from langchain_tpo.reward_models.verifiable_instructions.prompt_quotations import (
    PHRASE,
    is_word,
    with_quotations_blank,
)
from langchain_tpo.reward_models.verifiable_instructions.prompt_wishes import (
    clause_before,
    clause_of,
    is_for_some_cases,
    is_question,
    is_wish,
    sentence_before,
    sentence_behind,
)
from langchain_tpo.reward_models.verifiable_instructions.rule import Rule

_KIND = r"(?:key ?words?|words?|terms?|phrases?|names?|hashtags?):?\s+"
_ANOTHER = (
    rf"(?:the )?{_KIND}{PHRASE}"
    r"(?![^.!?\n\"\u201c]{0,40}\b(?:once|twice|thrice|times)\b)"
)
"""One more, called by its kind; not one that has a number of times of its own."""
_PHRASES = rf"(?P<phrases>{PHRASE}(?:,?\s?(?:and |or )?(?:{PHRASE}|{_ANOTHER})){{0,19}})"
_KEYWORD = rf"(?:the )?(?:following )?(?:exact )?{_KIND}"

_GOES_ON = (
    r"(?:\s+(?!(?:but|that|which|who|whose|how|what|when|why|where|to|from|about|we|you|they"
    r"|of its|without)\b)\w+)"
)
"""A word more, as long as nothing else is said to be done."""
_SAY = r"(?:include|use|mention|contain|add|have|say|write|feature|incorporate|work in)"
_SAYING = r"(?:including|using|mentioning|containing|adding|having|saying|writing)"
_SAYS = r"(?:includes|uses|mentions|contains|has|says|features)"
_NEVER = rf"(?:{NEGATION}|\b(?:stop|quit))(?: (?:to|ever|also|even|allowed to))*"
_EXCLUDED = (
    re.compile(
        rf"(?P<never>{_NEVER}) (?P<verb>{_SAY}|{_SAYING})\b"
        rf"{_GOES_ON}{{0,5}}?\s+(?:{_KEYWORD})?{_PHRASES}",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?P<never>without|avoid|exclude|but not|no)(?P<verb>) "
        rf"(?:{_KEYWORD}|(?:\w+ ){{1,2}}(?:such as|like) ){_PHRASES}",
        re.IGNORECASE,
    ),
    re.compile(
        rf"(?P<never>)(?P<verb>){_KEYWORD}{_PHRASES}"
        r"\s+(?:(?:should|must|may|can) ?not|cannot) "
        r"(?:appear|occur|show up|be (?:used|mentioned|included|in|part|there|present|contained))",
        re.IGNORECASE,
    ),
)
_NOT = {**NOT, "at most": "at most"}
"""What "do not use it more than" and the like come to; of others nobody knows."""
_NEGATED = re.compile(rf"{NEGATION}|\b(?:stop|quit)\b", re.IGNORECASE)
_INSTEAD = re.compile(r"\s*\.,\s+(?!and\b|but\b)", re.IGNORECASE)
"""What stands in the place of a phrase to avoid: "don't say one, say another"."""
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
    rf"\b(?:(?P<say>{_SAY})\b{_GOES_ON}{{0,5}}?\s+(?:{_KEYWORD})?"
    rf"|(?P<says>{_SAYS})\b{_GOES_ON}{{0,4}}?\s+(?:{_KEYWORD})?"
    rf"|(?P<saying>{_SAYING}|with){_GOES_ON}{{0,2}}?\s+{_KEYWORD}){_PHRASES}",
    re.IGNORECASE,
)
_REQUIRED = re.compile(
    rf"(?P<say>){_KEYWORD}{_PHRASES}\s+(?P<must>(?:must|should|has to|have to|needs? to)\s+)?"
    r"(?:appears?|occurs?|(?:be|is|are) (?:used|mentioned|included|there|present))\b",
    re.IGNORECASE,
)
_A_TEXT = re.compile(rf"\b{TEXT}", re.IGNORECASE)
_NARROWED = re.compile(
    rf"\s*(?:for (?!at|more|less|fewer|no|exactly|about|(?:{NUMBER})\b)|to\b|as (?!well)|with\b"
    rf"|on\b|in (?!(?:your|the|this|its|an?|my|it)(?: [\w-]+){{0,2}} {TEXT}|it\b|each|every|any"
    r"|all|total|[\w ]{0,20}(?:words|sentences|paragraphs)\b)|(?:each|every) time)"
    r"|.*\b(?:instead of|rather than|where|before|after|in place of)\b",
    re.IGNORECASE,
)
"""What ties a phrase to one place or one use: "for missing values", "in Japanese"."""
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
_LOOK_BACK = 80
"""Characters behind a phrase that can change what is wished for."""


def phrase_rules_in(prompt: str) -> Iterator[Rule]:
    """Return the rules on words and phrases that a prompt sets.

    Example:
        >>> for rule in phrase_rules_in('Say "oil", and never use the word "wax".'):
        ...     print(rule.topic)
        excludes ('wax',)
        includes ('oil',)
    """
    rest = prompt
    for pattern in _EXCLUDED:
        for match, before in _matches(pattern, rest):
            if _is_asked(match, before, _avoided_of):
                yield from _excluded(match, before)
        rest = pattern.sub(".", rest)
    for pattern in (START, END):
        rest = pattern.sub(".", rest)
    for pattern in (_INCLUDED, _REQUIRED):
        for match, before in _matches(pattern, rest):
            if _is_asked(match, before, _wanted_of) and not _INSTEAD.match(before):
                yield from _included(match, before)


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Yield what a pattern finds, each with what stands before it in its sentence.

    What is quoted is blank in it, and nothing is found there.
    """
    blank = with_quotations_blank(text)
    for match in pattern.finditer(text):
        if blank[match.start()] != "_":
            yield match, sentence_before(blank, match.start())


def _is_asked(
    match: re.Match[str], before: str, of_the_answer: Callable[[re.Match[str], str], bool]
) -> bool:
    """Return whether it is said to the writer of the answer, of all of it, and not left open."""
    said = before + match[0][: match.start("phrases") - match.start()]
    return not (
        is_question(said)
        or not is_wish(said)
        or _LEFT_OPEN.search(clause_of(said))
        or not of_the_answer(match, before)
        or is_for_some_cases(sentence_behind(match.string, match.end("phrases")))
        or _NARROWED.match(_behind(match))
    )


def _avoided_of(match: re.Match[str], before: str) -> bool:
    """Return whether it is the answer that must avoid a phrase."""
    said = before + match[0][: match.start("verb") - match.start()]
    if match["never"].lower() in {"without", "but not", "no"} and opens(before):
        return True
    clause = clause_before(before, match["never"]) + said[len(before) :]
    return asks(clause, said) or is_of_a_text(said)


def _wanted_of(match: re.Match[str], before: str) -> bool:
    """Return whether it is the answer that must have a phrase."""
    if _A_CHOICE.search(match[0]):
        return False
    said = match.groupdict()
    if said.get("saying"):
        return opens(before) and _A_TEXT.search(before) is not None
    clause = clause_before(before, match[0].split()[0])
    if _NEGATED.search(clause):
        return False
    if "must" in said and not said["must"] and "sure" not in clause.lower():
        return False
    return asks(clause, before) or (bool(said.get("says")) and is_of_a_text(before))


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
    near = _NEAR.match(match.string[match.end("phrases") : match.end("phrases") + _LOOK_BACK])
    return near[0] if near else ""


def _times(match: re.Match[str], before: str) -> list[tuple[str, int]] | None:
    """Return how often a phrase is asked for: what is said behind it, else before it."""
    behind = _behind(match)
    if _OF_EACH.search(behind):
        return []  # of a part, not of the whole
    if between := _BETWEEN.search(behind):
        least, most = sorted((value(between["least"]), value(between["most"])))
        return [("at least", least), ("at most", most)]
    head = match[0][: match.start("phrases") - match.start()]
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
    phrases = [phrase for phrase in re.findall(PHRASE, match["phrases"]) if is_word(phrase)]
    if phrases and not _NO_PHRASE.search(match[0][: match.start("phrases") - match.start()]):
        yield rule(*(phrase[1:-1].strip(" ,.") for phrase in phrases))
