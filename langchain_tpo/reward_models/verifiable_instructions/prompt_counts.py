"""Finds in a prompt how many words, sentences or bullet points are asked for.

Knows English ways to say a limit. Rather than guess it leaves out what may be about a part of the
answer ("each bullet point at most ten words") and what stands in quotation marks or code.
"""

import re
from collections.abc import Iterator

from langchain_tpo.reward_models.verifiable_instructions.count_rules import CountRule
from langchain_tpo.reward_models.verifiable_instructions.prompt_labels import labels_written_out
from langchain_tpo.reward_models.verifiable_instructions.prompt_limits import (
    AFTER,
    BEFORE,
    NEGATION,
    NOT,
    NUMBER,
    bounds,
    relation_in_front,
    value,
)
from langchain_tpo.reward_models.verifiable_instructions.prompt_quotations import without_quotations
from langchain_tpo.reward_models.verifiable_instructions.prompt_wishes import (
    clause_of,
    is_question,
    is_wish,
    sentence_before,
)

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
_THING = rf"(?P<thing>{'|'.join(sorted(_THINGS, key=len, reverse=True))})s?\b"
_ASKED = re.compile(
    rf"\b(?P<number>{NUMBER})(?:(?: to | through | and | or |\s?[-\u2013]\s?)(?P<second>{NUMBER}))?"
    r"(?P<plus>\+?)(?P<hyphen>[ -])"
    r"(?P<kind>(?:short |very |different |complete |long |main |text |highlighted )*)" + _THING,
    re.IGNORECASE,
)

_BARE = (
    r"in|into|from|with|using|use|writ(?:e|ing)|contains?|containing|between|have|has"
    r"|give(?: me)?|be|is|include|highlight|provide(?: me with)?|list"
    r"|I (?:need|want)|I(?:['\u2019]d| would) like"
)
"""What stands before a number that is a limit by itself."""

_ARTICLE = (r"(?: an?| the)?", r"(?: an?)?")
"""What may stand before a number; "in the two sentences" are given ones."""
_BEFORE_IS = [
    (relation, re.compile(rf"\b(?:{words}){_ARTICLE[relation == 'bare']}\s+\Z", re.IGNORECASE))
    for relation, words in {**BEFORE, "bare": _BARE}.items()
]
_AFTER_IS = [
    (relation, re.compile(rf"(?: long)?,? (?:{words})\b(?!\.?(?: of)? {NUMBER})", re.IGNORECASE))
    for relation, words in AFTER.items()
]
_AFTER_NUMBER = re.compile(rf"\b({NUMBER}) or (more|less|fewer) ", re.IGNORECASE)
_LIMITS = "|".join(BEFORE[name] for name in ("at most", "at least", "below", "above"))
_LIMIT = rf"(?:an? |the )?(?:{_LIMITS})(?: an?| the)? (?:{NUMBER})"
_LINK = r"(?:,? (?:and|but|or|nor|though) |[,;] | - | \()"
_ONE_THING_BEHIND_TWO_LIMITS = re.compile(
    rf"\b(?P<limit>{_LIMIT})(?={_LINK}{_LIMIT} {_THING})", re.IGNORECASE
)
_ONE_THING_BETWEEN_TWO_LIMITS = re.compile(
    rf"\b(?P<both>{_LIMIT} {_THING}(?: long)?{_LINK}{_LIMIT})(?=\s*(?:[.,;:)!?\n]|\Z))",
    re.IGNORECASE,
)
_TO = re.compile(
    rf"\b(?P<least>{NUMBER}) {_THING} (?:to|through) (?P<most>{NUMBER}) (?P=thing)", re.IGNORECASE
)
_BETWEEN = re.compile(
    rf"\bbetween (?P<least>{NUMBER}) {_THING} and (?P<most>{NUMBER}) (?P=thing)", re.IGNORECASE
)
_EACH = re.compile(r"\b(?:each|every|per)\b[^.,;\n]{0,40}\Z", re.IGNORECASE)
_OF_A_PART = re.compile(
    r"\b(?:titles?|head(?:line|ing)s?|intro(?:duction)?|conclusion|caption|quot(?:e|ation)"
    r"|postscript|subject line|lines?|stanzas?|verses?|items?|slides?|steps?|versions"
    r"|(?:short|long)\w* version"
    r"|first|second|third|last|final)\b"
    r"|\b(?:begin|start|end|finish|conclude|open|close)(?:s|es|ning|ing)?\b[^,]* with\b"
    r"|\b(?:add|remove|delete|cut|drop|insert|reduce|extend|expand|lengthen|grow|increase)\b"
    r"(?!.*\b(?:in)?to\b)|\A\s*(?:one|another|the other) (?!sentence|paragraph)"
    r"|\b(?:summary|details?|body|abstract|pros|cons)\s?:"
    rf"|\b{NUMBER} (?:\w+ )?\w+s (?:of|with|under|whose)\b",
    re.IGNORECASE,
)
_PER_PART = re.compile(
    r"\s*(?:(?:long|or \w+|max(?:imum)?|min(?:imum)?|at (?:most|least)) )*"
    r"(?:each|per|every|apiece)\b"
    r"(?! (?:one )?separated)"
    r"|\s+(?:longer|shorter|more|fewer|less)\b(?! than)"
    r"|\s+(?:sentence|paragraph|line|stanza|bullet|section|chunk|slogan|title|headline)s\b"
    r"|\s+(?:title|headline|heading|introduction|intro|conclusion|postscript)\b",
    re.IGNORECASE,
)
_ONE_OF = r"(?<!\ba )(?<!\bone )(?<!\bsingle )"
_LARGER = {
    thing: re.compile(rf"\b{_ONE_OF}(?:{parts})s?\b", re.IGNORECASE)
    for thing, parts in {
        "word": "sentence|paragraph|bullet|point|section",
        "sentence": "paragraph|bullet|point|section",
    }.items()
}
"""Parts of an answer that a limit beside them may be about."""
_SOME_WORDS = re.compile(
    r"\s+(?:that|which|whose|from|of (?!text|prose)|(?:start|end|rhym|beginn|mean)ing)",
    re.IGNORECASE,
)
_PLACES = re.compile(
    r"\b(?:us(?:e|ing)|mention|includ(?:e|ing)|appears?|put|place|repeat)\b.*\bin\b[^,]*\Z",
    re.IGNORECASE,
)
_LISTED = re.compile(r"\b(?:list|name|find|suggest|give(?: me)?)\s+(?:\w+ ){0,2}\Z", re.IGNORECASE)
_NEEDED = re.compile(r"\b(?:need|want|like)\s+\Z", re.IGNORECASE)
_DONE = re.compile(r"\s+(?:\w+ed|written|put|made|to be)\b", re.IGNORECASE)
"""What is to be done with given sentences: "I need two sentences translated"."""
_LEAST_TEXT = 20
"""Words from which "I need so many words" asks for a text; fewer are words to be found."""
_GIVEN = re.compile(r"\b(?:this|my|his|their|following|attached|these)\s+\Z", re.IGNORECASE)
_SET_OFF = re.compile(r"\b(?:in|within|using)\b[\w ]{0,20}\Z|\([\w ]{0,20}\Z", re.IGNORECASE)
_JUDGED = re.compile(r"\s+(?:long )?(?:is|are|will|would|gets?|won['\u2019]t|can\w*|do|does)\b")
_IN_CAPITALS = re.compile(r"[^.\n]{0,40}\b(?:capital|caps\b|upper)", re.IGNORECASE)
_NEGATED = re.compile(NEGATION, re.IGNORECASE)
_AND = re.compile(r" (?:and|but) ", re.IGNORECASE)
_ANEW = re.compile(
    r"(?:[,;:] |,? (?:and|but) )(?:(?:please|then|also|instead) )?(?:writ|us(?:e|ing)|make|give"
    r"|keep|answer|includ|it\b|the\b|your\b|should|must|have\b|ensure|provide|contain)|, and be\b",
    re.IGNORECASE,
)
"""Where in a sentence a wish of its own begins, which an earlier "not" does not reach."""
_HIGHLIGHTED = re.compile(r"\b(?:highlight|italici|emphasi|bold)\w*", re.IGNORECASE)

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
    text = _each_limit_with_its_thing(labels_written_out(without_quotations(prompt)))
    for found in _ASKED.finditer(text):
        before = sentence_before(text, found.start())
        after = text[found.end() : found.end() + _LOOK_AROUND]
        thing = _THINGS[found["thing"].lower()]
        if thing == "section":  # what a section looks like is seldom said; a highlight is one thing
            near = text[max(0, found.start() - _LOOK_AROUND) : found.end()] + after
            thing = "highlighted part" if _HIGHLIGHTED.search(near) else ""
        relation = _relation(found, before, after)
        if thing and relation and _is_of_the_whole(thing, found, before, after):
            yield from _rule(thing, relation, found)


def _each_limit_with_its_thing(text: str) -> str:
    """Return the text with "10 or more" as "at least 10" and each limit beside what it limits."""
    text = _AFTER_NUMBER.sub(
        lambda limit: f"at {'least' if limit[2].lower() == 'more' else 'most'} {limit[1]} ", text
    )
    text = _TO.sub(r"\g<least> to \g<most> \g<thing>", text)
    text = _BETWEEN.sub(r"between \g<least> and \g<most> \g<thing>", text)
    text = _ONE_THING_BEHIND_TWO_LIMITS.sub(r"\g<limit> \g<thing>s", text)
    return _ONE_THING_BETWEEN_TWO_LIMITS.sub(r"\g<both> \g<thing>s", text)


def _is_of_the_whole(thing: str, found: re.Match[str], before: str, after: str) -> bool:
    """Return whether a limit is a wish about the whole answer."""
    clause = clause_of(before)
    if is_question(before) and clause == before and not _SET_OFF.search(before):
        return False
    return is_wish(before) and not (
        _is_of_a_part(thing, clause, after)
        or _is_of_some_words(found, thing, before, after)
        or (found["hyphen"] == "-" and _GIVEN.search(before))
    )


def _is_of_a_part(thing: str, clause: str, after: str) -> bool:
    piece = _AND.split(clause)[-1]
    larger = _LARGER.get(thing)
    return bool(
        _EACH.search(clause)
        or _OF_A_PART.search(piece)
        or _PER_PART.match(after)
        or (larger and larger.search(piece))
    )


def _is_of_some_words(found: re.Match[str], thing: str, before: str, after: str) -> bool:
    """Return whether only some words or sentences of the answer are meant, or where they stand."""
    if thing != "word":
        return bool(_PLACES.search(before) or (_NEEDED.search(before) and _DONE.match(after)))
    return bool(
        found["kind"]
        or _IN_CAPITALS.match(after)
        or _SOME_WORDS.match(after)
        or (found[0].endswith("s") and _LISTED.search(before))
        or (_NEEDED.search(before) and value(found["number"]) < _LEAST_TEXT)
    )


def _relation(found: re.Match[str], before: str, after: str) -> str | None:
    """Return how a limit is meant; None where none is said, or what is said is unclear."""
    near = before[-_LOOK_AROUND:]
    ways = [(relation, 0) for relation, way in _AFTER_IS if way.match(after)]
    ways += [
        (relation, len(near) - said.start())
        for relation, way in _BEFORE_IS
        if (said := way.search(near))
    ]
    if found["plus"]:
        ways = [("at least", 0)]
    if ways:
        relation, length = ways[0]
        if relation == "bare":
            relation = relation_in_front(before) or relation
        return _as_meant(relation, before[: len(before) - length], after)
    single = found["number"].lower() == "single" and found["thing"].lower() != "word"
    return "bare" if found["hyphen"] == "-" or single else None


def _as_meant(relation: str, before: str, after: str) -> str | None:
    """Return what a limit comes to with the "not" before it; None where that is unclear."""
    piece = _AND.split(clause_of(before))[-1]
    if _NEGATED.search(piece):
        return NOT.get(relation)
    if relation in NOT and (_JUDGED.match(after) or _may_be_negated(before)):
        return None
    return relation


def _may_be_negated(before: str) -> bool:
    """Return whether a "not" earlier in the sentence may still hold."""
    *_, rest = _NEGATED.split(before)
    return rest != before and (rest.startswith(",") or not _ANEW.search(rest))


def _rule(thing: str, relation: str, found: re.Match[str]) -> Iterator[CountRule]:
    first = value(found["number"])
    last = value(found["second"]) if found["second"] else first
    if thing == "word" and relation == "bare" and first == last:
        relation = "about"
    least, most = bounds(relation, first, last)
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
