"""Whether a response comes to the same value as the reference, as mathematics."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from pydantic import Field

from langchain_tpo.constructors import TupleField
from langchain_tpo.errors import check_installed
from langchain_tpo.reward_models.interface import ExplainedScore, Score, ScoreRequest
from langchain_tpo.reward_models.verifiers.answers import SHOWN, references_of
from langchain_tpo.reward_models.verifiers.verifier import Verifier

WORKER = "langchain_tpo.reward_models.verifiers.maths"
"""What compares, in a process of its own: its time limits need a main thread."""


class MathAnswer(Verifier):
    """1 for a response whose final result equals the reference, else 0, by `math-verify`.

    The result is the last that is boxed or written out; equal values in other forms are equal, and
    several at the end ("x = 3 or x = -3") are one result; one that is denied ("not 42") is none.
    Formulas are read in LaTeX, or where an answer ends in a plain one. A unit, a percent sign, a
    currency or brackets that one side leaves out make no difference; others than the reference's
    do, and units are converted. A round is compared in one process, which `seconds` bound; what
    nobody can tell, because the reference is no mathematics or time ran out, is not scored. Needs
    the extra `evaluation`.

    The reference is `reference`, or the row's, as for `ExactAnswer`.

    Raises:
        MissingExtraError: When `math-verify` is not installed.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> reward = MathAnswer(reference="1/2")
        >>> asked = {"messages": [HumanMessage("Half of one?")], "responses": ["It is 0.5."]}
        >>> reward.invoke(asked)
        [{'reward': 1.0, 'rationale': 'The result is `1/2`, as it should be.'}]
    """

    name: str | None = "math_answer"
    """What traces call it."""
    reference: str | TupleField[str] | None = None
    """What is right for every question; None: what the row says."""
    seconds: float = Field(default=30.0, gt=0, allow_inf_nan=False)
    """Wall time for a round."""

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401 pydantic's signature
        """Find the library at once, not at the first score."""
        super().model_post_init(context)
        check_installed("math-verify", "evaluation")

    def check_context(self, context: Mapping[str, object]) -> None:
        """Refuse a question without a reference.

        Raises:
            RewardTypeError: When there is none.
        """
        references_of(context, self.reference, verifier=type(self).__name__)

    def check(self, request: ScoreRequest, response: str) -> Score:
        """Compare one response with what is right."""
        return self._score(None, {**request, "responses": [response]})[0]

    def _score(self, config: RunnableConfig | None, request: ScoreRequest) -> list[Score]:
        del config  # one process for all
        texts = list(dict.fromkeys(request["responses"]))
        if not texts:
            return []
        context = request.get("context", {})
        right = references_of(context, self.reference, verifier=type(self).__name__)
        pairs = [(text, reference) for text in texts for reference in right]
        told = _compared(pairs, self.seconds)
        verdicts = {text: [told.get((text, one)) for one in right] for text in texts}
        return [_explained(verdicts[text], right) for text in request["responses"]]


def _explained(verdicts: Sequence[bool | None], right: Sequence[str]) -> ExplainedScore:
    shown = " or ".join(f"`{reference[:SHOWN]}`" for reference in right)
    if any(verdicts):
        return {"reward": 1.0, "rationale": f"The result is {shown}, as it should be."}
    if None in verdicts:
        return {"reward": None, "rationale": f"Nobody can tell whether it comes to {shown}."}
    return {"reward": 0.0, "rationale": f"Expected {shown}."}


def _compared(
    pairs: Sequence[tuple[str, str]], seconds: float
) -> dict[tuple[str, str], bool | None]:
    """Return which answers equal their references; those that time did not reach are left out."""
    root = str(Path(__file__).parents[3])
    process = subprocess.Popen(  # noqa: S603 our own interpreter and module, no shell
        [sys.executable, "-B", "-m", WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,  # what is read ahead would be lost to `communicate`
        env={"PYTHONPATH": os.pathsep.join([root, *filter(None, sys.path)])},
    )
    _start(process)
    try:
        written, _ = process.communicate(json.dumps(pairs).encode(), timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        written, _ = process.communicate()
    verdicts = [json.loads(line) for line in written.decode().splitlines() if line]
    return dict(zip(pairs, verdicts, strict=False))


def _start(process: "subprocess.Popen[bytes]") -> None:
    """Wait until the library is there: a busy machine takes longer for that than to compare."""
    if process.stdout is not None:
        process.stdout.readline()
