"""Watch a real model's answer improve, round by round, on this machine: `make demo`.

Qwen2.5-Coder-1.5B writes a function whose examples it does not know; it is told which of them fail,
and tries again. No key, no GPU; the model is fetched once (1.1 GB, Qwen's own file by its hash).

    python examples/demo.py --all                               two questions more
    python examples/demo.py "Your own question. At most 40 words."
    python examples/demo.py --model smollm2-135m                93 MB, and learns little
    python examples/demo.py --model path/to/any-instruct.gguf   or a hub id
    python examples/demo.py --model gpt-4.1-mini --base-url https://... (key in OPENAI_API_KEY)
"""

import argparse
import textwrap
import time
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from rich.console import Console

from langchain_tpo import TPOResult, TPORunnable, TPOSettings
from langchain_tpo.cli.word_diff import best_first_sample, word_diff
from langchain_tpo.local import local_chat_model
from langchain_tpo.result import TPORound
from langchain_tpo.reward_models import Ensemble, PreferenceHead, UnitTests, VerifiableInstructions

MODEL = "qwen2.5-coder-1.5b"
CODE = " Answer with the code alone."

TASKS: dict[str, tuple[str, ...]] = {
    "Write a Python function `listed(items)` that writes a list as people do." + CODE: (
        "assert listed(['tea']) == 'tea'",
        "assert listed(['tea', 'cake']) == 'tea and cake'",
        "assert listed(['tea', 'cake', 'jam']) == 'tea, cake and jam'",
        "assert listed([]) == 'nothing'",
    ),
    "Write a Python function `total(basket)` that adds up a basket of pairs of price and count and "
    "returns the sum as a text." + CODE: (
        "assert total([(2.5, 2)]) == '5.00'",
        "assert total([]) == '0.00'",
        "assert total([(0.1, 3)]) == '0.30'",
        "assert total([(1000, 2)]) == '2,000.00'",
    ),
    "Write a Python function `duration(seconds)` that writes a time in hours, minutes and seconds."
    + CODE: (
        "assert duration(3661) == '1h 1m 1s'",
        "assert duration(7200) == '2h'",
        "assert duration(60) == '1m'",
        "assert duration(59) == '59s'",
        "assert duration(0) == '0s'",
    ),
}
"""Questions, and what their functions have to return."""

NEXT = """\
Next, in this environment:
  .venv/bin/python examples/demo.py --all         two questions more
  .venv/bin/tpo optimize "Your own question" --model local:qwen2.5-coder-1.5b --diff
  .venv/bin/tpo rewards                           what else can score"""


def main() -> None:
    """Answer the first question, or all, or those that were given, and show how."""
    options = arguments()
    model = chat_model(options)
    own = dict.fromkeys(options.questions, ())
    tasks = list((own or TASKS).items())
    for question, tests in tasks if own or options.all else tasks[:1]:
        result = watch(tpo_for(model, tests, options), question, tests)
        page = Path("demo.html")
        page.write_text(result.html(question), encoding="utf-8")
        print(f"The whole run as a page: {page.resolve()}\n")
    print(NEXT)


def chat_model(options: argparse.Namespace) -> BaseChatModel:
    """Start the local model, or reach an OpenAI-compatible server."""
    if options.base_url:
        return ChatOpenAI(model=options.model, base_url=options.base_url)
    return local_chat_model(options.model, slots=options.width)


def tpo_for(
    model: BaseChatModel, tests: tuple[str, ...], options: argparse.Namespace
) -> TPORunnable:
    """Return the loop, with a reward that says what is wrong."""
    reward = (
        UnitTests(run_code=True, tests=tests)
        if tests
        else Ensemble(
            {"liked": PreferenceHead(), "in its limits": VerifiableInstructions()},
            weights={"liked": 1, "in its limits": 4},
        )
    )
    played = {"strategy": options.strategy} if options.strategy else {}
    settings = TPOSettings.small_model(
        width=options.width, depth=options.depth, seed=options.seed, **played
    )
    return TPORunnable(model=model, reward=reward, settings=settings)


def watch(tpo: TPORunnable, question: str, tests: tuple[str, ...]) -> TPOResult:
    """Print the run of one question while it goes on, and return it."""
    paragraph("QUESTION", question)
    if tests:
        paragraph("REWARD: the share of these that pass; the question does not hold them", *tests)
    else:
        paragraph("REWARD: what the packaged head prefers, and four times the limits kept")
    print(
        f"PLAN: {tpo.width} first answers, then {tpo.depth} rounds of {tpo.width}, which are told "
        f"what the reward said of the best: at most {tpo.completions} completions.\n"
    )
    began = time.perf_counter()
    for news in tpo.stream_rounds(question):
        seconds = time.perf_counter() - began
        if isinstance(news, TPOResult):
            show_end(news, seconds)
            result = news
        else:
            show_round(news, seconds, tpo.depth)
    return result


def show_round(news: TPORound, seconds: float, depth: int) -> None:
    """Print what a round brought, what the next is told, and how long that may take."""
    scored = "  ".join(map(figure, news.event["rewards"]))
    print(f"round {news.number}   rewards {scored}   best so far {figure(news.reward)}")
    best = news.event["chosen"]
    if news.event["stop_reason"] is None and best is not None:
        remark = news.pool[best].get("rationale")
        paragraph("  the next round is told", remark or "nothing: it draws afresh")
        each = seconds / (news.number + 1)
        print(f"  {seconds:.0f} s so far, about {each * (depth - news.number):.0f} s to come")


def show_end(result: TPOResult, seconds: float) -> None:
    """Print what a run came to, what became of the first answer, and what it cost."""
    first = best_first_sample(result.pool)
    curve = " -> ".join(map(figure, result.best_rewards))
    if first is None or result.answer == first["text"]:
        print(f"\nNOTHING IMPROVED on the best first answer ({curve}):")
        paragraph("ANSWER", result.answer)
    else:
        print(f"\nBEST REWARD BY ROUND: {curve}")
        paragraph("BEST FIRST ANSWER", first["text"])
        paragraph("ANSWER", result.answer)
        if alike(first["text"], result.answer):
            print("WHAT CHANGED")
            console = Console(highlight=False, soft_wrap=True)
            console.print(word_diff(first["text"], result.answer, console))
    usage = result.usage
    print(
        f"\n{usage['completions']} completions, {usage['input_tokens']} tokens read, "
        f"{usage['output_tokens']} written, {seconds:.0f} s, stopped by {result.stop_reason}"
    )


def alike(before: str, after: str) -> bool:
    """Return whether most words stay; else both are easier to read one after the other."""
    matcher = SequenceMatcher(None, before.split(), after.split(), autojunk=False)
    return matcher.ratio() > 1 / 2


def figure(reward: float | None) -> str:
    """Return a reward as it is shown."""
    return "   -" if reward is None else f"{reward:.2f}"


def paragraph(title: str, *texts: str) -> None:
    """Print a titled paragraph, wrapped."""
    print(title)
    for line in "\n".join(texts).strip().splitlines():
        print(textwrap.fill(line, 92, initial_indent="    ", subsequent_indent="    "))


def arguments() -> Any:  # noqa: ANN401 argparse's namespace
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("questions", nargs="*", help="your own questions")
    parser.add_argument("--all", action="store_true", help="all questions, not the first alone")
    parser.add_argument("--model", default=MODEL, help="packaged, a GGUF file, a hub id or a name")
    parser.add_argument("--base-url", help="an OpenAI-compatible server to use instead")
    parser.add_argument("--width", type=int, default=4, help="responses per round (N)")
    parser.add_argument("--depth", type=int, default=2, help="rounds (D)")
    parser.add_argument("--strategy", help="how rounds are played; the small preset's by default")
    parser.add_argument("--seed", type=int, default=1, help="makes the run repeatable")
    return parser.parse_args()


if __name__ == "__main__":
    main()
