"""Whether a server under load keeps anything: memory of `tpo serve` with 200 requests at once.

    python benchmarks/serving_soak.py [--seconds 600] [--clients 200]

The server is a process of its own around a scripted model that takes 50 ms for a request; D=2, N=5.
Prints its memory ten times, and exits with 1 when a request failed or memory kept growing.
"""

import argparse
import asyncio
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.memory import mebibytes
from langchain_tpo import TPORunnable
from langchain_tpo.serve import ServeLimits, create_app
from langchain_tpo.serve.server import Server
from tests.support.fakes import Call, ScriptedModelWithN, last_number

SAMPLES = 10
MOST_GROWTH = 0.05
"""Of the last sample over the one in the middle: the first half fills caches and pools."""


class Forgetful(ScriptedModelWithN):
    """Keeps no record of what it was asked."""

    def _result(self, call: Call) -> Any:
        self.notebook.calls.clear()
        return super()._result(call)


def serve(clients: int) -> None:
    """Serve, and say where, until the process is stopped."""
    tpo = TPORunnable(model=Forgetful(latency=0.05), reward=last_number)
    app = create_app(tpo, name="oak", limits=ServeLimits(runs=clients, queue=clients))
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        Server(app, grace=1).run(sockets=[listening])


async def load(
    url: str, pid: int, seconds: float, clients: int
) -> tuple[list[float], Counter[str]]:
    """Keep so many requests under way, and look at the server's memory."""
    ends: Counter[str] = Counter()
    since = time.monotonic()
    limits = httpx.Limits(max_connections=clients)
    async with httpx.AsyncClient(base_url=url, timeout=300, limits=limits) as client:

        async def work(number: int) -> None:
            while time.monotonic() - since < seconds:
                question = {"role": "user", "content": f"How do I oil oak, {number}?"}
                body = {"model": "oak", "messages": [question]}
                try:
                    answer = await client.post("/v1/chat/completions", json=body)
                    ends[str(answer.status_code)] += 1
                except httpx.TransportError as error:
                    ends[type(error).__name__] += 1

        workers = asyncio.gather(*map(work, range(clients)))
        samples = []
        for _ in range(SAMPLES):
            await asyncio.sleep(seconds / SAMPLES)
            samples.append(mebibytes(pid))
            passed = time.monotonic() - since
            print(f"{passed:6.0f} s {ends.total():8,} answers {samples[-1]:8.1f} MiB", flush=True)
        await workers
    return samples, ends


def main() -> int:
    """Serve, load, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--serve", action="store_true", help="be the server")
    options = parser.parse_args()
    if options.serve:
        serve(options.clients)
        return 0
    asked = [sys.executable, __file__, "--serve", "--clients", str(options.clients)]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:  # noqa: S603 ourselves
        assert server.stdout is not None  # noqa: S101 piped
        url = server.stdout.readline().decode().strip()
        print(f"at the start {mebibytes(server.pid):.1f} MiB")
        told = load(url, server.pid, options.seconds, options.clients)
        samples, ends = asyncio.run(told)
        server.terminate()
    growth = samples[-1] / samples[len(samples) // 2 - 1] - 1
    print(f"statuses {dict(ends)}; second half of the time: {growth:+.1%} of memory")
    return int(set(ends) != {"200"} or growth > MOST_GROWTH)


if __name__ == "__main__":
    sys.exit(main())
