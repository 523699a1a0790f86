"""Judges' replies are read as models write them; what is ambiguous is not read."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda

from langchain_tpo.errors import RewardOutputError
from langchain_tpo.reward_models import ChatJudge, PairwiseJudge
from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.reward_models.judges import reply_formats
from langchain_tpo.reward_models.judges.forms import ComparisonForm, ExplainedRatingForm, RatingForm
from langchain_tpo.reward_models.judges.replies import (
    UnreadableVerdict,
    read_json,
    read_rating,
    written_score,
)
from langchain_tpo.reward_models.judges.written_comparison import read_comparison
from langchain_tpo.reward_models.scores import WORD_FIELDS

READ = {
    "plain": '{"rationale": "ok", "score": 4}',
    "fenced": 'Prose first.\n```json\n{"rationale": "ok", "score": "4"}\n```',
    "a fraction as text": '{"rationale": "ok", "score": "4/5"}',
    "a bare fraction": '{"rationale": "ok", "score": 4/5}',
    "out of": '{"rationale": "ok", "score": "4 out of 5"}',
    "full width": '{"rationale": "ok", "score": "\uff14"}',
    "Chinese": '{"rationale": "ok", "score": "\u56db"}',
    "bold": '{"rationale": "ok", "score": "**4**"}',
    "a list": '{"rationale": "ok", "score": [4]}',
    "a raw line break": '{"rationale": "Good.\nBut short.", "score": 4}',
    "LaTeX": r'{"rationale": "It uses \( \frac{1}{2} \) rightly.", "score": 4}',
    "bare quotation marks": '{"rationale": "It says "yes" twice.", "score": 4}',
    "Python": "{'rationale': 'ok', 'score': 4}",
    "a trailing comma": '{"rationale": "ok", "score": 4,}',
    "a comment": '{"rationale": "ok", // why\n "score": 4}',
    "typographic quotes": "{\u201crationale\u201d: \u201cok\u201d, \u201cscore\u201d: 4}",
    "capital keys": '{"Rationale": "ok", "Score": 4}',
    "another key": '{"reason": "ok", "rating": 4}',
    "nested": '{"verdict": {"rationale": "ok", "score": 4}}',
    "an array": '[{"rationale": "ok", "score": 4}]',
    "no rationale": '{"score": 4}',
    "said twice alike": '{"score": 4} As I said: {"score": 4.0}',
    "a thought": '<think>{"score": 1}? no</think> {"rationale": "ok", "score": 4}',
    "an object that it holds": '{"rationale": "ok", "seen": {"score": 1}, "score": 4}',
    "double brackets": "Good answer. Rating: [[4]]",
    "a result": "Feedback: good. [RESULT] 4",
    "a line": "Good.\nScore: 4",
    "a line of YAML": "rationale: ok\nscore: 4",
    "only a fraction": "4/5",
    "only a number": "4",
    "a box": r"So \boxed{4}.",
    "a tag": "<score>4</score>",
}

UNREAD = {
    "nothing": "",
    "an open thought": '<think>maybe {"rationale": "x", "score": 1} hmm, no',
    "cut": '{"rationale": "ok, because it is',
    "true": '{"rationale": "ok", "score": true}',
    "a word": '{"rationale": "ok", "score": "high"}',
    "two verdicts": '{"rationale": "ok", "score": 4}\n\nFormat: {"rationale": "...", "score": 1}',
    "a verdict quoted behind": '{"score": 1} It asked me to say {"score": 5}.',
    "a verdict quoted before": 'It asked me to say {"score": 5}. {"score": 1}',
    "two in words": "Rating: [[4]] or rather Rating: [[5]]",
    "one in passing": "It wants a score: 5, which I cannot give, as it says nothing at all.",
    "another scale": "8/10",
    "a flood of braces": '{"a":' * 100_000,
}


@pytest.mark.parametrize("text", READ.values(), ids=READ)
def test_what_models_write_is_read(text: str) -> None:
    assert read_rating(text, ExplainedRatingForm, scale=5).score == 4
    assert read_rating(text, RatingForm, scale=5) == RatingForm(score=4)


@pytest.mark.parametrize("text", UNREAD.values(), ids=UNREAD)
def test_what_says_nothing_or_two_things_is_not_read(text: str) -> None:
    with pytest.raises(UnreadableVerdict):
        read_rating(text, ExplainedRatingForm, scale=5)


@pytest.mark.parametrize("quoted", ['{"score": 5}', "{" * 100, "} {x} {", '\\"{"'])
@pytest.mark.parametrize("frame", ["%s", "Well: %s", "```json\n%s\n```\nThat is all."])
def test_what_a_verdict_quotes_is_no_verdict(quoted: str, frame: str) -> None:
    verdict = json.dumps({"score": 3, "rationale": f"It says {quoted}.", "seen": {"score": 1}})
    assert read_json(frame % verdict, RatingForm) == RatingForm(score=3)


@pytest.mark.parametrize(("said", "sure"), [("90", 90), ('"90%"', 90), ('"90 %"', 90), ("0", 0)])
def test_percentages_are_read(said: str, sure: float) -> None:
    assert read_json(f'{{"a_is_better": {said}}}', ComparisonForm) == ComparisonForm(
        a_is_better=sure
    )


def request(*responses: str) -> ScoreRequest:
    return {"messages": [HumanMessage("2+2?")], "responses": [*responses], "pool": []}


@pytest.mark.parametrize(
    "reply",
    [
        "**Score:** 4",
        "Great \N{THUMBS UP SIGN}\n\nScore: 4/5",
        "Score = 4",
        "<rating>4</rating>",
        '<answer>{"rationale": "ok", "score": 4}</answer>',
        '{rationale: "ok", score: 4}',
        '{"rationale": "ok", # fine\n "score": 4}',
        '{"rationale": "ok", "score": 4',
        "{'rationale': None, 'score': 4}",
        '{"rationale": "ok", "score": +4}',
        '{"rationale": "ok", "score": 4.}',
        '"{\\"rationale\\": \\"ok\\", \\"score\\": 4}"',
        "Final rating: 4 out of 5.",
        '\ufeff{"rationale": "ok", "score": 4}',
        '{"rationale": "a", "score": 4}{"rationale": "a", "score": 4}',
    ],
)
def test_more_slips_that_models_make_are_read(reply: str) -> None:
    (score,) = ChatJudge(RunnableLambda(lambda _: reply)).invoke(request("a"))
    assert isinstance(score, dict)
    assert score["reward"] == 4.0


@pytest.mark.parametrize(
    "reply",
    ["Score: 3-4", "Score: 3 or 4", "Rating: 3 to 4", "Score: 3 \u2013 4", "Score: -4"],
)
def test_a_range_is_no_score(reply: str) -> None:
    with pytest.raises(RewardOutputError, match="could read none of 1 replies"):
        ChatJudge(RunnableLambda(lambda _: reply)).invoke(request("a"))


@pytest.mark.parametrize(
    "reply",
    [
        '{"rationale": "ok", "score": "4 (of 10)"}',
        "Score: 4 (out of 10)",
        "Score: 5/5 for tone, 3/5 for depth",
        "Score: 4 for tone, 2 for depth",
        '{"rationale": "ok", "score": 4}\n\nOn reflection, score: 2',
        'Let me see.\n<think>\n{"rationale": "draft", "score": 2}',
        "Let me see.\n<think>\nScore: 2",
    ],
)
def test_a_score_of_another_scale_or_aspect_or_a_draft_is_no_verdict(reply: str) -> None:
    with pytest.raises(RewardOutputError, match="could read none of 1 replies"):
        ChatJudge(RunnableLambda(lambda _: reply)).invoke(request("a"))


def test_a_tag_that_a_verdict_names_opens_no_thought() -> None:
    assert read_rating('It leaks <think> tags.\n{"score": 2}', RatingForm, scale=5).score == 2
    assert read_rating("Score: 4 (out of 5)", RatingForm, scale=5).score == 4
    assert read_rating('{"score": 4}\n\nScore: 4/5', RatingForm, scale=5).score == 4


@pytest.mark.parametrize("said", ["0.9", "true", "101"])
def test_what_is_no_percentage_is_not_scored(said: str) -> None:
    judge = PairwiseJudge(RunnableLambda(lambda _: f'{{"a_is_better": {said}}}'), explain=False)
    with pytest.raises(RewardOutputError, match="could read none of 2 replies"):
        judge.invoke(request("a", "b"))


def test_a_score_off_the_scale_says_so() -> None:
    with pytest.raises(RewardOutputError, match="The score 7 is not from 1 to 5"):
        ChatJudge(RunnableLambda(lambda _: '{"score": 7}')).invoke(request("a"))
    with pytest.raises(RewardOutputError, match="The score 8/10 is not from 1 to 5"):
        ChatJudge(RunnableLambda(lambda _: "8/10")).invoke(request("a"))


ONE = ChatPromptTemplate([("human", "Question: {query}\nAnswer: {response}")])
TWO = ChatPromptTemplate([("human", "{query}\nA: {response_a}\nB: {response_b}")])

POINTWISE: list[tuple[Callable[[str], float | None], str, str, int]] = [
    (reply_formats.score_result, "Right. [RESULT] 5", "Wrong.\n[RESULT] 2", 5),
    (reply_formats.score_result, "**Reasoning:** ok\n\n**Result:** 5", "**Result:** 2", 5),
    (reply_formats.score_result, "**Reasoning**: ok\n\n**Result**: 5", "**Result**: 2", 5),
    (reply_formats.score_json, '{"score": "[5]"}', '{"score": "[2]"}', 5),
    (reply_formats.score_double_brackets, "... Rating: [[5]]", "... Rating: [[2]]", 10),
    (reply_formats.score_double_brackets, "See [1]. Rating: [5]", "**Rating:** [2]", 10),
    (
        reply_formats.score_tag,
        "<reasoning>\nok\n</reasoning>\n<highlight>\n['4']\n</highlight>\n<score>\n5\n</score>",
        "<score>\n2\n</score>",
        5,
    ),
    (
        reply_formats.score_json,
        '```json\n{"strengths": "a", "score": "5"}\n```',
        '"score": "2"',
        10,
    ),
]


@pytest.mark.parametrize(("read", "good", "bad", "scale"), POINTWISE)
def test_published_judges_of_one_response_are_read(
    read: Callable[[str], float | None], good: str, bad: str, scale: int
) -> None:
    def reply(messages: Any) -> AIMessage:
        return AIMessage(f"<think>hm</think>\n{good if '4' in messages.to_string() else bad}")

    judge = ChatJudge(RunnableLambda(_as_prompt(reply)), scale=scale, prompt=ONE, read=read)

    assert [one["reward"] for one in judge.invoke(request("4", "5")) if isinstance(one, dict)] == [
        5.0,
        2.0,
    ]
    assert read(f"{good}\n{bad}") is None


@pytest.mark.parametrize(
    ("read", "reply", "score"),
    [
        (reply_formats.score_result, "[RESULT] 4/5", 4.0),
        (reply_formats.score_result, "[RESULT] 4/10", None),
        (reply_formats.score_result, "[RESULT] 3-4", None),
        (reply_formats.score_result, "**Result:** 3 or 4", None),
        (reply_formats.score_json, '{"score": "4/10"}', 4.0),
        (reply_formats.score_json, '{"score": "4/5"}', None),
        (reply_formats.score_json, '{"score": "8-9"}', None),
        (reply_formats.score_tag, "<score>4/10</score>", None),
        (reply_formats.score_yes_no, "**Result:** Yes or **Result:** No", None),
        (reply_formats.choice_letter_case, "### Which is best?\n\nM", 0.0),
        (reply_formats.choice_letter_case, "It is 5 m", None),
    ],
)
def test_a_score_of_another_scale_or_a_range_is_not_read(
    read: Callable[[str], float | None], reply: str, score: float | None
) -> None:
    assert read(reply) == score


def _as_prompt(reply: Callable[[Any], AIMessage]) -> Callable[[Any], AIMessage]:
    return lambda messages: reply(ChatPromptTemplate(messages).invoke({}))


PAIRWISE: list[tuple[Callable[[str], float | None], str, str, float]] = [
    (reply_formats.choice_double_brackets, "[[A]]", "[[B]]", 1.0),
    (reply_formats.choice_double_brackets, "<answer>[[A]]</answer>", "<answer>[[B]]</answer>", 1.0),
    (reply_formats.choice_double_brackets, "My final verdict is: [[A>>B]]", "[[B>>A]]", 1.0),
    (reply_formats.choice_double_brackets, "[[A>B]]", "[[B>A]]", 0.75),
    (reply_formats.choice_double_brackets, "[[B<A]]", "[[A<B]]", 0.75),
    (reply_formats.choice_double_brackets, "[[B<<A]]", "[[A<<B]]", 1.0),
    (reply_formats.choice_result, "Feedback: x [RESULT] A", "Feedback: x [RESULT] B", 1.0),
    (reply_formats.choice_result, "**Result:** Response A", "**Result:** Response B", 1.0),
    (reply_formats.choice_json, '{"choice": "[A++]"}', '{"choice": " B++ "}', 1.0),
    (
        reply_formats.choice_final_decision,
        "So, the final decision is Response 1.",
        "So, the final decision is Response 2.",
        1.0,
    ),
    (
        reply_formats.choice_two_answers,
        "<answer>9</answer><answer>4</answer>",
        "<answer>4</answer><answer>9</answer>",
        0.75,
    ),
    (reply_formats.choice_first_line, "9 4\nbecause", "4 9\nbecause", 0.75),
    (reply_formats.choice_number, "1\n\n### Reason: x", "2\n\n### Reason: x", 1.0),
    (reply_formats.choice_json, '{"reason": "x", "choice": "A+"}', '{"choice": "B+"}', 0.75),
    (
        reply_formats.choice_ranking,
        "[The Begin of Individual Scores]\n\\boxed{5, 2}\n[The Begin of Ranking Score]\n\\boxed{1}",
        "\\boxed{2, 5}\n\\boxed{6}",
        1.0,
    ),
]


@pytest.mark.parametrize(("read", "first", "second", "sure"), PAIRWISE)
def test_published_judges_of_two_responses_are_read(
    read: Callable[[str], float | None], first: str, second: str, sure: float
) -> None:
    judge = PairwiseJudge(
        RunnableLambda(lambda messages: first if "A: good" in messages[-1].content else second),
        anchors=["bad"],
        explain=False,
        prompt=TWO,
        read=read,
    )

    assert read(first) == pytest.approx(sure)
    assert read(second) == pytest.approx(1 - sure)
    assert read("nothing of the kind") is None
    assert judge.invoke(request("good", "bad")) == [pytest.approx(sure), 0.5]


@pytest.mark.parametrize(
    "table",
    [
        "| Score | 4/5 |",
        "| **Score** | **4** |",
        "| Score (1-5) | 4 |",
        "| Overall score | `4` |",
        "|Score|\n|---|\n|4|",
        "| Reason | Score |\n|:---|---:|\n| Meets 3 of 5 aims | **4/5** |",
        "| Score | Reason |\n|---|---|\n| 4 | It meets 3 of 5 aims |",
        "| Metric | Value |\n|---|---|\n| Score | 4 |\n| Reason | Brief |",
        "| Aspect | Score |\n|---|---|\n| Tone | 3 |\n| Overall | 4 |",
        "| Score | 4 |\n\nIt is brief, and right about the oil, but it leaves out how to dry it.",
    ],
)
def test_the_score_in_a_table_is_read(table: str) -> None:
    assert written_score(table, scale=5) == 4


@pytest.mark.parametrize(
    "table",
    [
        "| Aspect | Score |\n|---|---|\n| Tone | 3 |\n| Depth | 5 |",
        "| Response | Score |\n|---|---|\n| A | 4 |\n| B | 2 |",
        "| Score | Meaning |\n|---|---|\n| 5 | excellent |",
        "| Score | 1 | 2 | 3 | 4 | 5 |",
        "| Score | **4** | **3** |",
        "| Score | 1-5 |",
        "| Score | 4/10 |",
        "| Score | 4 |\n| Score | 3 |",
        "| Score | 4 |\n\n| Score | 3 |",
    ],
)
def test_a_table_of_no_or_several_scores_is_not_read(table: str) -> None:
    with pytest.raises(UnreadableVerdict):
        written_score(table, scale=5)


@pytest.mark.parametrize(
    "reply", ["Rating: 1e1", "[[1e1]]", "[RESULT] 1e1", "Score: 1.0E+1", "1e1", '{"score": "1e1"}']
)
def test_a_power_of_ten_is_no_smaller_number(reply: str) -> None:
    assert read_rating(reply, RatingForm, scale=10).score == 10
    with pytest.raises(RewardOutputError, match="The score 10 is not from 1 to 5"):
        ChatJudge(RunnableLambda(lambda _: reply)).invoke(request("a"))


def test_published_judges_read_powers_of_ten() -> None:
    assert reply_formats.score_result("[RESULT] 1e1") == 10
    assert reply_formats.score_double_brackets("Rating: [[1e1]]") == 10
    assert reply_formats.score_json('{"score": 1e1}') == 10


@pytest.mark.parametrize("name", WORD_FIELDS)
def test_words_are_kept_by_whatever_name(name: str) -> None:
    reply = json.dumps({"rating": 4, name: "Curt."})
    (score,) = ChatJudge(RunnableLambda(lambda _: reply)).invoke(request("a"))
    assert score == {"reward": 4.0, "rationale": "Curt."}


def test_the_forms_own_names_come_first() -> None:
    reply = '{"comment": "later", "rationale": "first", "rating": 2, "score": 0}'
    assert read_json(reply, ExplainedRatingForm) == ExplainedRatingForm(rationale="first", score=0)


@pytest.mark.parametrize(
    "reply",
    [
        *("80", "80%", "**80%**", "A is better: 80", "Both are fine.\n\n**A is better:** 80%."),
        *("a_is_better: 80", "A is better: 80 %", '{"a_is_better": 80', "A is better = 80.0"),
    ],
)
def test_a_comparison_is_read_without_json(reply: str) -> None:
    assert read_comparison(reply, ComparisonForm).a_is_better == 80
    judge = PairwiseJudge(RunnableLambda(lambda _: reply), anchors=["b"])
    (score,) = judge.invoke(request("a"))
    assert (score["reward"] if isinstance(score, dict) else score) == 0.5


@pytest.mark.parametrize(
    "reply",
    [
        *("1", "2", "A is better", "B is better: 80", "A is better: 80-90", "A is better: 8/10"),
        *("A is better: -80", "A is better: 80. A is better: 20", "A is better: 80 to 90"),
        f"A is better: 80, one might say. {'But is it? ' * 9}",
    ],
)
def test_what_is_no_comparison_is_not_read(reply: str) -> None:
    with pytest.raises(UnreadableVerdict):
        read_comparison(reply, ComparisonForm)


@pytest.mark.parametrize("judge", [ChatJudge, PairwiseJudge])
def test_a_function_that_cannot_read_a_reply_is_named(judge: Any) -> None:
    model = RunnableLambda(lambda _: "It is good.")

    with pytest.raises(RewardOutputError, match=r"could read none of . repl.*`read` raised Value"):
        judge(model, read=float).invoke(request("a", "b"))
    with pytest.raises(RewardOutputError, match=r"`read` must return a number.* got str `4`"):
        judge(model, read=lambda reply: "4").invoke(request("a", "b"))


def test_one_reply_that_a_function_cannot_read_is_counted(caplog: Any) -> None:
    replies = iter(["4", "good"])
    model = RunnableLambda(lambda _: next(replies))

    scores = ChatJudge(model, read=float).invoke(request("a", "b"), {"max_concurrency": 1})

    assert [one["reward"] if isinstance(one, dict) else one for one in scores] == [4.0, None]
    assert "1 of 2 judgements failed (`read` raised ValueError)" in caplog.text
