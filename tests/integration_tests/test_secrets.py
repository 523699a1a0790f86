"""Keys given in every way there is, and not one of them in anything that is written or shown."""

import json
import logging
import pickle
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import openai
import pytest
from langchain_core.globals import set_debug
from langchain_core.load import dumps
from langchain_core.messages import HumanMessage
from langchain_core.runnables import ConfigurableField
from langchain_core.tracers import BaseTracer
from langchain_core.tracers.schemas import Run
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from pydantic import SecretStr

from langchain_tpo import TPORunnable, TPOSettings, build_tpo_graph
from langchain_tpo.chat_models.chat_tpo import ChatTPO
from langchain_tpo.cli.main import run_app
from langchain_tpo.errors import RewardServerError
from langchain_tpo.reward_models import ChatJudge, Ensemble, PairwiseJudge, TGIRewardModel
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.reward_models.servers.http_reward_model import HttpRewardModel
from langchain_tpo.reward_models.servers.http_transport import Flow
from tests.support.fakes import ScriptedModel
from tests.support.servers.http_double import Asked, Reply, serve
from tests.support.servers.tgi_double import ScriptedBrain, TGIDouble

pytestmark = pytest.mark.integration

KEYS = {
    way: f"sk-canary-{way}-0123456789abcdef"
    for way in ("toml", "environment", "reward", "header", "option", "url", "argument", "reference")
}


CLOSE = {"connection": "close"}
"""The openai package would keep a connection for the next command, whose event loop is another."""


def leaks(text: str) -> list[str]:
    return [way for way in KEYS if f"canary-{way}" in text]


def answer(asked: Asked) -> Reply:
    """Serve policy, judge and reward; when asked to fail, quote every header that was sent."""
    if asked.method == "GET":
        return Reply(body={"data": [{"id": "rm"}]}, headers=CLOSE)
    text = json.dumps(asked.body["messages"])
    if "fail me" in text or ("fail later" in text and "You evaluate" in text):
        sent = "; ".join(f"{name}: {value}" for name, value in asked.headers.items())
        key = asked.headers["authorization"].removeprefix("Bearer ")
        message = f"Incorrect API key provided: {key}. You sent {sent}."
        return Reply(
            status=401,
            body={"error": {"message": message, "code": "invalid_api_key"}},
            headers=CLOSE,
        )
    seed = asked.body.get("seed") or 0
    said = '{"score": 50, "a_is_better": 60, "rationale": "-"} <IMPROVED_VARIABLE>Oil it.'
    return Reply(
        headers=CLOSE,
        body={
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": "m",
            "choices": [
                {
                    "index": index,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": f"{said} {seed + index}"},
                }
                for index in range(asked.body.get("n") or 1)
            ],
            "usage": {"prompt_tokens": 1, "completion_tokens": 99, "total_tokens": 100},
        },
    )


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve(answer) as address:
        yield f"{address}/v1"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """Write down what every logger says, at every level."""
    path = tmp_path / "debug.log"
    handler = logging.FileHandler(path)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield path
    root.setLevel(before)
    root.removeHandler(handler)
    handler.close()


class ScoreByDigit(HttpRewardModel):
    """Sends a request for each response, and rewards the last digit of the response."""

    def scoring(self, request: ScoreRequest) -> Flow[list[Score]]:
        yield [self.server.get(f"/{place}") for place, _ in enumerate(request["responses"])]
        return [float(response[-1]) for response in request["responses"]]


class EveryRun(BaseTracer):
    """Keeps all that a tracer is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told = ""

    def _persist_run(self, run: Run) -> None:
        parts = [run.serialized, run.inputs, run.outputs, run.extra, run.tags, run.events]
        self.told += json.dumps([run.name, run.error, *parts], default=repr)
        for child in run.child_runs:
            self._persist_run(child)


def test_no_command_of_tpo_writes_or_prints_a_key(
    url: str,
    log: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEYS["environment"])
    monkeypatch.setenv("RM_KEY", KEYS["reward"])
    settings = tmp_path / "keys" / "tpo.toml"
    settings.parent.mkdir()
    settings.write_text(
        f"""model = "openai:m"
base_url = "{url}"
reward = "openai:{url}?api_key_env=RM_KEY"
[model_options]
api_key = "{KEYS["toml"]}"
max_retries = 0
default_headers = {{ X-Api-Key = "{KEYS["header"]}" }}
[settings]
width = 2
depth = 1
[settings.update.extra]
extra_headers = {{ X-Other = "{KEYS["option"]}" }}
"""
    )
    prompts, run = tmp_path / "prompts.txt", str(tmp_path / "run")
    prompts.write_text("Why?\nfail later\n")
    refused = tmp_path / "refused.txt"
    refused.write_text("fail me\n")
    config = ["-c", str(settings)]
    judge = ["-m", "openai:m", "--base-url"]

    assert (
        run_app(["evaluate", str(prompts), "--out", run, "-s", "tpo", "-s", "single", *config]) == 0
    )
    lost = ["evaluate", str(refused), "--out", str(tmp_path / "lost"), "-s", "tpo", *config]
    assert run_app(lost) == 1  # a wrong key ends an evaluation at once
    assert run_app(["judge", run, *judge, url]) == 0
    assert run_app(["report", run, "--json"]) == 0
    assert run_app(["export-dpo", run]) == 1  # all responses are alike: no pair
    assert run_app(["optimize", "Why?", "--json", "--show", "rounds", *config]) == 0
    assert run_app(["--debug", "optimize", "fail me", *config]) == 1
    assert run_app(["optimize", "fail later", *config]) == 0
    for address in (url.replace("//", f"//me:{KEYS['url']}@"), f"{url}?api_key={KEYS['url']}"):
        assert run_app(["optimize", "Why?", *config, "--base-url", address]) == 2
        assert run_app(["judge", run, *judge, address]) == 2
        assert (
            run_app(["optimize", "Why?", *config, "-r", f"judge:openai:m?base_url={address}"]) == 2
        )
        assert run_app(["optimize", "Why?", *config, "-r", f"tei:{address}"]) == 2
    assert run_app(["optimize", "Why?", *config, "-r", f"tei:http://h?api_key={KEYS['url']}"]) == 2

    written = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    del written[settings]
    assert log in written
    assert {path.name for path in written} >= {"records.jsonl", "manifest.json", "report.html"}
    assert "(hidden)" in (tmp_path / "lost" / "records.jsonl").read_text(encoding="utf-8")
    # `extra_headers` are what the openai package logs at DEBUG whoever calls it.
    logged = written.pop(log).decode().replace(KEYS["option"], "")
    assert leaks(logged) == []
    for path, content in written.items():
        assert leaks(content.decode("latin-1")) == [], path
    out, err = capfd.readouterr()
    assert leaks(out + err) == []


async def test_no_object_shows_a_key(url: str) -> None:
    model = ChatOpenAI(
        model="m",
        api_key=SecretStr(KEYS["argument"]),
        base_url=url,
        max_retries=0,
        default_headers={"X-Api-Key": KEYS["header"]},
    )
    verifier = ScoreByDigit(url, api_key=KEYS["reward"])
    ensemble = Ensemble({"verifier": verifier, "judge": ChatJudge(model)})
    settings = TPOSettings(width=2, depth=1, min_contrast=0.0)
    tpo = TPORunnable(model=model, reward=ensemble, critic=model, settings=settings)
    objects = [tpo, ChatTPO(model=model, reward=ensemble), ensemble, ChatJudge(model)]
    objects += [PairwiseJudge(model), verifier, verifier.server, settings]

    for one in objects:
        assert leaks(f"{one!r} {one!s} {dumps(one)}") == []
    for one in (verifier, verifier.server, TPORunnable(model=ScriptedModel(), reward=verifier)):
        assert leaks(pickle.dumps(one).decode("latin-1")) == []
        assert deepcopy(one) == one

    plain = model.model_copy(update={"default_headers": None})
    loop = tpo.model_copy(update={"model": plain, "critic": plain, "reward": verifier})
    events = [repr(event) async for event in loop.astream_events("Why?", version="v2")]
    tracer = EveryRun()
    await loop.ainvoke("Why?", {"callbacks": [tracer]})
    result = await loop.aoptimize("fail later")
    assert result.stop_reason == "error"
    assert "(hidden)" in json.dumps(result.as_dict())
    assert "You evaluate answers" in tracer.told
    assert leaks("".join(events) + tracer.told + repr(result) + json.dumps(result.as_dict())) == []


def kept_by(saver: InMemorySaver | SqliteSaver, path: Path) -> str:
    """Return all that a checkpointer has kept, as bytes that read like text."""
    if isinstance(saver, InMemorySaver):
        return f"{dict(saver.storage)!r} {dict(saver.writes)!r} {dict(saver.blobs)!r}"
    saver.conn.commit()
    files = path.parent.glob(f"{path.name}*")  # what is not in the file yet is beside it
    return "".join(file.read_bytes().decode("latin-1") for file in files)


@pytest.mark.parametrize("way", ["memory", "sqlite"])
def test_no_checkpoint_and_no_log_of_a_run_holds_a_key(
    url: str, log: Path, tmp_path: Path, way: str, capfd: pytest.CaptureFixture[str]
) -> None:
    key: Any = lambda: KEYS["argument"]  # noqa: E731 a key that is fetched when it is needed
    plain = ChatOpenAI(model="m", api_key=key, base_url=url, max_retries=0)
    headers = {"X-Api-Key": KEYS["header"]}
    model = plain.model_copy(update={"default_headers": headers}).configurable_fields(
        openai_api_key=ConfigurableField(id="__api_key")
    )
    options = {"extra": {"extra_headers": {"X-Other": KEYS["option"]}}}
    settings = TPOSettings(width=2, depth=1, seed=0, update=options)  # type: ignore[arg-type]
    path = tmp_path / "kept.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as sqlite:
        saver = InMemorySaver() if way == "memory" else sqlite
        reward = ScoreByDigit(url, api_key=KEYS["reward"])
        graph = build_tpo_graph(model, reward, settings=settings).compile(checkpointer=saver)
        said = {}
        for question in ("fail later", "Why?"):
            thread: Any = {"thread_id": question, "__api_key": KEYS["reference"]}
            said[question] = graph.invoke({"messages": [question]}, {"configurable": thread})
        with pytest.raises(openai.AuthenticationError, match=r"\(hidden\)"):
            thread = {"thread_id": "failed", "__api_key": KEYS["reference"]}
            graph.invoke({"messages": ["fail me"]}, {"configurable": thread})
        kept = kept_by(saver, path)

    assert said["fail later"]["tpo"]["failure"]["message"].count("(hidden)") == 2
    assert "Oil it" in kept
    assert leaks(kept) == []
    # `extra_headers` are what the openai package logs at DEBUG whoever calls it.
    assert leaks(log.read_text(encoding="utf-8").replace(KEYS["option"], "")) == []


def test_langchains_debug_output_shows_no_key(
    url: str, log: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = ChatOpenAI(model="m", api_key=SecretStr(KEYS["argument"]), base_url=url, max_retries=0)
    reward = Ensemble({"verifier": ScoreByDigit(url, api_key=KEYS["reward"])})
    set_debug(True)
    try:
        TPORunnable(model=model, reward=reward, width=2, depth=1).invoke("Why?")
    finally:
        set_debug(False)

    shown = "".join(capfd.readouterr())
    assert "You evaluate answers" in shown
    assert leaks(shown + log.read_text(encoding="utf-8")) == []


def test_no_log_and_no_trace_of_a_tgi_reward_shows_a_key(log: Path) -> None:
    pytest.importorskip("text_generation")
    request: ScoreRequest = {"messages": [HumanMessage("Why?")], "responses": ["a", "b"]}
    tracer = EveryRun()
    with serve(TGIDouble(brain=ScriptedBrain(), api_key=KEYS["reward"])) as address:
        reward = TGIRewardModel(address, api_key=KEYS["reward"])
        assert len(reward.invoke(request, {"callbacks": [tracer]})) == 2
        with pytest.raises(RewardServerError) as raised:
            TGIRewardModel(address, api_key=KEYS["argument"]).invoke(
                request, {"callbacks": [tracer]}
            )

    assert "api_key" in str(raised.value)
    assert tracer.told
    assert leaks(tracer.told + str(raised.value) + log.read_text(encoding="utf-8")) == []
