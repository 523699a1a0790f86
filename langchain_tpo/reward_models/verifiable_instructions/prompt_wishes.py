"""Tells whether what a prompt says of a limit is a wish about the whole answer.

A limit may as well stand in a question, in a condition, in a report of another text, or be asked
of a part of the answer. Where that cannot be told it is left unread: a wrong limit harms, a missing
one does not.
"""

import re

LOOK_BACK = 120
"""Characters before a limit that can say what it is about; longer sentences are cut."""

_ASIDE = re.compile(
    r"\b(?:do not|don['\u2019]t|never|not) (?:forget|fail|neglect) (?:to )?", re.IGNORECASE
)
_SENTENCE = re.compile(
    r"(?<!max)(?<!min)(?<!Max)(?<!Min)[.!?][\s*)\"]+|\n"
    r"|(?<=\s)(?=(?:The|Your) (?:entire |whole )?(?:response|answer|reply|output)\b)"
)
_CLAUSE = re.compile(
    r"[,;]\s*|:\s+|\s[-\u2013\u2014]\s"
    r"|\s(?:and|but) (?=(?:please |also |then )?(?:us(?:e|ing)|writ(?:e|ing)|includ(?:e|ing)"
    r"|mention|make|keep|give|add|contain|answer|avoid|start|begin|end|finish|say|wrap|put|enclose"
    r"|do not|don['\u2019]t)\b)",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"\W*(?:(?:and|but|so|then) )?(?:(?:how|what|why|when|which|whom?|whose|where)\b"
    r"|(?:do|are|did|were) you\b"
    r"|(?:do|does|did|is|are|was|were|has|should|can|could|may|must|will|would)"
    r" (?!you\b|not\b)(?=\w))",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"\b(?:if(?! possible| you can\b)|unless|whenever|otherwise)\b", re.IGNORECASE
)
_OF_ANOTHER = re.compile(
    r"\b(?:when|my|his|their|who|whose|attached|previous|original|earlier"
    r"|wrote|was|were|had|knows?|learn\w*|says|said|speak\w*|told|asks|asked"
    r"|instead of|rather than|other than|people"
    r"|(?:text|article|passage|report|essay|letter|story|poem)s? (?:below|above)"
    r"|this \w+ (?:is|has|contains?)|you (?:(?!need)\w+ed|wrote|gave|said|made)"
    r"|(?:function|regex|method|script|program|algorithm|class|endpoint|query)s?)\b"
    r"|(?<!do )(?<!can )(?<!should )\b(?-i:I) (?!want|would|need|require|expect|prefer|will"
    r"|won|am\b|ask\b"
    r"|do not|don['\u2019]t)",
    re.IGNORECASE,
)
_OPTIONAL = re.compile(
    r"(?:\bnot|n['\u2019]t) (?:\w+ )?"
    r"(?:have|need|necessary|required|obliged|hesitate|mandatory|only|just)\b"
    r"|\b(?:need not|needn['\u2019]t|no need|optional\w*|worry)\b",
    re.IGNORECASE,
)
_INDIRECT = re.compile(
    r"\b(?:why|whether|how)\b.{0,60}\b(?:be|has|have|is|are)\s+(?:\w+\s+){0,2}\Z", re.IGNORECASE
)
"""A question within a wish: "explain why tweets have under 50 words"."""


def plainly(prompt: str) -> str:
    """Return the prompt with "do not forget to" as "please": it forbids nothing.

    Example:
        >>> plainly("Never forget to mention 'oil'.")
        "please mention 'oil'."
    """
    return _ASIDE.sub("please ", prompt)


def sentence_before(text: str, end: int) -> str:
    """Return what stands before a place in its sentence.

    Example:
        >>> sentence_before("Why oil? Use at most 5 words.", 21)
        'Use at most '
    """
    return _SENTENCE.split(text[max(0, end - LOOK_BACK) : end])[-1]


def clause_of(sentence: str) -> str:
    """Return the last clause of a sentence that has been begun."""
    return _CLAUSE.split(sentence)[-1]


def is_wish(sentence: str) -> bool:
    """Return whether a sentence that begins so says how the answer must be.

    Example:
        >>> is_wish("Please use at most"), is_wish("My essay has"), is_wish("If you use")
        (True, False, False)
    """
    clause = clause_of(sentence)
    others = (_OF_ANOTHER, _OPTIONAL, _INDIRECT)
    return not (_CONDITION.search(sentence) or any(other.search(clause) for other in others))


def is_question(sentence: str) -> bool:
    """Return whether a sentence begins as a question; "could you" begins a wish.

    Example:
        >>> is_question("Why do tweets have"), is_question("Could you write")
        (True, False)
    """
    return _QUESTION.match(sentence) is not None
