"""Whether a response gives the right answer, by comparison with a reference."""

import re
import unicodedata
from collections.abc import Iterator

from langchain_tpo.errors import RewardTypeError
from langchain_tpo.reward_models.function_arguments import REFERENCE_NAMES
from langchain_tpo.reward_models.interface import ExplainedScore, ScoreRequest
from langchain_tpo.reward_models.verifiers.verifier import Verifier

SHOWN = 60
"""Characters of an answer that a rationale quotes."""

_MARKED = (
    re.compile(r"\\boxed\{\s*(?:\\text\{)?([^{}]+)\}"),
    re.compile(r"####\s*(.+)"),
    re.compile(r"\b(?:answer|result|solution)\b\W{0,4}(?:is|:|=)\W{0,4}([^\n]+)", re.IGNORECASE),
)
"""What stands before an answer; the last that is found counts."""

_CHOICE = re.compile(r"\A\W*([A-Ja-j])(?:[).:]\s|\W*\Z)")
_CHOSEN = re.compile(
    r"\b(?i:is|it['\u2019]s|say|think|believe|choose|pick|select|go with|option|choice|letter"
    r"|answer)\W{1,4}([A-J])(?:[^\w?]*\Z|\W+(?i:because|since)\b)"
)
_CALLED_RIGHT = re.compile(r"\A\W*([A-J])\W+is\s+(?:the\s+)?(?:correct|right|best|answer)\b")
_REJECTS = re.compile(r"\b(?:wrong|incorrect|false|eliminat\w+|rul\w+ out|worst)\b", re.IGNORECASE)
"""What says that the letter after it is not the choice."""
_ARTICLES = re.compile(r"\b(?:a|an|the)\b(?=\s+\w)")
"""What stands before a noun; the A of "vitamin A" does not."""
_TELLING = "<>=\u2264\u2265\u2260^|&"
_SIGNS = (
    ("\u2264", r"<=|\\leq?\b"),
    ("\u2265", r">=|\\geq?\b"),
    ("\u2260", r"!=|\\neq?\b|=\u0338"),
    (r"\g<0>", rf"[{_TELLING}]"),
)
"""Signs that tell one answer from another, as they are kept and as they are written."""
_OPENERS = {"yes", "no", "true", "false"}
_DENIES = {"not", "never", "nor", "neither", "cannot", "t", "without"}
"""Words up to three before an answer that take it back; `t` is what is left of "isn't"."""
_ADDS = {"or", "and", "than", *"<>\u2264\u2265\u2260^|&"}
"""Words and signs before an answer that say another one first, or make another one of it."""
_ALL_BUT = re.compile(r"\b(?:any|every|no)(?:thing|one|body|where)? but\Z|\ball but\Z")


class ExactAnswer(Verifier):
    """1 for a response whose answer is the reference, else 0; no judge, no library.

    Compared without case, punctuation, articles, Markdown and thousands separators. The answer is
    what is boxed or stands behind "####" or "the answer is"; else the whole response, its last
    line, or the words it ends in, as many as the reference has. Formulas are for `MathAnswer`. A
    reference of one letter is a choice: a response begins with it, or ends in "I think B."

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
    reference: str | tuple[str, ...] | None = None
    """What is right for every question; None: what the row says."""

    def prepare(self, request: ScoreRequest) -> None:
        """Refuse a question without a reference.

        Raises:
            RewardTypeError: When there is none.
        """
        references_of(request, self.reference, verifier=type(self).__name__)

    def check(self, request: ScoreRequest, response: str) -> ExplainedScore:
        """Compare one response with what is right."""
        right = references_of(request, self.reference, verifier=type(self).__name__)
        given = list(answers_in(response))
        kept = any(_same(reference, given) for reference in right)
        shown = " or ".join(f"`{reference[:SHOWN]}`" for reference in right)
        words = f"The answer is {shown}, as it should be." if kept else f"Expected {shown}."
        return {"reward": float(kept), "rationale": words}


def references_of(
    request: ScoreRequest, own: str | tuple[str, ...] | None, *, verifier: str
) -> tuple[str, ...]:
    """Return what is right: the verifier's own reference, or that of the row.

    Raises:
        RewardTypeError: When there is none.
    """
    context = request.get("context", {})
    reference: object = own
    if own is None:
        reference = next((context[name] for name in REFERENCE_NAMES if name in context), None)
    listed = reference if isinstance(reference, list | tuple) else [reference]
    texts = tuple(str(one) for one in listed if one is not None and str(one).strip())
    if not texts:
        raise RewardTypeError(
            f'`{verifier}` has no reference: pass `reference=`, or `context={{"reference": ...}}` '
            "beside `messages`."
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


def _same(reference: str, given: list[str]) -> bool:
    if letter := re.fullmatch(r"\(?([A-J])\)?", reference.strip()):
        return letter[1].lower() in map(_choice, given)
    wanted = normalized(reference.rpartition("####")[2])
    if not wanted:  # signs alone
        return any(one.strip() == reference.strip() for one in given)
    return any(_says(wanted.split(), normalized(one).split()) for one in given)


def _choice(text: str) -> str | None:
    """Return the letter that a text chooses: it begins with it, or ends in saying so."""
    if choice := _CHOICE.match(text) or _CALLED_RIGHT.match(text):
        return choice[1].lower()
    claim = _CHOSEN.search(text)
    if claim is None:
        return None
    sentence = re.split(r"[.!?\n]\s", text[: claim.start(1)])[-1]
    clause = re.split(r"[,;:]\s", sentence)[-1]
    stands = _stands(normalized(sentence).split()) and not _REJECTS.search(clause)
    return claim[1].lower() if stands else None


def _says(wanted: list[str], given: list[str]) -> bool:
    if given and len(wanted) == 1 and {wanted[0], given[0]} <= _OPENERS:
        return given[0] == wanted[0]
    if given == wanted:
        return True
    return bool(wanted) and given[-len(wanted) :] == wanted and _stands(given[: -len(wanted)])


def _stands(before: list[str]) -> bool:
    """Tell whether words lead up to an answer, rather than deny it or name another one first."""
    if _ALL_BUT.search(" ".join(before)):
        return False
    turned = len(before) - next((n for n, word in enumerate(reversed(before)) if word == "but"), 0)
    since = before[turned:] if "but" in before else before
    return not (_DENIES & set(since[-3:])) and not (since and since[-1] in _ADDS)


def normalized(text: str) -> str:
    """Return a text without what makes no difference between two answers.

    Example:
        >>> normalized("The **$1,000**."), normalized("1000")
        ('1000', '1000')
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", plain)
    plain = re.sub(r"(?<![\d.])(\d+)\.0+(?![\d.])", r"\1", plain)
    plain = re.sub(r"^\s*>+|[-=]+>", " ", plain, flags=re.MULTILINE)
    for sign, written in _SIGNS:
        plain = re.sub(written, f" {sign} ", plain)
    plain = re.sub(rf"(?<!\d)\.|\.(?!\d)|(?<!\w)#|#(?=\w)|[^\w\s.%/:+#{_TELLING}-]|_", " ", plain)
    return " ".join(_ARTICLES.sub(" ", plain).split())
