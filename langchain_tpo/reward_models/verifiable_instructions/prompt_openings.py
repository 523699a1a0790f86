"""Tells how a wish about the answer opens: as an imperative, or with the answer as its subject.

What opens in no such way is a report, a rule for somebody else or a fact, and no wish.
"""

import re

_WRITTEN = (
    r"answer|response|reply|output|text|content|message|summary|essay|article|post|blog|e-?mail"
    r"|letter|poem|haiku|limerick|sonnet|song|lyrics|rap|rant|riddle|joke|story|tale|fable|tweet"
    r"|ad|advert|advertisement|copy|description|review|report|speech|note|memo|proposal|pitch"
    r"|resume|r\u00e9sum\u00e9|cv|itinerary|biography|dialogue|script|monologue|explanation"
    r"|critique|analysis|overview|definition|translation|outline|template|list|guide|tutorial"
    r"|press release|statement|slogan|page|document|quiz|rubric|recipe|toast|eulogy|obituary"
    r"|piece|passage|composition|narrative|newsletter|sentence|paragraph|tl;?dr|invitation|rhyme"
    r"|chapter|scene|caption|synopsis|recap|comment|paper|file|journal entry|introduction|version"
)
TEXT = rf"(?:{_WRITTEN})\b(?!['\u2019-])"
"""What an answer may be called."""
_WHOLE = (
    r"(?:(?:your|the|this|that|its) (?:(?!first|second|third|last|next|user|customer|student)"
    rf"[\w-]+ ){{0,2}}?{TEXT}|it|this|everything|answers"
    r"|responses|replies|each (?:answer|response|reply))"
)
"""The whole answer, by one of its names."""
WHOLE = rf"(?:(?:your|my|an?) )?(?:(?:entire|whole|full) )?(?:{TEXT}|{_WHOLE})"

_POLITELY = (
    r"(?:(?:please|also|then|now|always|just|simply|kindly|and|but|so|finally|lastly|additionally"
    r"|instead|in addition|in particular|further(?:more)?|moreover|in other words|basically|ok"
    rf"|in (?:your|the|this) (?:\w+ )?{TEXT}),? )*"
)
_NOT = (
    r"(?:do not|don['\u2019]t|never|not|not to|to never|to not|avoid|refrain from|abstain from"
    r"|stop|quit) "
)
_CARE = (
    r"(?:(?:make|mark) (?:absolutely |very )?sure|be sure|ensure|see to it|remember|take care|try"
    r"|be careful|be certain|i(?:['\u2019]d| would) like|i (?:need|want|expect)) "
)
_MUST = (
    r"(?:(?:should|must|shall|will|(?:has|have|needs?|ought|is|are) to)(?: be able to)?"
    r"|(?:may|can) not|cannot|can['\u2019]t|mustn['\u2019]t|shouldn['\u2019]t"
    r"|(?:are|is) not (?:allowed )?to|aren['\u2019]t allowed to) "
)
_OFTEN = rf"(?:(?:also|always|just|only|then|at least|please) |{_NOT})*"
_DOES = r"(?:(?:do|does|is|are) (?:not )?|(?:do|does)n['\u2019]t )?"
_TOLD = (
    rf"(?:{_CARE}(?:that |you |to )*(?:{_WHOLE} )?(?:{_MUST})?{_DOES}"
    rf"|(?:you|i) {_MUST}|(?:can|could|would|will) you |{_WHOLE} {_MUST}|there {_MUST}be )"
)
_VERB = (
    r"(?:writ(?:e|ing)|compose|create|craft|draft|generate|make|give|tell|explain|describe"
    r"|summari[sz]e|answer|respond|reply|output|return|provide|produce|us(?:e|ing)|includ(?:e|ing)"
    r"|mention|list|keep|say|put|wrap|enclose|discuss|rewrite|paraphrase|translate|expand"
    r"|elaborate|suggest|offer|compare|define|outline|present|format|print|prepare|invent"
    r"|complete|continue|finish|start|begin|end|open|conclude|avoid|contain|have|add|extract"
    r"|limit|capitalize|highlight|organize|rephrase|redo|help me|let|type|convey|express)\b"
)
"""Verbs that ask for an answer or for what is in it."""
_ASKED = re.compile(
    rf"[\W\d_]*{_POLITELY}(?:{_TOLD})?{_POLITELY}{_OFTEN}(?:without |by )?", re.IGNORECASE
)
_OPENS = re.compile(
    rf"[\W\d_]*{_POLITELY}(?:{_TOLD}|{_OFTEN}{_VERB}|{_NOT}|{_MUST}"
    r"|\Z|(?:in|all|entirely|only|with|without|no|commas|at|double) )",
    re.IGNORECASE,
)
_COMMANDS = re.compile(rf"[\W\d_]*{_POLITELY}(?:{_TOLD}|{_OFTEN}{_VERB}|{_NOT})", re.IGNORECASE)
_GOES_ON = re.compile(
    rf"(?:,| and| but| or)(?: {_POLITELY}| )(?:(?:it|you) )?(?:{_MUST})?{_OFTEN}\Z", re.IGNORECASE
)
_REPORTED = (
    r"say(?:s|ing)|ask(?:s|ing)|tell(?:s|ing)|remind(?:s|ing)|teach\w*|explaining|so (?:it|that)"
    r"|how to"
)
_FOR_OTHERS = re.compile(rf"\b(?:{_REPORTED})\b", re.IGNORECASE)
"""What follows may as well be meant for somebody else."""
_ELSEWHERE = re.compile(
    rf"\b(?:{_REPORTED}|who|whose|where|because|in which|everyone|nobody|somebody)\b"
    r"|(?<!sure )\b(?:that|which) (?!(?:also |does |do |is |are )*(?:not )?(?:\w+n['\u2019]t )?"
    r"(?:includ|us(?:es?|ing)\b|contain|ha(?:s|ve)\b|mention|rhym|is\b|are\b|describe|\Z))(?=\w)",
    re.IGNORECASE,
)
"""Somebody or something else begins to act."""
_OF_A_TEXT = re.compile(
    rf"[\W\d_]*{_POLITELY}(?:(?:can|could|would) you (?:please )?)?"
    rf"(?:{_CARE}|(?:write|compose|create|craft|draft|generate|make|give|tell|invent|produce) )"
    rf"(?:me )?(?:an?|one|the|your|it) [^.,;:]{{0,120}}",
    re.IGNORECASE,
)
_A_TEXT = re.compile(rf"\b{TEXT}", re.IGNORECASE)


def asks(clause: str, sentence: str) -> bool:
    """Return whether what follows is asked for, by an imperative or of the answer.

    Args:
        clause: The clause before the verb that is asked about, with its negation.
        sentence: All of the sentence up to there.

    Example:
        >>> [asks(said, said) for said in ("Please", "Your answer must not", "The log")]
        [True, True, False]
    """
    near, far = _plain(clause), _plain(sentence)
    if _ASKED.fullmatch(near):
        joined = far.endswith(("and ", "but ")) and not _FOR_OTHERS.search(far)
        return bool(near.strip() or opens(far) or (joined and _OPENS.match(far)))
    goes_on = _GOES_ON.search(f" {near}") or near.startswith(("and ", "but "))
    return bool(goes_on and _OPENS.match(far) and not _ELSEWHERE.search(far))


def opens(sentence: str) -> bool:
    """Return whether a sentence that begins so is a wish, and of nobody else.

    Example:
        >>> opens("Write a poem in"), opens("Emails in"), opens("Write a tool that answers in")
        (True, False, False)
    """
    plain = _plain(sentence)
    return bool(_OPENS.match(plain) and not _ELSEWHERE.search(plain))


def commands(sentence: str) -> bool:
    """Return whether a sentence that begins so tells what to do.

    Example:
        >>> commands("Please explain it"), commands("The body")
        (True, False)
    """
    return _COMMANDS.match(_plain(sentence)) is not None


def is_of_a_text(sentence: str) -> bool:
    """Return whether a sentence that begins so asks for a text, and goes on to say of what kind.

    Example:
        >>> is_of_a_text("Write a poem that"), is_of_a_text("Write a query that")
        (True, False)
    """
    plain = _plain(sentence)
    found = _OF_A_TEXT.fullmatch(plain)
    return bool(found and _A_TEXT.search(plain) and not _ELSEWHERE.search(plain))


def _plain(said: str) -> str:
    """Return words with one space behind each."""
    return "".join(f"{word} " for word in said.split())
