"""`tpo serve` as a process: it listens, answers over a socket, and ends as it is told."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

httpx = pytest.importorskip("httpx", reason="needs the extra `http`")
pytest.importorskip("fastapi", reason="needs the extra `serve`")
pytest.importorskip("typer", reason="needs the extra `cli`")

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
HI = {"model": "oak", "messages": [{"role": "user", "content": "How do I oil oak?"}]}


class Process:
    """`tpo serve`, and what it has said on stderr."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        self._told = threading.Event()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            self._told.set()
        self._told.set()

    @property
    def url(self) -> str:
        assert self._told.wait(120)
        found = re.search(r"on (http://\S+?)/v1", self.lines[0])
        assert found, self.lines
        return found[1]

    def ended(self, number: int) -> int:
        """Send a signal, and return the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(30)
        self._reading.join(5)
        return code


@contextmanager
def tpo_serve(model: str, *arguments: str) -> Iterator[Process]:
    command = [sys.executable, "-m", "langchain_tpo", "serve", "--port", "0", "--name", "oak"]
    command += ["-m", f"python:tests.support.serving:{model}"]
    command += ["-r", "python:tests.support.fakes:last_number", *arguments]
    own = {name: value for name, value in os.environ.items() if name != "TPO_SERVE_KEY"}
    with subprocess.Popen(  # noqa: S603 our own command
        command, cwd=ROOT, env={**own, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Process(process)
        finally:
            process.kill()


def test_it_answers_cancels_and_stops_with_the_best_so_far() -> None:
    with tpo_serve("slow_model", "--depth", "9", "--width", "2", "--grace", "0.5") as served:
        url = served.url
        with httpx.Client(base_url=url, timeout=30) as client:
            best = {**HI, "model": "oak:best-of-2"}
            answer = client.post("/v1/chat/completions", json=best)
            assert answer.json()["choices"][0]["message"]["content"] == "sample 1"
            assert answer.headers["x-tpo-reward"] == "1.0"

            assert "tpo_runs_running 1.0" in metrics_at_first_bytes(client)  # and then it hangs up
            until(lambda: "tpo_runs_running 0.0" in client.get("/metrics").text, 30)
            assert 'outcome="cancelled"} 1.0' in client.get("/metrics").text

        got: list[Any] = []
        asking = threading.Thread(target=lambda: got.append(ask(url)))
        asking.start()
        time.sleep(0.5)
        code = served.ended(signal.SIGTERM)
        asking.join(10)

    assert code == -signal.SIGTERM
    assert got[0].status_code == 200
    assert got[0].json()["tpo"]["stop_reason"] == "shutdown"
    logged = [json.loads(line) for line in served.lines[1:]]
    assert [line["event"] for line in logged if line["level"] == "error"] == []
    assert "oil oak" not in "".join(served.lines)


def ask(url: str) -> Any:
    return httpx.post(f"{url}/v1/chat/completions", json=HI, timeout=30)


def metrics_at_first_bytes(client: Any) -> str:
    """Return what the server counts when the first bytes of a stream are there, and hang up."""
    with client.stream("POST", "/v1/chat/completions", json={**HI, "stream": True}) as stream:
        next(stream.iter_raw())
        return str(client.get("/metrics").text)


def until(condition: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_port_in_use_is_one_line() -> None:
    with tpo_serve("slow_model") as served:
        port = served.url.rpartition(":")[2]
        with tpo_serve("slow_model", "--port", port) as second:
            assert second.process.wait(60) == 2
            second._reading.join(5)
        assert served.ended(signal.SIGTERM) == -signal.SIGTERM
    assert len(second.lines) == 1
    assert f"port {port} cannot be listened on" in second.lines[0]
