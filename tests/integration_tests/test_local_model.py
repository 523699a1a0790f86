"""The embedded model, for real: SmolLM2-135M in this process, and the loop on top of it."""

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import openai
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import HumanMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from langchain_tpo import SamplingOptions, TPORunnable, TPOSettings
from langchain_tpo.errors import WeightsError
from langchain_tpo.local import LocalChatModel, LocalServer, local_chat_model, weights_file
from langchain_tpo.prompts.small_model import SMALL_MODEL_PROMPTS
from tests.support.shallow_weights import shallow_weights

pytestmark = pytest.mark.integration

QUESTIONS = [
    "How did US states get their names?",
    "What are the names of some famous actors that started their careers on Broadway?",
    "Why do cats purr? Answer in one sentence.",
]
ASKED = [HumanMessage(QUESTIONS[0])]
TOKENS = {"logprobs": True, "top_logprobs": 1}
"""Makes the server say which tokens it made."""


@pytest.fixture(scope="module")
def whole_weights() -> Path:
    pytest.importorskip("xllamacpp", reason="the extra `local` is not installed")
    try:
        return weights_file("smollm2-135m")
    except WeightsError as error:
        if "could not be fetched" in str(error):
            pytest.skip(f"no weights here: {error}")
        raise


@pytest.fixture(scope="module")
def weights(whole_weights: Path) -> Path:
    return shallow_weights()


@pytest.fixture(scope="module")
def server(weights: Path) -> Iterator[LocalServer]:
    with LocalServer(weights, slots=4, context_tokens=2048, threads=1) as running:
        yield running


@pytest.fixture
def model(server: LocalServer) -> LocalChatModel:
    return server.chat_model(temperature=0.7, max_tokens=24, seed=1)


def token_ids(generation: ChatGeneration) -> list[int]:
    """Return the tokens that the model made for a response, end of turn included."""
    content = generation.message.response_metadata["logprobs"]["content"]
    return [entry["id"] for entry in content]


def spelled(server: LocalServer, ids: list[int]) -> str:
    return str(server._post("/detokenize", {"tokens": ids})["content"])


def ends_itself(generation: ChatGeneration) -> bool:
    return generation.message.response_metadata["finish_reason"] == "stop"


def check_counts(server: LocalServer, generations: list[ChatGeneration]) -> int:
    """Hold every response's tokens against its text, and give their number.

    A model may spell a word with other tokens than the tokenizer would: then the tokens it made,
    turned back into text, are the proof.
    """
    total = 0
    for generation in generations:
        ids = token_ids(generation)
        words = ids[:-1] if ends_itself(generation) else ids
        by_tokenizer = server.token_ids(generation.text)
        assert words == by_tokenizer or spelled(server, words) == generation.text
        total += len(ids)
    return total


def test_usage_is_what_the_tokenizer_says_of_all_choices(
    server: LocalServer, model: LocalChatModel
) -> None:
    (generations,) = model.generate([ASKED], n=4, **TOKENS).generations
    (plain,) = model.generate([ASKED], n=4).generations

    made = check_counts(server, generations)
    usage = generations[0].message.usage_metadata
    assert len({generation.text for generation in generations}) > 1
    assert usage["output_tokens"] == made > 4 * 2
    assert usage["total_tokens"] == usage["input_tokens"] + made
    assert plain[0].message.usage_metadata["output_tokens"] > 4 * 2
    assert "logprobs" not in plain[0].message.response_metadata


def test_n_responses_cost_what_n_requests_cost_but_for_the_prompt(
    server: LocalServer, model: LocalChatModel
) -> None:
    greedy = {"temperature": 0, "max_tokens": 12}
    together = model.generate([ASKED], n=3, **greedy).generations[0][0].message.usage_metadata
    alone = model.invoke(ASKED, **greedy).usage_metadata

    assert together["output_tokens"] == 3 * alone["output_tokens"]
    assert together["input_tokens"] == alone["input_tokens"]


def test_the_server_reports_its_build_and_the_cached_prompt(model: LocalChatModel) -> None:
    model.invoke(ASKED, max_tokens=2)
    again = model.invoke(ASKED, max_tokens=2)

    assert again.usage_metadata["input_token_details"]["cache_read"] > 0
    assert again.response_metadata["system_fingerprint"]


def test_more_responses_than_slots(server: LocalServer, model: LocalChatModel) -> None:
    (generations,) = model.generate([ASKED], n=6, **TOKENS).generations

    assert len(generations) == 6
    usage = generations[0].message.usage_metadata
    assert usage["output_tokens"] == check_counts(server, generations)


def test_event_loops_come_and_go(model: LocalChatModel) -> None:
    for _ in range(3):
        result = asyncio.run(model.agenerate([ASKED], n=2, max_tokens=4))
        assert len(result.generations[0]) == 2
        assert asyncio.run(model.ainvoke(ASKED, max_tokens=4)).text


def test_many_requests_at_once_all_come_back(model: LocalChatModel) -> None:
    async def crowd() -> list[LLMResult]:
        sizes = [3, 4, 2, 1, 3, 4]
        return await asyncio.gather(
            *(model.agenerate([ASKED], n=size, max_tokens=4) for size in sizes)
        )

    results = asyncio.run(crowd())
    assert [len(result.generations[0]) for result in results] == [3, 4, 2, 1, 3, 4]


def test_a_conversation_that_is_too_long_is_the_providers_own_error(
    model: LocalChatModel,
) -> None:
    with pytest.raises(openai.BadRequestError, match="exceeds the available context size"):
        model.invoke("word " * 3000)


@pytest.mark.parametrize("context_tokens", [None, 512])
def test_candidates_longer_than_the_window_are_shortened(
    weights: Path, context_tokens: int | None
) -> None:
    drafts = ["Oil it twice a year. " * 60, "Burn it. " * 60]
    short = SamplingOptions(max_tokens=16)
    settings = TPOSettings(
        width=2, depth=1, prompts=SMALL_MODEL_PROMPTS, context_tokens=context_tokens,
        prefer_complete=False,
        sample=short, textual_loss=short, textual_gradient=short, update=short,
    )  # fmt: skip
    with LocalServer(weights, slots=2, context_tokens=512, threads=1) as server:
        tpo = TPORunnable(model=server.chat_model(), reward=keywords, settings=settings)
        result = tpo.optimize({"messages": ASKED, "drafts": drafts})

    assert result.stop_reason == "depth"
    shortened = {step["step"] for step in result.steps if "left_out" in step}
    assert "textual_loss" in shortened
    refused = result.usage["requests"] - (1 + 3)
    assert (refused > 0) is (context_tokens is None)


def test_only_who_has_the_key_may_ask(server: LocalServer, model: LocalChatModel) -> None:
    assert server.base_url.startswith("http://127.0.0.1:")
    connection = HTTPConnection(server.base_url.removeprefix("http://").removesuffix("/v1"))
    connection.request("POST", "/v1/chat/completions", "{}")
    response = connection.getresponse()
    assert response.status == 401
    assert response.headers["Access-Control-Allow-Origin"] != "*"
    connection.close()
    key = server.api_key.get_secret_value()
    assert key not in repr(server) + repr(model)


def test_token_counts_need_no_download(server: LocalServer, model: LocalChatModel) -> None:
    assert model.get_num_tokens("Oil it twice a year.") == server.count_tokens(
        "Oil it twice a year."
    )


def test_stop_ends_everything(weights: Path) -> None:
    threads, native = threading.active_count(), native_threads()
    server = LocalServer(weights, slots=1, context_tokens=256, threads=1)
    model = server.start().chat_model(max_tokens=2)
    assert server.start() is server
    assert model.invoke("hi").text
    assert native_threads() > native

    server.stop()
    server.stop()

    with pytest.raises(openai.APIConnectionError):
        model.invoke("hi")
    assert threading.active_count() == threads
    assert wait_for(lambda: native_threads() <= native)
    with server:
        assert server.chat_model(max_tokens=2).invoke("hi").text


def test_a_forgotten_server_ends_with_its_model(weights: Path) -> None:
    native = native_threads()
    model = local_chat_model(weights, slots=1, context_tokens=256, threads=1, max_tokens=2)
    gc.collect()
    assert model.invoke("hi").text
    forgotten = weakref.ref(model.custom_get_token_ids.__self__)

    del model
    gc.collect()

    assert forgotten() is None
    assert wait_for(lambda: native_threads() <= native)


class Ledger(BaseCallbackHandler):
    """Keeps every response that a model gives."""

    run_inline = True

    def __init__(self) -> None:
        self.generations: list[ChatGeneration] = []

    def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        self.generations += [one for listed in response.generations for one in listed]


def keywords(prompt: str, response: str) -> float:
    """Prefer answers that use the words of the question, and dislike length a little."""
    asked = {word.strip("?.,").lower() for word in prompt.split()}
    given = [word.strip("?.,").lower() for word in response.split()]
    return len(asked & set(given)) - len(given) / 100


@pytest.mark.parametrize("question", QUESTIONS[1:])
def test_the_loop_counts_every_token(server: LocalServer, question: str) -> None:
    check_loop(server, question)


def test_the_loop_improves_real_answers(whole_weights: Path) -> None:
    with LocalServer(whole_weights, slots=4, context_tokens=2048, threads=1) as server:
        check_loop(server, QUESTIONS[0], tokens=16, width=2, depth=1)


def check_loop(
    server: LocalServer, question: str, *, tokens: int = 40, width: int = 4, depth: int = 2
) -> None:
    short = SamplingOptions(temperature=0.7, max_tokens=tokens)
    settings = TPOSettings(
        width=width, depth=depth, prompts=SMALL_MODEL_PROMPTS, seed=1, prefer_complete=False,
        sample=short, textual_loss=short, textual_gradient=short, update=short,
    )  # fmt: skip
    tpo = TPORunnable(model=server.chat_model(**TOKENS), reward=keywords, settings=settings)
    ledger = Ledger()

    result = tpo.optimize(question, {"callbacks": [ledger]})

    first = [candidate["reward"] for candidate in result.pool if candidate["round"] == 0]
    assert len(first) == width
    assert result.reward >= max(first)
    assert len(ledger.generations) == settings.completions == width + depth * (2 + width)
    assert result.usage["completions"] == settings.completions
    assert result.usage["requests"] == 1 + depth * 3
    assert result.usage["output_tokens"] == check_counts(server, ledger.generations)


def native_threads() -> int:
    """Count the threads of this process, those of the engine included."""
    tasks = Path("/proc/self/task")
    if not tasks.is_dir():
        pytest.skip("no /proc here to count threads in")
    return sum(1 for _ in tasks.iterdir())


def wait_for(condition: Any) -> bool:
    """Return the system a moment to take threads down."""
    for _ in range(100):
        if condition():
            return True
        time.sleep(0.02)
    return False
