"""What it costs to ask what a model can take, beside the request itself.

    python benchmarks/capability_lookup.py

Microseconds of this process for one request to `ChatOpenAI`, whose service is a function that
answers at once: the look-up of what the model has taught, its request as it can take it, and the
request with LangChain and OpenAI's client around it. The least of several attempts.
"""

import argparse
import sys
import timeit
from collections.abc import Callable
from pathlib import Path

import httpx
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

sys.path.append(str(Path(__file__).parents[1]))  # last: a checkout in PYTHONPATH goes first

from langchain_tpo.sampling.capabilities import ANYTHING, Asking, Capabilities, Learned

REPLY = {
    "id": "1",
    "object": "chat.completion",
    "created": 0,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "Oil it."},
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4},
}

REQUESTS = 19
"""Of a run D2-N5 that asks N times."""


def main() -> None:
    """Print one line each, and the share of the look-up."""
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    model = answering_at_once()
    learned = Learned()
    asking = Asking(model=model, messages="How do I care for wood?", options={"max_tokens": 2048})
    taught = Capabilities(answers=1, refused=frozenset({"seed"}), tokens=4096, window=8192)
    lookup = microseconds(lambda: learned.of(model), 2000)
    request = microseconds(lambda: model.invoke("How do I care for wood?"), 50)
    rows = {
        "look-up": lookup,
        "request fitted, nothing learned": microseconds(lambda: ANYTHING.fit(asking), 2000),
        "request fitted to a window and a cap": microseconds(lambda: taught.fit(asking), 500),
        "ChatOpenAI's own request": request,
    }
    for what, taken in rows.items():
        print(f"{what:38}{taken:>9.2f} us")
    print(f"look-up over request: {lookup / request:.2%}; {REQUESTS * lookup:.0f} us of a run")


def microseconds(work: Callable[[], object], number: int) -> float:
    """Return what the work takes once: the least of some attempts."""
    return min(timeit.repeat(work, number=number, repeat=9)) / number * 1e6


def answering_at_once() -> ChatOpenAI:
    """Return a chat model whose service needs no socket."""
    service = httpx.MockTransport(lambda _request: httpx.Response(200, json=REPLY))
    return ChatOpenAI(
        model="m",
        base_url="http://service.example/v1",
        api_key=SecretStr("-"),
        http_client=httpx.Client(transport=service),
    )


if __name__ == "__main__":
    main()
