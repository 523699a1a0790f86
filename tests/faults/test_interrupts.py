"""Ctrl-C in a sync run and in `tpo`: what was found is printed, nothing is left behind."""

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from langchain_tpo import TPORunnable, TPOSettings
from tests.faults.hanging import QUESTION, SOON, held
from tests.faults.places import WIDTH, Place
from tests.support.fakes import ScriptedModel, last_number
from tests.support.tpo_process import tpo_process

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to count handles"),
]


@contextmanager
def ctrl_c(model: ScriptedModel, *, after: int) -> Iterator[None]:
    """Press Ctrl-C once the model has got so many requests."""

    def press() -> None:
        deadline = time.monotonic() + SOON
        while len(model.notebook.calls) < after and time.monotonic() < deadline:
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    try:
        yield
    finally:
        thread.join()


SYNC_DOORS: dict[str, Callable[[TPORunnable], object]] = {
    "optimize": lambda tpo: tpo.optimize(QUESTION),
    "invoke": lambda tpo: tpo.invoke(QUESTION),
    "stream": lambda tpo: list(tpo.stream(QUESTION)),
    "stream_rounds": lambda tpo: list(tpo.stream_rounds(QUESTION)),
    "batch": lambda tpo: tpo.batch([QUESTION] * 3, {"max_concurrency": 4}),
    "batch_as_completed": lambda tpo: list(tpo.batch_as_completed([QUESTION] * 3)),
}


@pytest.mark.parametrize("door", SYNC_DOORS)
def test_ctrl_c_in_a_sync_run_leaves_no_thread(door: str) -> None:
    """Requests under way cannot be cancelled there: they are waited for."""
    model = ScriptedModel(latency=0.05)
    settings = TPOSettings(width=WIDTH, depth=2)
    tpo = TPORunnable(model=model, reward=last_number, settings=settings)
    before = held()

    with pytest.raises(KeyboardInterrupt), ctrl_c(model, after=WIDTH + 1):
        SYNC_DOORS[door](tpo)

    assert held() <= before
    assert model.notebook.in_flight == 0


@pytest.mark.parametrize("place", [("textual_loss", 1), ("update", 2)], ids=str)
def test_ctrl_c_of_tpo_prints_the_best_so_far_while_a_server_hangs(
    hanging_url: str, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("typer", reason="needs the extra `cli`")
    monkeypatch.setenv("OPENAI_API_KEY", "-")
    monkeypatch.setenv("PYTHONWARNINGS", "default")
    step, number = place
    model = ["-m", f"openai:{step}:{number}:cli", "--base-url", hanging_url]
    reward = ["-r", "python:tests.support.fakes:last_number"]

    with tpo_process(
        ["optimize", QUESTION, "-N", "3", "-D", "2", *model, *reward], tmp_path
    ) as tpo:
        tpo.until(lambda: f"round {number - 1}" in tpo.said())
        time.sleep(0.3)
        since = time.perf_counter()
        tpo.interrupt()
        code, out, err = tpo.end()

    assert (code, bool(re.fullmatch(r"(sample|revision) \d+\n", out))) == (130, True)
    assert out.startswith("sample" if number == 1 else "revision")
    assert time.perf_counter() - since < SOON
    for sign in ("Traceback", "ResourceWarning", "never awaited", "was destroyed"):
        assert sign not in err
