"""Answers that exist already: another model's, a leaderboard's, an earlier run's.

A system of such answers draws nothing; it is scored and compared like any other. Knows the files of
AlpacaEval, Arena-Hard, MT-Bench and OpenAI's batches, and plain rows; runs nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import Runnable, RunnableLambda

from langchain_tpo.candidate_pool import Candidate
from langchain_tpo.errors import DatasetError, RunError, TPOError
from langchain_tpo.evaluation.datasets import open_dataset
from langchain_tpo.evaluation.examples import (
    BadRow,
    Example,
    Row,
    example_of,
    identity_of,
    json_value,
)
from langchain_tpo.evaluation.outcomes import message_text
from langchain_tpo.evaluation.shapes import unwrapped
from langchain_tpo.sampling.usage import Usage
from langchain_tpo.state import FirstSamples, StepRecord
from langchain_tpo.text.shown import shown
from langchain_tpo.text.well_formed import well_formed

ANSWER_FIELDS = (
    *("output", "response", "completion", "generation", "prediction", "model_output", "answer"),
)
"""Where rows keep one answer, first match first."""

_CONVERSATIONS = ("messages", "conversation", "conversations")

_LONGEST_NOTE = 200
"""Characters of a row's other texts that a record keeps: who answered, not what was asked."""

_UNKNOWN_COST = Usage(
    requests=0, completions=0, input_tokens=None, output_tokens=None, cached_tokens=None
)


def _never(_messages: object) -> str:
    raise RunError("No model was named: all answers of this run are given.")


NEVER_ASKED: Runnable[Any, Any] = RunnableLambda(_never)
"""Stands for the model of a run whose answers are all given, so that none is loaded."""


@dataclass(frozen=True, kw_only=True)
class GivenAnswer:
    """One row of a file of answers."""

    row: int
    """Its place in the file, counted from 1."""
    turns: Sequence[str]
    """What was answered, turn by turn; nothing where the row says that there is no answer."""
    prompt: str | None = None
    """The last question that it answers, where the row says so."""
    whole: bool = False
    """Whether `turns` may begin with answers that the conversation already held."""
    more: Mapping[str, Any] | None = None
    """The row's other fields, such as `generator`."""


@dataclass(frozen=True, kw_only=True)
class GivenAnswers:
    """The answers of one system."""

    sha256: str | None
    """Of their file; None for what stays elsewhere."""
    by_example: Mapping[str, GivenAnswer]
    """For every example that is to be answered."""


def given_answers(source: str, examples: Iterable[Row]) -> GivenAnswers:
    """Read a file of answers, and find the one to each example: by its name, or else its prompt.

    Args:
        source: As for `open_dataset`.
        examples: What is to be answered.

    Raises:
        DatasetError: In one line, when a row holds no answer, two rows answer the same, an example
            has no answer, or a row answers another question than its example asks.
    """
    with open_dataset(source) as file:
        finder = _Finder(source, [_read(source, number, row) for number, row in file.rows()])
        sha256 = file.sha256
    found = {row.id: finder.find(row) for row in examples if isinstance(row, Example)}
    missing = [name for name, answer in found.items() if answer is None]
    if missing:
        raise DatasetError(
            f"`given={source}` has no answer to {len(missing)} of {len(found)} examples, the first "
            f"is `{shown(missing[0])}`: add them, with `null` for an answer where there is none."
        )
    finder.check_doubles()
    return GivenAnswers(
        sha256=sha256, by_example={name: one for name, one in found.items() if one is not None}
    )


def samples_of(text: str) -> FirstSamples:
    """Return an answer as the one draw of a run, at a cost that nobody knows.

    Example:
        >>> samples_of("Paris")["candidates"]
        [{'text': 'Paris', 'reward': None, 'round': 0}]
    """
    step = StepRecord(step="sample", round=0, usage=_UNKNOWN_COST, seconds=0.0, waiting=0.0)
    candidate = Candidate(text=well_formed(text), reward=None, round=0)
    return FirstSamples(candidates=[candidate], steps=[step])


class _Finder:
    """Finds the answer to an example."""

    def __init__(self, source: str, answers: Sequence[tuple[str | None, GivenAnswer]]) -> None:
        self._source = source
        self._by_name: dict[str, GivenAnswer] = {}
        self._by_prompt: dict[str, list[GivenAnswer]] = defaultdict(list)
        self._taken: dict[str, int] = defaultdict(int)
        for name, answer in answers:
            if name is not None:
                self._name(name, answer)
            if answer.prompt is not None:
                self._by_prompt[answer.prompt].append(answer)

    def _name(self, name: str, answer: GivenAnswer) -> None:
        first = self._by_name.setdefault(name, answer)
        if first is not answer and (
            first.prompt is None or answer.prompt is None or _same(first.prompt, answer.prompt)
        ):  # with questions of their own, their names name something else
            raise DatasetError(
                f"`given={self._source}`: rows {first.row} and {answer.row} both answer example "
                f"`{shown(name)}`: keep one of them."
            )

    def find(self, example: Example) -> GivenAnswer | None:
        """Return the answer to an example; None when there is none."""
        asked = _questions(example)
        answer = self._by_name.get(example.id)
        if answer is None or answer.prompt not in (None, *asked):
            # Examples without a name are called by their places, and so may others of the file be.
            answer = self._next(asked[-1]) or self._next(asked[0]) or answer
        if answer is None:
            return None
        if answer.prompt is not None and not any(_same(answer.prompt, one) for one in asked):
            raise DatasetError(
                f"`given={self._source}`: row {answer.row} answers another question than example "
                f"`{shown(example.id)}` asks: `{shown(answer.prompt)}`, not `{shown(asked[-1])}`."
            )
        turns = 1 + len(example.follow_ups)
        enough = len(answer.turns) >= turns if answer.whole else len(answer.turns) == turns
        if answer.turns and not enough:
            raise DatasetError(
                f"`given={self._source}`: row {answer.row} holds {len(answer.turns)} answers, and "
                f"example `{shown(example.id)}` asks {turns} questions."
            )
        return answer

    def _next(self, prompt: str) -> GivenAnswer | None:
        """Return answers to the same question in their order: data sets ask some of them twice."""
        answers = self._by_prompt.get(prompt)
        if not answers:
            return None
        place = min(self._taken[prompt], len(answers) - 1)
        self._taken[prompt] += 1
        return answers[place]

    def check_doubles(self) -> None:
        """Refuse several answers to a question that is asked less often."""
        for prompt, times in self._taken.items():
            answers = self._by_prompt[prompt]
            if len(answers) > max(1, times):
                raise DatasetError(
                    f"`given={self._source}`: rows {answers[0].row} and {answers[1].row} answer "
                    f"the same question, `{shown(prompt)}`: keep one of them."
                )


def _read(source: str, number: int, row: object) -> tuple[str | None, GivenAnswer]:
    if isinstance(row, BadRow):
        raise DatasetError(f"`given={source}`, row {number}: {row.reason}")
    if not isinstance(row, Mapping):
        raise DatasetError(
            f"`given={source}`, row {number} must be an object, got {type(row).__name__} "
            f"`{shown(row)}`."
        )
    fields = {str(name): value for name, value in row.items()}
    name, prompt = identity_of(unwrapped(fields)), _prompt_of(fields)
    if name is None and prompt is None:
        raise DatasetError(
            f"`given={source}`, row {number} does not say what it answers: it needs an `id` or a "
            "`prompt`, as the data set has them."
        )
    turns, whole, used = _turns_of(source, number, fields)
    more = {one: json_value(value) for one, value in fields.items() if _is_note(one, value, used)}
    return name, GivenAnswer(row=number, turns=turns, prompt=prompt, whole=whole, more=more)


def _turns_of(
    source: str, number: int, fields: Mapping[str, Any]
) -> tuple[Sequence[str], bool, str]:
    """Return the answers of a row, whether they may be those of a whole chat, and their field."""
    for name, turns in _places(fields):
        if turns is None:
            return (), False, name
        if not all(isinstance(turn, str) for turn in turns):
            raise DatasetError(
                f"`given={source}`, row {number}: `{name}` must hold texts, got "
                f"`{shown(fields[name])}`."
            )
        return turns, name in _CONVERSATIONS, name
    known = ", ".join(f"`{name}`" for name in (*ANSWER_FIELDS, "choices", "messages"))
    seen = ", ".join(f"`{shown(name)}`" for name in list(fields)[:6]) or "none"
    raise DatasetError(
        f"`given={source}`, row {number} must have an answer in one of the fields {known}, got "
        f"{seen}."
    )


def _places(fields: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[Any] | None]]:
    """Go through the fields that may hold answers, the most telling first."""
    choices = fields.get("choices")
    if isinstance(choices, Sequence) and choices and isinstance(choices[0], Mapping):
        turns = choices[0].get("turns")  # MT-Bench, and Arena-Hard as it was
        if isinstance(turns, Sequence) and not isinstance(turns, str):
            yield "choices", [_text(turn) for turn in turns]
    for name in _CONVERSATIONS:
        spoken = _spoken(fields.get(name))
        if spoken:
            yield name, spoken
    for name in ANSWER_FIELDS:
        if name in fields:
            value = fields[name]
            yield name, None if value is None else _listed(_of_a_batch(value))


def _listed(value: object) -> Sequence[Any]:
    turns = value if isinstance(value, list | tuple) else [value]
    return [_text(turn) for turn in turns]


def _spoken(messages: object) -> list[Any]:
    """Return what the assistant said, if it had the last word."""
    listed = messages if isinstance(messages, list | tuple) else []
    if not listed or not _is_answer(listed[-1]):
        return []
    return [_text(message) for message in listed if _is_answer(message)]


def _is_answer(message: object) -> bool:
    if not isinstance(message, Mapping):
        return False
    return message.get("role") == "assistant" or message.get("from") in ("gpt", "assistant")


def _text(value: object) -> object:
    """Return the text of a message or a turn; what is none stays what it is, to be refused."""
    if not isinstance(value, Mapping):
        return value
    for name in ("content", "value", "answer"):  # Arena-Hard has an answer within a content
        held = value.get(name)
        if isinstance(held, str):
            return held
        if isinstance(held, Mapping):
            return _text(held)
        if isinstance(held, list):
            return message_text(held)
    return value


def _of_a_batch(value: object) -> object:
    """Return the message in a line of OpenAI's batch output."""
    if not isinstance(value, Mapping) or not isinstance(value.get("body"), Mapping):
        return value
    choices = value["body"].get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
        return choices[0].get("message", value)
    return value


def _prompt_of(fields: Mapping[str, Any]) -> str | None:
    """Return what a row answers, read as a data set's row is; None where it does not say."""
    asked = {name: value for name, value in fields.items() if name != "choices"}
    for name in _CONVERSATIONS:
        listed = asked.get(name)
        while isinstance(listed, list | tuple) and listed and _is_answer(listed[-1]):
            listed = listed[:-1]
        if isinstance(listed, list | tuple):
            asked[name] = [one for one in listed if not _is_answer(one)]
    try:
        return _questions(example_of(asked, number=0))[-1] or None
    except TPOError:
        return None


def _questions(example: Example) -> Sequence[str]:
    """Return what the user asks, turn by turn, whatever the spaces between the words."""
    said = [str(message.text) for message in example.messages if message.type == "human"][-1:]
    return [" ".join(text.split()) for text in (*(said or [""]), *example.follow_ups)]


def _same(ours: str, theirs: str) -> bool:
    """Whether two prompts are one: either may stand within a template or beside a context."""
    return ours in theirs or theirs in ours


def _is_note(name: str, value: object, used: str) -> bool:
    if name == used or name in _CONVERSATIONS:
        return False
    return isinstance(value, bool | int | float) or (
        isinstance(value, str) and len(value) <= _LONGEST_NOTE
    )
