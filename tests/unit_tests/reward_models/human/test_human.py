import json
from typing import Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command

from langchain_tpo.errors import RewardError, SettingsError
from langchain_tpo.reward_models.base import asks_a_person
from langchain_tpo.reward_models.combined.cascade import Cascade
from langchain_tpo.reward_models.combined.ensemble import Ensemble
from langchain_tpo.reward_models.combined.length_penalty import LengthPenalty
from langchain_tpo.reward_models.human.human import HumanReward
from langchain_tpo.reward_models.interface import RewardModel, Score
from langchain_tpo.reward_models.judges.chat_judge import ChatJudge
from tests.unit_tests.reward_models.judges.judge_fakes import (
    BOTH_WAYS,
    judge_model,
    request_for,
    rewards_of,
    score,
)

THREAD: RunnableConfig = {"configurable": {"thread_id": "1"}}
OLD = [
    {"text": "old best", "reward": 3.0, "round": 0},
    {"text": "old", "reward": 2.0, "round": 0},
    {"text": "old worst", "reward": 1.0, "round": 0},
    {"text": "old unscored", "reward": None, "round": 0},
]


class State(TypedDict, total=False):
    responses: list[str]
    pool: list[dict[str, Any]]
    scores: list[Score]


class Studio:
    """A graph of two steps, one that draws and one that judges, and what it was asked."""

    def __init__(self, run: str, reward: RewardModel, pool: list[dict[str, Any]]) -> None:
        self.run, self.reward, self.pool = run, reward, pool
        self.drawn = 0
        judge = self.judge if run == "invoke" else self.ajudge
        builder = StateGraph(State).add_node("sample", self.sample).add_node("reward", judge)
        builder.add_edge(START, "sample").add_edge("sample", "reward")
        self.graph = builder.compile(checkpointer=InMemorySaver())

    def sample(self, state: State) -> State:
        self.drawn += 1
        return {"responses": ["new", "newer", "new"], "pool": self.pool}

    def judge(self, state: State) -> State:
        return {"scores": self.reward.invoke(self.request(state))}

    async def ajudge(self, state: State) -> State:
        return {"scores": await self.reward.ainvoke(self.request(state))}

    def request(self, state: State) -> Any:
        return request_for(*state["responses"], pool=state["pool"])

    async def send(self, value: Any) -> Any:
        """Start or resume; give the question when the run pauses, else the rewards."""
        if self.run == "invoke":
            result = self.graph.invoke(value, THREAD)
        else:
            result = await self.graph.ainvoke(value, THREAD)
        if "__interrupt__" in result:
            return result["__interrupt__"][0].value
        return rewards_of(result["scores"])

    async def answer(self, value: Any) -> Any:
        return await self.send(Command(resume=value))


@BOTH_WAYS
@pytest.mark.parametrize(
    ("mode", "answer", "expected"),
    [("pick", 2, [0, 1, 0]), ("rank", [2, 1], [0, 1, 0]), ("score", [7, 4.5], [7, 4.5, 7])],
)
async def test_the_run_pauses_and_goes_on_with_the_answer(
    run: str, mode: Any, answer: Any, expected: list[float]
) -> None:
    studio = Studio(run, HumanReward(mode=mode), [])
    question = await studio.send({})
    assert question["mode"] == mode
    assert question["conversation"] == "Why is the sky blue?"
    assert question["candidates"] == [
        {"text": "new", "number": 1},
        {"text": "newer", "number": 2},
    ]
    assert json.loads(json.dumps(question)) == question
    assert await studio.answer(answer) == expected
    assert studio.drawn == 1


@BOTH_WAYS
async def test_wrong_answers_are_asked_again_and_the_run_is_kept(run: str) -> None:
    studio = Studio(run, HumanReward(mode="rank"), [])
    assert (await studio.send({}))["problem"] is None
    assert "once, the best first" in (await studio.answer([2, 2]))["problem"]
    assert "neither a number" in (await studio.answer("the second"))["problem"]
    assert await studio.answer([2, 1]) == [0, 1, 0]
    assert studio.drawn == 1


@BOTH_WAYS
async def test_an_inbox_can_show_the_question_and_send_the_answer(run: str) -> None:
    studio = Studio(run, HumanReward(mode="score", scale=5), [])
    question = await studio.send({})
    assert question["action_request"] == {"action": "score candidates", "args": {}}
    assert [name for name, allowed in question["config"].items() if allowed] == ["allow_respond"]
    assert question["scale"] == 5
    for shown in ("from 0 to 5", "Why is the sky blue?", "## Candidate 2\n\nnewer"):
        assert shown in question["description"]

    again = await studio.answer([{"type": "response", "args": "9, 1"}])
    assert again["description"].startswith(f"**{again['problem']}**")
    assert await studio.answer([{"type": "response", "args": "4, 1"}]) == [4, 1, 4]


@BOTH_WAYS
async def test_a_later_round_shows_best_and_worst_so_far(run: str) -> None:
    studio = Studio(run, HumanReward(mode="rank"), OLD)
    question = await studio.send({})
    assert question["candidates"][2:] == [
        {"text": "old best", "standing": "best so far", "number": 3},
        {"text": "old worst", "standing": "worst so far", "number": 4},
    ]
    assert await studio.answer([2, 3, 1, 4]) == [2.0, 4.0, 2.0]


@BOTH_WAYS
async def test_a_later_pick_is_between_the_new_ones_and_the_best_so_far(run: str) -> None:
    studio = Studio(run, HumanReward(mode="pick"), OLD)
    question = await studio.send({})
    assert [one["text"] for one in question["candidates"]] == ["new", "newer", "old best"]
    assert await studio.answer(3) == [1.0, 1.0, 1.0]


async def test_scores_show_earlier_ones_for_comparison_only() -> None:
    studio = Studio("invoke", HumanReward(mode="score", scale=5), OLD)
    question = await studio.send({})
    assert "from 0 to 5" in question["instructions"]
    assert question["candidates"][2] == {
        "text": "old best",
        "standing": "best so far",
        "reward": 3.0,
    }
    assert await studio.answer([5, None]) == [5.0, None, 5.0]


async def test_whoever_scores_all_that_is_shown_is_told_which_are_to_be_scored() -> None:
    studio = Studio("invoke", HumanReward(mode="score"), OLD)
    question = await studio.send({})
    assert "for each candidate that has a number" in question["instructions"]

    again = await studio.answer([1.0 for _ in question["candidates"]])
    assert again["problem"] == (
        "Expected 2 scores, one for each candidate that has a number, got 4."
    )
    numbered = [one for one in question["candidates"] if "number" in one]
    assert await studio.answer([1.0 for _ in numbered]) == [1.0, 1.0, 1.0]


async def test_what_was_judged_before_is_not_asked_again() -> None:
    pool = [
        {"text": "new", "reward": 2.0, "round": 0},
        {"text": "newer", "reward": 1.0, "round": 0},
    ]
    assert await Studio("invoke", HumanReward(), pool).send({}) == [2.0, 1.0, 2.0]


async def test_equal_rewards_leave_one_reference() -> None:
    pool = [{"text": "x", "reward": 1.0, "round": 0}, {"text": "y", "reward": 1.0, "round": 0}]
    question = await Studio("invoke", HumanReward(), pool).send({})
    assert [one.get("standing") for one in question["candidates"]] == [None, None, "best so far"]


@BOTH_WAYS
async def test_other_members_of_an_ensemble_are_paid_once(run: str) -> None:
    model = judge_model(lambda prompt: {"rationale": "", "score": 3})
    person = HumanReward(mode="score").with_config(tags=["desk 1"])
    capped = LengthPenalty(HumanReward(mode="pick"), per_word=0)
    reward = Ensemble({"judge": ChatJudge(model), "person": person, "second": capped})
    studio = Studio(run, reward, [])
    assert (await studio.send({}))["mode"] == "score"
    assert (await studio.answer([7]))["problem"] is not None
    assert (await studio.answer([7, 4]))["mode"] == "pick"
    assert model.asked.prompts == []
    assert await studio.answer(1) == pytest.approx([11 / 3, 7 / 3, 11 / 3])
    assert len(model.asked.prompts) == 2
    assert studio.drawn == 1


@BOTH_WAYS
async def test_a_person_behind_a_judge_is_asked_about_what_passed_before_the_pause(
    run: str,
) -> None:
    verdicts = iter([1, 5, 5, 1])  # another run of the judge would let the other response pass
    model = judge_model(lambda prompt: {"rationale": "", "score": next(verdicts)})
    judge = ChatJudge(model).with_config(max_concurrency=1)
    person = HumanReward(mode="score")
    studio = Studio(run, Cascade(judge, person, passes=4, enough=9), [])

    assert (await studio.send({}))["candidates"] == [{"text": "newer", "number": 1}]
    assert (await studio.answer([11]))["problem"] is not None
    assert await studio.answer([9]) == [1, 5, 1]
    assert len(model.asked.prompts) == 2


@BOTH_WAYS
async def test_people_in_front_of_and_behind_each_other_get_answers_of_their_own(run: str) -> None:
    model = judge_model(lambda prompt: {"rationale": "", "score": 3})
    front = Ensemble({"judge": ChatJudge(model), "person": HumanReward(mode="score")})
    behind = HumanReward(mode="pick")
    studio = Studio(run, Cascade(front, behind, passes=3, enough=1), [])

    assert (await studio.send({}))["mode"] == "score"
    assert model.asked.prompts == []
    question = await studio.answer([2, 9])
    assert (question["mode"], [one["text"] for one in question["candidates"]]) == (
        "pick",
        ["newer"],
    )
    assert await studio.answer(1) == [2.5, 4, 2.5]
    assert len(model.asked.prompts) == 2


def test_who_asks_a_person_is_known_through_wrappers() -> None:
    human = HumanReward()
    assert asks_a_person(human.with_retry())
    assert asks_a_person(Ensemble({"x": LengthPenalty(human, per_word=1)}))
    assert not asks_a_person(Ensemble({"x": lambda prompt, response: 1.0}))


@BOTH_WAYS
@pytest.mark.parametrize("config", [None, THREAD])
async def test_outside_a_graph_it_says_what_is_missing(
    run: str, config: RunnableConfig | None
) -> None:
    with pytest.raises(RewardError, match="checkpointer") as refusal:
        await score(run, HumanReward(), request_for("a"), config)
    assert "\n" not in str(refusal.value)


def test_without_a_checkpointer_it_says_what_is_missing() -> None:
    def judge(state: State) -> State:
        return {"scores": HumanReward().invoke(request_for("a"))}

    graph = StateGraph(State).add_node(judge).add_edge(START, "judge").compile()
    with pytest.raises(RewardError, match="thread_id"):
        graph.invoke({})


@BOTH_WAYS
async def test_nobody_is_asked_about_nothing(run: str) -> None:
    assert await score(run, HumanReward(), request_for()) == []


def test_wrong_options_are_refused_in_one_line() -> None:
    with pytest.raises(SettingsError, match="`mode` of HumanReward") as refusal:
        HumanReward(mode="vote")  # type: ignore[arg-type]
    assert "\n" not in str(refusal.value)
    with pytest.raises(SettingsError, match="`scale` of HumanReward"):
        HumanReward(scale=0)
