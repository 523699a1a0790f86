"""How much a run posts to LangSmith, over what its requests carry.

    python benchmarks/trace_size.py [--question 20] [--answer 2]

D2-N5 over a question and answers of so many kB, through every door, with one request of `n=N` and
with N requests, against a server of ours on 127.0.0.1. Posted runs are counted as JSON; nothing is
sent to LangSmith.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))  # last: a checkout in PYTHONPATH goes first

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage, convert_to_messages
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph

from langchain_tpo import ChatTPO, TPOMiddleware, TPORunnable, build_tpo_graph
from tests.support.fakes import step_of
from tests.support.langsmith_double import Posted
from tests.support.servers.openai_double import OpenAIDouble

WIDTH, DEPTH = 5, 2


def last_number(_prompt: str, response: str) -> float:
    return float(response.rsplit(maxsplit=1)[-1])


def as_node(**loop: Any) -> Any:
    node = TPORunnable(**loop).as_node()
    return StateGraph(MessagesState).add_node("answer", node).add_edge(START, "answer").compile()


def agent(model: Any, **loop: Any) -> Any:
    return create_agent(model, middleware=[TPOMiddleware(**loop)])


DOORS: dict[str, Callable[..., Any]] = {
    "the model alone": lambda model, **_loop: model,
    "TPORunnable": TPORunnable,
    "ChatTPO": ChatTPO,
    "TPOMiddleware": agent,
    "as_node": as_node,
    "build_tpo_graph": lambda **loop: build_tpo_graph(**loop).compile(),
}


def main() -> None:
    """Print a line per door and way of asking."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--question", type=int, default=20, help="kB")
    parser.add_argument("--answer", type=int, default=2, help="kB")
    options = parser.parse_args()
    print(f"{'':18}{'':14}{'runs':>6}{'carried kB':>12}{'posted kB':>12}{'ratio':>7}")
    for door in DOORS:
        for honours_n in (True, False):
            runs, carried, posted = measured(door, options, honours_n=honours_n)
            way = "one request" if honours_n else "N requests"
            print(
                f"{door:18}{way:14}{runs:>6}{carried / 1000:>12.0f}{posted / 1000:>12.0f}"
                f"{posted / carried:>7.1f}"
            )


def measured(door: str, options: argparse.Namespace, *, honours_n: bool) -> tuple[int, int, int]:
    """Return the runs of one trace, and the characters that requests carried and it posted."""
    words = "word " * (options.answer * 200)

    def script(body: dict[str, Any], number: int) -> str:
        step = step_of(convert_to_messages(body["messages"]))
        said = f"{words}{step} {number}"
        return f"<IMPROVED_VARIABLE>{said}</IMPROVED_VARIABLE>" if step == "update" else said

    question, posted = "context " * (options.question * 125) + "Question?", Posted()
    with OpenAIDouble(script, honours_n=honours_n) as server:
        model = ChatOpenAI(model="double", base_url=server.base_url, api_key="none")
        asked = DOORS[door](model=model, reward=last_number, width=WIDTH, depth=DEPTH)
        by_text = isinstance(asked, ChatOpenAI | TPORunnable | ChatTPO)
        asked.invoke(
            question if by_text else {"messages": [HumanMessage(question)]},
            {"callbacks": [posted.tracer()]},
        )
        carried = sum(len(json.dumps(body)) for body in server.requests)
    size = sum(len(json.dumps(run)) for run in posted.runs.values())
    return len(posted.runs), carried, size


if __name__ == "__main__":
    main()
