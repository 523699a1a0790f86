"""Wall time of a request to `tpo serve`, over a socket, against the same loop in process.

The server is a process of its own, as it is for its clients. The scripted model takes 50 ms for a
request; D=2, N=5, so seven stages wait for each other. Runs alternate, so that whatever else the
machine does falls on both. Prints medians and their quotient.

    python benchmarks/serving_overhead.py [RUNS]
"""

import argparse
import asyncio
import socket
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from langchain_tpo import TPORunnable
from langchain_tpo.serve import create_app
from langchain_tpo.serve.server import Server
from tests.support.fakes import ScriptedModelWithN, last_number
from tests.support.servers.own_process import in_own_process

BODY = {"model": "oak", "messages": [{"role": "user", "content": "How do I oil oak?"}]}


async def measured(url: str, tpo: TPORunnable, runs: int) -> tuple[float, float]:
    """Return the median seconds of a request, and of a run in process."""
    requests, in_process = [], []
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        for _ in range(runs):
            since = time.perf_counter()
            (await client.post("/v1/chat/completions", json=BODY)).raise_for_status()
            requests.append(time.perf_counter() - since)
            since = time.perf_counter()
            await tpo.aoptimize("How do I oil oak?")
            in_process.append(time.perf_counter() - since)
    return statistics.median(requests[2:]), statistics.median(in_process[2:])


def loop() -> TPORunnable:
    """Return what is served, and what runs here."""
    return TPORunnable(model=ScriptedModelWithN(latency=0.05), reward=last_number)


@contextmanager
def serving() -> Iterator[str]:
    """Serve, and yield the URL."""
    server = Server(create_app(loop(), name="oak"), grace=1)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


def main() -> None:
    """Serve, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=int, nargs="?", default=40)
    runs = parser.parse_args().runs
    with in_own_process(serving) as url:
        served, alone = asyncio.run(measured(url, loop(), runs))
    print(f"served {served:.4f} s, in process {alone:.4f} s, quotient {served / alone:.3f}")


if __name__ == "__main__":
    main()
