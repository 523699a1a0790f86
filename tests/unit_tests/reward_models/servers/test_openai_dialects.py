"""What OpenAI-compatible services take, refuse and call differently."""

import math
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_tpo.errors import RewardServerError
from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.reward_models.servers.openai_compatible import OpenAIVerifier
from langchain_tpo.reward_models.servers.verifier_questions import JsonScore
from tests.support.servers.http_double import Asked, Reply, Scripted, answer_without_socket
from tests.support.servers.recorded import answer as recorded_answer
from tests.support.servers.tgi_double import TGIDouble

URL = "http://127.0.0.1:8000"
CHAT = "/v1/chat/completions"
REQUEST: ScoreRequest = {"messages": [HumanMessage("2+2?")], "responses": ["4", "22", "4"]}


def _reply(text: str = "Yes", **tops: float) -> Reply:
    listed = [{"token": token, "logprob": logprob} for token, logprob in tops.items()]
    content = [{"token": text, "logprob": -0.1, "top_logprobs": listed}]
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "logprobs": {"content": content} if tops else None}
    return Reply(body={"choices": [choice]})


EVEN = {"Yes": -1.0, "No": -1.0}


def _serve(monkeypatch: pytest.MonkeyPatch, reply: Any, models: Any = None) -> Scripted:
    server = Scripted(_v1_chat_completions=reply, _v1_models=models)
    answer_without_socket(monkeypatch, server)
    return server


def _refuses(words: str, status: int = 400) -> Reply:
    return Reply(status=status, body={"error": {"message": words}})


@pytest.mark.parametrize(
    ("url", "route"),
    [
        ("https://x.test", CHAT),
        ("https://x.test/v1", CHAT),
        ("https://x.test/prefix", f"/prefix{CHAT}"),
        ("https://x.test/v1beta/openai/", "/v1beta/openai/chat/completions"),
        ("https://x.test/api/paas/v4", "/api/paas/v4/chat/completions"),
        ("https://x.test/api/v3/", "/api/v3/chat/completions"),
        ("https://x.test/openai/deployments/d", "/openai/deployments/d/chat/completions"),
        ("https://x.test/openai", f"/openai{CHAT}"),
        ("https://x.test/serving-endpoints", "/serving-endpoints/chat/completions"),
        ("https://x.test/inference", "/inference/chat/completions"),
        ("https://x.test/v1/chat/completions", CHAT),
        ("https://x.test/v1/models/", CHAT),
    ],
)
def test_every_base_url_leads_to_its_route(
    monkeypatch: pytest.MonkeyPatch, url: str, route: str
) -> None:
    name = route.replace("/", "_").replace("-", "_")
    server = Scripted(**{name: _reply(**EVEN)})
    answer_without_socket(monkeypatch, server)
    assert OpenAIVerifier(url, model="m").invoke(REQUEST) == [0.0] * 3
    assert {asked.path for asked in server.asked} == {route}


def test_azure_has_its_key_in_a_header_and_its_version_in_the_query(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Scripted(_openai_deployments_d_chat_completions=_reply(**EVEN))
    answer_without_socket(monkeypatch, server)
    model = OpenAIVerifier(
        "https://x.openai.azure.test/openai/deployments/d",
        model="d",
        headers={"api-key": "hush-hush"},
        query={"api-version": "2024-10-21"},
    )
    assert model.invoke(REQUEST) == [0.0] * 3
    for asked in server.asked:
        assert asked.headers["api-key"] == "hush-hush"
        assert asked.query == {"api-version": "2024-10-21"}
    assert "hush" not in repr(model)


def test_a_server_that_lists_fewer_tokens_is_asked_for_fewer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    double = TGIDouble()
    answer_without_socket(monkeypatch, double)
    model = OpenAIVerifier(URL, model="tgi")
    for _ in range(2):
        assert model.invoke(REQUEST) == pytest.approx([math.log(3)] * 3)
    asked = [body["top_logprobs"] for body in double.bodies(CHAT)]
    assert asked == [20, 20, 5, 5, 5, 5]


FEWER = {
    "Invalid value for 'top_logprobs': must be less than or equal to 5.": 5,
    "`top_n_tokens` must be >= 0 and <= 4. Given: 20": 4,
    "top_logprobs must be between 0 and 8": 8,
    "Requested sample logprobs of 20, which is greater than max allowed: 10 (top_logprobs)": 10,
    "top_logprobs is too large": 5,
}


@pytest.mark.parametrize("words", FEWER)
def test_how_many_tokens_a_server_lists_is_read_from_its_words(
    monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    def picky(asked: Asked) -> Reply:
        return _refuses(words) if asked.body["top_logprobs"] > FEWER[words] else _reply(**EVEN)

    server = _serve(monkeypatch, picky)
    assert OpenAIVerifier(URL, model="m").invoke(REQUEST) == [0.0] * 3
    assert server.bodies(CHAT)[-1]["top_logprobs"] == FEWER[words]


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "max_tokens": (
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
        "'max_completion_tokens' instead.",
        {"max_completion_tokens": 1},
    ),
    "temperature": ("Unsupported value: 'temperature' does not support 0 with this model.", {}),
}


@pytest.mark.parametrize("option", REFUSED)
def test_an_option_that_is_refused_is_left_out_from_then_on(
    monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    words, instead = REFUSED[option]
    server = _serve(
        monkeypatch, lambda asked: _refuses(words) if option in asked.body else _reply(**EVEN)
    )
    model = OpenAIVerifier(URL, model="m")
    for _ in range(2):
        assert model.invoke(REQUEST) == [0.0] * 3
    bodies = server.bodies(CHAT)
    assert [option in body for body in bodies] == [True] * 2 + [False] * 4
    assert instead.items() <= bodies[-1].items()


def test_a_written_score_asks_for_its_form_where_the_server_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def picky(asked: Asked) -> Reply:
        form = asked.body.get("response_format")
        assert form is None or form["json_schema"]["schema"] == JsonScore().reply_schema
        return _refuses("response_format is not supported") if form else _reply('{"score": 55}')

    server = _serve(monkeypatch, picky)
    model = OpenAIVerifier(URL, model="m", question=JsonScore())
    for _ in range(2):
        assert model.invoke(REQUEST) == [55.0] * 3
    assert [("response_format" in body) for body in server.bodies(CHAT)] == [True] * 2 + [False] * 4


def test_a_refusal_that_stays_is_told_and_not_repeated_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = "temperature, max_completion_tokens, response_format, top_logprobs <= 5: all wrong"
    server = _serve(monkeypatch, _refuses(words))
    with pytest.raises(RewardServerError, match="all wrong"):
        OpenAIVerifier(URL, model="m").invoke(REQUEST)
    assert len(server.bodies(CHAT)) <= 2 * 5


@pytest.mark.parametrize(
    "refusal",
    [
        _refuses("This model does not support logprobs."),
        _refuses("You are not allowed to request log probabilities", status=403),
        Reply(status=400, body=[{"error": {"message": "Logprobs is not enabled for it"}}]),
    ],
    ids=["openai", "forbidden", "gemini"],
)
def test_a_model_without_log_probabilities_writes_its_score(
    monkeypatch: pytest.MonkeyPatch, refusal: Reply
) -> None:
    _serve(monkeypatch, lambda a: refusal if "logprobs" in a.body else _reply('{"score": 70}'))
    assert OpenAIVerifier(URL, model="m").invoke(REQUEST) == [70.0] * 3
    with pytest.raises(RewardServerError, match="`json_fallback` is off"):
        OpenAIVerifier(URL, model="m", json_fallback=False).invoke(REQUEST)


def test_log_probabilities_in_the_form_of_completions_are_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def mlx(asked: Asked) -> Reply:
        answer: Any = _reply('{"score": 70}').body
        if "logprobs" in asked.body:
            answer["choices"][0]["logprobs"] = {"token_logprobs": [-0.1], "tokens": [1]}
        return Reply(body=answer)

    _serve(monkeypatch, mlx)
    assert OpenAIVerifier(URL, model="m").invoke(REQUEST) == [70.0] * 3


def test_several_models_are_never_guessed_from(monkeypatch: pytest.MonkeyPatch) -> None:
    models = Reply(body={"data": [{"id": "text-embedding-3-small"}, {"id": "gpt-4.1-mini"}]})
    server = _serve(monkeypatch, _reply(**EVEN), models)
    with pytest.raises(RewardServerError, match=r"serves 2 models \(`text-embedding-3-small`, `gp"):
        OpenAIVerifier(URL).invoke(REQUEST)
    assert server.bodies(CHAT) == []


def test_the_one_model_of_vllm_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    models = Reply(body=recorded_answer("vllm_recorded/models.json"))
    server = _serve(monkeypatch, _reply(**EVEN), models)
    assert OpenAIVerifier(URL).invoke(REQUEST) == [0.0] * 3
    assert server.bodies(CHAT)[0]["model"] == "tiny-rm"


def test_content_in_parts_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    answer: Any = _reply().body
    answer["choices"][0]["message"]["content"] = [{"type": "text", "text": '{"score": 33}'}]
    _serve(monkeypatch, Reply(body=answer))
    assert OpenAIVerifier(URL, model="m", question=JsonScore()).invoke(REQUEST) == [33.0] * 3


def test_a_success_that_holds_an_error_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    _serve(monkeypatch, Reply(body={"error": {"message": "Provider failed", "code": 402}}))
    with pytest.raises(RewardServerError, match="with an error in it: Provider failed"):
        OpenAIVerifier(URL, model="m").invoke(REQUEST)


@pytest.mark.parametrize(
    "words",
    [
        "Requested sample logprobs of 20, which is greater than max allowed: 5",
        "Invalid value for 'top_logprobs': must be between 0 and 5.",
        "top_logprobs must be less than or equal to 5",
    ],
)
def test_a_server_with_fewer_tokens_is_no_server_without_any(
    monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    def reply(asked: Asked) -> Reply:
        return _refuses(words) if asked.body["top_logprobs"] > 5 else _reply(**EVEN)

    _serve(monkeypatch, reply)
    assert OpenAIVerifier(URL, model="m", max_retries=0).invoke(REQUEST) == [0.0] * 3


def test_a_server_may_ask_for_more_room(monkeypatch: pytest.MonkeyPatch) -> None:
    def reply(asked: Asked) -> Reply:
        words = "Invalid 'max_tokens': integer below minimum value. Expected a value >= 16."
        return _refuses(words) if asked.body["max_tokens"] < 16 else _reply(**EVEN)

    server = _serve(monkeypatch, reply)
    assert OpenAIVerifier(URL, model="m", max_retries=0).invoke(REQUEST) == [0.0] * 3
    assert server.asked[-1].body["max_tokens"] == 16


def test_a_form_that_a_server_has_no_grammar_for_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def reply(asked: Asked) -> Reply:
        lacking = _refuses("response_format is not implemented", 501)
        return lacking if "response_format" in asked.body else _reply('{"score": 40}')

    _serve(monkeypatch, reply)
    model = OpenAIVerifier(URL, model="m", max_retries=0, question=JsonScore())
    assert model.invoke(REQUEST) == [40.0] * 3


def test_a_refusal_is_read_wherever_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = {"detail": [{"loc": ["body", "logprobs"], "msg": "Extra inputs are not permitted"}]}

    def reply(asked: Asked) -> Reply:
        refused = Reply(status=422, body={"object": "error", "message": listed})
        return refused if "logprobs" in asked.body else _reply('{"score": 40}')

    _serve(monkeypatch, reply)
    assert OpenAIVerifier(URL, model="m", max_retries=0).invoke(REQUEST) == [40.0] * 3


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"base_resp": {"status_code": 1004, "status_msg": "login fail"}}, "login fail"),
        ({"detail": "not found"}, "not found"),
        ({"success": False, "errors": [{"message": "bad token"}]}, "in it: bad token"),
        ({"code": "1211", "msg": "model missing"}, "model missing"),
        ([{"error": {"code": 400, "message": "API key not valid"}}], "API key not valid"),
        ({"choices": [{"error": {"message": "upstream"}, "message": {}}]}, "upstream"),
        ({"choices": [{"finish_reason": "content_filter", "message": {}}]}, "kept a verifier's"),
    ],
)
def test_an_error_in_a_success_is_said_in_its_own_words(
    monkeypatch: pytest.MonkeyPatch, body: Any, words: str
) -> None:
    server = _serve(monkeypatch, Reply(body=body))
    with pytest.raises(RewardServerError, match=words):
        OpenAIVerifier(URL, model="m", max_retries=0).invoke(REQUEST)
    assert len(server.asked) == 2  # one for each text: none was asked for a score in writing
