import subprocess
import time
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_tpo.errors import RewardTypeError
from langchain_tpo.reward_models import MathAnswer
from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.reward_models.verifiers import math_answer
from langchain_tpo.reward_models.verifiers.maths import solves
from langchain_tpo.reward_models.verifiers.written_numbers import readable

pytest.importorskip("math_verify")


def request(*responses: str, **context: Any) -> ScoreRequest:
    return {"messages": [HumanMessage("?")], "responses": list(responses), "context": context}


async def test_equal_values_in_other_forms_are_equal() -> None:
    responses = [r"So $\boxed{\frac{1}{2}}$.", "It is 0.5.", "It is 3.", "It is 0.5."]

    scores = await MathAnswer().ainvoke(request(*responses, answer="So so.\n#### 1/2"))

    assert [score["reward"] for score in scores if isinstance(score, dict)] == [1.0, 1.0, 0.0, 1.0]
    assert scores[2] == {"reward": 0.0, "rationale": "Expected `So so.\n#### 1/2`."}


def test_what_takes_forever_is_not_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    ready: list[float] = []
    start = math_answer._start

    def started(process: "subprocess.Popen[bytes]") -> None:
        start(process)
        ready.append(time.monotonic())

    monkeypatch.setattr(math_answer, "_start", started)

    scores = MathAnswer(seconds=1).invoke(request("$9^{9^{9^{9}}}$", reference="7"))

    assert time.monotonic() - ready[0] < 10
    assert [score["reward"] for score in scores if isinstance(score, dict)] in ([None], [0.0])


def test_a_question_without_a_reference_is_refused() -> None:
    with pytest.raises(RewardTypeError, match="`MathAnswer` has no reference"):
        MathAnswer().invoke(request("7"))


READ = {
    r"\pm 3": ["x = 3 or x = -3.", "x = -3 and x = 3", "$x = 3$ or $x = -3$", "x=\u00b13", "+/- 3"],
    "1000": [
        "1e3",
        "It is 1.0e3.",
        r"\boxed{1e3}",
        "1 x 10^3",
        r"1 \times 10^{3}",
        "1 \u00d7 10\u00b3",
    ],
    "1e-3": ["0.001", "1/1000"],
    "3.5": ["It is 3 1/2.", "3\u00bd", "7/2 or 3.5"],
    "-3": ["\u22123"],
    "12": [r"It costs \$12."],
    "2, 5": ["x = 2 or x = 5"],
}
OTHER = {
    "4": ["It is 3 or 4.", "x=3 or x=4", "3, 4 or 5"],
    "10": ["It is 3 \u00d7 10^5."],
    "1000": ["1.5 x 10^3", "2e3"],
    r"\pm 3": ["3", "x = 3 or x = -4"],
}


def test_numbers_and_several_results_are_read_as_people_write_them() -> None:
    for right, told in ((True, READ), (False, OTHER)):
        for reference, responses in told.items():
            given = {response: solves(response, reference) for response in responses}
            assert given == dict.fromkeys(responses, right)


def test_powers_of_variables_stay_what_they_are() -> None:
    for text in ("a^2 x 10^3", r"2 \cdot 10^{3+x}", "0x1e3", "5e3x", "2e"):
        assert readable(text) == text
