"""Finds in a prompt how many words, sentences or bullet points are asked for.

Knows English ways to say a limit. Rather than guess it leaves out what may be about a part of the
answer ("each bullet point at most ten words") and what stands in quotation marks or code.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

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
from langchain_tpo.reward_models.verifiable_instructions.prompt_openings import TEXT
from langchain_tpo.reward_models.verifiable_instructions.prompt_parts import (
    AND,
    has_parts,
    is_of_a_part,
)
from langchain_tpo.reward_models.verifiable_instructions.prompt_quotations import without_quotations
from langchain_tpo.reward_models.verifiable_instructions.prompt_wishes import (
    clause_of,
    is_for_some_cases,
    is_question,
    is_wish,
    sentence_before,
    sentence_behind,
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
    r"|I (?:need|want)|I(?:['\u2019]d| would) like|as|stick to"
    r"|(?:shorten|cut|trim|condense) (?:\w+ ){1,3}(?:down )?to"
    rf"|(?:an?|one|your|the) (?:[\w-]+ ){{0,3}}?{TEXT} of"
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
_SOME_WORDS = re.compile(
    r"\s+(?:that|which|whose|from|of (?!text|prose)|(?:start|end|rhym|beginn|mean)ing"
    r"|left\b|to (?:say|describe|learn)\b)|\s*: ?[\"\u201c'`]",
    re.IGNORECASE,
)
_PLACES = re.compile(
    r"\b(?:us(?:e|ing)|mention|includ(?:e|ing)|appears?|put|place|repeat)\b.*\bin\b[^,]*\Z",
    re.IGNORECASE,
)
_LISTED = re.compile(r"\b(?:list|name|find|suggest|give(?: me)?)\s+(?:\w+ ){0,2}\Z", re.IGNORECASE)
_NEEDED = re.compile(r"\b(?:need|want|like)\s+\Z", re.IGNORECASE)
_DONE = re.compile(r"\s+(?:\w+ed|(?:re)?written|put|made|to be)\b", re.IGNORECASE)
"""What is to be done with given sentences: "I need two sentences translated"."""
_MOST = 5_000
"""Words from which "up to so many" is what some product can do."""
_LEAST_TEXT = 20
"""Words from which "I need so many words" asks for a text; fewer are words to be found."""
_OBJECT = re.compile(
    r"(?:\b(?:writ(?:e|ing)|give|make|draft|create|compose|generate|produce|provide|prepare|need"
    r"|want|like|use|have|send|craft|tell|in|into|as|with|to|is|be|answer|respond|reply)"
    r"(?: (?:me|us|him|her|them))?|\A\W*|[,;:] )"
    r"(?: ?\b(?:an?|one|another|just|only|exactly|about))*"
    r"(?: [\w-]+,?){0,2}? ?\Z",
    re.IGNORECASE,
)
"""What stands before "200-word essay" where it is to be written."""
_NO_OBJECT = re.compile(
    r"\b(?:for|on|about|of|outline|plan|how to|how do|compare|between|this"
    r"|these|my|his|her|their|your|the|following|attached"
    r"|i (?:need|want|have|would like) to|include|add)\b[^,.]*\Z",
    re.IGNORECASE,
)
_TO_WRITE = re.compile(rf"(?:,? [\w-]+){{0,3}}? {TEXT}|\s*(?:limit|\Z|[.,!?)])", re.IGNORECASE)
_OF_OTHERS = re.compile(
    r"\b(?:ask|tell|remind|request|instruct|invit|requir|encourag)(?:s|ing|ling|e)? (?!me\b|you\b)"
    r"(?:[\w-]+ ){0,3}to\b|\bi (?:need|want|have|would like) to\b"
    r"|(?<!sure )\b(?:that|which|who) (?!(?:is|has|are|have|contains?|includes?|uses?|you|i|it"
    r"|the|your|there)\b)\w+"
    rf"|\A\W*(?:the|our) (?!(?:assistant|ai)\b|(?:(?!must|should|can)[\w-]+ ){{0,2}}{TEXT})"
    r"(?:[\w-]+ ){1,3}"
    r"(?:includes|costs|allows|offers|supports|can|lets|(?:must|should|(?:has|have|needs?) to)"
    r" (?:answer|write|enter|say|speak|submit|type|reply|respond))\b"
    r"|\A\W*our (?:[\w-]+ ){1,3}(?:is|are|has|have|should|must)\b"
    r"|\bso that (?!it\b|you\b|the (?:answer|text|result)\b)"
    r"|\b(?:in which|where|whose|everyone|everybody|kids|students|users?)\b",
    re.IGNORECASE,
)
"""What somebody else has to write."""
_APPOSED = re.compile(
    r"\W*(?:please )?(?:write|compose|draft|create|generate|give)(?: me)? an? [^()]{1,120}[,(] ?",
    re.IGNORECASE,
)
"""What stands before a bare size: "Write a story (200 words)"."""
_ENDS = re.compile(r"(?: long)?(?:[.)!]|\s*\Z)")
_SET_OFF = re.compile(r"\b(?:in|within|using)\b[\w ]{0,20}\Z|\([\w ]{0,20}\Z", re.IGNORECASE)
_JUDGED = re.compile(r"\s+(?:long )?(?:is|are|will|would|gets?|won['\u2019]t|can\w*|do|does)\b")
_IN_CAPITALS = re.compile(r"[^.\n]{0,40}\b(?:capital(?! of| city)|caps\b|upper)", re.IGNORECASE)
_NEGATED = re.compile(NEGATION, re.IGNORECASE)
_ANEW = re.compile(
    r"(?:[,;:] |,? (?:and|but) )(?:(?:please|then|also|instead) )?(?:writ|us(?:e|ing)|make|give"
    r"|keep|answer|includ|it\b|the\b|your\b|should|must|have\b|ensure|provide|contain)|, and be\b",
    re.IGNORECASE,
)
"""Where in a sentence a wish of its own begins, which an earlier "not" does not reach."""
_MADE_OF = {
    "word": ("sentence", "paragraph", "bullet point"),
    "sentence": ("paragraph", "bullet point"),
}
"""What holds at least one of a thing."""
_OR_BEHIND = re.compile(rf"(?: (?:at )?(?:max|most))?,? or (?:{NUMBER})\b", re.IGNORECASE)
_OR_BEFORE = re.compile(rf"\b(?:{'|'.join(_THINGS)})s? or (?:[\w ]{{0,20}})\Z", re.IGNORECASE)
"""A limit or another one."""
_HIGHLIGHTED = re.compile(r"\b(?:highlight|italici|emphasi|bold)\w*", re.IGNORECASE)

_LIT_BEHIND = re.compile(
    r".{0,40}\b(?:highlighted|emphasi[sz]ed|italici[sz]ed|bolded"
    r"|(?:are|be|in) (?:bold|italics?))\b",
    re.IGNORECASE,
)

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
    places: dict[str, _Place] = {}
    unclear: set[str] = set()
    for rule, place in _limits_in(prompt):
        earlier = rules.get(rule.thing, rule)
        if rule.thing in places and _are_of_parts(earlier, rule, places[rule.thing], place):
            unclear.add(rule.thing)
        rules[rule.thing], places[rule.thing] = _both(earlier, rule), place
    yield from (
        rule
        for thing, rule in rules.items()
        if thing not in unclear and _can_hold(rule, rules.values())
    )


def _limits_in(prompt: str) -> Iterator[tuple[CountRule, "_Place"]]:
    text = _each_limit_with_its_thing(labels_written_out(without_quotations(prompt)))
    for found in _ASKED.finditer(text):
        before = sentence_before(text, found.start())
        after = text[found.end() : found.end() + _LOOK_AROUND].partition("\n")[0]
        thing = _THINGS[found["thing"].lower()]
        if thing == "section":  # what a section looks like is seldom said; a highlight is one thing
            lit = _HIGHLIGHTED.search(before + found[0]) or _LIT_BEHIND.match(after)
            thing = "highlighted part" if lit else ""
        relation = _relation(found, before, after)
        if thing and relation and _is_of_the_whole(thing, found, before, after):
            start = found.start()
            lines = text.count("\n", 0, start)
            place = _Place(text.count("\n\n", 0, start), lines, start - len(before))
            yield from ((rule, place) for rule in _rule(thing, relation, found))


class _Place(NamedTuple):
    """Where a limit stands."""

    block: int
    """How many empty lines come before it."""
    line: int
    sentence: int
    """The place where its sentence begins."""


def _are_of_parts(before: CountRule, later: CountRule, there: _Place, here: _Place) -> bool:
    """Return whether two limits on one thing are for two parts of the answer.

    Those of one kind are, in two lines of one block; in one sentence two plain numbers are. What a
    later block says of the same thing holds in the place of the earlier.
    """
    sides = [(bool(rule.at_least), rule.at_most is not None) for rule in (before, later)]
    if there.line != here.line:
        return there.block == here.block and sides[0] == sides[1] and before != later
    return there.sentence == here.sentence and sides == [(True, True)] * 2


def _can_hold(rule: CountRule, others: Iterable[CountRule]) -> bool:
    """Return whether a limit leaves room for all else that is asked for; of a part it need not."""
    larger = _MADE_OF.get(rule.thing, ())
    return rule.at_most is None or all(
        other.at_least <= rule.at_most for other in others if other.thing in larger
    )


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
    if is_question(before + found[0]) and clause == before and not _SET_OFF.search(before):
        return False
    behind = sentence_behind(found.string, found.end())
    return is_wish(before) and not (
        is_of_a_part(thing, clause, after)
        or has_parts(thing, before, behind)
        or _OR_BEHIND.match(after)
        or _OR_BEFORE.search(before)
        or is_for_some_cases(behind)
        or _OF_OTHERS.search(clause)
        or (_is_compound(found) and not _is_of_a_compound(clause, after))
        or _is_of_some_words(found, thing, before, after)
    )


def _is_compound(found: re.Match[str]) -> bool:
    """Return whether a number and its thing say what kind of text is meant: "200-word essay"."""
    return found["hyphen"] == "-" or (
        found["thing"].lower() in {"word", "sentence", "paragraph"}
        and found["number"].lower() not in {"one", "single", "1"}
        and not found[0].lower().endswith("s")
    )


def _is_of_a_compound(clause: str, after: str) -> bool:
    """Return whether a text of that kind is to be written, and one only."""
    asked = _OBJECT.search(clause) and not _NO_OBJECT.search(clause)
    return bool(asked and _TO_WRITE.match(after))


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
    ways += _ways_at_the_end(near)
    if found["plus"]:
        ways = [("at least", 0)]
    if ways:
        relation, length = ways[0]
        if relation == "bare":
            relation = relation_in_front(before) or relation
        else:
            outer = _relation_at_the_end(near[: len(near) - length]) if length else None
            if outer and outer != relation:  # "more than just one"
                return outer if relation == "exactly" else None
        return _as_meant(relation, before[: len(before) - length], after)
    single = found["number"].lower() == "single" and found["thing"].lower() != "word"
    apposed = found["thing"].lower() == "word" and _APPOSED.fullmatch(before) and _ENDS.match(after)
    return "bare" if found["hyphen"] == "-" or single or apposed else None


def _ways_at_the_end(near: str) -> list[tuple[str, int]]:
    """Return the relations that a text ends with, and how long each is said."""
    found = ((relation, way.search(near)) for relation, way in _BEFORE_IS)
    return [(relation, len(near) - said.start()) for relation, said in found if said]


def _relation_at_the_end(near: str) -> str | None:
    """Return the relation, but for a bare one, that a text ends with."""
    relations = (relation for relation, _ in _ways_at_the_end(near) if relation != "bare")
    return next(relations, None)


def _as_meant(relation: str, before: str, after: str) -> str | None:
    """Return what a limit comes to with the "not" before it; None where that is unclear."""
    piece = AND.split(clause_of(before))[-1]
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
    if thing == "word" and relation == "at most" and last > _MOST:
        return
    if found["second"] and " or " in found[0].lower() and last - first != 1:
        return
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
