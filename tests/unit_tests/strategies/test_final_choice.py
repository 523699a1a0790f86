"""The answer of a run: the highest reward, or what most of the responses agree with."""

import pytest
from langchain_core.messages import AIMessage

from langchain_tpo import TPOResult, TPORunnable, TPOSettings, build_tpo_graph
from langchain_tpo.candidate_pool import Candidate
from langchain_tpo.errors import RunError
from langchain_tpo.strategies import STRATEGIES, Strategy
from langchain_tpo.strategies.agreement import most_agreed
from tests.support.fakes import ScriptedModelWithN

DRAWN = ["Buy gold! Buy gold!", "Oil the wood twice a year.", "Oil wood twice a year."]
TAKEN_IN = {"Buy gold! Buy gold!": 9.0, "Oil the wood twice a year.": 3.0}
"""A reward that an outlier has taken in."""


def reward(prompt: str, response: str) -> float:
    return TAKEN_IN.get(response, 2.0)


def linked(strategy: str) -> TPORunnable:
    model = ScriptedModelWithN(reply=lambda step, messages, number: DRAWN[number % 3])
    settings = TPOSettings(strategy=strategy, width=3, depth=0)
    return TPORunnable(model=model, reward=reward, settings=settings)


@pytest.mark.parametrize(
    ("strategy", "answer"),
    [("tpo", DRAWN[0]), ("tpo:agreed=1", DRAWN[0]), ("tpo:agreed=3", DRAWN[1])],
)
def test_the_answer_is_what_most_agree_with_among_the_best(strategy: str, answer: str) -> None:
    result = linked(strategy).optimize("Wood?")

    assert result.answer == answer
    assert result.reward == reward("", answer)
    assert result.pool[result.chosen]["text"] == answer
    assert linked(strategy).invoke("Wood?").text == answer
    assert linked(strategy).invoke("Wood?").response_metadata["tpo"]["reward"] == result.reward


async def test_events_state_and_message_name_the_same_answer() -> None:
    told: list[dict[str, object]] = []
    graph = build_tpo_graph(
        linked("tpo:agreed=3").model,
        reward,
        settings=TPOSettings(
            strategy="tpo:agreed=3", width=3, depth=0, min_contrast=None, progress_text=True
        ),
    ).compile()
    async for mode, part in graph.astream(
        {"messages": [("human", "Wood?")]}, stream_mode=["custom", "values"]
    ):
        if mode == "custom":
            told.append(part)
        else:
            state = part

    assert [event["text"] for event in told if event["event"] == "tpo_end"] == [DRAWN[1]]
    assert isinstance(state["messages"][-1], AIMessage)
    assert state["messages"][-1].text == DRAWN[1]
    assert state["tpo"]["pool"][state["tpo"]["answer"]]["text"] == DRAWN[1]


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_every_strategy_can_choose_by_agreement(name: str) -> None:
    pool = [Candidate(text=text, reward=reward("", text), round=0) for text in DRAWN]

    assert STRATEGIES[name](agreed=3).answer(pool) == 1
    assert STRATEGIES[name]().answer(pool) == 0


def test_what_is_cut_or_not_scored_neither_wins_nor_speaks_of_the_unscored() -> None:
    cut = Candidate(text=DRAWN[1], reward=8.0, round=0, demoted=True)
    pool = [cut, *(Candidate(text=text, reward=1.0, round=0) for text in ("a b c", "a b d"))]
    unscored = Candidate(text="a b d", reward=None, round=0)

    assert Strategy(agreed=3).answer(pool) == 1
    assert Strategy(agreed=3).answer([*pool, unscored]) == 2
    assert Strategy(agreed=3).answer([cut]) == 0
    assert Strategy(agreed=3).answer([unscored]) is None


def test_texts_without_words_agree_with_each_other_alone() -> None:
    assert most_agreed(["...", "Oil it.", "!"], among=[1, 0, 2]) == 0
    assert most_agreed(["Oil it."], among=[0]) == 0


class Beside(Strategy):
    """Chooses what is not there."""

    def answer(self, pool: object) -> int:
        return 17


def test_an_answer_that_the_pool_does_not_have_is_one_line() -> None:
    model = ScriptedModelWithN(reply=lambda step, messages, number: DRAWN[number % 3])
    settings = TPOSettings(strategy=Beside(), width=3, depth=0)
    link = TPORunnable(model=model, reward=reward, settings=settings)

    with pytest.raises(RunError, match=r"`tpo\.answer` must be an index of the pool of 3, got 17"):
        link.optimize("Wood?")


def test_a_result_is_read_from_an_older_state_without_an_answer() -> None:
    pool = [Candidate(text="Oil it.", reward=1.0, round=0)]
    state = {"pool": pool, "rounds": [], "drops": [], "steps": [], "stop_reason": "depth"}

    assert TPOResult.from_state(state).answer == "Oil it."  # type: ignore[arg-type] # older
