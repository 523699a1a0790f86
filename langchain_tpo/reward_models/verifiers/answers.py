"""Whether a response gives the right answer, by comparison with a reference."""

import re
from collections.abc import Iterator, Mapping, Sequence

from langchain_tpo.constructors import TupleField
from langchain_tpo.errors import RewardTypeError
from langchain_tpo.reward_models.function_arguments import reference_name
from langchain_tpo.reward_models.interface import ExplainedScore, ScoreRequest, in_context
from langchain_tpo.reward_models.verifiers.answer_words import (
    LIST_SIGN,
    Word,
    same_words,
    words_of,
)
from langchain_tpo.reward_models.verifiers.verifier import Verifier

SHOWN = 60
"""Characters of an answer that a rationale quotes."""

_MARKED = (
    re.compile(r"\\boxed\{((?:[^{}]|\{[^{}]*\})+)\}"),
    re.compile(r"####\s*(.+)"),
    re.compile(r"\b(?:answer|result|solution)\b[\s*_]*(?:is|:|=)[\s:*_]*([^\n]+)", re.IGNORECASE),
)
"""What stands before an answer; the last that is found counts."""

_AROUND = " \n\t*_\"'\u2018\u2019\u201c\u201d()[]{}`$\\.,:;!"
_QUIET = f"[{re.escape(_AROUND)}]*"
"""What may stand around a letter that is a choice; C# and A+ are none."""
_CHOICE = re.compile(rf"\A(?:[->\s]*){_QUIET}([A-Ja-j])(?:[).:]\s|{_QUIET}\Z)")
_CHOSEN = re.compile(
    r"\b(?i:is|it['\u2019]s|say|think|believe|choose|pick|select|go with|option|choice|letter"
    r"|answer)\W{1,4}([A-J])"
    rf"(?:{_QUIET}\Z|\W+(?i:because|since)\b)"
)
_CALLED_RIGHT = re.compile(r"\A\W*([A-J])\W+is\s+(?:the\s+)?(?:correct|right|best|answer)\b")
_REJECTS = re.compile(r"\b(?:wrong|incorrect|false|eliminat\w+|rul\w+ out|worst)\b", re.IGNORECASE)
"""What says that the letter after it is not the choice."""
_OPENERS = {"yes", "no", "true", "false"}
_DENIES = {"not", "never", "nor", "neither", "cannot", "t", "without"}
"""Words up to three before an answer that take it back; `t` is what is left of "isn't"."""
_ADDS = {"or", "and", "than", "least", "most", "log", "ln", "sqrt", "sin", "cos", "tan", LIST_SIGN}
"""Words before an answer that say another one first, or make another one of it."""
_LEADS = set("=\u2192\u2248\u2261\u2234")
"""Signs that lead up to an answer; all others make another one of it."""
_BETWEEN = {"-", "/", "to", "by", "plus", "minus", "times", "x"}
"""What does so between two operands alone."""
_ALL_BUT = re.compile(r"\b(?:any|every|no)(?:thing|one|body|where)? but\Z|\ball but\Z")


class ExactAnswer(Verifier):
    """1 for a response whose answer is the reference, else 0; no judge, no library.

    Compared without punctuation, articles, Markdown and thousands separators, and without case but
    for symbols (CO and Co, mW and MW). Signs, primes, percent and exponents count; currency,
    degrees and the brackets of a list where both sides have them. The answer is what is boxed or
    stands behind "####" or "the answer is"; else the whole response, its last line, or the words it
    ends in, as many as the reference has. Formulas are for `MathAnswer`. A reference of one letter
    is a choice: a response begins with it, or ends in "I think B."

    The reference is `reference`, or the field of that name (or `expected`, `answer`, `target`, ...)
    in the request's `context`; a list holds several that are right.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> reward = ExactAnswer(reference="Paris")
        >>> asked = {"messages": [HumanMessage("The capital of France?")]}
        >>> [
        ...     score["reward"]
        ...     for score in reward.invoke({**asked, "responses": ["It is **Paris**.", "Rome"]})
        ... ]
        [1.0, 0.0]
    """

    name: str | None = "exact_answer"
    """What traces call it."""
    reference: str | TupleField[str] | None = None
    """What is right for every question; None: what the row says."""

    def check_context(self, context: Mapping[str, object]) -> None:
        """Refuse a question without a reference.

        Raises:
            RewardTypeError: When there is none.
        """
        references_of(context, self.reference, verifier=type(self).__name__)

    def prepare(self, request: ScoreRequest) -> None:
        """Refuse a question without a reference.

        Raises:
            RewardTypeError: When there is none.
        """
        self.check_context(request.get("context", {}))

    def check(self, request: ScoreRequest, response: str) -> ExplainedScore:
        """Compare one response with what is right."""
        context = request.get("context", {})
        right = references_of(context, self.reference, verifier=type(self).__name__)
        kept = any(says(reference, response) for reference in right)
        shown = " or ".join(f"`{reference[:SHOWN]}`" for reference in right)
        words = f"The answer is {shown}, as it should be." if kept else f"Expected {shown}."
        return {"reward": float(kept), "rationale": words}


def references_of(
    context: Mapping[str, object], own: str | Sequence[str] | None, *, verifier: str
) -> tuple[str, ...]:
    """Return what is right: the verifier's own reference, or that of the row.

    Raises:
        RewardTypeError: When there is none.
    """
    reference: object = own
    if own is None:
        name = reference_name(context)
        reference = None if name is None else context[name]
    listed = reference if isinstance(reference, list | tuple) else [reference]
    texts = tuple(str(one) for one in listed if one is not None and str(one).strip())
    if not texts:
        raise RewardTypeError(
            f"`{verifier}` has no reference: pass `reference=`, or {in_context('reference')}."
        )
    return texts


def answers_in(response: str) -> Iterator[str]:
    """Return what may be the answer of a response, the most telling first.

    Example:
        >>> next(answers_in("Three and four make seven. The answer is 7."))
        '7.'
    """
    for way in _MARKED:
        if matches := way.findall(response):
            yield matches[-1]
            return
    yield response
    lines = [line for line in response.splitlines() if line.strip()]
    yield from lines[-1:]


def says(reference: str, response: str) -> bool:
    """Return whether a response gives this answer.

    Example:
        >>> says("Paris", "It is **Paris**."), says("Paris", "It is not Paris.")
        (True, False)
    """
    given = list(answers_in(response))
    letter = re.fullmatch(r"\(?([A-Ja-j])\)?", reference.strip())
    if letter and letter[1].lower() in map(_choice, given):
        return True
    if letter and letter[1].isupper():
        return False
    told = reference.rpartition("####")[2]
    if wanted := words_of(told):
        return any(_says(wanted, words_of(one)) for one in given)
    if pictures := words_of(told, pictures=True):
        return any(_says(pictures, words_of(one, pictures=True)) for one in given)
    return any(one.strip() == told.strip() for one in given)  # punctuation alone


def _choice(text: str) -> str | None:
    """Return the letter that a text chooses: it begins with it, or ends in saying so."""
    if choice := _CHOICE.match(text) or _CALLED_RIGHT.match(text):
        return choice[1].lower()
    claim = _CHOSEN.search(text)
    if claim is None:
        return None
    sentence = re.split(r"[.!?\n]\s", text[: claim.start(1)])[-1]
    clause = re.split(r"[,;:]\s", sentence)[-1]
    stands = _stands(words_of(sentence)) and not _REJECTS.search(clause)
    return claim[1].lower() if stands else None


def _says(wanted: list[Word], given: list[Word]) -> bool:
    if len(wanted) == 1 and given and {_plain(wanted[0]), _plain(given[0])} <= _OPENERS:
        return _plain(given[0]) == _plain(wanted[0])
    if same_words(wanted, given):
        return True
    return same_words(wanted, given[-len(wanted) :]) and _stands(given[: -len(wanted)])


def _stands(before: Sequence[Word]) -> bool:
    """Return whether words lead up to an answer, rather than deny it or name another one first."""
    words = [_plain(word) for word in before]
    if _ALL_BUT.search(" ".join(words)):
        return False
    turned = len(words) - next((n for n, word in enumerate(reversed(words)) if word == "but"), 0)
    since = words[turned:] if "but" in words else words
    return not (_DENIES & set(since[-3:])) and not (since and _adds(*["", *since][-2:]))


def _adds(operand: str, last: str) -> bool:
    """Return whether the word before an answer makes another one of it: "3 +", "less than"."""
    if last in _BETWEEN:
        return operand[-1:].isdigit() or (len(operand) == 1 and operand.isalpha())
    return last in _ADDS or (not last.isalnum() and len(last) == 1 and last not in _LEADS)


def _plain(word: Word) -> str:
    return word.text.casefold()
