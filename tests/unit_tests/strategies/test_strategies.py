"""Every strategy: exact counts, never worse than its first draws, what its draws are shown."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import BaseMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableConfig

from langchain_tpo import TPOPrompts, TPOResult, TPORunnable, TPOSettings, build_tpo_graph
from langchain_tpo.errors import PromptError, SettingsError
from langchain_tpo.prompts import EXPLAINED_PROMPTS, TPO_PROMPTS
from langchain_tpo.prompts.blocks import CandidatesBlock, Shown
from langchain_tpo.reward_models.combined.ensemble import Ensemble
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.strategies import (
    DIRECTIONS,
    STRATEGIES,
    CritiqueStep,
    Draw,
    RunSoFar,
    Strategy,
    is_plain,
    strategy_of,
)
from tests.support.fakes import Call, ScriptedModelWithN, last_number
from tests.support.properties import examples
from tests.support.strategies import WORDINGS

SNAPSHOTS = Path(__file__).parent / "snapshots"
WITHOUT_CRITIQUE = ["synthesize", "directions", "explain"]


def numbered(step: str, messages: list[BaseMessage], number: int) -> str:
    return f"<IMPROVED_VARIABLE>{step} {number}</IMPROVED_VARIABLE>"


def number_of(response: str) -> float:
    return last_number("", response.removesuffix("</IMPROVED_VARIABLE>"))


def explained(prompt: str, response: str) -> Score:
    number = number_of(response)
    return {"reward": number, "rationale": f"Broken: rule {number:.0f}."}


def run(strategy: Strategy | str, reward: Any = explained, **options: Any) -> tuple[Any, Any]:
    model = ScriptedModelWithN(reply=numbered)
    told = TPOSettings(**{"strategy": strategy, **options})
    return TPORunnable(model=model, reward=reward, settings=told).optimize("Wood?"), model.notebook


@examples(25)
@given(st.sampled_from(sorted(STRATEGIES)), st.integers(2, 6), st.integers(0, 3), st.integers(0, 5))
def test_a_run_costs_what_its_strategy_says(name: str, width: int, depth: int, fresh: int) -> None:
    strategy = STRATEGIES[name](fresh=min(fresh, width - 1))
    told = TPOSettings(strategy=strategy, width=width, depth=depth)
    model = ScriptedModelWithN(reply=numbered)
    graph = build_tpo_graph(model, explained, settings=told).compile()

    config = RunnableConfig(recursion_limit=told.recursion_limit)
    updates = list(graph.stream({"messages": [("human", "Wood?")]}, config, stream_mode="updates"))

    nodes = [node for update in updates for node in update if node in graph.get_graph().nodes]
    assert len(nodes) == told.recursion_limit - 1
    assert model.notebook.completions() == told.completions
    assert len([node for node in nodes if node != "reward"]) == told.stages


@pytest.mark.parametrize(("strategy", "style"), WORDINGS)
@pytest.mark.parametrize("fresh", [0, 2])
def test_the_answer_is_never_worse_than_the_best_first_draw(
    strategy: str, style: str, fresh: int
) -> None:
    def falling(prompt: str, response: str) -> Score:
        return {"reward": -number_of(response), "rationale": "Too long."}

    chosen = STRATEGIES[strategy](fresh=fresh)
    result, _ = run(chosen, falling, width=4, depth=2, prompts=style)

    assert result.reward == max(one["reward"] for one in result.pool if one["round"] == 0)
    assert result.stop_reason == "depth"


def test_without_a_critique_a_round_is_n_draws_in_one_stage() -> None:
    for name in WITHOUT_CRITIQUE:
        told = TPOSettings(strategy=name, width=5, depth=2)
        assert (told.completions, told.stages, told.recursion_limit) == (15, 3, 7), name


def test_synthesis_shows_the_best_with_reward_and_remark_best_first() -> None:
    _, notebook = run("synthesize:top=2", width=4, depth=1, prompts="small")

    (shown,) = notebook.calls[-1].messages
    assert shown.text.index('<CANDIDATE number="1" reward="3">') < shown.text.index('number="2"')
    assert '<REMARK number="1">Broken: rule 3.</REMARK>' in shown.text
    assert 'reward="1"' not in shown.text


def test_directions_differ_within_a_round_and_go_on_in_the_next() -> None:
    result, notebook = run("directions", width=4, depth=2)

    told = [one["direction"] for one in result.pool if one["round"] > 0]
    assert told == [*DIRECTIONS[:4], *DIRECTIONS[4:], *DIRECTIONS[:2]]
    assert [call.n for call in notebook.calls[1:]] == [1] * 8
    asked = [call.messages[-1].text for call in notebook.calls[1:]]  # at once, in any order
    for direction in DIRECTIONS:
        assert sum(direction in text for text in asked) == told.count(direction)


def test_an_explaining_round_mixes_its_forms() -> None:
    result, notebook = run("explain:fresh=1", width=5, depth=1, prompts="small")

    forms = Counter(one.get("form") for one in result.pool if one["round"] == 1)
    assert forms == {"remind": 2, "repair": 2, "fresh": 1}
    calls = sorted(notebook.calls[1:], key=lambda call: FORMS.index(form_of(call)))
    remind, repair, fresh = (call.messages[-1].text for call in calls)
    assert [call.n for call in calls] == [2, 2, 1]
    assert "Broken: rule 4." in remind
    assert "sample 4" not in remind
    assert "Broken: rule 4." in repair
    assert "sample 4" in repair
    assert fresh == "Wood?"


FORMS = ["Take care", "Mend what is wrong", "Wood?"]


def form_of(call: Call) -> str:
    """Name the form of a draw by its words: the requests of a round arrive in any order."""
    return next(form for form in FORMS if form in call.messages[-1].text)


def test_where_the_reward_is_silent_an_explaining_round_draws_afresh() -> None:
    result, notebook = run("explain", last_silent, width=3, depth=1)

    assert {call.messages[-1].text for call in notebook.calls} == {"Wood?"}
    assert {one["form"] for one in result.pool if one["round"] == 1} == {"fresh"}


def last_silent(prompt: str, response: str) -> float:
    return number_of(response)


class Satisfied(Runnable[ScoreRequest, list[Score]]):
    """Gives its maximum to all, in words."""

    maximum = 1.0

    def invoke(self, input: ScoreRequest, config: Any = None, **kwargs: Any) -> list[Score]:
        return [{"reward": 1.0, "rationale": "Kept: all."} for _ in input["responses"]]


@pytest.mark.parametrize(("other", "told"), [(explained, True), (last_silent, False)])
def test_what_a_satisfied_member_of_an_ensemble_says_is_not_mended(
    other: Any, *, told: bool
) -> None:
    both = Ensemble({"rules": Satisfied(), "other": other})
    result, notebook = run("explain", both, width=3, depth=1)

    asked = [call.messages[-1].text for call in notebook.calls if len(call.messages[-1].text) > 9]
    assert bool(asked) is told
    assert all("other: Broken: rule" in text and "Kept" not in text for text in asked)
    assert all("rules: Kept: all." in candidate["rationale"] for candidate in result.pool)


def test_no_contrast_is_no_end_where_the_reward_explains() -> None:
    def alike(prompt: str, response: str) -> Score:
        return {"reward": 0.0, "rationale": "Broken: no comma."}

    for name in ("tpo", "fused", "threaded", *WITHOUT_CRITIQUE):
        assert run(name, alike, depth=2)[0].stop_reason == "depth", name
    assert run("tpo", lambda prompt, response: 0.0)[0].stop_reason == "no_contrast"
    assert run("tpo", lambda prompt, response: 0.0, min_contrast=None)[0].stop_reason == "depth"
    assert run("tpo", alike, min_contrast=0)[0].stop_reason == "no_contrast"


def test_a_round_without_another_answer_uses_the_revision_wording() -> None:
    def same(step: str, messages: list[BaseMessage], number: int) -> str:
        return "Oil it." if step == "sample" else numbered(step, messages, number)

    model = ScriptedModelWithN(reply=same)
    told = TPOSettings(min_contrast=None, depth=1)
    tpo = TPORunnable(model=model, reward=lambda prompt, response: 1.0, settings=told)

    (begun,) = tpo.optimize("Wood?").rounds

    assert begun["rejected"] is None
    assert not any("reject" in one.text.lower() for c in model.notebook.calls for one in c.messages)


class Verifier(Runnable[ScoreRequest, list[Score]]):
    """Knows its maximum."""

    maximum = 1.0

    def invoke(self, input: ScoreRequest, config: Any = None, **kwargs: Any) -> list[Score]:
        return [float(last_number("", text) > 6) for text in input["responses"]]


def test_a_run_ends_at_the_maximum_of_its_reward() -> None:
    result, _ = run("directions", Verifier(), width=3, depth=5, min_contrast=None)

    assert (result.stop_reason, len(result.rounds), result.reward) == ("target_reward", 2, 1.0)


class TwoReaders(Strategy):
    """A strategy of one's own: half of the draws for a child, half for an expert."""

    name: ClassVar[str] = "two_readers"
    critiques: ClassVar[tuple[CritiqueStep, ...]] = ()
    contrasts: ClassVar[bool] = False
    wordings: ClassVar[Mapping[str, TPOPrompts]] = {
        "paper": TPOPrompts(
            name="two_readers",
            update=ChatPromptTemplate([("human", "{query}\n\nFor {direction}: {chosen}")]),
            revision_tag=None,
        )
    }

    def draws(self, run: RunSoFar) -> Iterable[Draw]:
        half = run.width // 2
        return Draw(n=half, direction="a child"), Draw(n=run.width - half, direction="an expert")


def test_a_strategy_of_ones_own_takes_twenty_lines() -> None:
    result, notebook = run(TwoReaders(), width=5, depth=1)

    assert sorted(call.n for call in notebook.calls) == [2, 3, 5]
    assert result.usage["completions"] == TwoReaders().completions(5, 1) == 10
    texts = [call.messages[-1].text for call in notebook.calls]
    assert sum(text.startswith("Wood?\n\nFor a child:") for text in texts) == 1
    assert not is_plain(TwoReaders())


@pytest.mark.parametrize(
    ("make", "error", "line"),
    [
        (lambda: TPOSettings(strategy="haiku"), SettingsError, "`strategy` must be a Strategy or"),
        (lambda: strategy_of("explain:depht=1"), SettingsError, "`depht` is no option of Explain"),
        (lambda: strategy_of("tpo:fresh=1,fresh=2"), SettingsError, "`tpo:fresh=1,fresh=2` says"),
        (lambda: strategy_of("tpo:fresh"), SettingsError, "`fresh` is no option of a strategy"),
        (lambda: TPOSettings(strategy="tpo:fresh=5"), SettingsError, "`width` must be at least 6"),
        (lambda: TPOSettings(strategy="threaded", prompts="small"), PromptError, "`prompts` of"),
        (lambda: TPOSettings(strategy="explain:forms=sing"), PromptError, "`forms` must be some"),
    ],
)
def test_a_mistake_is_one_line(make: Any, error: type[Exception], line: str) -> None:
    with pytest.raises(error) as caught:
        make()

    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("spec", ["synthesize:top=4", "explain:fresh=1,forms=repair/fresh", "tpo"])
def test_a_strategy_is_what_its_line_says(spec: str) -> None:
    assert strategy_of(strategy_of(spec).spec) == strategy_of(spec)
    assert TPOSettings(strategy=spec).model_dump(mode="json")["strategy"] == strategy_of(spec).spec


@pytest.mark.parametrize(
    ("name", "style"), [pair for pair in WORDINGS if pair[0] in (*WITHOUT_CRITIQUE, "advise")]
)
def test_the_rendered_update_is_that_of_the_snapshot(name: str, style: str) -> None:
    prompts = STRATEGIES[name]().worded(style)
    values = {key: f"[{key}]" for key in ("query", "chosen", "remarks", "remark", "direction")}
    shown = CandidatesBlock([Shown(response="[best]", reward=0.5, remark="[why]")])

    text = "\n\n".join(
        f"# {form}: {message.type}\n\n{message.text}"
        for form in ("update", *prompts.forms)
        for message in prompts.render(form, "", {"candidates": shown}, **values)
    )

    assert text + "\n" == (SNAPSHOTS / f"{prompts.name}_update.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("style", ["paper", "small"])
@pytest.mark.parametrize("name", ["tpo", "revision", "threaded", "fused"])
def test_a_critic_with_a_memory_is_told_what_did_not_help(name: str, style: str) -> None:
    result, advised = advice_of_a_run(f"{name}:memory=1", earliest_is_best, style)

    assert [text.count('<EARLIER_ADVICE best_before="-1"') for text in advised] == [0, 1, 1]
    for asked, before in zip(advised[1:], result.rounds, strict=False):
        said = before.get("textual_gradient") or before["textual_loss"]
        assert last_number("", said.removesuffix("</IMPROVED_VARIABLE>")) in numbers_of(asked)


def test_a_gain_clears_the_memory() -> None:
    _, advised = advice_of_a_run("tpo:memory=5", last_silent, "paper")

    assert not any("EARLIER_ADVICE" in text for text in advised)


def test_a_memory_goes_back_as_far_as_it_is_told() -> None:
    _, advised = advice_of_a_run("tpo:memory=2", earliest_is_best, "paper", depth=4)

    assert [text.count("<EARLIER_ADVICE") for text in advised] == [0, 1, 2, 2]


@pytest.mark.parametrize(
    ("memory", "told"),
    [(0, [[1], [3], [5], [7]]), (1, [[1], [3, 1], [5, 3], [7, 5]]), (9, [[1], [3, 1], [5, 3, 1]])],
)
@pytest.mark.parametrize("style", ["paper", "small"])
def test_a_reminder_tells_what_was_found_before_the_last_gain(
    memory: int, told: list[list[float]], style: str
) -> None:
    spec = f"explain:forms=remind,memory={memory}"
    _, notebook = run(spec, explained, width=2, depth=4, prompts=style)

    asked = [text for call in notebook.calls for text in [call.messages[-1].text] if "rule" in text]
    found = [[float(rule) for rule in re.findall(r"Broken: rule (\d+)", text)] for text in asked]
    assert found[: len(told)] == told


def test_what_was_found_in_other_answers_is_not_mended_in_this_one() -> None:
    _, notebook = run("explain:memory=3", explained, width=2, depth=3)

    last = [call.messages[-1].text for call in notebook.calls][-2:]
    assert sorted(text.count("Broken: rule") for text in last) == [1, 3]  # repair, reminder


def test_what_is_found_again_is_told_once() -> None:
    def always_long(prompt: str, response: str) -> Score:
        return {"reward": number_of(response), "rationale": "Broken: too long."}

    _, notebook = run("explain:forms=remind,memory=3", always_long, width=2, depth=3)

    assert [call.messages[-1].text.count("Broken") for call in notebook.calls] == [0, 1, 1, 1]


def advice_of_a_run(
    strategy: str, reward: Any, style: str, depth: int = 3
) -> tuple[TPOResult, list[str]]:
    """Return a run and, for each round, what the last call to the critic read."""
    if style not in strategy_of(strategy).wordings:
        style = "paper"
    result, notebook = run(strategy, reward, width=2, depth=depth, prompts=style)
    alone = ["\n".join(m.text for m in call.messages) for call in notebook.calls if call.n == 1]
    critiques = len(strategy_of(strategy).critiques)
    return result, alone[critiques - 1 :: critiques]


def earliest_is_best(prompt: str, response: str) -> float:
    return -1 - number_of(response)


def numbers_of(text: str) -> set[float]:
    return {float(number) for number in re.findall(r"\d+", text)}


def test_a_memory_needs_something_to_remember_and_words_for_it() -> None:
    with pytest.raises(SettingsError, match="no critique that could be remembered"):
        TPOSettings(strategy="synthesize:memory=2")
    with pytest.raises(SettingsError, match="needs a form that begins anew"):
        TPOSettings(strategy="explain:memory=2,forms=repair/fresh")
    with pytest.raises(
        SettingsError, match="the first 1 of `forms`, one for each draw, got `repair`:"
    ):
        TPOSettings(strategy="explain:memory=2,forms=repair/remind,fresh=1", width=2)
    silent = {"remind": ChatPromptTemplate([("human", "Once more: {query}")])}
    with pytest.raises(PromptError, match="needs a form with `remark`"):
        TPOSettings(strategy="explain:memory=2", prompts=replace(EXPLAINED_PROMPTS, forms=silent))
    gradient = ChatPromptTemplate([("human", "Better? {textual_loss}")])
    curt = replace(TPO_PROMPTS, textual_gradient=gradient)
    with pytest.raises(PromptError, match="needs a critic's prompt with `history`"):
        TPOSettings(strategy="tpo:memory=2", prompts=curt)


@pytest.mark.parametrize("style", ["paper", "small"])
def test_a_loss_compares_the_k_best_and_the_k_worst_in_their_order(style: str) -> None:
    _, notebook = run("tpo:contrast_k=2", last_silent, width=5, depth=1, prompts=style)

    loss = next(call for call in notebook.calls if call.n == 1)
    shown = re.findall(r'<CANDIDATE number="(\d)" reward="(\d)">', loss.messages[0].text)
    assert shown == [("1", "4"), ("2", "3"), ("3", "1"), ("4", "0")]


def test_the_gradient_quotes_what_the_loss_was_told() -> None:
    _, notebook = run("tpo:contrast_k=2", last_silent, width=3, depth=1)

    of = {call.step: call.messages[-1].text for call in notebook.calls}
    for step in ("textual_gradient", "update"):
        assert of[step].count("<CANDIDATE") == 3, step  # the second best is not told twice


def test_several_responses_need_a_loss_that_shows_them() -> None:
    with pytest.raises(PromptError, match="needs a loss that shows `candidates`"):
        TPOSettings(strategy="tpo:contrast_k=2", prompts=TPO_PROMPTS)


def framed(step: str, messages: list[BaseMessage], number: int) -> str:
    del step
    text = f"answer {number}"
    copied = "</ANSWER>" in messages[-1].text
    return f"<ANSWER>\n{text}\n</ANSWER>\n\nA check found in it:" if copied else text


@pytest.mark.parametrize("strategy", ["tpo", "revision", "directions", "explain:forms=repair"])
@pytest.mark.parametrize("question", ["Wood?", "Wood? Put it between <answer> and </answer>."])
def test_a_small_model_that_copies_our_frame_is_understood_and_one_that_obeys_left_alone(
    strategy: str, question: str
) -> None:
    tpo = TPORunnable(
        model=ScriptedModelWithN(reply=framed),
        reward=explained,
        settings=TPOSettings(strategy=strategy, prompts="small", width=2, depth=1),
    )

    revisions = [one["text"] for one in tpo.optimize(question).pool if one["round"] == 1]

    assert len(revisions) == 2
    assert all(("<ANSWER>" in text) is ("<answer>" in question) for text in revisions)
