"""`LocalChatModel` splits what a server cannot do at once, and counts what it made."""

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_openai import ChatOpenAI

from langchain_tpo.local import LocalChatModel

PROMPT_TOKENS, CACHED_TOKENS = 30, 7


class Server:
    """Stands in for llama.cpp: answers `n` choices, and reports the tokens of the first only."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, logprobs: bool = True) -> None:
        self.requests: list[dict[str, Any]] = []
        self.logprobs = logprobs
        monkeypatch.setattr(ChatOpenAI, "_generate", self.answer)
        monkeypatch.setattr(ChatOpenAI, "_agenerate", self.aanswer)

    def answer(
        self, messages: object, stop: object = None, run_manager: object = None, **kwargs: Any
    ) -> ChatResult:
        self.requests.append(kwargs)
        usage = {
            "input_tokens": PROMPT_TOKENS,
            "output_tokens": 1,
            "total_tokens": PROMPT_TOKENS + 1,
            "input_token_details": {"cache_read": CACHED_TOKENS},
        }
        generations = []
        for index in range(kwargs.get("n", 1)):
            info: dict[str, Any] = {"finish_reason": "stop"}
            if self.logprobs and kwargs.get("logprobs"):
                info["logprobs"] = {"content": [{"token": "x"}] * (index + 1)}
            message = AIMessage(f"{kwargs.get('seed')}/{index}", usage_metadata=usage)
            generations.append(ChatGeneration(message=message, generation_info=info))
        return ChatResult(generations=generations, llm_output={"system_fingerprint": "b1"})

    async def aanswer(self, *args: Any, **kwargs: Any) -> ChatResult:
        return self.answer(*args, **kwargs)


def model(**options: Any) -> LocalChatModel:
    return LocalChatModel(base_url="http://127.0.0.1:9/v1", api_key="k", **{"slots": 3, **options})


def draw(door: str, asked: LocalChatModel, **kwargs: Any) -> tuple[list[ChatGeneration], Any]:
    messages = [[HumanMessage("hi")]]
    if door == "sync":
        result = asked.generate(messages, **kwargs)
    else:
        result = asyncio.run(asked.agenerate(messages, **kwargs))
    return result.generations[0], result.llm_output


@pytest.mark.parametrize("door", ["sync", "async"])
def test_every_choice_is_counted(door: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Server(monkeypatch)

    generations, llm_output = draw(door, model(), n=3)

    for generation in generations:
        assert generation.message.usage_metadata == {
            "input_tokens": PROMPT_TOKENS,
            "output_tokens": 1 + 2 + 3,
            "total_tokens": PROMPT_TOKENS + 6,
            "input_token_details": {"cache_read": CACHED_TOKENS},
        }
    assert llm_output["token_usage"] == {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": 6,
        "total_tokens": PROMPT_TOKENS + 6,
        "prompt_tokens_details": {"cached_tokens": CACHED_TOKENS},
    }


@pytest.mark.parametrize("door", ["sync", "async"])
def test_more_choices_than_slots_are_even_requests_with_seeds_of_their_own(
    door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(monkeypatch)

    generations, llm_output = draw(door, model(), n=7, seed=10)

    assert [(request["n"], request["seed"]) for request in server.requests] == [
        (2, 10),
        (2, 12),
        (3, 14),
    ]
    assert [generation.text for generation in generations] == [
        "10/0", "10/1", "12/0", "12/1", "14/0", "14/1", "14/2"
    ]  # fmt: skip
    assert llm_output["token_usage"]["prompt_tokens"] == 3 * PROMPT_TOKENS
    assert llm_output["token_usage"]["completion_tokens"] == 3 + 3 + 6


def test_without_counts_the_usage_is_unknown_rather_than_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Server(monkeypatch, logprobs=False)

    generations, llm_output = draw("sync", model(), n=2)

    assert [generation.message.usage_metadata for generation in generations] == [None, None]
    assert llm_output["token_usage"] == {}


def test_log_probabilities_stay_only_where_they_were_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server(monkeypatch)

    quiet, _ = draw("sync", model(), n=2)
    loud, _ = draw("sync", model(), n=2, logprobs=True, top_logprobs=4)

    assert "logprobs" not in quiet[0].message.response_metadata
    assert len(loud[1].message.response_metadata["logprobs"]["content"]) == 2
    assert [request["top_logprobs"] for request in server.requests] == [1, 4]


def test_a_single_response_is_left_to_chat_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch)

    message = model(seed=4).invoke("hi")

    assert message.usage_metadata is not None
    assert message.usage_metadata["output_tokens"] == 1
    assert server.requests == [{}]


def test_n_and_seed_may_be_fields_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch)

    generations, _ = draw("sync", model(n=2, seed=5))

    assert len(generations) == 2
    assert [(request["n"], request["seed"]) for request in server.requests] == [(2, 5)]


def test_the_key_is_shown_nowhere() -> None:
    secret = LocalChatModel(base_url="http://127.0.0.1:9/v1", api_key="my-very-key", slots=2)

    assert "my-very-key" not in repr(secret)
    assert not secret.is_lc_serializable()
