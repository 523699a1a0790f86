"""The share of unit tests that the Python of a response passes, and the first one that it fails."""

from collections.abc import Iterable, Sequence
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from langchain_tpo.errors import RewardTypeError, SettingsError
from langchain_tpo.reward_models.interface import ExplainedScore, ScoreRequest, in_context
from langchain_tpo.reward_models.verifiers.python_process import Event, run_tests
from langchain_tpo.reward_models.verifiers.test_suites import (
    Suite,
    code_in,
    suite_of_assertions,
    suite_of_examples,
    suite_of_row,
)
from langchain_tpo.reward_models.verifiers.verifier import Verifier
from langchain_tpo.text.conversation import conversation_text

FAILURES_TOLD = 3
"""Failed tests that a rationale quotes."""


class UnitTests(Verifier):
    r"""Scores Python by the share of tests that it passes; the rationale is what failed.

    Tests are `tests`; or those of the row, in the request's `context` under `tests`, `test_list`,
    `test` (with `entry_point`, as HumanEval has it) or `test_cases`; or the examples of the prompt:
    those after `>>>`, else calls of a function that it defines with what they return, such as
    `add(1, 2) => 3`. Each assertion counts for itself.

    Code is taken from fenced blocks, or from between the prose; examples of its own that fail, ask
    for input or do not end are passed over. It runs in a process of its own: with bounds on time,
    memory and files, without the environment's variables, network or further processes. That
    contains mistakes; a model that means harm belongs in a container. Therefore nothing runs unless
    `run_code=True` says so.

    Raises:
        SettingsError: When `run_code` is not set, or an option is out of range.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> reward = UnitTests(run_code=True, tests=["assert add(1, 2) == 3"])
        >>> wrong = "def add(a, b):\n    return a - b"
        >>> (score,) = reward.invoke({"messages": [HumanMessage("Add.")], "responses": [wrong]})
        >>> score["rationale"]
        '0 of 1 tests pass. `assert add(1, 2) == 3` fails: left is -1, right is 3.'
    """

    name: str | None = "unit_tests"
    """What traces call it."""
    run_code: bool = False
    """Whether code that a model wrote may run on this machine."""
    tests: Sequence[str] = ()
    """Tests for every question; none: those of the row, or of the prompt."""
    where: Literal["any", "row", "prompt"] = "any"
    """Which tests count where there are no `tests`: the row's, or else the prompt's examples; or
    only those of one of them, where the others are kept to measure with."""
    seconds: float = Field(default=5.0, gt=0, allow_inf_nan=False)
    """Wall time for all tests of a response."""
    memory_mb: int = Field(default=1024, ge=64)
    """Most memory of a response's process."""

    @field_validator("tests", mode="before")
    @classmethod
    def _several(cls, tests: object) -> object:
        if isinstance(tests, str):
            return (tests,)
        return tuple(tests) if isinstance(tests, Iterable) else tests

    @model_validator(mode="after")
    def _can_run(self) -> Self:
        if not self.run_code:
            raise SettingsError(
                "`UnitTests` runs Python that a model wrote: pass `run_code=True` to allow that, "
                "on a machine that can bear it."
            )
        if self.tests:
            suite_of_assertions("\n".join(self.tests))
        return self

    def prepare(self, request: ScoreRequest) -> None:
        """Refuse a question without tests.

        Raises:
            RewardTypeError: When there are none.
        """
        self._suite(request)

    def check(self, request: ScoreRequest, response: str) -> ExplainedScore:
        """Run the tests of one response."""
        suite = self._suite(request)
        entry_point = request.get("context", {}).get("entry_point")
        code = code_in(
            response,
            prompt=conversation_text(request["messages"]),
            entry_point=str(entry_point) if entry_point else None,
        )
        if code is None:
            return {"reward": 0.0, "rationale": "The response holds no Python code."}
        events, late = run_tests(code, suite.source, seconds=self.seconds, memory_mb=self.memory_mb)
        return _score(events, suite.total, f"after {self.seconds:g} s" if late else "")

    def _suite(self, request: ScoreRequest) -> Suite:
        if self.tests:
            return suite_of_assertions("\n".join(self.tests))
        row = suite_of_row(request.get("context", {})) if self.where != "prompt" else None
        suite = row or (
            suite_of_examples(conversation_text(request["messages"]))
            if self.where != "row"
            else None
        )
        if suite is None:
            raise RewardTypeError(
                "`UnitTests` found no tests: pass `tests=[...]`, or examples in the prompt (`>>>`, "
                f"or `f(1) == 2`), or a row's tests as {in_context('tests')}."
            )
        return suite


def _score(events: Sequence[Event], total: int, late: str) -> ExplainedScore:
    passed = sum(1 for event in events if event["event"] == "passed")
    failed, lines, running = [], [], ""
    for event in events:
        if event["event"] == "begin":
            running = str(event["test"])
        elif event["event"] == "failed":
            failed.append(f"`{running}` fails: {_why(event)}.")
        elif event["event"] == "line":
            lines.append(f"Its line `{event['source']}` fails: {event['error']}.")
    ready = any(event["event"] == "ready" for event in events)
    stopped = next((str(one["error"]) for one in events if one["event"] == "stopped"), "")
    ended = any(event["event"] == "end" for event in events)
    if stopped:
        failed.append(f"{'The tests stop' if ready else 'The code fails'}: {stopped}.")
    elif not ended:
        end = f"Timeout {late}" if late else "The process died (memory, time or a crash)"
        failed.append(f"{end} in `{running}`." if running else f"{end} before the first test.")
    elif passed + len(failed) < total:
        failed.append(f"{total - passed - len(failed)} never ran.")
    every = max(total, passed + len(failed))
    told = [f"{passed} of {every} tests pass.", *failed[:FAILURES_TOLD]]
    told += lines[:1] if failed else []
    return {"reward": passed / every, "rationale": " ".join(told)}


def _why(event: Event) -> str:
    sides = [str(side) for side in event.get("sides") or []]
    plain = str(event["error"]) in ("AssertionError", "")
    if plain and len(sides) == 2:  # noqa: PLR2004 left and right
        return f"left is {sides[0]}, right is {sides[1]}"
    if plain and sides:
        return " and ".join(sides)
    return str(event["error"])
