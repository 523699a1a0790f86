"""Finds in a prompt how many words, sentences or bullet points are asked for.

Knows English ways to say a limit. Rather than guess it leaves out what may be about a part of the
answer ("each bullet point at most ten words") and what stands in quotation marks or code.
"""

import re
from collections.abc import Iterator

from langchain_tpo.reward_models.verifiable_instructions.count_rules import CountRule

SLACK = 0.2
"""How far off "about 100 words", or a bare "100 words", may be."""

_NUMBER_WORDS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen", "twenty"),
)
NUMBER = rf"\d{{1,5}}|{'|'.join(_NUMBER_WORDS)}|single"
"""How numbers are written."""
_THINGS = {
    "word": "word",
    "sentence": "sentence",
    "paragraph": "paragraph",
    "bullet point": "bullet point",
    "bullet": "bullet point",
    "placeholder": "placeholder",
    "section": "section",
    "part": "section",
}
_ASKED = re.compile(
    rf"\b(?P<number>{NUMBER})(?:(?: to | and | or |\s?[-\u2013]\s?)(?P<second>{NUMBER}))?"
    r"(?P<plus>\+?)"
    r"(?P<hyphen>[ -])(?:more |short |very |different |complete |long |main |text |highlighted )*"
    rf"(?P<thing>{'|'.join(sorted(_THINGS, key=len, reverse=True))})s?\b",
    re.IGNORECASE,
)

_BEFORE = {
    "at most": r"at most|(?:no|not) (?:more|longer) than|not exceed(?:ing)?|max(?:imum|\.)?(?: of)?"
    r"|up to|within|limit(?:ed)? (?:\w+ ){0,3}to",
    "at least": r"at least|(?:no|not) (?:less|fewer|shorter) than|min(?:imum|\.)?(?: of)?",
    "below": r"(?:less|fewer|shorter) than|under|below",
    "above": r"(?:more|longer) than|over|exceed(?:ing)?",
    "exactly": r"exactly|precisely|only|just",
    "about": r"about|around|approximately|roughly",
    "bare": r"in|into|with|using|use|writ(?:e|ing)|contains?|containing|between|have|has|give"
    r"|give me|be|is|include|highlight|provide|list|provide me with",
}
"""How a limit is said before its number, longest ways of saying it first."""

_AFTER = {
    "at most": r"or (?:less|fewer|under)|max(?:imum)?|at (?:the )?most|tops",
    "at least": r"or (?:more|over)|min(?:imum)?|at (?:the )?least",
}
"""How a limit is said after its number."""

_BEFORE_IS = [
    (relation, re.compile(rf"\b(?:{words})(?: an?| the)?\s+\Z", re.IGNORECASE))
    for relation, words in _BEFORE.items()
]
_AFTER_IS = [
    (relation, re.compile(rf"(?: long)?,? (?:{words})\b(?!\.? (?:{NUMBER}))", re.IGNORECASE))
    for relation, words in _AFTER.items()
]
_AFTER_NUMBER = re.compile(rf"\b({NUMBER}) or (more|less|fewer) ", re.IGNORECASE)
_LIMITS = "|".join(_BEFORE[name] for name in ("at most", "at least", "below", "above"))
_LIMIT = rf"(?:an? |the )?(?:{_LIMITS})(?: an?| the)? (?:{NUMBER})"
_LINK = r"(?:,? (?:and|but|or) |, | \()"
_THING = rf"(?P<thing>{'|'.join(sorted(_THINGS, key=len, reverse=True))})s?\b"
_ONE_THING_BEHIND_TWO_LIMITS = re.compile(
    rf"\b(?P<limit>{_LIMIT})(?={_LINK}{_LIMIT} {_THING})", re.IGNORECASE
)
_ONE_THING_BETWEEN_TWO_LIMITS = re.compile(
    rf"\b(?P<both>{_LIMIT} {_THING}(?: long)?{_LINK}{_LIMIT})(?=\s*(?:[.,;:)!?\n]|\Z))",
    re.IGNORECASE,
)
_OF_A_PART = re.compile(r"\b(?:each|every|per)\b[^.,;\n]{0,40}\Z", re.IGNORECASE)
_PER_PART = re.compile(
    r"\s*(?:long |or \w+ )?(?:each|per|every)\b(?! (?:one )?separated)", re.IGNORECASE
)
_IN_CAPITALS = re.compile(r"[^.\n]{0,40}\b(?:capital|caps\b|upper)", re.IGNORECASE)
_NEGATED = re.compile(r"(?:n['\u2019]t|\bnot|\bnothing|\bnever)\b[^.\n]{0,30}\Z", re.IGNORECASE)
_HIGHLIGHTED = re.compile(r"\b(?:highlight|italici|emphasi|bold)\w*", re.IGNORECASE)
_QUOTED = re.compile(r"\"[^\"\n]*\"|\u201c[^\u201d\n]*\u201d|```.*?```", re.DOTALL)


_LOOK_AROUND = 60
"""Characters on either side of a number that can say what kind of limit it is."""


def count_rules_in(prompt: str) -> Iterator[CountRule]:
    """Return the rules on numbers that a prompt sets, in its order; one for each thing.

    Of two limits on one thing the later holds, unless one is the least and the other the most.

    Example:
        >>> [rule.check("") for rule in count_rules_in("In 2-3 sentences.")][0].words
        '0 sentences, asked for 2 to 3'
    """
    rules: dict[str, CountRule] = {}
    for rule in _limits_in(prompt):
        rules[rule.thing] = _both(rules.get(rule.thing, rule), rule)
    yield from rules.values()


def _limits_in(prompt: str) -> Iterator[CountRule]:
    text = _each_limit_with_its_thing(without_quotations(prompt))
    for found in _ASKED.finditer(text):
        before = text[max(0, found.start() - _LOOK_AROUND) : found.start()]
        after = text[found.end() : found.end() + _LOOK_AROUND]
        thing = _THINGS[found["thing"].lower()]
        if thing == "section":  # what a section looks like is seldom said; a highlight is one thing
            thing = "highlighted part" if _HIGHLIGHTED.search(before + found[0] + after) else ""
        relation = _relation(found, before, after)
        if thing and relation and not _is_of_a_part(thing, before, after):
            yield from _rule(thing, relation, found)


def _each_limit_with_its_thing(text: str) -> str:
    """Return the text with "10 or more" as "at least 10" and each limit beside what it limits."""
    text = _AFTER_NUMBER.sub(
        lambda limit: f"at {'least' if limit[2].lower() == 'more' else 'most'} {limit[1]} ", text
    )
    text = _ONE_THING_BEHIND_TWO_LIMITS.sub(r"\g<limit> \g<thing>s", text)
    return _ONE_THING_BETWEEN_TWO_LIMITS.sub(r"\g<both> \g<thing>s", text)


def without_quotations(prompt: str) -> str:
    """Return the prompt without what it quotes: code, and text in double quotation marks.

    Example:
        >>> without_quotations('Translate "in two words" in one sentence.')
        'Translate " in one sentence.'
    """
    return _QUOTED.sub('"', prompt)


def _is_of_a_part(thing: str, before: str, after: str) -> bool:
    capitals = thing == "word" and _IN_CAPITALS.match(after)
    return bool(capitals or _OF_A_PART.search(before) or _PER_PART.match(after))


def _relation(found: re.Match[str], before: str, after: str) -> str | None:
    relations = ["at least"] if found["plus"] else []
    relations += [relation for relation, way in _AFTER_IS if way.match(after)]
    relations += [relation for relation, way in _BEFORE_IS if way.search(before)]
    if relations:
        return _negated(relations[0]) if _NEGATED.search(before) else relations[0]
    single = found["number"].lower() == "single" and found["thing"].lower() != "word"
    return "bare" if found["hyphen"] == "-" or single else None


def _negated(relation: str) -> str:
    """Return what "not above" and "not below" come to."""
    return {"above": "at most", "below": "at least"}.get(relation, relation)


def _rule(thing: str, relation: str, found: re.Match[str]) -> Iterator[CountRule]:
    first = value(found["number"])
    last = value(found["second"]) if found["second"] else first
    if thing == "word" and relation == "bare" and first == last:
        relation = "about"
    least, most = {
        "at most": (0, last),
        "below": (0, last - 1),
        "at least": (first, None),
        "above": (first + 1, None),
        "about": (round(first * (1 - SLACK)), round(last * (1 + SLACK))),
    }.get(relation, (first, last))
    if least if most is None else most > 0 and most >= least:
        yield CountRule(thing=thing, at_least=least, at_most=most)


def _both(before: CountRule, later: CountRule) -> CountRule:
    """Return a least and a most as one rule; otherwise the later one."""
    one_each = (before.at_most is None) != (later.at_most is None)
    least = max(before.at_least, later.at_least)
    most = later.at_most if before.at_most is None else before.at_most
    if one_each and 0 in {before.at_least, later.at_least} and most is not None and least <= most:
        return CountRule(thing=later.thing, at_least=least, at_most=most)
    return later


def value(number: str) -> int:
    """Return the number that digits, or a word of `NUMBER`, say."""
    lowered = number.lower()
    if lowered.isdigit():
        return int(lowered)
    return 1 if lowered == "single" else _NUMBER_WORDS.index(lowered)
