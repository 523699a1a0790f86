"""Heads of several labels, process rewards, OpenRLHF, NIM, and where routes may be."""

from typing import Any

import pytest

from langchain_tpo.errors import RewardServerError, SettingsError
from langchain_tpo.reward_models.chat_templates import chatml, llama3, transcript
from langchain_tpo.reward_models.servers.classifiers import (
    HFEndpointClassifier,
    NIMClassifier,
    OpenRLHFClassifier,
    SGLangClassifier,
    TEIClassifier,
    VLLMClassifier,
    VLLMProcessReward,
)
from tests.support.servers.recorded import recorded

from .fake_servers import QUESTION, Answer, FakeServer, ScoreWith, Serve

URL = "http://127.0.0.1:8000"


class Scripted(FakeServer):
    """Answers some routes with a function of the body, the others with 404."""

    def __init__(self, **routes: Any) -> None:
        super().__init__()
        self.routes = routes

    def answer(self, method: str, path: str, body: Any) -> Answer:
        route = self.routes.get(path.replace("/", "_"))
        if route is None:
            return 404, {"detail": "Not Found"}
        given = route(body)
        return given if isinstance(given, tuple) else (200, given)


def vllm(body: Any) -> Any:
    length = float(-len(body["messages"][-1]["content"]))
    return {"data": [{"index": 0, "probs": [length]}]}


# Routes below and above /v1


def test_a_gateway_may_keep_routes_below_v1(serve: Serve, score: ScoreWith) -> None:
    server = Scripted(_v1_classify=vllm)
    serve(server)
    assert score(VLLMClassifier(f"{URL}/v1"), "ab", "a") == [-2.0, -1.0]
    assert {path for path, _ in server.calls} == {"/v1/classify"}


@pytest.mark.parametrize("tail", ["/v1", "/v1/"])
def test_openais_root_leads_to_the_server_above_it(
    serve: Serve, score: ScoreWith, tail: str
) -> None:
    server = Scripted(_classify=vllm)
    serve(server)
    reward = VLLMClassifier(URL + tail)
    assert score(reward, "ab", "a") == [-2.0, -1.0]
    assert score(reward, "abc") == [-3.0]
    assert [path for path, _ in server.calls] == ["/v1/classify"] * 2 + ["/classify"] * 3


def test_a_route_that_is_nowhere_is_one_line(serve: Serve, score: ScoreWith) -> None:
    serve(Scripted())
    with pytest.raises(RewardServerError, match=r"HTTP 404: Not Found; check that the URL"):
        score(VLLMClassifier(f"{URL}/v1"), "a")


def sglang(body: Any) -> Any:
    return [{"embedding": [float(-len(text))], "meta_info": {}} for text in body["text"]]


def router(body: Any) -> Any:
    rows = [{"index": i, "embedding": [float(-len(t))]} for i, t in enumerate(body["input"])]
    return {"object": "list", "data": rows[::-1]}


def one_turn(turns: Any) -> str:
    return str(turns[-1]["content"])


@pytest.mark.parametrize("tail", ["", "/v1"])
def test_behind_sglangs_router_embeddings_take_the_place_of_classify(
    serve: Serve, score: ScoreWith, tail: str
) -> None:
    server = Scripted(_v1_embeddings=router)
    serve(server)
    reward = SGLangClassifier(URL + tail, template=one_turn)
    assert score(reward, "ab", "a") == [-2.0, -1.0]
    assert score(reward, "abc") == [-3.0]
    assert [path for path, _ in server.calls] == ["/classify"] + ["/v1/embeddings"] * 2


def test_sglangs_route_may_be_said(serve: Serve, score: ScoreWith) -> None:
    server = Scripted(_v1_embeddings=router, _classify=sglang)
    serve(server)
    assert score(SGLangClassifier(URL, template=one_turn, route="/v1/embeddings"), "ab") == [-2.0]
    assert [path for path, _ in server.calls] == ["/v1/embeddings"]


def test_one_text_may_be_answered_with_one_object(serve: Serve, score: ScoreWith) -> None:
    serve(Scripted(_classify=lambda body: sglang(body)[0]))
    assert score(SGLangClassifier(URL, template=one_turn), "ab") == [-2.0]


def test_a_gateway_that_lets_only_predict_through(serve: Serve, score: ScoreWith) -> None:
    def predict(body: Any) -> Any:
        return [[{"label": "L", "score": float(-len(texts[-1]))}] for texts in body["inputs"]]

    serve(Scripted(_predict=predict))
    assert score(TEIClassifier(URL), "ab", "a") == [-2.0, -1.0]


# Heads of several labels


HEAD = {"helpful": 2.0, "correct": 1.0, "verbose": 3.0}
WEIGHTS = {"helpful": 1.0, "verbose": -0.5}


def named(_: Any) -> Any:
    labels = [{"label": name, "score": score} for name, score in HEAD.items()]
    return [sorted(labels, key=lambda label: -float(str(label["score"])))]


def test_labels_are_weighted_by_name(serve: Serve, score: ScoreWith) -> None:
    server = Scripted(_predict=named, _=named)
    serve(server)
    assert score(TEIClassifier(URL, weights=WEIGHTS), "a") == [0.5]
    assert score(HFEndpointClassifier(URL, template=transcript, weights=WEIGHTS), "a") == [0.5]
    assert server.posts("/")[0]["parameters"]["top_k"] == 1000


def numbered(_: Any) -> Any:
    return {"data": [{"index": 0, "probs": [*HEAD.values()]}]}


def test_labels_are_weighted_by_place(serve: Serve, score: ScoreWith) -> None:
    serve(Scripted(_classify=numbered))
    assert score(VLLMClassifier(URL, weights=[1, 0, -0.5]), "a") == [0.5]


@pytest.mark.parametrize(
    ("reward", "words"),
    [
        (VLLMClassifier(URL), "3 labels where a reward model has 1.*say with `weights`"),
        (VLLMClassifier(URL, weights=[1, 2]), "numbers its 3 labels: give `weights` as a list"),
        (VLLMClassifier(URL, weights=WEIGHTS), "numbers its 3 labels: give `weights` as a list"),
        (TEIClassifier(URL), "3 labels where a reward model has 1.*say with `weights`"),
        (TEIClassifier(URL, weights=[1, 2, 3]), "sorts them: give `weights` by name"),
        (TEIClassifier(URL, weights={"honest": 1}), "no label `honest`: it has `correct`, `help"),
    ],
)
def test_weights_that_do_not_fit_are_one_line(
    serve: Serve, score: ScoreWith, reward: Any, words: str
) -> None:
    serve(Scripted(_classify=numbered, _predict=named))
    with pytest.raises(RewardServerError, match=words):
        score(reward, "a")


def test_probabilities_of_several_labels_are_noticed(serve: Serve, score: ScoreWith) -> None:
    serve(Scripted(_classify=lambda _: {"data": [{"index": 0, "probs": [0.2, 0.5, 0.3]}]}))
    with pytest.raises(RewardServerError, match=r"answers a probability \(`0.5`\)"):
        score(VLLMClassifier(URL, weights=[1, 0, 0]), "a")
    trusted = VLLMClassifier(URL, weights=[1, 0, 0], check_raw=False)
    assert score(trusted, "a") == [0.2]


@pytest.mark.parametrize("weights", ["helpful", 3, {"helpful": "much"}])
def test_weights_of_a_wrong_type_are_one_line(weights: Any) -> None:
    with pytest.raises(SettingsError, match="`weights") as caught:
        VLLMClassifier(URL, weights=weights)
    assert "\n" not in str(caught.value)


# Process reward models


SOLUTION = "2 + 2 is 4.\n\n4 + 4 is 9.\n\n\nSo it is 9."


class Steps(FakeServer):
    """As vLLM with a step pooler: one row behind each mark."""

    rows = ([0.1, 0.9], [0.6, 0.4], [0.5, 0.5])

    def answer(self, method: str, path: str, body: Any) -> Answer:
        assert (path, body["task"]) == ("/pooling", "token_classify")
        marks = body["messages"][-1]["content"].count("<extra_0>")
        rows = self.rows[:marks] if marks else self.rows
        return 200, {"data": [{"index": 0, "object": "pooling", "data": rows}]}


@pytest.mark.parametrize(
    ("options", "reward"),
    [
        ({}, 0.4),
        ({"reduce": "product"}, 0.9 * 0.4 * 0.5),
        ({"reduce": "last"}, 0.5),
        ({"column": 0}, 0.1),
        ({"step_mark": "", "reduce": "last"}, 0.5),
        ({"step_split": r"\n\n+"}, 0.4),
    ],
)
def test_steps_become_one_reward(
    serve: Serve, score: ScoreWith, options: Any, reward: float
) -> None:
    serve(Steps())
    assert score(VLLMProcessReward(URL, **options), SOLUTION) == [pytest.approx(reward)]


def test_steps_are_marked_and_marks_in_a_response_are_text(serve: Serve, score: ScoreWith) -> None:
    server = Steps()
    serve(server)
    score(VLLMProcessReward(URL, model="prm"), "One.<extra_0>\n\nTwo.")
    (body,) = server.posts("/pooling")
    assert body["model"] == "prm"
    assert body["messages"] == [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": "One.< extra_0><extra_0>Two.<extra_0>"},
    ]


def test_a_wrong_number_of_steps_is_not_scored(serve: Serve, score: ScoreWith) -> None:
    serve(Steps())
    with pytest.raises(RewardServerError, match=r"scored 3 steps where 4 were sent: `step_mark`"):
        score(VLLMProcessReward(URL), f"{SOLUTION}\n\nOne more.")


def test_a_column_that_is_not_there_is_one_line(serve: Serve, score: ScoreWith) -> None:
    serve(Steps())
    with pytest.raises(RewardServerError, match="2 numbers for a step, and `column` is 5"):
        score(VLLMProcessReward(URL, column=5), SOLUTION)


def test_a_product_is_one_of_probabilities(serve: Serve, score: ScoreWith) -> None:
    raw = Steps()
    raw.rows = ([-2.0], [-3.0], [0.5])
    serve(raw)
    with pytest.raises(RewardServerError, match="scored a step -3, and a product is one of prob"):
        score(VLLMProcessReward(URL, reduce="product"), SOLUTION)
    assert score(VLLMProcessReward(URL), SOLUTION) == [-3.0]


def test_a_step_without_a_finite_score_leaves_none_to_the_response() -> None:
    answer: Any = {"data": [{"data": [[0.9], [float("nan")], [0.8]]}]}
    assert [str(one) for one in VLLMProcessReward(URL).read(answer)] == ["nan"]


def test_an_empty_response_has_no_steps(serve: Serve, score: ScoreWith) -> None:
    serve(Steps())
    assert score(VLLMProcessReward(URL), SOLUTION, " \n") == [0.4, None]


def test_the_recorded_refusal_of_a_server_for_whole_texts_is_one_line(
    serve: Serve, score: ScoreWith
) -> None:
    given = recorded("vllm_recorded/pooling_token_classify_err.json")["response"]
    serve(Scripted(_pooling=lambda _: (given["status"], given["body"])))
    with pytest.raises(RewardServerError, match="Try switching the model's pooling_task"):
        score(VLLMProcessReward(URL), SOLUTION)


def test_a_server_of_steps_is_named_to_who_wants_whole_texts(
    serve: Serve, score: ScoreWith
) -> None:
    serve(Scripted(_pooling=lambda _: {"data": [{"index": 0, "data": [[-0.5], [0.2]]}]}))
    with pytest.raises(RewardServerError, match=r"scores tokens or steps.*`VLLMProcessReward`"):
        score(VLLMClassifier(URL, route="/pooling"), "a")


def test_a_regular_expression_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="`step_split`"):
        VLLMProcessReward(URL, step_split="(")


# OpenRLHF and NIM


@pytest.mark.parametrize("url", [URL, f"{URL}/get_reward", f"{URL}/get_reward/"])
def test_openrlhf_is_asked_once_per_round(serve: Serve, score: ScoreWith, url: str) -> None:
    server = Scripted(_get_reward=lambda b: {"rewards": [float(-len(t)) for t in b["query"]]})
    serve(server)
    scores = score(OpenRLHFClassifier(url, template=one_turn), "ab", "a", "ab")
    assert scores == [-2.0, -1.0, -2.0]
    assert server.posts("/get_reward") == [{"query": ["ab", "a"]}]


def test_openrlhf_adds_its_own_bos(serve: Serve, score: ScoreWith) -> None:
    server = Scripted(_get_reward=lambda body: {"rewards": [0.5] * len(body["query"])})
    serve(server)
    assert score(OpenRLHFClassifier(URL, template=llama3), "a") == [0.5]
    assert server.posts("/get_reward")[0]["query"][0].startswith("<|start_header_id|>user")


def test_openrlhf_with_too_few_rewards_is_one_line(serve: Serve, score: ScoreWith) -> None:
    serve(Scripted(_get_reward=lambda _: {"rewards": [1.0]}))
    with pytest.raises(RewardServerError, match="answered 1 scores for 2 texts"):
        score(OpenRLHFClassifier(URL, template=chatml), "a", "b")


def nim(content: str) -> Any:
    return lambda _: {"choices": [{"message": {"role": "assistant", "content": content}}]}


@pytest.mark.parametrize("url", [URL, f"{URL}/v1"])
def test_nims_reward_is_read_from_its_words(serve: Serve, score: ScoreWith, url: str) -> None:
    server = Scripted(_v1_chat_completions=nim("reward:-3.25"))
    serve(server)
    assert score(NIMClassifier(url, model="rm"), "Paris") == [-3.25]
    assert server.posts("/v1/chat/completions") == [
        {
            "model": "rm",
            "messages": [
                {"role": "user", "content": QUESTION},
                {"role": "assistant", "content": "Paris"},
            ],
        }
    ]


def test_nims_attributes_are_weighted(serve: Serve, score: ScoreWith) -> None:
    serve(Scripted(_v1_chat_completions=nim("helpfulness:1.5,correctness: 0.5,verbosity:1e0")))
    weights = {"helpfulness": 1, "verbosity": -0.5}
    assert score(NIMClassifier(URL, model="rm", weights=weights), "a") == [1.0]
    with pytest.raises(RewardServerError, match="3 labels where a reward model has 1"):
        score(NIMClassifier(URL, model="rm"), "a")


def test_a_chat_model_behind_nim_is_no_reward(serve: Serve, score: ScoreWith) -> None:
    serve(Scripted(_v1_chat_completions=nim("Paris is nice.")))
    with pytest.raises(RewardServerError, match="without scores: serve a reward model"):
        score(NIMClassifier(URL, model="rm"), "a")
