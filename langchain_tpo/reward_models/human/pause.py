"""A pause for a person, and which answer it gets: one that was given to this very question.

After a crash LangGraph hands the answer to an earlier question to whatever pauses next, where the
run is a node of another graph. An answer that is there before the question was ever asked is such
a one. Knows LangGraph's `interrupt`; knows nothing of rewards.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from langgraph.errors import GraphInterrupt
from langgraph.func import entrypoint, task
from langgraph.types import interrupt

from langchain_tpo.reward_models.human.human_answers import AnswerError

AnswerT = TypeVar("AnswerT")


def answered(question: Mapping[str, Any], read: Callable[[Any], AnswerT]) -> AnswerT:
    """Pause until somebody has answered, and return what was read of the answer.

    Args:
        question: What is shown, with a `description`; its `problem` says why an answer could not
            be used.
        read: Reads an answer, or raises an `AnswerError`.
    """

    def ask(question: dict[str, Any]) -> Any:  # noqa: ANN401 LangGraph keeps it: a plain value
        pause = _Pause(question)
        return pause.answer(read, late=_came_before_the_question(pause.came).result())

    return cast("AnswerT", entrypoint()(ask).invoke(question))


async def aanswered(question: Mapping[str, Any], read: Callable[[Any], AnswerT]) -> AnswerT:
    """Pause as `answered` does, without blocking the event loop.

    Args:
        question: As for `answered`.
        read: As for `answered`.
    """

    async def ask(question: dict[str, Any]) -> Any:  # noqa: ANN401 as above
        pause = _Pause(question)
        return pause.answer(read, late=await _came_before_the_question(pause.came))

    return cast("AnswerT", await entrypoint()(ask).ainvoke(question))


@task
def _came_before_the_question(came: bool) -> bool:  # noqa: FBT001 kept by LangGraph by its place
    """Keep what was seen the first time: from then on the checkpoint knows it."""
    return came


class _Pause:
    """One question, and what LangGraph has for it at first sight."""

    def __init__(self, question: dict[str, Any]) -> None:
        self._question = question
        self._first: Any = None
        self._nothing: GraphInterrupt | None = None
        try:
            self._first = interrupt(question)
        except GraphInterrupt as nothing:
            self._nothing = nothing

    @property
    def came(self) -> bool:
        """Whether there is an answer already."""
        return self._nothing is None

    def answer(self, read: Callable[[Any], AnswerT], *, late: bool) -> AnswerT:
        """Return the first answer that can be read, or pause.

        Args:
            read: As for `answered`.
            late: Whether the first answer was given to an earlier question.
        """
        if self._nothing is not None:
            raise self._nothing
        question, told = self._question, self._question["description"]
        answer = interrupt(question) if late else self._first
        while True:  # once for every answer: LangGraph replays those that were given
            try:
                return read(answer)
            except AnswerError as error:
                problem = str(error)
                described = f"**{problem}**\n\n{told}"
                question = {**question, "problem": problem, "description": described}
                answer = interrupt(question)
