"""Tells whether what a prompt says of a limit is a wish about the whole answer.

A limit may as well stand in a question, in a condition, in a report of another text or of somebody
else, in what is true of things in general, or be asked of a part of the answer. Where that cannot
be told it is left unread: a wrong limit harms, a missing one does not.
"""

import re

LOOK_BACK = 240
"""Characters before a limit that can say what it is about; longer sentences are cut."""

_ASIDE = re.compile(
    r"\b(?:do not|don['\u2019]t|never|not) (?:forget|fail|neglect) (?:to )?", re.IGNORECASE
)
_SENTENCE = re.compile(
    r"(?<!max)(?<!min)(?<!Max)(?<!Min)[.!?][\s*)\"]+|\n"
    r"|(?<=\s)(?=(?:The|Your) (?:entire |whole )?(?:response|answer|reply|output)\b)"
)
IMPERATIVE = (
    r"(?:us(?:e|ing)|writ(?:e|ing)|includ(?:e|ing)|mention|make|keep|give|add|contain|answer|avoid"
    r"|start|begin|end|finish|conclude|open|say|wrap|put|enclose|return|respond|reply|output"
    r"|refrain|never|do not|don['\u2019]t)\b"
)
"""How a wish begins."""
_CLAUSE = re.compile(
    r"[,;]\s*|:\s+|\s[-\u2013\u2014]\s"
    rf"|\s(?:and|but) (?=(?:please |also |then )?{IMPERATIVE}"
    r"|(?:I|you) (?:want|need|would|must|should)\b|there (?:must|should)\b"
    r"|(?:the|your) (?:entire |whole )?(?:response|answer|reply|output)\b)",
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
    r"\b(?:if(?! possible| you can\b)|unless|whenever|otherwise|once I|as soon as|after I"
    r"|in case|depending on)\b",
    re.IGNORECASE,
)
_CONDITION_BEHIND = re.compile(
    r"(?<!what )(?<!happens )(?<!happen )(?<!as )(?<!see )(?<!wonder )\b"
    r"(?:if(?! possible| you can\b| necessary)|unless|whenever|otherwise|in case|depending"
    r"|once (?:the|you|I|they|all|it))\b"
    r"|(?<!day )(?<!time )(?<!moment )(?<!what )(?<!happens )\bwhen"
    r" (?:asked|answering|replying|responding|(?:the|a|an|they|someone|you|he|she|I|it|nothing)\b)",
    re.IGNORECASE,
)
"""What makes a limit one for some cases, said behind it; "what happens if" is a subject."""
_OF_ANOTHER = re.compile(
    r"\b(?:when|my|his|their|who|whose|attached|previous|original|earlier"
    r"|wrote|was|were|had|knows?|learn\w*|says|said|speak\w*|told|asks|asked"
    r"|instead of|rather than|other than|people"
    r"|(?:text|article|passage|report|essay|letter|story|poem)s? (?:below|above)"
    r"(?=,| (?:ha(?:s|ve)|is|are|contains?|consists?|uses?|must|should|may|can)\b)"
    r"|this \w+ (?:is|has|contains?)|you (?:(?!need)\w+ed|wrote|gave|said|made)"
    r"|(?:function|regex|method|script|program|algorithm|class|endpoint|query"
    r"|component|textarea|text ?box|unit test|validation|summarizer)s?)\b"
    r"|(?<!do )(?<!can )(?<!should )\b(?-i:I) (?!want|would|need|require|expect|prefer|will"
    r"|won|am\b|ask\b"
    r"|do not|don['\u2019]t)",
    re.IGNORECASE,
)
_OF_SOMEBODY = re.compile(
    r"\A\W*(?:(?:and|but|so|because|since|while) )*"
    r"(?:s?he|(?:they|we|everyone|everybody|nobody|somebody|someone)"
    r" (?!should|must|need|have to|want|would|require|expect|prefer|will|can|may|ask))\b"
    r"|\b(?:always|usually|often|never|sometimes|typically|generally|normally|seldom|rarely)"
    r" (?!less|as|has to|needs to|us|this|unless)\w+s\b",
    re.IGNORECASE,
)
"""Somebody's habits: "he always answers in exactly three words"."""
_NO_ANSWER = (
    r"(?!(?:(?:answer|response|output|result|text|content|explanation|word|sentence|paragraph"
    r"|bullet|point|section|part|letter|comma|capital|character|placeholder|keyword)s?"
    r"|repl(?:y|ies)|summar(?:y|ies)|quot\w+|this|its?|always)\b)"
)
"""No word for an answer or what it is made of: what is said of those is said of this very one."""
_OF_THINGS = re.compile(
    r"\A\W*(?:(?:and|but|so|because|since|as|that|while) )*"
    rf"(?:an? (?:[\w-]+ ){{0,2}}?{_NO_ANSWER}[\w-]+"
    r" (?:has|is|must|should|may|can|will|needs|contains?|consists)"
    rf"|(?!(?:your|the|these|those|its|my|our|please|make|ensure|be|let|check|see|note|{IMPERATIVE}"
    rf")\b)(?:[\w-]+ ){{0,2}}?{_NO_ANSWER}\w+s"
    r" (?:have|are|must|should|may|can|will|need|contain|consist))\b"
    r"|\b(?:length|size|limit|maximum|minimum|average) (?:of|for) an? (?!\d)",
    re.IGNORECASE,
)
"""What is true of things in general: "tweets must have at most 50 words"."""
_OPTIONAL = re.compile(
    r"(?:\bnot|n['\u2019]t) (?:\w+ )?"
    r"(?:have|need|necessary|required|obliged|hesitate|mandatory|only|just)\b"
    r"|\b(?:need not|needn['\u2019]t|no need|optional\w*|worry|feel free"
    r"|you (?:could|may|might)(?! not))\b",
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


def sentence_behind(text: str, start: int) -> str:
    """Return what stands behind a place in its sentence.

    Example:
        >>> sentence_behind("Use at most 5 words, please. Why?", 19)
        ', please'
    """
    return _SENTENCE.split(f"{text[start : start + LOOK_BACK]} ")[0].rstrip(" .!?")


def is_for_some_cases(behind: str) -> bool:
    """Return whether what is said behind a limit makes it hold in some cases only.

    Example:
        >>> is_for_some_cases(" if it is long"), is_for_some_cases(" if possible")
        (True, False)
    """
    return _CONDITION_BEHIND.search(behind) is not None


def clause_of(sentence: str) -> str:
    """Return the last clause of a sentence that has been begun."""
    return _CLAUSE.split(sentence)[-1]


def clause_before(sentence: str, verb: str) -> str:
    """Return what stands before a verb in its clause.

    Example:
        >>> clause_before("Write about the sea and please ", "use")
        'please '
    """
    return clause_of(sentence + verb).removesuffix(verb)


def is_wish(sentence: str) -> bool:
    """Return whether a sentence that begins so says how the answer must be.

    Example:
        >>> is_wish("Please use at most"), is_wish("My essay has"), is_wish("If you use")
        (True, False, False)
    """
    clause = clause_of(sentence)
    others = (_OF_ANOTHER, _OF_SOMEBODY, _OF_THINGS, _OPTIONAL, _INDIRECT)
    return not (_CONDITION.search(sentence) or any(other.search(clause) for other in others))


def is_question(sentence: str) -> bool:
    """Return whether a sentence begins as a question; "could you" begins a wish.

    Example:
        >>> is_question("Why do tweets have"), is_question("Could you write")
        (True, False)
    """
    return _QUESTION.match(sentence) is not None
