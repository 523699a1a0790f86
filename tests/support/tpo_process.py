"""`tpo` as a process of its own, which cannot outlive the test that started it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]

PATIENCE = 60
"""Seconds after which a process that hangs is killed and fails its test."""


class TPOProcess:
    """One that runs; what it says on stderr can be read meanwhile."""

    def __init__(self, process: subprocess.Popen[str], stderr: Path) -> None:
        self._process = process
        self._stderr = stderr

    def said(self) -> str:
        """Return what it has written to stderr."""
        return self._stderr.read_text()

    def until(self, done: Callable[[], bool]) -> None:
        """Wait for something that it does."""
        deadline = time.monotonic() + PATIENCE
        while not done():
            assert self._process.poll() is None, f"it ended too early: {self.said()}"
            assert time.monotonic() < deadline, f"it never came so far: {self.said()}"
            time.sleep(0.01)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def end(self) -> tuple[int, str, str]:
        """Wait for its end; give its exit code, stdout and stderr."""
        out, _ = self._process.communicate(timeout=PATIENCE)
        return self._process.returncode, out, self.said()


@contextmanager
def tpo_process(
    arguments: Sequence[str],
    folder: Path,
    *,
    stdout: int = subprocess.PIPE,
    before: Callable[[], None] = lambda: None,
) -> Iterator[TPOProcess]:
    """Start `tpo`, and kill it on the way out if it still runs.

    It has no terminal, no stdin and a home of its own. `before` runs in it before Python does.
    """

    def prepare() -> None:
        # Jobs in the background of a script ignore Ctrl-C, and so would all that they start.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        before()

    stderr, home = folder / "stderr", folder / "home"
    home.mkdir()
    with (
        stderr.open("w") as complaints,
        subprocess.Popen(  # noqa: S603 our own words
            [sys.executable, "-m", "langchain_tpo", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=complaints,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(home)},
            preexec_fn=prepare,  # noqa: PLW1509 this process has one thread
        ) as process,
    ):
        try:
            yield TPOProcess(process, stderr)
        finally:
            process.kill()
