import subprocess
import time
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_tpo.errors import RewardTypeError
from langchain_tpo.reward_models import MathAnswer
from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.reward_models.verifiers import math_answer, maths
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


ALIKE = [
    *("5 km|It is 5 km.", "5 km|5000 m", "5 km|5", "5|5 km", "5 m/s|5 m/s", "20 cm^2|20 cm\u00b2"),
    *(
        r"20 cm^2|$20\text{ cm}^2$",
        "20 square meters|20 m^2",
        "$5|5 dollars",
        "2 hours|120 minutes",
    ),
    *("50%|0.5", "50%|50 percent", r"90^\circ|90 degrees", "7 million|7,000,000", "12:30|12:30"),
    *("(2,1)|The point is (2, 1).", "(2,1,3)|(2,1,3)", r"\{1,2\}|{2, 1}", "1, 2|2 and 1"),
    *("1, 2|The solutions are 1 and 2.", "(-inf, 3]|(-\u221e, 3]", "[0,1]|The range is [0, 1]."),
    *(r"\sqrt{2}|It is sqrt(2).", "\\sqrt{2}|\u221a2", "2*sqrt(3)|2\u221a3", "2\\pi|2\u03c0"),
    *("x > 5|x > 5", r"x \ge 5|x >= 5", "3+2i|3 + 2i", "x^2+1|1 + x^2", "y=2x+1|y = 2x + 1"),
    *(r"3\sqrt{2}|\sqrt{18}", r"\{1,2\}|\{2,1\}", r"\{1,2\}|The set is \{2, 1\}.", r"2\pi|2\pi"),
    *(
        r"\sqrt{2}|So x = \sqrt{2}.",
        r"(1,2)|\left(1,2\right)",
        r"1/2|It is \dfrac{1}{2}.",
        "-3|\u20133",
    ),
    *("-3|x = \u20133", "x-3|x \u2013 3", "-1/2|\u2013\\frac{1}{2}", r"3|2x = 6, \; x = 3"),
    *("42|Not 41 but 42.", "42|It is 42, not 43.", "42|It is not 41. The answer is 42."),
    *("42|I did not expect it, but the answer is 42.", r"42|$x = 42$ and not $x = 41$."),
    *("-5|x = - 5", r"\infty|infinity", "log(2)|log 2", r"\text{Tuesday}|It is Tuesday.", "A|A"),
]
APART = [
    *("5 km|It is 5 m.", r"5 km|$5\text{ m}$", "5 hours|5 minutes", "5 m/s|5 km/h", "5 m|5 m^2"),
    *("$5|\u20ac5", "5 dollars|5 euros", r"90^\circ|90%", "50%|5%", "20\u00b0C|20\u00b0F"),
    *("(2,1)|1", "1|The point is (2, 1).", "(2,1)|(1, 2)", "(0,1)|[0,1]", "(0,1)|$(0,1]$"),
    *("(1,2)|{1,2}", "1, 2|2", "2|1 and 2", "5|x > 5", "x>5|x<5", "5|x = - 5", "5|5i"),
    *("42|The answer is not 42.", "42|It cannot be 42", "42|It isn\u2019t 42.", "42|It's never 42"),
    *(r"42|The answer is not \boxed{42}.", "42|It is not equal to $42$.", r"1/2|It is not \frac12"),
    *("43|It is 42, not 43.", "6|It is not 5 or 6.", r"3|x \neq 3", "10|from 5\u201310"),
    *(
        "f'(x)|f(x)",
        "7|7 million",
        "1011_2|1011_8",
        "2|sqrt(2)",
        r"\text{Tuesday}|Monday",
        "12|12:30",
    ),
]


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maths, "TIME_LIMIT", 60)  # a busy machine is not what is tested


@pytest.mark.usefixtures("_patient")
@pytest.mark.parametrize("pair", ALIKE)
def test_results_are_read_without_latex_and_with_their_units(pair: str) -> None:
    reference, answer = pair.split("|")
    assert solves(answer, reference) is True


@pytest.mark.usefixtures("_patient")
@pytest.mark.parametrize("pair", APART)
def test_units_brackets_and_signs_tell_results_apart(pair: str) -> None:
    reference, answer = pair.split("|")
    assert solves(answer, reference) is False
