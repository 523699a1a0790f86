"""Reads what a judge wrote as text: a JSON object as models write them, or a score in words.

Pure. What can be read in two ways that differ is not read: a verdict that a reply quotes must not
take the place of the judge's own.
"""

import ast
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar

from langchain_core.exceptions import OutputParserException
from pydantic import BaseModel, BeforeValidator, ValidationError

from langchain_tpo.reward_models.judges.tables import scores_in_tables
from langchain_tpo.reward_models.scores import WORD_FIELDS
from langchain_tpo.text.thinking import split_thinking

OBJECTS_TRIED = 50
"""How many opening braces of a reply are tried: a bound against a reply of braces."""

AT_THE_END = 40
"""Characters that may follow a score that is written without JSON."""

FormT = TypeVar("FormT", bound=BaseModel)


def _no_truth(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("true and false are no numbers")  # noqa: TRY004 pydantic's way to refuse
    return value


Number = Annotated[float, BeforeValidator(_no_truth)]
"""A number of a form; pydantic would read `true` as 1."""

_OTHER_NAMES = {"rating": "score", **dict.fromkeys(WORD_FIELDS, "rationale")}
_POWER = r"(?:[eE][+-]?\d{1,3}(?!\w))?+"
"""What makes ten of the 1 in "1e1"."""
_SCALE = re.compile(
    rf"(-?\d+(?:[.,]\d+)?{_POWER})\s*%?(?:\s*\(?(?:/|out of|of)\s*(\d+(?:\.0+)?))?\s*%?",
    re.IGNORECASE,
)
_WRITTEN = (
    r"\[\[\s*([^\[\]]{1,20}?)\s*\]\]",
    rf"\[RESULT\]\s*\(?([\d.,/ ]{{1,12}}{_POWER})",
    r"<score>\s*([^<>]{1,20}?)\s*</score>",
    r"\\boxed\{\s*([^{}]{1,20}?)\s*\}",
    (
        r"\b(?:score|rating|result)\b\W{1,8}?"
        rf"((?<!-)\d[\d.,]*+{_POWER}(?:\s*\(?(?:/|out of|of)\s*\d++)?+)"
        r"(?!\s*(?:[-\u2013\u2014]|to|or)\s*\d)(?![\s*`]*\|[\s*`]*\d)"  # a range, a row of a table
    ),
)
"""How scores are written where no JSON was, the telling ways first."""

_ANOTHER = re.compile(r"\d\s*(?:/|out of)\s*\d|\d\s+(?:for|on)\b", re.IGNORECASE)
"""What says behind a score that it was that of one aspect: "5/5 for tone, 3/5 for depth"."""

_OPENED = re.compile(r"^[^\S\n]*+<(?:think|thinking)>", re.MULTILINE | re.IGNORECASE)
_CLOSED = re.compile(r"</(?:think|thinking)>", re.IGNORECASE)

_LIST = re.compile(r"\[\s*(?:\{.*\}|\d[\d.]*(?:\s*,\s*\d[\d.]*)*)\s*\]", re.DOTALL)
"""A list that is a verdict by itself: of numbers, or of objects."""

_CHAIN = re.compile(r"\[?\d+\]?(?:\s*[>=]\s*\[?\d+\]?)+")
"""A ranking in signs, `[2] > [1] = [3]`."""


class UnreadableVerdict(OutputParserException):
    """A verdict that could not be read; its text quotes nothing that a model wrote but numbers."""


class NoVerdict(UnreadableVerdict):
    """A reply that holds no verdict in the form that is looked for."""


class AmbiguousVerdict(UnreadableVerdict):
    """A reply that holds several verdicts, of which nobody can tell the judge's own."""


def answer_of(text: str) -> str:
    r"""Return what a judge answered: what stands in a thought, closed or not, is no verdict.

    Args:
        text: A model's reply.

    Example:
        >>> answer_of("Let me see.\n<think>\nScore: 2"), answer_of("<think>2?</think>Score: 4")
        ('Let me see.\n', 'Score: 4')
    """
    answer = split_thinking(text)[1]
    closed = [found.end() for found in _CLOSED.finditer(answer)]
    opened = _OPENED.search(answer, closed[-1] if closed else 0)
    return answer[: opened.start()] if opened else answer


def read_rating(text: str, form: type[FormT], *, scale: float) -> FormT:
    """Read a rating: a JSON object that fits the form, or else a score written at the end.

    Args:
        text: A model's reply.
        form: What the object has to hold; it has a field `score`.
        scale: The best score.

    Raises:
        UnreadableVerdict: When there is neither, or more than one that differ.
    """
    try:
        verdict = read_json(text, form)
    except NoVerdict as unread:
        try:
            score = written_score(text, scale=scale)
        except NoVerdict:
            raise unread from None
    else:
        _not_taken_back(text.rpartition("}")[2], verdict, scale=scale)
        return verdict
    said = {"rationale": answer_of(text).strip()} if "rationale" in form.model_fields else {}
    return form.model_validate({**said, "score": score})


def _not_taken_back(behind: str, verdict: BaseModel, *, scale: float) -> None:
    """Refuse a verdict behind which another score is written."""
    try:
        score = written_score(behind, scale=scale)
    except AmbiguousVerdict:
        raise
    except UnreadableVerdict:
        return
    if score != getattr(verdict, "score", score):
        raise AmbiguousVerdict("The judge's reply holds scores that differ.")


def read_json(text: str, form: type[FormT]) -> FormT:
    r"""Read the one JSON object of a text that fits the form, mended where models slip.

    Raw line breaks, LaTeX, comments, trailing commas, Python's or typographic quotes and numbers
    such as "**4**" are read; what stands in a thought, closed or not, is none.

    Args:
        text: A model's reply, prose and code fences included.
        form: What the object has to hold.

    Raises:
        UnreadableVerdict: When no object fits, or two do that differ.

    Example:
        >>> class Rating(BaseModel):
        ...     score: float
        >>> read_json("Fine work:\n```json\n{'score': '**4**',}\n```", Rating)
        Rating(score=4.0)
    """
    answer = answer_of(text)
    fitting = [form_ for found in _objects(answer) if (form_ := _filled(found, form)) is not None]
    number = next(iter(reversed(form.model_fields)))
    if len({str(getattr(one, number)) for one in fitting}) > 1:
        raise AmbiguousVerdict(
            f"The judge's reply holds {len(fitting)} verdicts that differ: it is not clear which "
            "one is its own."
        )
    if fitting:
        return fitting[-1]
    raise NoVerdict(
        f"The judge's reply holds no JSON object of the form `{form.__name__}` "
        f"({', '.join(form.model_fields)})."
    )


def read_list(text: str, form: type[FormT]) -> FormT:
    """Read a verdict on several responses: an object of the form, its list alone, or a ranking.

    Args:
        text: A model's reply.
        form: What it has to hold; it has one field, a list.

    Raises:
        UnreadableVerdict: When there is none, or several that differ.

    Example:
        >>> from langchain_tpo.reward_models.judges.forms import ListRanking
        >>> read_list("So: [2] > [1] = [3]", ListRanking)
        ListRanking(ranking=[[2], [1, 3]])
    """
    try:
        return read_json(text, form)
    except NoVerdict:
        (field,) = form.model_fields
        answer = answer_of(text).strip()
        listed = _LIST.findall(answer) if field != "ranking" else []
        chains = [_ranks(one) for one in _CHAIN.findall(answer)] if field == "ranking" else []
        said = {*listed, *(json.dumps(one) for one in chains)}
        if len(said) != 1:
            raise
        return read_json(f'{{"{field}": {said.pop()}}}', form)


def _ranks(chain: str) -> list[list[int]]:
    return [[int(one) for one in re.findall(r"\d+", rank)] for rank in chain.split(">")]


def number_in(value: object) -> tuple[float, float | None] | None:
    """Return the number that a model meant and the top of its scale; None where it is no number.

    Args:
        value: A number, or a text with one such as "4/5", "**4**" or "4 out of 5".

    Example:
        >>> number_in("**4/5**"), number_in(4.5), number_in(True)
        ((4.0, 5.0), (4.5, None), None)
    """
    if isinstance(value, list) and len(value) == 1:
        return number_in(value[0])
    if isinstance(value, int | float):
        return None if isinstance(value, bool) else (float(value), None)
    if not isinstance(value, str):
        return None
    plain = unicodedata.normalize("NFKC", value).strip(" *_`'\"().")
    if len(plain) == 1 and (numeric := unicodedata.numeric(plain, None)) is not None:
        return float(numeric), None
    fraction = _SCALE.fullmatch(plain)
    if fraction is None:
        return None
    return float(fraction[1].replace(",", ".")), float(fraction[2]) if fraction[2] else None


def written_score(text: str, *, scale: float) -> float:
    r"""Return the score that a reply writes without JSON: "Rating: [[4]]", "4/5", "\boxed{4}".

    Args:
        text: A model's reply.
        scale: The best score; one that is written of another scale is none.

    Raises:
        UnreadableVerdict: When there is none, or several that differ.

    Example:
        >>> written_score("Good, but long. Rating: 4/5", scale=5)
        4.0
    """
    answer = answer_of(text).strip()
    readings = [[(answer, len(answer))]] if number_in(answer) else []
    readings += [
        [(match[1], match.end()) for match in re.finditer(way, answer, re.IGNORECASE)]
        for way in _WRITTEN
    ]
    readings.append([(cell, len(answer)) for cell in scores_in_tables(answer)])
    for said in readings:
        if not any(end > len(answer) - AT_THE_END for _, end in said):
            continue  # mentioned on the way, not given at the end
        numbers = {
            number for one, _ in said if (number := number_in(one.rstrip(" .,"))) is not None
        }
        if len({number for number, _ in numbers}) > 1:
            raise AmbiguousVerdict("The judge's reply holds scores that differ.")
        if _ANOTHER.search(answer[max(end for _, end in said) :]):
            raise AmbiguousVerdict("The judge's reply holds scores of several aspects.")
        for value, top in numbers:
            if top is None or top == scale:
                return value
            raise UnreadableVerdict(f"The score {value:g}/{top:g} is not from 1 to {scale:g}.")
    raise NoVerdict("The judge's reply holds no score.")


def _filled(found: object, form: type[FormT]) -> FormT | None:
    """Return an object as a form; None where it does not fit."""
    if not isinstance(found, Mapping):
        return None
    named = _as_named(found)
    inner = list(named.values())
    if (  # {"verdict": {...}}
        len(inner) == 1
        and isinstance(inner[0], Mapping)
        and named.keys().isdisjoint(form.model_fields)
    ):
        return _filled(inner[0], form)
    given = {
        name: _plain(value)
        for name, value in named.items()
        if name in form.model_fields and not isinstance(value, bool)  # true is no number
    }
    if "rationale" in form.model_fields:
        given.setdefault("rationale", "")
    try:
        return form.model_validate(given)
    except ValidationError:
        return None


def _as_named(found: Mapping[object, object]) -> dict[str, object]:
    """Return the fields of an object by the names of forms; the form's own name comes first."""
    named = {str(key).lower(): one for key, one in found.items()}
    for other, name in _OTHER_NAMES.items():
        if other != name and other in named:
            value = named.pop(other)
            if named.get(name) in (None, ""):
                named[name] = value
    return named


def _plain(value: object) -> object:
    number = number_in(value)
    return value if number is None or number[1] is not None else number[0]


def _objects(text: str) -> Iterator[object]:
    """Return the objects of a text that stand in no other one."""
    start, tried = text.find("{"), 0
    while start >= 0 and tried < OBJECTS_TRIED:
        value, stop = _object_at(text, start)
        tried += 1
        if value is not None:
            yield value
        start = text.find("{", stop if value is not None else start + 1)


def _object_at(text: str, start: int) -> tuple[object, int]:
    """Return the object that begins here, and where it ends; None where none does."""
    try:
        return json.JSONDecoder(strict=False).raw_decode(text, start)
    except (ValueError, RecursionError):
        pass
    stop = _closing(text, start)
    return (_mended(text[start:stop]), stop) if stop else (None, start)


def _closing(text: str, start: int) -> int:
    """Return the end of the object by its braces alone; 0 when it is not closed."""
    depth = 0
    for brace in re.finditer(r"[{}]", text[start : start + 20_000]):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return start + brace.end()
    return 0


def _mended(text: str) -> object:
    """Read an object that is JSON but for the slips that models make; None for any other."""
    plain = text.translate(str.maketrans("\u201c\u201d\u201e\u2018\u2019", '"""\'\''))
    tidy = re.sub(r"(?<=[,{\s])//[^\n]*", "", plain)
    tidy = re.sub(r",(\s*[}\]])", r"\1", tidy)
    tidy = re.sub(r"(:\s*)(\d[\d.]*\s*/\s*\d+)(\s*[,}])", r'\1"\2"\3', tidy)
    latex = re.sub(r'\\(?!["\\/bfnrtu])', r"\\\\", tidy)
    latex = re.sub(r"\\(?=(?:frac|text|times|boxed|begin|neq|nabla|right|rho|theta|tan|to|nu|b)\b)",
                   r"\\\\", latex)  # fmt: skip
    for attempt in (tidy, latex):
        try:
            return json.loads(attempt, strict=False)
        except (ValueError, RecursionError):
            continue
    try:
        return ast.literal_eval(tidy)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return _by_fields(tidy)


def _by_fields(text: str) -> dict[str, Any] | None:
    """Read fields whose texts hold bare quotation marks, by what stands between the names."""
    names = list(re.finditer(r'"(\w+)"\s*:\s*', text))
    fields: dict[str, Any] = {}
    for place, name in enumerate(names):
        stop = names[place + 1].start() if place + 1 < len(names) else len(text) - 1
        fields[name[1]] = text[name.end() : stop].strip(" \t\n,").strip('"')
    return fields or None
