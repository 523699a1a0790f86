"""Finds in a prompt which format or case is asked for, and how the answer must start and end.

Knows English ways to say so, and leaves out what is said of a part of the answer.
"""

import re
from collections.abc import Callable, Iterator

from langchain_tpo.reward_models.verifiable_instructions.content_rules import (
    ends_with,
    is_json,
    lowercase,
    no_commas,
    quoted,
    starts_with,
    uppercase,
)
from langchain_tpo.reward_models.verifiable_instructions.prompt_openings import (
    TEXT,
    WHOLE,
    asks,
    opens,
)
from langchain_tpo.reward_models.verifiable_instructions.prompt_quotations import (
    PHRASE,
    is_word,
    with_quotations_blank,
    without_quotations,
)
from langchain_tpo.reward_models.verifiable_instructions.prompt_wishes import (
    clause_before,
    is_for_some_cases,
    is_question,
    is_wish,
    sentence_before,
    sentence_behind,
)
from langchain_tpo.reward_models.verifiable_instructions.rule import Rule

_WITH_PHRASE = (
    rf"(?: off)?(?: {WHOLE})? with(?: (?:the|this|these|an?|that|following|exact|exactly|very"
    r"|words?|phrases?|line|question|sentence|statement|text|keywords?|of))*:? "
    rf"(?P<phrase>{PHRASE})"
)
START = re.compile(rf"\b(?:start|begin|open)s?{_WITH_PHRASE}", re.IGNORECASE)
"""How it is said with what an answer must start."""
END = re.compile(rf"\b(?:end|finish|close|conclude)s?{_WITH_PHRASE}", re.IGNORECASE)
"""How it is said with what an answer must end."""
_OR_ELSE = re.compile(r",? or \W")
_FURTHER = re.compile(
    r"\b(?:each|every|paragraphs?|sections?|lines?|sentences?|slides?)\b", re.IGNORECASE
)

_NO = (
    r"(?:\bno(?:t a single| single)?|\bwithout|\b(?:not|never|avoid|(?:refrain|abstain)"
    r"(?:ing)? from|cannot|\w+n['\u2019]t)"
    r"(?: to| allowed to| ever)? (?:us(?:e|ing)|includ(?:e|ing)|contain(?:ing)?|hav(?:e|ing)"
    r"|writ(?:e|ing)|put(?:ting)?|add(?:ing)?)|\bavoid|\bwithout (?:using|the use of))"
    r"(?: any(?: kind of)?| a single| a| the use of| the)?"
)
_EVERYWHERE = (
    rf"(?= *(?:[.,;:!?)\n]|\Z|(?:and|but|in|throughout) (?:{WHOLE})|(?:and|but)\b"
    r"|or (?:periods|full stops)|at all|anywhere|whatsoever|please|pls))"
)
_NO_COMMAS = rf"{_NO} commas?\b{_EVERYWHERE}|\bcommas? (?:is|are) not allowed{_EVERYWHERE}"
_CAPITALS = r"(?:capital letters|capitals|caps|upper\s?-?case)"
_LOWERCASE = (
    r"\b(?:all|only|in|entirely|use) (?:\w+ )?lower\s?-?cased?\b"
    r"|\bletters\b[^.\n]{0,40}\b(?:be|are) (?:in )?lower\s?-?case"
    rf"|{_NO}(?: any)? capital(?:s|ization| letters)\b"
)
_UPPERCASE = (
    rf"\b(?:all|only|entirely)(?: in| be in| use)? {_CAPITALS}"
    rf"|\bentire (?:response|answer|reply)(?: should be)? in {_CAPITALS}"
)
_OF_SOFTWARE = re.compile(
    r"\b(?:code|app|api|cli|server|logger|logs?|nginx|route|script|function|program|system|bot"
    r"|llm|prompt|schema|library|endpoint|parse\w*|fetch|store\w*|file|config\w*|yaml|xml|csv"
    r"|html|markdown table|prose)\b",
    re.IGNORECASE,
)
"""What answers in JSON in the place of the writer, or is another format beside it."""
_REPLY = r"\b(?:respond|reply|answer|output|return|wrap\w*|provide|give|format\w*|put|present)\b"
_JSON = (
    r"\b(?:in|as|into|use)(?: an?| the| valid| single| one)* json format\b"
    rf"|{_REPLY}(?:(?!{_REPLY})[^.?\n]){{0,60}}"
    r"\b(?:in|as|into|with|only)(?: an?| the| valid| single| one)* json\b"
    rf"|{_REPLY}(?: only)?(?: an?| the| valid| single| one)* json\b(?! schema)"
    rf"|\b(?:be|is) (?:formatted )?(?:in|as)(?: an?| valid| single)* json\b"
    r"|\bwrap all words into (?:one|a) json\b"
)
_DOUBLE = r"double quot(?:ations?|es?)"
_QUOTED = (
    rf"\b(?:wrap|enclose|put|surround|place)\w* (?!dialogues?\b)(?:{WHOLE})"
    rf"(?: \([^()\n]{{0,60}}\))? (?:in|with|inside|within|by|into) {_DOUBLE}"
    rf"|\b{_DOUBLE}(?: marks?)?(?: (?:must|should) be (?:placed|put))? around (?:the|your)"
    rf" (?:whole|entire) (?:[\w-]+ )?{TEXT}"
    rf"|\b(?:is|be) (?:wrapped|enclosed|put|contained|surrounded|placed) (?:in|with|by|within)"
    rf" {_DOUBLE}"
)
_SAID: tuple[tuple[re.Pattern[str], Callable[[], Rule]], ...] = tuple(
    (re.compile(said, re.IGNORECASE), rule)
    for said, rule in (
        (_NO_COMMAS, no_commas),
        (_LOWERCASE, lowercase),
        (_UPPERCASE, uppercase),
        (_JSON, is_json),
        (_QUOTED, quoted),
    )
)
_NOT_SO = re.compile(
    r"\b(?:not|never|without|avoid\w*|refrain\w*|cannot|neither|nor|\w+n['\u2019]t|stop|quit"
    r"|how to|anything but|instead of|rather than|other than)\b",
    re.IGNORECASE,
)
_SOME_PART = re.compile(
    r"\b(?:head(?:line|ing)s?|titles?|names?|keys?|variables?|password|first|last|each|every"
    r"|tags?|hashtags|taglines?|numbers?|digits|values|keywords?|strings|dialogues?|labels?)\b"
    r"(?: (?!and\b|but\b)\w+){0,2}\s*\Z|\bwith (?:the |all |its )?\w+ \Z",
    re.IGNORECASE,
)
_BUT_FOR = re.compile(
    r"(?: letters)?,?\s+(?:except|apart from|other than|before|after|between|for\b|sparingly"
    r"|only (?:for|in)|and the rest|(?:\w+ )?(?:titles?|head\w+|names?)\b"
    r"|(?:are|is)\b(?! (?:allowed|used|permitted))"
    r"|in (?:the )?(?:titles?|head\w+|names?|password|json|lists?|numbers?|[A-Z])\b)",
)
_SOME_WORDS = re.compile(r"\bwords?\b[^.\n]{0,40}\b(?:capital|caps|upper)", re.IGNORECASE)


def format_rules_in(prompt: str) -> Iterator[Rule]:
    """Return the rules on form that a prompt sets.

    Example:
        >>> for rule in format_rules_in('Use no commas and end with "Bye".'):
        ...     print(rule.topic)
        end
        commas
    """
    blank = with_quotations_blank(prompt)
    for pattern, side in ((START, starts_with), (END, ends_with)):
        for match in pattern.finditer(prompt):
            if is_word(match["phrase"]) and _frames_all(match, blank):
                yield side(match["phrase"][1:-1])
    whole = _SOME_WORDS.sub("some", without_quotations(prompt))
    for said, rule in _SAID:
        if any(_is_for_all(match, rule) for match in said.finditer(whole)):
            yield rule()


def _frames_all(match: re.Match[str], blank: str) -> bool:
    """Return whether the whole answer must start or end so, and in no other way."""
    before, verb = sentence_before(blank, match.start()), match[0].split()[0]
    clause = clause_before(before, verb)
    behind = sentence_behind(blank, match.end())
    return not (
        blank[match.start()] == "_"  # within a quotation
        or is_question(before)
        or not is_wish(before + verb)
        or not asks(clause, before)
        or _NOT_SO.search(clause)
        or _FURTHER.search(clause)
        or is_for_some_cases(behind)
        or _OR_ELSE.match(behind)
    )


def _is_for_all(match: re.Match[str], rule: Callable[[], Rule]) -> bool:
    """Return whether a format or a case is asked for, and for the whole answer."""
    before = sentence_before(match.string, match.start())
    clause = clause_before(before, match[0].split()[0])
    behind = sentence_behind(match.string, match.end())
    return not (
        is_question(before + match[0])
        or not is_wish(before + match[0])
        or not (opens(before + match[0]) or opens(clause + match[0]))
        or _NOT_SO.search(clause)
        or _SOME_PART.search(before)
        or _BUT_FOR.match(behind)
        or is_for_some_cases(behind)
        or (rule is is_json and _OF_SOFTWARE.search(f"{before}{match[0]}{behind}"))
    )
