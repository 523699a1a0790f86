import time
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_tpo.errors import RewardTypeError
from langchain_tpo.reward_models import MathAnswer
from langchain_tpo.reward_models.interface import ScoreRequest

pytest.importorskip("math_verify")


def request(*responses: str, **context: Any) -> ScoreRequest:
    return {"messages": [HumanMessage("?")], "responses": list(responses), "context": context}


async def test_equal_values_in_other_forms_are_equal() -> None:
    responses = [r"So $\boxed{\frac{1}{2}}$.", "It is 0.5.", "It is 3.", "It is 0.5."]

    scores = await MathAnswer().ainvoke(request(*responses, answer="So so.\n#### 1/2"))

    assert [score["reward"] for score in scores if isinstance(score, dict)] == [1.0, 1.0, 0.0, 1.0]
    assert scores[2] == {"reward": 0.0, "rationale": "Expected `So so.\n#### 1/2`."}


def test_what_takes_forever_is_not_scored() -> None:
    begun = time.monotonic()

    scores = MathAnswer(seconds=1).invoke(request("$9^{9^{9^{9}}}$", reference="7"))

    assert time.monotonic() - begun < 10
    assert [score["reward"] for score in scores if isinstance(score, dict)] in ([None], [0.0])


def test_a_question_without_a_reference_is_refused() -> None:
    with pytest.raises(RewardTypeError, match="`MathAnswer` has no reference"):
        MathAnswer().invoke(request("7"))
