"""Algorithm 1 as the caller sees it: calls, order, pool, answer."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda

from langchain_tpo import TPOResult, TPORunnable, TPOSettings
from langchain_tpo.errors import NoResponseError, NothingScoredError
from tests.support.fakes import ScriptedModel, ScriptedModelWithN, last_number, obedient

STEPS = ["sample", "textual_loss", "textual_gradient", "update"]


@pytest.fixture(params=["optimize", "aoptimize"])
def optimize(request: pytest.FixtureRequest) -> Any:
    """Run the same body in sync and in async."""

    async def run(tpo: TPORunnable, value: Any, config: Any = None) -> TPOResult:
        if request.param == "optimize":
            return tpo.optimize(value, config)
        return await tpo.aoptimize(value, config)

    return run


@pytest.mark.parametrize(("width", "depth"), [(5, 2), (5, 5), (20, 5), (2, 1), (3, 0), (1, 0)])
async def test_a_run_makes_n_plus_d_times_two_plus_n_completions(
    optimize: Any, width: int, depth: int
) -> None:
    model = ScriptedModel()
    tpo = TPORunnable(model=model, reward=last_number, width=width, depth=depth)

    result = await optimize(tpo, "How do I care for a wooden table?")

    assert model.notebook.completions() == width + depth * (2 + width)
    assert model.notebook.completions() == tpo.settings.completions
    assert result.usage["completions"] == tpo.settings.completions
    assert len(result.pool) == width * (depth + 1)
    assert len(result.rounds) == depth
    assert result.stop_reason == "depth"


async def test_n_draws_are_one_request_where_the_model_takes_n(optimize: Any) -> None:
    model = ScriptedModelWithN()

    result = await optimize(TPORunnable(model=model, reward=last_number), "Wood?")

    assert [(call.step, call.n) for call in model.notebook.calls] == [
        ("sample", 5),
        *[("textual_loss", 1), ("textual_gradient", 1), ("update", 5)] * 2,
    ]
    assert result.usage["requests"] == 7
    assert result.usage["completions"] == 19


async def test_n_draws_are_n_requests_when_asked_so(optimize: Any) -> None:
    model = ScriptedModelWithN()
    settings = TPOSettings(one_request=False)

    await optimize(TPORunnable(model=model, reward=last_number, settings=settings), "Wood?")

    assert [call.n for call in model.notebook.calls] == [1] * 19


async def test_a_server_that_ignores_n_is_asked_for_the_rest(optimize: Any) -> None:
    class IgnoresN(ScriptedModelWithN):
        def _result(self, call: Any) -> Any:
            result = super()._result(call)
            result.generations = result.generations[:1]
            return result

    model = IgnoresN()

    result = await optimize(TPORunnable(model=model, reward=last_number, depth=0), "Wood?")

    assert [call.n for call in model.notebook.calls] == [5, 1, 1, 1, 1]
    assert len(result.pool) == 5


async def test_steps_wait_for_each_other_in_the_papers_order(optimize: Any) -> None:
    model = ScriptedModelWithN()

    result = await optimize(TPORunnable(model=model, reward=last_number, depth=3), "Wood?")

    assert model.notebook.steps() == [STEPS[0], *STEPS[1:] * 3]
    assert [(step["step"], step["round"]) for step in result.steps] == [
        ("sample", 0),
        ("reward", 0),
        *[
            (step, number)
            for number in (1, 2, 3)
            for step in ("textual_loss", "textual_gradient", "update", "reward")
        ],
    ]


async def test_chosen_and_rejected_come_from_the_whole_pool(optimize: Any) -> None:
    """Round 1 finds neither a better nor a worse response: round 2 works on round 0's."""
    rewards = {"sample 0": 9.0, "sample 1": 1.0}
    model = ScriptedModelWithN()
    tpo = TPORunnable(model=model, reward=lambda _, text: rewards.get(text, 5.0), width=2)

    result = await optimize(tpo, "Wood?")

    assert [(one["chosen"], one["rejected"]) for one in result.rounds] == [(0, 1), (0, 1)]
    assert result.answer == "sample 0"
    second_loss = model.notebook.calls[4]
    assert second_loss.messages[-1].text == "sample 0"
    assert "<REJECTED_RESPONSE>sample 1</REJECTED_RESPONSE>" in second_loss.messages[0].text


async def test_the_earliest_of_equals_is_chosen_and_rejected(optimize: Any) -> None:
    rewards = {0: 1.0, 1: 0.0, 2: 1.0, 3: 0.0}
    tpo = TPORunnable(
        model=ScriptedModelWithN(),
        reward=lambda _, text: rewards[int(last_number("", text))],
        settings=TPOSettings(width=4, depth=0),
    )

    result = await optimize(tpo, "Wood?")

    assert result.answer == "sample 0"
    deeper = TPORunnable(
        model=ScriptedModelWithN(),
        reward=lambda _, text: rewards.get(int(last_number("", text)), 0.5),
        width=4,
        depth=1,
    )
    assert (await optimize(deeper, "Wood?")).rounds[0] == {
        "chosen": 0,
        "rejected": 1,
        "textual_loss": "textual_loss 4",
        "textual_gradient": "textual_gradient 5",
    }


async def test_the_answer_is_never_worse_than_the_best_first_sample(optimize: Any) -> None:
    def falling(_: str, response: str) -> float:
        return -last_number(_, response)

    result = await optimize(TPORunnable(model=ScriptedModel(), reward=falling), "Wood?")

    assert result.reward == 0.0
    assert result.best_rewards == (0.0, 0.0, 0.0)


async def test_depth_zero_is_best_of_n(optimize: Any) -> None:
    model = ScriptedModelWithN()

    result = await optimize(TPORunnable(model=model, reward=last_number, depth=0), "Wood?")

    assert model.notebook.steps() == ["sample"]
    assert (result.answer, result.rounds, result.stop_reason) == ("sample 4", (), "depth")


async def test_revision_prompts_never_show_the_rejected_response(optimize: Any) -> None:
    model = ScriptedModelWithN()
    settings = TPOSettings(strategy="revision", depth=1)
    tpo = TPORunnable(model=model, reward=last_number, settings=settings)

    result = await optimize(tpo, "Wood?")

    prompts = [message.text for call in model.notebook.calls[1:] for message in call.messages]
    assert model.notebook.steps() == STEPS
    assert not any("sample 0" in prompt or "reject" in prompt.lower() for prompt in prompts)
    assert result.rounds[0]["rejected"] == 0


async def test_a_critic_writes_loss_and_gradient_and_nothing_else(optimize: Any) -> None:
    policy, critic = ScriptedModelWithN(), ScriptedModelWithN()

    await optimize(TPORunnable(model=policy, reward=last_number, critic=critic), "Wood?")

    assert policy.notebook.steps() == ["sample", "update", "update"]
    assert critic.notebook.steps() == ["textual_loss", "textual_gradient"] * 2


async def test_drafts_compete_in_round_zero(optimize: Any) -> None:
    def prefers_drafts(_: str, response: str) -> float:
        return 100.0 if "draft" in response else last_number(_, response)

    tpo = TPORunnable(model=ScriptedModelWithN(), reward=prefers_drafts, width=2)
    value = {"messages": "Wood?", "drafts": [AIMessage("a draft"), "draft two"]}

    result = await optimize(tpo, value)

    assert [one["text"] for one in result.pool[:4]] == [
        "a draft",
        "draft two",
        "sample 0",
        "sample 1",
    ]
    assert [one.get("draft", False) for one in result.pool[:4]] == [True, True, False, False]
    assert result.answer == "a draft"


async def test_the_whole_conversation_reaches_every_step(optimize: Any) -> None:
    model = ScriptedModelWithN()
    conversation = [
        SystemMessage("Speak like a carpenter."),
        HumanMessage("Is oak hard?"),
        AIMessage("Aye."),
        HumanMessage("How do I care for it?"),
    ]

    await optimize(TPORunnable(model=model, reward=last_number, depth=1), conversation)

    asked = model.notebook.calls[0].messages
    assert [(one.type, one.content) for one in asked] == [
        (one.type, one.content) for one in conversation
    ]
    assert [one.id for one in conversation] == [None] * 4, "the caller's own stay as they were"
    for call in model.notebook.calls[1:]:
        prompt = "\n".join(message.text for message in call.messages)
        for said in ("Speak like a carpenter.", "Is oak hard?", "Aye.", "How do I care for it?"):
            assert said in prompt, (call.step, said)


async def test_images_reach_the_policy_and_the_critic(optimize: Any) -> None:
    model = ScriptedModelWithN()
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    question = HumanMessage([{"type": "text", "text": "What wood is this?"}, image])

    await optimize(TPORunnable(model=model, reward=last_number, depth=1), [question])

    for call in model.notebook.calls:
        assert image in call.messages[-1].content, call.step


async def test_seeds_differ_between_all_draws_of_a_run(optimize: Any) -> None:
    model = ScriptedModel()
    settings = TPOSettings(width=3, depth=2, seed=100)

    await optimize(TPORunnable(model=model, reward=last_number, settings=settings), "Wood?")

    seeds = [c.kwargs["seed"] for c in model.notebook.calls if c.step in ("sample", "update")]
    assert sorted(seeds) == list(range(100, 109))


async def test_identical_texts_are_scored_once(optimize: Any) -> None:
    asked: list[str] = []

    def parrot(step: str, _: Any, number: int) -> str:
        text = "same 1" if number < 2 else "other 2"
        return f"<IMPROVED_VARIABLE>{text}</IMPROVED_VARIABLE>" if step == "update" else text

    def reward(_: str, response: str) -> float:
        asked.append(response)
        return last_number(_, response)

    tpo = TPORunnable(model=ScriptedModel(reply=parrot), reward=reward, width=3, depth=1)

    result = await optimize(tpo, "Wood?")

    assert sorted(asked) == ["other 2", "same 1"]
    assert [one["reward"] for one in result.pool] == [
        last_number("", one["text"]) for one in result.pool
    ]


@pytest.mark.parametrize("nothing", [None, float("nan"), float("inf"), -float("inf")])
async def test_a_response_without_a_score_is_kept_and_never_chosen_or_rejected(
    optimize: Any, nothing: float | None
) -> None:
    def partly(_: str, response: str) -> float | None:
        return nothing if response == "sample 4" else last_number(_, response)

    result = await optimize(
        TPORunnable(model=ScriptedModelWithN(), reward=partly, depth=1), "Wood?"
    )

    assert result.pool[4] == {"text": "sample 4", "reward": None, "round": 0}
    assert (result.rounds[0]["chosen"], result.rounds[0]["rejected"]) == (3, 0)
    assert [drop["reason"] for drop in result.drops] == ["not_scored"]


async def test_a_run_without_any_score_says_so(optimize: Any) -> None:
    tpo = TPORunnable(model=ScriptedModelWithN(), reward=lambda _, __: None)

    with pytest.raises(NothingScoredError, match="scored none of 5 responses"):
        await optimize(tpo, "Wood?")


async def test_equal_rewards_leave_nothing_to_explain(optimize: Any) -> None:
    model = ScriptedModelWithN()

    result = await optimize(TPORunnable(model=model, reward=lambda _, __: 1.0), "Wood?")

    assert result.stop_reason == "no_contrast"
    assert model.notebook.steps() == ["sample"]
    assert result.answer == "sample 0"


async def test_a_round_of_unusable_updates_ends_the_run_with_the_best_so_far(
    optimize: Any,
) -> None:
    def no_tags(step: str, messages: Any, number: int) -> str:
        return "Sorry, no." if step == "update" else obedient(step, messages, number)

    model = ScriptedModelWithN(reply=no_tags)

    result = await optimize(TPORunnable(model=model, reward=last_number), "Wood?")

    assert (result.stop_reason, result.answer) == ("no_usable_update", "sample 4")
    assert [drop["reason"] for drop in result.drops] == ["no_tag"] * 5
    assert result.drops[0]["detail"] == "Sorry, no."
    assert model.notebook.steps() == STEPS


async def test_failed_draws_are_dropped_and_counted_while_enough_are_left(optimize: Any) -> None:
    def flaky(step: str, messages: Any, number: int) -> str:
        if number in (1, 3, 4):
            raise ConnectionError("reset by peer")
        return obedient(step, messages, number)

    result = await optimize(TPORunnable(model=ScriptedModel(reply=flaky), reward=last_number), "?")

    assert len([one for one in result.pool if one["round"] == 0]) == 2
    assert [(d["step"], d["reason"], d["detail"]) for d in result.drops] == [
        ("sample", "failed", "ConnectionError: reset by peer")
    ] * 3
    assert result.stop_reason == "depth"
    assert result.usage["requests"] == 19


async def test_too_few_answered_first_draws_raise_the_providers_own_error(optimize: Any) -> None:
    def flaky(step: str, messages: Any, number: int) -> str:
        if number > 0:
            raise ConnectionError("reset by peer")
        return obedient(step, messages, number)

    with pytest.raises(ConnectionError) as raised:
        await optimize(TPORunnable(model=ScriptedModel(reply=flaky), reward=last_number), "?")

    assert str(raised.value) == "reset by peer"


async def test_best_of_n_is_content_with_one_response(optimize: Any) -> None:
    def flaky(step: str, messages: Any, number: int) -> str:
        if number > 0:
            raise ConnectionError("reset by peer")
        return obedient(step, messages, number)

    tpo = TPORunnable(model=ScriptedModel(reply=flaky), reward=last_number, depth=0)

    assert (await optimize(tpo, "?")).answer == "sample 0"


async def test_empty_first_responses_say_what_to_look_at(optimize: Any) -> None:
    tpo = TPORunnable(model=ScriptedModel(reply=lambda *_: "  "), reward=last_number)

    with pytest.raises(NoResponseError, match="0 of 5 first responses held any text"):
        await optimize(tpo, "Wood?")


@pytest.mark.parametrize("broken", ["textual_loss", "textual_gradient", "update"])
async def test_a_later_failure_returns_the_best_so_far_and_keeps_the_error(
    optimize: Any, broken: str
) -> None:
    def breaks(step: str, messages: Any, number: int) -> str:
        if step == broken and number > 8:
            raise TimeoutError("too slow")
        return obedient(step, messages, number)

    result = await optimize(TPORunnable(model=ScriptedModel(reply=breaks), reward=last_number), "?")

    assert result.stop_reason == "error"
    assert result.failure is not None
    assert (result.failure["step"], result.failure["type"]) == (broken, "TimeoutError")
    assert result.failure["message"] == "too slow"
    assert result.reward == max(one["reward"] for one in result.pool if one["reward"] is not None)


async def test_a_later_failure_of_the_reward_returns_the_best_so_far(optimize: Any) -> None:
    def reward(_: str, response: str) -> float:
        if "revision" in response:
            raise ConnectionError("reward server gone")
        return last_number(_, response)

    result = await optimize(TPORunnable(model=ScriptedModel(), reward=reward), "?")

    assert (result.stop_reason, result.answer[:6]) == ("error", "sample")
    assert result.failure is not None
    assert (result.failure["step"], result.failure["round"]) == ("reward", 1)


async def test_a_later_failure_raises_when_asked_to(optimize: Any) -> None:
    def breaks(step: str, messages: Any, number: int) -> str:
        if step == "textual_gradient":
            raise TimeoutError("too slow")
        return obedient(step, messages, number)

    tpo = TPORunnable(
        model=ScriptedModel(reply=breaks),
        reward=last_number,
        settings=TPOSettings(on_error="raise"),
    )

    with pytest.raises(TimeoutError, match="too slow"):
        await optimize(tpo, "?")


async def test_rationales_of_the_reward_reach_the_loss(optimize: Any) -> None:
    model = ScriptedModelWithN()
    explained = RunnableLambda(
        lambda request: [
            {"reward": last_number("", text), "rationale": f"{text} is that good"}
            for text in request["responses"]
        ]
    )

    await optimize(TPORunnable(model=model, reward=explained, depth=1, width=2), "Wood?")

    loss = model.notebook.calls[1].messages[0].text
    assert "What the scorer said of the chosen answer: sample 1 is that good" in loss
    assert "What the scorer said of the rejected answer: sample 0 is that good" in loss


async def test_sampling_options_reach_the_calls_they_are_for(optimize: Any) -> None:
    model = ScriptedModelWithN()

    await optimize(
        TPORunnable(model=model, reward=last_number, settings=TPOSettings.paper(depth=1)), "Wood?"
    )

    draws = {"temperature": 0.7, "top_p": 0.95, "max_tokens": 2048}
    critique = {"temperature": 0.7, "top_p": 0.99, "max_tokens": 8192}
    assert [call.kwargs for call in model.notebook.calls] == [draws, critique, critique, draws]
    assert [call.n for call in model.notebook.calls] == [5, 1, 1, 5]


async def test_without_a_preset_the_models_own_sampling_is_left_alone(optimize: Any) -> None:
    model = ScriptedModel()

    await optimize(TPORunnable(model=model, reward=last_number, depth=1), "Wood?")

    assert all(call.kwargs == {} for call in model.notebook.calls)


async def test_usage_sums_over_policy_critic_and_judge(optimize: Any) -> None:
    judge = ScriptedModel(reply=lambda *_: "fine answer")

    def judged(request: Any, config: RunnableConfig) -> list[float]:
        judge.batch([[HumanMessage(text)] for text in request["responses"]], config)
        return [last_number("", text) for text in request["responses"]]

    model = ScriptedModelWithN()
    tpo = TPORunnable(
        model=model, reward=RunnableLambda(judged), settings=TPOSettings(width=2, depth=1)
    )

    result = await optimize(tpo, "one two three")

    judging = [step["usage"] for step in result.steps if step["step"] == "reward"]
    assert [usage["requests"] for usage in judging] == [2, 2]
    assert [usage["output_tokens"] for usage in judging] == [4, 4]
    written = {"sample": 4, "textual_loss": 2, "textual_gradient": 2, "update": 4}
    by_step = {s["step"]: s["usage"]["output_tokens"] for s in result.steps}
    assert by_step == {**written, "reward": 4}
    assert result.usage["output_tokens"] == 4 + 2 + 2 + 4 + 8
    assert result.usage["requests"] == 4 + 4


async def test_usage_is_unknown_when_a_provider_does_not_say(optimize: Any) -> None:
    critic = ScriptedModel(reports_usage=False)

    result = await optimize(
        TPORunnable(model=ScriptedModelWithN(), reward=last_number, critic=critic), "Wood?"
    )

    assert result.usage["output_tokens"] is None
    assert result.message().usage_metadata is None
    assert result.usage["completions"] == 19
