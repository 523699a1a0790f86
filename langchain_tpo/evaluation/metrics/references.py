"""Whether an answer agrees with the reference of its row: a choice, a number, a formula or a text.

Knows where public data sets keep the right answer. Texts are compared as SQuAD does: without case,
punctuation and articles.
"""

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langchain_tpo.errors import DatasetError
from langchain_tpo.evaluation.shapes import choices_of
from langchain_tpo.reward_models.verifiers.maths import solves

ANSWERS = (
    *("answer", "answers", "answer_number", "answerkey", "answerKey", "ideal", "expected"),
    *("reference_answer", "target", "solution"),
)
"""Where rows keep the right answer, first match first."""

_LETTER = re.compile(r"(?:\\text)?\{?\(?([A-Z])\)?\}?")
_BOXED = re.compile(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}")
_SAYS = re.compile(
    r"\b(?i:answer|choice|option)\b(?:\s+(?:is|would\s+be)|\s*[:=])?\s*:?\s*[*_`($\s]*([A-Z])\b"
    r"(?![\w'])"
)
_OPENS = re.compile(r"[*_`(\s]*([A-Z])(?:[.):*_`]|\s*$)")
_MARKED = re.compile(r"(?i)(?:\b(?:final\s+)?answer\s*(?:is|:)\s*|####\s*)(.+?)(?:\.(?:\s|$)|\n|$)")
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_WRAPPERS = re.compile(r"\\(?:text|boxed|mathrm|textbf)\b|[{}]")
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_MATHS = re.compile(r"[\d\\^=]")


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What is right."""

    kind: Literal["choice", "maths", "text"]
    """How it is compared."""
    texts: tuple[str, ...]
    """The right answer in one or several wordings; of a choice its letter."""
    choices: tuple[str, ...] = ()
    """The texts that could be chosen, where the row has them."""


def reference_of(fields: Mapping[str, Any]) -> Reference | None:
    """Return the right answer that a row holds; None where there is none.

    Example:
        >>> reference_of({"question": "Capital?", "choices": ["Rome", "Paris"], "answer": 1})
        Reference(kind='choice', texts=('B',), choices=('Rome', 'Paris'))
        >>> reference_of({"answers": {"text": ["Paris"]}}).texts
        ('Paris',)
    """
    try:
        choices = choices_of(fields)
    except DatasetError:
        choices = []
    for name in ANSWERS:
        value = fields.get(name)
        if name == "solution":  # MATH: the whole way, with the result in a box
            boxed = _BOXED.findall(value) if isinstance(value, str) else []
            value = boxed[-1] if boxed else None
        texts = _texts(value)
        if texts:
            return _choice(texts, choices) if choices else _plain(texts)
    return None


def agrees(answer: str, reference: Reference) -> bool | None:
    r"""Return whether an answer agrees with a reference; None means that nobody can tell.

    Raises:
        MissingExtraError: When a formula has to be compared and `math-verify` is not installed.

    Example:
        >>> agrees("**Paris**.", Reference(kind="text", texts=("Paris",)))
        True
        >>> agrees("I take B. Paris", Reference(kind="choice", texts=("A",)))
        False
    """
    if reference.kind == "choice":
        return chosen_letter(answer, reference.choices) in reference.texts
    form = _normal if reference.kind == "text" else _bare  # a sign or a point makes a number
    results = {form(result) for result in results_of(answer)}
    if any(form(text) in results for text in reference.texts):
        return True
    if reference.kind == "text":
        return False
    verdicts = [solves(answer, text) for text in reference.texts]
    return True if True in verdicts else None if None in verdicts else False


def holds(answer: str, reference: Reference) -> bool:
    """Return whether the words of a reference occur in an answer, in their order.

    Example:
        >>> holds("The capital is Paris.", Reference(kind="text", texts=("Paris",)))
        True
    """
    said = f" {_normal(answer)} "
    return any(f" {_normal(text)} " in said for text in reference.texts if _normal(text))


def chosen_letter(answer: str, choices: Sequence[str] = ()) -> str | None:
    r"""Return the letter that an answer chooses; None where it chooses none.

    Example:
        >>> chosen_letter("The answer is (B)."), chosen_letter("\\boxed{C}"), chosen_letter("Hm.")
        ('B', 'C', None)
    """
    for found in reversed(_BOXED.findall(answer)):
        letter = _LETTER.fullmatch(found.strip())
        if letter:
            return letter[1]
    said = _SAYS.findall(answer)
    if said:
        return str(said[-1])
    for line in (answer.strip().partition("\n")[0], answer.strip().rpartition("\n")[2]):
        opened = _OPENS.match(line)
        if opened:
            return opened[1]
    words = _normal(answer)
    named = [at for at, text in enumerate(choices) if f" {_normal(text)} " in f" {words} "]
    return string.ascii_uppercase[named[0]] if len(named) == 1 else None


def results_of(answer: str) -> list[str]:
    """Return what an answer could mean as its result: itself, its last line, what it marks.

    Example:
        >>> results_of("First, add. The answer is 4.")[-1]
        '4'
    """
    marked = [*_BOXED.findall(answer)[-1:], *_MARKED.findall(answer)[-1:]]
    return [answer, answer.strip().rpartition("\n")[2], *_BOLD.findall(answer)[-1:], *marked]


def _texts(value: object) -> list[str]:
    if isinstance(value, Mapping):
        value = value.get("text", value.get("value"))
    listed = value if isinstance(value, list | tuple) else [value]
    return [
        str(one).strip()
        for one in listed
        if isinstance(one, str | int | float) and str(one).strip()
    ]


def _choice(texts: Sequence[str], choices: Sequence[str]) -> Reference:
    letters = []
    for text in texts:
        if text.isdecimal() and text not in choices and int(text) < len(choices):
            letters.append(string.ascii_uppercase[int(text)])
        elif text in choices:
            letters.append(string.ascii_uppercase[choices.index(text)])
        else:
            letters.append(text.strip("() "))
    return Reference(kind="choice", texts=tuple(letters), choices=tuple(choices))


def _plain(texts: Sequence[str]) -> Reference:
    letters = [_LETTER.fullmatch(text) for text in texts]
    if all(letters):
        return Reference(kind="choice", texts=tuple(letter[1] for letter in letters if letter))
    maths = any(_MATHS.search(text) for text in texts)
    return Reference(kind="maths" if maths else "text", texts=tuple(texts))


def _normal(text: str) -> str:
    return " ".join(_ARTICLE.sub(" ", _bare(text).translate(_PUNCTUATION)).split())


def _bare(text: str) -> str:
    plain = _WRAPPERS.sub(" ", text.lower())
    return " ".join(plain.split()).removesuffix(".").strip("*$ ")
