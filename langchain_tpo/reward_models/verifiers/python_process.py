"""Runs Python that a model wrote in a process of its own, with limits.

Knows processes; what is run and what the events mean is `unit_tests`.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

RUNNER = Path(__file__).with_name("sandboxed.py")
"""What the process runs."""

Event = Mapping[str, Any]
"""One line that the process wrote."""


def run_tests(code: str, tests: str, *, seconds: float, memory_mb: int) -> tuple[list[Event], bool]:
    """Run code and its tests; return what they reported, and whether time ran out.

    The process has no environment variables, a folder of its own that is deleted afterwards, bounds
    on time, memory and file size, and neither network nor further processes.

    Args:
        code: What is tested.
        tests: Statements that report to `_tpo_tests`.
        seconds: Wall time for all of it.
        memory_mb: Most memory.
    """
    job = json.dumps({"code": code, "tests": tests, "seconds": seconds, "memory_mb": memory_mb})
    with (
        tempfile.TemporaryDirectory(prefix="tpo-tests-") as folder,
        tempfile.TemporaryFile() as out,
    ):
        process = subprocess.Popen(  # noqa: S603 our own interpreter and file, no shell
            [sys.executable, "-I", "-B", str(RUNNER)],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={"PYTHONHASHSEED": "0", "HOME": folder, "TMPDIR": folder},
            start_new_session=True,
        )
        late = False
        try:
            process.communicate(job.encode("utf-8", "replace"), timeout=seconds)
        except subprocess.TimeoutExpired:
            late = True
        finally:
            _end(process)
        out.seek(0)
        return _events(out.read()), late


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the process and whatever it started."""
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(OSError):
        process.kill()
    process.wait()


def _events(written: bytes) -> list[Event]:
    events: list[Event] = []
    for line in written.decode("utf-8", "replace").splitlines():
        with suppress(ValueError):
            event = json.loads(line)
            if isinstance(event, dict):
                events.append(event)
    return events
