"""Every line of the table in docs/reward_models.md runs, against stand-ins, and scores.

The lines are read from the page itself: one that is changed there is the one that runs here.
"""

import json
import re
from math import log
from pathlib import Path
from typing import Any

import pytest
from langchain_core.decisions import BaseDecisionModel, ClassifierResponse, Noul
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage

from langchain_tpo import TPORunnable, reward_models
from langchain_tpo.reward_models import as_reward_model
from langchain_tpo.reward_models.in_process import classifier_weights
from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.reward_models.servers.http_reward_model import HttpRewardModel
from tests.support.servers.http_double import Asked, Reply, answer_without_socket
from tests.support.servers.tgi_double import ScriptedBrain, TGIDouble

PAGE = Path(__file__).parents[3] / "docs" / "reward_models.md"
CODE = re.compile(r"`(\w+\(.*?\))`(?=[ ,])")
"""A call in the second column."""

DOORS = {name: getattr(reward_models, name) for name in reward_models.__all__}
ROWS = [row for row in PAGE.read_text(encoding="utf-8").splitlines() if row.startswith("| ")]
LINES = [
    line
    for row in ROWS[1:]
    for line in CODE.findall(row.split(" | ", 1)[1])
    if line.partition("(")[0] in DOORS
]

GOOD, BAD = "It is Paris, **surely**.", "Lyon\n\nor so"
REQUEST: ScoreRequest = {
    "messages": [HumanMessage("The capital of France? Write *one* highlight, in markdown.")],
    "responses": [GOOD, BAD],
}


def test_every_door_has_a_line() -> None:
    servers = {
        name
        for name, door in DOORS.items()
        if isinstance(door, type) and issubclass(door, HttpRewardModel)
    }
    assert len(servers) >= 11
    assert servers <= {line.partition("(")[0] for line in LINES}
    assert len(LINES) >= 35


def _likes(text: str) -> float:
    return 2.0 if "Paris" in text else -1.5


class Judge(GenericFakeChatModel):
    """Prefers Paris, in the words of whichever judge it stands for."""

    messages: Any = iter(())

    def _generate(self, messages: Any, *_: Any, **__: Any) -> Any:
        from langchain_core.outputs import ChatGeneration, ChatResult  # noqa: PLC0415

        text = "\n".join(message.text for message in messages)
        said = AIMessage(self.reply(text))
        return ChatResult(generations=[ChatGeneration(message=said)])

    def reply(self, asked: str) -> str:
        if "<RESPONSE_1>" in asked:
            places = sorted((asked.rfind(text), text) for text in (GOOD, BAD))
            verdicts = [
                {"rationale": "Read.", "score": 5 if text == GOOD else 2} for _, text in places
            ]
            return json.dumps({"verdicts": verdicts})
        if "percent" in asked and "<RESPONSE_A>" in asked:
            shown = re.findall(r"<RESPONSE_A>\n(.*?)</RESPONSE_A>", asked, re.DOTALL)
            sure = 90 if "Paris" in shown[-1] else 10
            return json.dumps({"rationale": "Read.", "a_is_better": sure})
        both = GOOD in asked and BAD in asked
        first = asked.rfind(GOOD) < asked.rfind(BAD)
        if "(Yes or No)" in asked:
            return f"**Reasoning:** fine.\n\n**Result:** {'Yes' if GOOD in asked else 'No'}"
        if not both:
            score = 5 if GOOD in asked else 2
            return f'Feedback: fine. {{"score": {score}}} [RESULT] {score}'
        return f"<answer>[[{'A' if first else 'B'}]]</answer>"


class Decider(BaseDecisionModel):
    """P(yes) is high for Paris."""

    model: str = "decider"

    @property
    def _provider(self) -> str:
        return "tests"

    def _classify(self, state: Any, questions: Any) -> ClassifierResponse:
        del questions
        answer = {"type": "noul", "noul": 0.9 if "Paris" in state["response"] else 0.2}
        return ClassifierResponse(model="decider", answers={"reward": answer}, usage=None)


def _tops(prompt: str) -> list[tuple[str, float]]:
    yes = 0.9 if "Paris" in prompt else 0.2
    return [("Yes", log(yes)), ("No", log(1 - yes))]


TGI = TGIDouble(
    brain=ScriptedBrain(tops=_tops), prefill=lambda _, text: -0.1 if text == "Paris" else -1.0
)
REFERENCE = TGIDouble(prefill=lambda _, __: -1.0)


def _servers(asked: Asked) -> Reply:
    """Answer any route as its server would."""
    host = asked.headers["host"]
    if "tgi" in host:
        return (REFERENCE if "reference" in host else TGI)(asked)
    text, body = asked.content.decode(), asked.body
    names = ("helpful", "verbose", "other") if "several" in host else ("LABEL_0",)
    route = "/chat" if asked.path.endswith("/chat/completions") else asked.path
    answers = {
        "/chat": lambda: _chat(body, text),
        "/classify": lambda: _classified(body, names),
        "/pooling": lambda: {
            "data": [{"index": 0, "object": "pooling", "data": _steps(text)}],
        },
        "/get_reward": lambda: {"rewards": [_likes(one) for one in body["query"]]},
        "/info": lambda: {"model_id": "m", "model_type": {"classifier": {}}},
        "/predict": lambda: [_named(str(one), names) for one in body["inputs"]],
        "/rerank": lambda: {
            "results": [
                {"index": place, "relevance_score": _likes(one)}
                for place, one in enumerate(body["documents"])
            ]
        },
        "/": lambda: [_named(text, names)],
    }
    answer = answers.get(route)
    return Reply(body=answer()) if answer else Reply(status=404, body={"error": "Not Found"})


def _classified(body: Any, names: tuple[str, ...]) -> Any:
    if "text" in body:  # SGLang
        return [{"embedding": [_likes(one)]} for one in body["text"]]
    probs = [_likes(str(body)), 0.3, 0.1][: len(names)]
    return {"data": [{"index": 0, "label": names[0], "probs": probs}]}


def _named(text: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
    scores = (_likes(text), 0.3, 0.1)
    return [{"label": name, "score": score} for name, score in zip(names, scores, strict=False)]


def _steps(text: str) -> list[list[float]]:
    return [[0.1, 0.9 if "Paris" in text else 0.2]] * text.count("<extra_0>")


def _chat(body: Any, text: str) -> dict[str, Any]:
    yes = 0.9 if "Paris" in text else 0.2
    top = [{"token": name, "logprob": log(p)} for name, p in (("Yes", yes), ("No", 1 - yes))]
    label = {**top[0], "top_logprobs": top}
    thought = [
        {"token": token, "logprob": 0.0, "top_logprobs": []}
        for token in ("<think>", "Hm.", "</think>")
    ]
    tokens = [*thought, label] if (body.get("max_tokens") or 1) > 100 else [label]
    reward = body["messages"][-1]["role"] == "assistant"
    said = f"reward:{_likes(text)}" if reward else "".join(one["token"] for one in tokens)
    message = {"role": "assistant", "content": said}
    return {"choices": [{"index": 0, "message": message, "logprobs": {"content": tokens}}]}


class Weights:
    """Loaded weights: a letter is a token, and Paris is good."""

    max_length = None
    most_padding = 1.0

    class Tokens:
        """A tokenizer."""

        name_or_path = "letters"
        chat_template = "yes"
        bos_token = None
        all_special_tokens = ()
        added_tokens_decoder: dict[int, Any] = {}  # noqa: RUF012 never changed

        def apply_chat_template(self, conversation: Any, **_: Any) -> str:
            return str(conversation[-1]["content"])

        def encode(self, text: str, **_: Any) -> list[int]:
            return [*map(ord, text)]

    tokenizer = Tokens()

    def logits(self, rows: Any) -> list[float]:
        return [_likes("".join(map(chr, row))) for row in rows]


def _given(line: str) -> dict[str, Any]:
    door = line.partition("(")[0]
    host = "tgi" if door in ("TGIRewardModel", "ImplicitRewardModel") else "rm"
    return {
        **DOORS,
        "Noul": lambda *_: Noul(instructions="Good?"),
        "folder": Path("checkpoint"),
        "judge": DOORS["PreferenceHead"](),
        "key": "k",
        "model": Decider() if door == "decides" else Judge(),
        "schema": {"type": "string", "pattern": "Paris"},
        "url": f"http://{'several' if 'weights=' in line else host}:8080",
        "your_function": lambda reply: float(reply.rsplit(" ", 1)[1]),
    }


FILLED = {
    "Noul(...)": "Noul()",
    "anchors=[...]": 'anchors=["It is Nice."]',
    "Ensemble({...})": 'Ensemble({"preferred": PreferenceHead()})',
    "LengthPenalty(...)": "LengthPenalty(PreferenceHead(), per_word=0.01)",
    "reference=...": 'reference="http://tgi-reference:8080"',
}
"""What the page leaves out with dots."""

ASKED: dict[str, ScoreRequest] = {
    "ExactAnswer": {**REQUEST, "responses": ["Paris", "Lyon"], "context": {"reference": "Paris"}},
    "MathAnswer": {**REQUEST, "responses": ["$1/2$", "$1/3$"], "context": {"reference": "0.5"}},
    "JsonSchema": {**REQUEST, "responses": ['"Paris"', '"Lyon"']},
    "Citations": {
        **REQUEST,
        "responses": ['It says "Paris is the capital".', 'It says "Lyon is the capital".'],
        "context": {"context": "Paris is the capital of France."},
    },
    "VerifiableInstructions": {
        "messages": [HumanMessage("Name a capital. Do not use any commas.")],
        "responses": ["Paris it is", "Lyon, perhaps"],
    },
    "UnitTests": {
        "messages": [HumanMessage("def add(a, b): ...\n\nadd(1, 2) => 3")],
        "responses": [
            "```python\ndef add(a, b):\n    return a + b\n```",
            "```python\ndef add(a, b):\n    return a - b\n```",
        ],
    },
}
"""What the others are asked is `REQUEST`."""


@pytest.mark.parametrize("line", LINES)
def test_every_line_runs_and_tells_good_from_bad(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_without_socket(monkeypatch, _servers)
    monkeypatch.setattr(classifier_weights, "load", lambda _: Weights())
    door, source = line.partition("(")[0], line
    for dots, filled in FILLED.items():
        source = source.replace(dots, filled)
    if door == "MathAnswer":
        pytest.importorskip("math_verify")
    made = as_reward_model(eval(source, _given(line)))  # noqa: S307 our own page
    if door == "HumanReward":  # waits for a person
        assert TPORunnable(model=Judge(), reward=made, width=2, depth=0)
        return
    good, bad = made.invoke(ASKED.get(door, REQUEST))
    assert _number(good) > _number(bad)


def _number(score: Any) -> float:
    return float(score["reward"] if isinstance(score, dict) else score)
