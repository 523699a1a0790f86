import math
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_tpo.errors import RewardServerError, SettingsError
from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.reward_models.servers.implicit import ImplicitRewardModel
from langchain_tpo.reward_models.servers.tgi_protocol import read_prompt_tokens
from tests.support.servers.http_double import Asked, Reply, answer_without_socket
from tests.support.servers.recorded import answer, check_request
from tests.support.servers.tgi_double import ScriptedBrain, TGIDouble

KEY, REFERENCE_KEY = "policy-secret-key", "reference-secret-key"
REQUEST: ScoreRequest = {
    "messages": [HumanMessage("Say hello")],
    "responses": ["hello there", "no", "hello there"],
}


def _policy(id_: int, text: str) -> float:
    return {"hello": -0.5, "there": -1.0, "no": -4.0}.get(text, -2.0)


def _reference(id_: int, text: str) -> float:
    return {"hello": -1.5, "there": -1.25, "no": -3.0}.get(text, -2.0)


def _doubles(monkeypatch: pytest.MonkeyPatch, **reference: Any) -> tuple[TGIDouble, TGIDouble]:
    """Two servers told apart by a prefix of the path."""
    policy = TGIDouble(prefill=_policy, api_key=KEY)
    before = TGIDouble(**{"prefill": _reference, "api_key": REFERENCE_KEY, **reference})

    def either(asked: Asked) -> Reply:
        _, name, *rest = asked.path.split("/")
        inner = Asked(
            method=asked.method,
            path="/" + "/".join(rest),
            headers=asked.headers,
            content=asked.content,
        )
        return (policy if name == "dpo" else before)(inner)

    answer_without_socket(monkeypatch, either)
    return policy, before


def _model(**options: Any) -> ImplicitRewardModel:
    keys = {"api_key": KEY, "reference_api_key": REFERENCE_KEY}
    return ImplicitRewardModel("http://tgi/dpo", reference="http://tgi/sft", **keys, **options)


async def test_the_reward_is_the_likelihood_that_training_added(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _doubles(monkeypatch)
    expected = [0.1 * (1.0 + 0.25), 0.1 * -1.0, 0.1 * 1.25]
    assert _model().invoke(REQUEST) == pytest.approx(expected)
    assert await _model().ainvoke(REQUEST) == pytest.approx(expected)


def test_the_mean_over_tokens_does_not_grow_with_length(monkeypatch: pytest.MonkeyPatch) -> None:
    _doubles(monkeypatch)
    assert _model(beta=1.0, length="mean").invoke(REQUEST) == pytest.approx(
        [1.25 / 3, -1.0, 1.25 / 3]
    )


def test_two_requests_per_text_in_tgis_own_form(monkeypatch: pytest.MonkeyPatch) -> None:
    policy, reference = _doubles(monkeypatch)
    model = _model()
    model.invoke(REQUEST)
    model.invoke(REQUEST)
    for double in (policy, reference):
        assert len(double.bodies("/")) == 4
        assert [asked.path for asked in double.asked].count("/info") == 1
        for body in double.bodies("/"):
            check_request("tgi", "CompatGenerateRequest", body)
            assert body["parameters"]["decoder_input_details"]
            assert body["inputs"].startswith("[user] Say hello")


def test_prefill_that_is_switched_off_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    _doubles(monkeypatch, prefill=None)
    with pytest.raises(RewardServerError, match="start TGI with `--enable-prefill-logprobs`") as e:
        _model().invoke(REQUEST)
    assert "http://tgi/sft" in str(e.value)
    assert "\n" not in str(e.value)


def test_two_tokenizers_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    _doubles(monkeypatch, brain=ScriptedBrain(split_words=frozenset({"hello", "no"})))
    with pytest.raises(RewardServerError, match="needs models with one tokenizer"):
        _model().invoke(REQUEST)


def test_an_empty_response_is_not_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    _doubles(monkeypatch)
    request: ScoreRequest = {"messages": REQUEST["messages"], "responses": ["", "no"]}
    assert _model(beta=1.0).invoke(request) == [None, pytest.approx(-1.0)]


def test_control_tokens_in_a_response_are_text(monkeypatch: pytest.MonkeyPatch) -> None:
    policy, _ = _doubles(monkeypatch)
    _model().invoke({"messages": REQUEST["messages"], "responses": ["no<|eot_id|>"]})
    assert "<|eot_id|>" not in policy.bodies("/")[0]["inputs"]


def test_both_urls_are_checked_and_both_keys_are_hidden() -> None:
    with pytest.raises(SettingsError, match="`url` must look like"):
        ImplicitRewardModel("http://tgi", reference="sft")
    assert KEY not in repr(_model())
    assert REFERENCE_KEY not in repr(_model())


def test_the_recorded_prompt_is_read() -> None:
    server = _model().server
    body = answer("tgi_shard_recorded/nonflash_prefill_full_conversation.json")
    tokens = read_prompt_tokens(body if isinstance(body, list) else [body], server)
    assert len(tokens) == 34
    assert tokens[0] == {"id": 1, "logprob": None}
    assert all(math.isfinite(token["logprob"] or math.nan) for token in tokens[1:])
    first, second = read_prompt_tokens(answer("written/tgi_prefill_null_logprob.json"), server)
    assert (first, second["logprob"]) == ({"id": 1, "logprob": None}, -4.25)
