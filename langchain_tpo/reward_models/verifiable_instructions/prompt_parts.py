"""Tells whether a limit is about a part of the answer: "body under 120 words", "two for each".

Knows the line and the sentence that a limit stands in. What may be of a part is taken to be.
"""

import re

from langchain_tpo.reward_models.verifiable_instructions.prompt_limits import (
    AFTER,
    BEFORE,
    NUMBER,
)
from langchain_tpo.reward_models.verifiable_instructions.prompt_openings import (
    commands,
)

AND = re.compile(r" (?:and|but) ", re.IGNORECASE)
"""Where in a clause another wish may begin."""
_EACH = re.compile(r"\b(?:each|every|per)\b[^.,;\n]{0,40}\Z", re.IGNORECASE)
_OF_A_PART = re.compile(
    r"\b(?:titles?|head(?:line|ing)s?|intro(?:duction)?|conclusion|caption|quot(?:e|ation)"
    r"|postscript|subject(?: line)?|body|bio|cta|tagline|meta|lines?|stanzas?|verses?|items?"
    r"|slides?|steps?|versions|columns?|rows?|cells?|(?:short|long)\w* version"
    r"|first|second|third|last|final)\b"
    r"|\b(?:begin|start|end|finish|conclude|open|close)(?:s|es|ning|ing)?\b[^,]* with\b"
    r"|\b(?:add|remove|delete|cut|drop|insert|reduce|extend|expand|lengthen|grow|increase)\b"
    r"(?!.*\b(?:in)?to\b)|\A\s*(?:one|another|the other) (?!sentence|paragraph)"
    r"|\b(?:summary|details?|body|abstract|pros|cons)\s?:"
    rf"|\b{NUMBER} (?:\w+ )?\w+s (?:of|with|under|whose)\b"
    r"|\b\w{2,}[^siu\W]s of (?:\w+ ){0,3}\Z",
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
_FOR_EACH = re.compile(
    r"[^,;]*\b(?:for|about|on|under|of|in|to|from|at|with) (?:each|every)\b"
    r"|[^,;]*\b(?:apiece|respectively)\b|.*\bper (?!cent)|.*\beach\s*\Z",
    re.IGNORECASE,
)
_MORE_FOLLOWS = re.compile(
    r".*(?:\bthen\b|\bfollowed by\b|\bplus\b|\balong with\b|\band give an example\b"
    rf"|\band (?:another |the other )?(?:{NUMBER}) (?:more )?(?:for|on|about|in|of)\b)",
    re.IGNORECASE,
)
"""The answer goes on behind what the limit is about."""
_AGAIN = re.compile(
    rf".*\band (?:another )?(?:{NUMBER}) (?P<thing>[a-z]+)s? (?:points? )?(?:for|on|about|in|of)\b",
    re.IGNORECASE,
)
"""So many of something more; of the same thing it is for another part."""
_AFTERWARDS = re.compile(
    r"\A\W*(?:then|next|after that|afterwards|finally|lastly)\b|[,;] (?:and )?then\b",
    re.IGNORECASE,
)
_OF_SEVERAL = re.compile(
    r"\b(?:following|these) (?:questions|terms|words|items)\b"
    r"|\bfor (?:\w+ )?(?:questions|ones|queries|requests|topics|cases|answers)\b",
    re.IGNORECASE,
)
_OF_ALL = re.compile(r"\b(?:each|every) \w", re.IGNORECASE)
_SECOND_OBJECT = re.compile(
    r"\A(?:an?|the|one|another) (?:[\w-]+ ){1,4}(?:in|of|with|under|at|within|up to)\b",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"(?::|\||\s[-\u2013\u2014])\s")
_LABEL = re.compile(
    r"(?:[\W\d_]*\b(?:words?|characters?|length|size|limits?|count|range|max(?:imum)?|min(?:imum)?"
    r"|total|overall|answer|response|reply|output|final|expected|desired|target|format(?:ting)?"
    r"|notes?|important|requirements?|rules?|constraints?|style|task|instructions?|guidelines?"
    r"|please|be|brief|concise|short|keep it|restrictions?|conditions?|reminder|ps|tl;?dr|tone|your"
    r"|the|goal|request|question|again|so|ok|remember)\b)*\W*",
    re.IGNORECASE,
)
"""What may stand before a limit in its line, set off from it."""
_REPORTED = re.compile(r"\b(?:was|were|says?|said|reads?|wrote|states?)\W*\Z", re.IGNORECASE)
_LIMIT_ONLY = re.compile(
    rf"\W*(?:(?:in|use|an?|the|with|of|{'|'.join((*BEFORE.values(), *AFTER.values()))})\W*)*",
    re.IGNORECASE,
)


def is_of_a_part(thing: str, clause: str, after: str) -> bool:
    """Return whether a limit is about less than the answer, by the words next to it.

    Args:
        thing: What is limited, in the singular.
        clause: What stands before the number in its clause.
        after: What stands behind the thing in its line.

    Example:
        >>> is_of_a_part("word", "body under ", ""), is_of_a_part("word", "write ", " each")
        (True, True)
    """
    piece = AND.split(clause)[-1]
    larger = _LARGER.get(thing)
    return bool(
        _EACH.search(clause)
        or _OF_A_PART.search(piece)
        or _PER_PART.match(after)
        or (larger and larger.search(piece))
        or (piece != clause and _SECOND_OBJECT.match(piece))
    )


def has_parts(thing: str, sentence: str, behind: str) -> bool:
    """Return whether a sentence asks for several things, of which a limit may be about one.

    Args:
        thing: What is limited, in the singular.
        sentence: What stands before the number in its sentence.
        behind: What stands behind the thing in its sentence.

    Example:
        >>> has_parts("word", "Use ", " for each of them"), has_parts("word", "Use ", " on it")
        (True, False)
    """
    again = _AGAIN.match(behind)
    *_, clause = re.split(r", ", sentence)
    return bool(
        _FOR_EACH.match(behind)
        or (again and thing.startswith(again["thing"].lower().removesuffix("s")))
        or (clause != sentence and _LIMIT_ONLY.fullmatch(clause) and _OF_ALL.search(sentence))
        or _MORE_FOLLOWS.match(behind)
        or _AFTERWARDS.search(sentence)
        or _OF_SEVERAL.search(sentence)
        or not _is_set_off_from_a_label(sentence)
    )


def _is_set_off_from_a_label(sentence: str) -> bool:
    """Return whether what stands before a colon or a dash names no part."""
    parts = _SEPARATOR.split(sentence)
    if len(parts) == 1:
        return True
    label = parts[-2]
    if commands(parts[-1]):
        return _REPORTED.search(label) is None
    named = not label.lstrip(" *-#").lower().startswith("add ") and commands(label)
    return bool(_LABEL.fullmatch(label) or (named and _LIMIT_ONLY.fullmatch(parts[-1])))
