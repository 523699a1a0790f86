import logging
import math
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.runnables import Runnable

from langchain_tpo.errors import MissingExtraError, RewardServerError
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.reward_models.servers import http_transport, tgi_protocol
from langchain_tpo.reward_models.servers.tgi import TGIRewardModel
from langchain_tpo.reward_models.servers.verifier_questions import JsonScore, Rating, YesNo
from tests.support.servers.http_double import Asked, Reply, answer_without_socket
from tests.support.servers.recorded import answer, check_request, recorded
from tests.support.servers.tgi_double import ScriptedBrain, TGIDouble

URL = "http://rm:8080"
KEY = "hf_very_secret_key"
REQUEST: ScoreRequest = {
    "messages": [SystemMessage("Be brief."), HumanMessage("2+2?")],
    "responses": ["4", "22", "4"],
}
ScoreIt = Callable[[Runnable[ScoreRequest, list[Score]]], Awaitable[list[Score]]]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_transport, "FIRST_WAIT", 0)


@pytest.fixture(params=["invoke", "ainvoke"])
def score(request: pytest.FixtureRequest) -> ScoreIt:
    async def sync_or_async(model: Runnable[ScoreRequest, list[Score]]) -> list[Score]:
        if request.param == "invoke":
            return model.invoke(REQUEST)
        return await model.ainvoke(REQUEST)

    return sync_or_async


def _double(monkeypatch: pytest.MonkeyPatch, **options: Any) -> TGIDouble:
    double = TGIDouble(**options)
    answer_without_socket(monkeypatch, double)
    return double


def _prefers_four(prompt: str) -> list[tuple[str, float]]:
    p = 0.8 if "<response>\n4\n" in prompt else 0.3
    return [("Yes", math.log(p)), ("No", math.log(1 - p))]


def _one_line(error: BaseException) -> str:
    assert "\n" not in str(error)
    assert KEY not in str(error)
    return str(error)


async def test_the_reward_is_the_logit_of_p_yes(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch
) -> None:
    _double(monkeypatch, brain=ScriptedBrain(tops=_prefers_four))
    four, other = math.log(0.8 / 0.2), math.log(0.3 / 0.7)
    assert await score(TGIRewardModel(URL)) == pytest.approx([four, other, four])


async def test_one_request_per_text_and_one_round_of_questions_ever(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch
) -> None:
    double = _double(monkeypatch)
    model = TGIRewardModel(URL)
    for _ in range(3):
        await score(model)
    paths = [asked.path for asked in double.asked]
    assert {path: paths.count(path) for path in paths} == {
        "/info": 1,
        "/chat_tokenize": 1,
        "/tokenize": 3,
        "/": 3 * 2 + 1,
    }


@pytest.mark.parametrize("question", [YesNo(), Rating(), JsonScore()])
async def test_requests_keep_tgis_description(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch, question: Any
) -> None:
    tops = [("4", math.log(0.5)), ("5", math.log(0.5))]
    brain = ScriptedBrain(tops=lambda _: tops if isinstance(question, Rating) else [("No", -0.1)])
    double = _double(monkeypatch, brain=brain)
    await score(TGIRewardModel(URL, question=question))
    for body in double.bodies("/"):
        check_request("tgi", "CompatGenerateRequest", body)
    for body in double.bodies("/tokenize"):
        check_request("tgi", "GenerateRequest", body)
    for body in double.bodies("/chat_tokenize"):
        check_request("tgi", "ChatRequest", body)


async def test_nothing_bends_the_log_probabilities(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch
) -> None:
    double = _double(monkeypatch)
    await score(TGIRewardModel(URL))
    free, *forced = [
        {name: value for name, value in body["parameters"].items() if value}
        for body in double.bodies("/")
    ]
    assert free == {"max_new_tokens": 1, "details": True, "top_n_tokens": 5}
    assert forced == [free | {"grammar": {"type": "regex", "value": "(Yes|No)"}}] * 2


@pytest.mark.parametrize("bos", ["<s>", ""])
async def test_bos_is_never_doubled(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch, bos: str
) -> None:
    brain = ScriptedBrain(bos=bos)
    double = _double(monkeypatch, brain=brain)
    await score(TGIRewardModel(URL))
    inputs = double.bodies("/")[0]["inputs"]
    assert inputs.startswith("[user] You judge")
    ids = [id_ for id_, _ in brain.tokenize(inputs, special=True)]
    assert ids.count(1) == (1 if bos else 0)


async def test_a_recorded_answer_gives_its_figure(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = answer("tgi_shard_recorded/flash_regex_yesno.json")
    _double(monkeypatch, fails=lambda a: Reply(body=[body]) if a.path == "/" else None)
    (reward, *_) = await score(TGIRewardModel(URL))
    assert isinstance(reward, float)
    assert 1 / (1 + math.exp(-reward)) == pytest.approx(0.0545152, abs=1e-6)


async def test_an_expected_rating(score: ScoreIt, monkeypatch: pytest.MonkeyPatch) -> None:
    tops = [(str(rating), math.log(p)) for rating, p in ((5, 0.5), (4, 0.25), (1, 0.25))]
    _double(monkeypatch, brain=ScriptedBrain(tops=lambda _: tops))
    assert await score(TGIRewardModel(URL, question=Rating())) == pytest.approx([3.75] * 3)


async def test_a_backend_without_top_tokens_is_asked_for_a_written_score_ever_after(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    double = _double(monkeypatch, lists_top_tokens=False)
    model = TGIRewardModel(URL)
    assert await score(model) == [60.0, 60.0, 60.0]
    assert "`http://rm:8080` lists no likeliest tokens" in caplog.text
    double.lists_top_tokens = True
    assert await score(model) == [60.0, 60.0, 60.0]


async def test_two_scales_never_mix(score: ScoreIt, monkeypatch: pytest.MonkeyPatch) -> None:
    double = _double(monkeypatch)
    model = TGIRewardModel(URL)
    await score(model)
    double.lists_top_tokens = False
    with pytest.raises(RewardServerError, match="gave no log-probabilities"):
        await score(model)


async def test_without_fallback_it_says_what_is_missing(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch
) -> None:
    _double(monkeypatch, lists_top_tokens=False)
    with pytest.raises(RewardServerError, match="llamacpp and trtllm backends") as caught:
        await score(TGIRewardModel(URL, json_fallback=False))
    _one_line(caught.value)


async def test_one_candidate_too_long_is_not_scored(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = {"error": "Input validation error: `inputs` must have less than 9 tokens. Given: 12"}
    refused = Reply(status=422, body={**message, "error_type": "validation"})
    _double(monkeypatch, fails=lambda a: refused if b"\\n22\\n" in a.content else None)
    scores = await score(TGIRewardModel(URL))
    assert [value is None for value in scores] == [False, True, False]


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(status=401, body=b""), "answered HTTP 401: check `api_key`."),
        (Reply(status=413, body=b"length limit exceeded"), "413: length limit exceeded"),
        (Reply(status=424, body={"error": "x", "error_type": "generation"}), "HTTP 424: x."),
        (Reply(status=429, body={"error": "Model is overloaded"}), "429: Model is overloaded."),
        (Reply(status=200, body=b"<html>"), "is not JSON"),
        (Reply(status=302, body=b"", headers={"location": "/login"}), "a redirect to `/login`"),
        (Reply(body={"generated_text": "Yes"}), "in another shape than expected"),
        (Reply(body=[]), "answered one request with 0 texts"),
        (Reply(body=[{"generated_text": "Yes"}]), "(`details`: Field required)"),
        (Reply(body=b"1" * 9000), "more than `max_response_bytes` = 8,000 bytes"),
    ],
)
async def test_whatever_goes_wrong_is_one_line(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch, reply: Reply, words: str
) -> None:
    _double(monkeypatch, fails=lambda asked: reply if asked.path == "/" else None)
    with pytest.raises(RewardServerError) as caught:
        await score(TGIRewardModel(URL, api_key=KEY, max_response_bytes=8000))
    line = _one_line(caught.value)
    assert words in line
    assert line.startswith("None of 2 responses was scored: `")
    assert URL in line


@pytest.mark.parametrize("name", ["tgi_error_validation", "tgi_error_plain_text"])
async def test_recorded_errors_are_one_line(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    response = recorded(f"written/{name}.json")["response"]
    body = response["body"]
    reply = Reply(status=422, body=body.encode() if isinstance(body, str) else body)
    double = _double(monkeypatch, fails=lambda asked: reply if asked.path == "/" else None)
    with pytest.raises(RewardServerError) as caught:
        await score(TGIRewardModel(URL))
    words = body if isinstance(body, str) else body["error"]
    assert words in _one_line(caught.value)
    assert len(double.bodies("/")) == 1 + 2


@pytest.mark.parametrize(
    ("path", "reply", "words"),
    [
        ("/info", Reply(status=404, body=b""), "does not look like a TGI server"),
        ("/info", Reply(body={"model_id": "tei", "version": "1"}), "`max_total_tokens`: Field"),
        ("/info", Reply(body=b"hello"), "does not look like a TGI server"),
        ("/chat_tokenize", Reply(status=404, body=b""), "needs a model with a chat template"),
        ("/tokenize", Reply(status=401, body=b""), "check `api_key`"),
        ("/tokenize", Reply(body={"tokens": []}), "in another shape than expected"),
    ],
)
async def test_a_server_that_is_something_else_is_one_line(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch, path: str, reply: Reply, words: str
) -> None:
    double = _double(monkeypatch, fails=lambda asked: reply if asked.path == path else None)
    with pytest.raises(RewardServerError) as caught:
        await score(TGIRewardModel(URL, api_key=KEY))
    assert words in _one_line(caught.value)
    assert double.bodies("/") == []


async def test_a_label_of_two_tokens_is_refused_before_scoring(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch
) -> None:
    double = _double(monkeypatch, brain=ScriptedBrain(split_words=frozenset({"Bad"})))
    with pytest.raises(RewardServerError, match=r"label `Bad` is no single token .*`B`, `ad`"):
        await score(TGIRewardModel(URL, question=YesNo(yes="Good", no="Bad")))
    assert double.bodies("/") == []


async def test_labels_outside_the_top_tokens_are_one_line(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch
) -> None:
    _double(monkeypatch, brain=ScriptedBrain(tops=lambda _: [("b", -1.7), ("l", -3.6)]))
    with pytest.raises(RewardServerError, match="hold none of the labels `Yes`, `No`") as caught:
        await score(TGIRewardModel(URL))
    _one_line(caught.value)


async def test_an_overloaded_server_is_asked_again(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = [Reply(status=429, body={"error": "Model is overloaded"})] * 3

    def fails(asked: Asked) -> Reply | None:
        return busy.pop() if busy and asked.path == "/" else None

    _double(monkeypatch, fails=fails)
    assert None not in await score(TGIRewardModel(URL))


def test_the_package_is_named_when_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(tgi_protocol, "import_module", absent)
    with pytest.raises(MissingExtraError, match=r"langchain-tpo\[tgi\]"):
        TGIRewardModel(URL)


def test_a_conversation_of_several_turns_is_one_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    double = _double(monkeypatch)
    turns = [HumanMessage("Why?"), AIMessage("Because."), HumanMessage("And that?")]
    TGIRewardModel(URL).invoke({"messages": turns, "responses": ["So."]})
    assert "User: Why?\n\nAssistant: Because." in double.bodies("/")[0]["inputs"]


def test_the_log_never_holds_a_text(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    refused = Reply(status=422, body={"error": "cannot read: PRIVATE"})
    _double(monkeypatch, fails=lambda a: refused if b"PRIVATE" in a.content else None)
    with caplog.at_level(logging.INFO):
        TGIRewardModel(URL).invoke({"messages": [], "responses": ["PRIVATE", "fine"]})
    assert "PRIVATE" not in caplog.text
