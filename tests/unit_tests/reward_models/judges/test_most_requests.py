"""What judges will cost is said before a run begins, and kept to."""

import random
from itertools import count
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.runnables import RunnableLambda

from langchain_tpo import TPORunnable
from langchain_tpo.reward_models import Ensemble, LengthPenalty
from langchain_tpo.reward_models.judges.chat_judge import ChatJudge
from langchain_tpo.reward_models.judges.pairwise_judge import PairwiseJudge
from tests.unit_tests.reward_models.judges.judge_fakes import judge_model, pair_in, response_in


def writer() -> RunnableLambda[Any, str]:
    """Return a policy that writes something else each time, as good as nobody knows beforehand."""
    numbers, worth = count(), random.Random(3)  # noqa: S311 a stand-in for quality

    def reply(messages: Any) -> str:
        return f"<IMPROVED_VARIABLE>{worth.random():.6f} {next(numbers)}</IMPROVED_VARIABLE>"

    return RunnableLambda(reply)


def worth(text: str) -> float:
    return float(text[text.index("0.") :].split(maxsplit=1)[0])


def rated(prompt: str) -> dict[str, Any]:
    return {"rationale": "so", "score": 1 + 4 * worth(response_in(prompt))}


def compared(prompt: str) -> dict[str, Any]:
    first, second = pair_in(prompt)
    return {"rationale": "so", "a_is_better": 100 if worth(first) > worth(second) else 0}


@pytest.mark.parametrize(("width", "depth"), [(2, 1), (5, 2), (4, 0)])
def test_ratings_are_counted_exactly(width: int, depth: int) -> None:
    model = judge_model(rated)
    tpo = TPORunnable(model=writer(), reward=ChatJudge(model), width=width, depth=depth)
    result = tpo.optimize("Why is the sky blue?")

    assert tpo.judgements == width * (1 + depth) == len(model.asked.prompts)
    assert result.usage["completions"] == tpo.completions


@pytest.mark.parametrize("effort", ["linear", "loglinear"])
@pytest.mark.parametrize(("width", "depth"), [(2, 2), (5, 2), (20, 1)])
def test_tournaments_keep_to_their_count(width: int, depth: int, effort: Any) -> None:
    model = judge_model(compared)
    judge = PairwiseJudge(model, effort=effort)
    tpo = TPORunnable(model=writer(), reward=judge, width=width, depth=depth)
    result = tpo.optimize("Why is the sky blue?")

    asked = len(model.asked.prompts)
    assert max(candidate["round"] for candidate in result.pool) == depth
    assert width <= asked <= tpo.judgements
    assert tpo.judgements == judge.most_requests(width) + depth * judge.most_requests(
        width, first=False
    )
    assert tpo.judgements <= 3 * (width + depth * (width + 1)) or effort == "loglinear"


def test_a_tournament_of_two_is_counted_exactly() -> None:
    model = judge_model(compared)
    tpo = TPORunnable(model=writer(), reward=PairwiseJudge(model), width=2, depth=0)
    tpo.optimize("Why is the sky blue?")
    assert (tpo.judgements, len(model.asked.prompts)) == (2, 2)


def test_judges_inside_of_others_are_counted_and_plain_rewards_cost_none() -> None:
    model = judge_model(rated)
    judge = ChatJudge(model)
    both = LengthPenalty(Ensemble({"judge": judge, "other": ChatJudge(model)}), per_word=0.1)
    policy = FakeListChatModel(responses=["x"])
    assert TPORunnable(model=policy, reward=both, width=3, depth=1).judgements == 12
    plain = TPORunnable(model=policy, reward=lambda prompt, response: 1.0, width=3, depth=1)
    assert (plain.judgements, plain.completions) == (0, plain.settings.completions)
