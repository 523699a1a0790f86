"""A headless Chromium that a test types into: its DevTools protocol over a pair of pipes.

Knows pages, keys and what a screen reader is told; needs nothing but the browser.
"""

import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
"""What keeps a browser to itself."""

_KEYS: Mapping[str, tuple[int, str]] = {
    "Tab": (9, ""),
    "Enter": (13, "\r"),
    " ": (32, " "),
    "Escape": (27, ""),
    "ArrowDown": (40, ""),
    "ArrowUp": (38, ""),
    "ArrowRight": (39, ""),
    "ArrowLeft": (37, ""),
    "Home": (36, ""),
    "End": (35, ""),
}
_SHIFT = 8
_PATIENCE = 60.0


class Tab:
    """One page."""

    def __init__(self, commands: int, events: int) -> None:
        """Take the two ends of the pipes, and open an empty page."""
        self._commands, self._events, self._number = commands, events, 0
        self._buffer, self._session = b"", ""
        self._seen: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Accessibility"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Give a command and return its result."""
        self._number += 1
        asked = {"id": self._number, "method": method, "params": params}
        asked |= {"sessionId": self._session} if self._session else {}
        os.write(self._commands, json.dumps(asked).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self._seen.append(answer.get("method", ""))
        assert "error" not in answer, answer["error"]
        result: dict[str, Any] = answer["result"]
        return result

    def open(
        self, address: str, *, width: int = 1000, height: int = 900, dark: bool = False
    ) -> None:
        """Open a page and wait until it is there."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.send("Emulation.setEmulatedMedia", features=scheme)
        for place in ("about:blank", address):  # a new fragment alone would load nothing
            self._seen.clear()
            self.send("Page.navigate", url=place)
            while "Page.loadEventFired" not in self._seen:
                self._seen.append(self._next().get("method", ""))

    def value(self, expression: str) -> Any:
        """Return what an expression of JavaScript is."""
        said = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    def press(self, key: str, times: int = 1, *, shift: bool = False) -> None:
        """Press a key as a person does."""
        code, text = _KEYS[key]
        described = {
            "key": key,
            "windowsVirtualKeyCode": code,
            "modifiers": _SHIFT if shift else 0,
            **({"text": text} if text else {}),
        }
        for _ in range(times):
            self.send("Input.dispatchKeyEvent", type="keyDown", **described)
            self.send("Input.dispatchKeyEvent", type="keyUp", **described)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.send("Input.insertText", text=text)

    def spoken(self) -> list[dict[str, Any]]:
        """Return what a screen reader is told: role, name and properties of each node."""
        nodes = self.send("Accessibility.getFullAXTree")["nodes"]
        return [
            {
                "role": node["role"]["value"],
                "name": node.get("name", {}).get("value", ""),
                **{one["name"]: one["value"].get("value") for one in node.get("properties", ())},
            }
            for node in nodes
            if not node["ignored"]
        ]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._events], [], [], _PATIENCE)
            assert ready, f"the browser said nothing for {_PATIENCE} seconds"
            self._buffer += os.read(self._events, 1 << 20)
        message, _, self._buffer = self._buffer.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer


_WIRED = """
import os, sys
reads, writes = map(os.dup, map(int, sys.argv[1:3]))
reads, writes = [os.dup2(end, end + 64) for end in (reads, writes)]
os.dup2(reads, 3)
os.dup2(writes, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Chromium reads commands from file 3 and writes events into file 4."""


@contextmanager
def browser(profile: Path) -> Iterator[Tab]:
    """Start a browser of its own and end it.

    Args:
        profile: A folder that it may fill.
    """
    ours_out, theirs_in = os.pipe(), os.pipe()
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-pipe"]
    process = subprocess.Popen(  # noqa: S603 our own words
        [sys.executable, "-c", _WIRED, str(ours_out[0]), str(theirs_in[1]), *command],
        pass_fds=(ours_out[0], theirs_in[1]),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(ours_out[0])
    os.close(theirs_in[1])
    try:
        yield Tab(ours_out[1], theirs_in[0])
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()
        os.close(ours_out[1])
        os.close(theirs_in[0])
