"""Watch a real model's answers improve, round by round, on this machine: `make demo`.

Without arguments a small packaged model answers three questions; no key, no GPU, no model hub.
The same with a better model:

    python examples/demo.py --model qwen2.5-coder-1.5b          Qwen's own file, 1.1 GB
    python examples/demo.py --model path/to/any-instruct.gguf   or a hub id
    python examples/demo.py --model gpt-4.1-mini --base-url https://... (key in OPENAI_API_KEY)
"""

import argparse
import textwrap
import time
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI

from langchain_tpo import TPOResult, TPORunnable, TPOSettings
from langchain_tpo.local import local_chat_model
from langchain_tpo.reward_models import Ensemble, PreferenceHead, VerifiableInstructions

QUESTIONS = (
    "How do I take care of a wooden table? Answer in at most 70 words.",
    "Why is the sky blue? Explain it to a child in at most three sentences.",
    "What should I pack for a weekend of hiking? Give exactly 5 bullet points.",
)

SMALLEST = """\
SmolLM2-135M cannot use criticism: what rises here is mostly best-of-N. For a model that can:
  make demo MODEL=qwen2.5-coder-1.5b          1.1 GB, some minutes per question on two cores
  make demo MODEL=path/to/any-instruct.gguf   or a hub id, hf:owner/name"""

NEXT = """\
Next, in this environment:
  .venv/bin/tpo optimize "Your own question"     the rounds as they come, here
  .venv/bin/tpo optimize "..." --html run.html   the same as a page to keep
  .venv/bin/tpo rewards                          what else can score"""


def main() -> None:
    """Answer each question and show how the answer came about."""
    options = arguments()
    reward = Ensemble(
        {"preferred": PreferenceHead(), "instructions": VerifiableInstructions()},
        weights={"preferred": 1, "instructions": 4},
    )
    tpo = TPORunnable(
        model=chat_model(options),
        reward=reward,
        settings=TPOSettings.small_model(seed=options.seed),
        width=options.width,
        depth=options.depth,
    )
    print(
        f"{tpo.width} first answers; then critique, advice and {tpo.width} revisions, {tpo.depth} "
        f"times: at most {tpo.settings.completions} completions a question. The reward: the "
        "packaged preference head, and four times the share of its checkable limits that an "
        "answer keeps.\n"
    )
    for question in options.questions or QUESTIONS:
        watch(tpo, question)
    print(*([] if options.model else [SMALLEST, ""]), NEXT, sep="\n")


def chat_model(options: argparse.Namespace) -> BaseChatModel:
    """Start the local model, or reach an OpenAI-compatible server."""
    if options.base_url:
        return ChatOpenAI(model=options.model, base_url=options.base_url)
    return local_chat_model(options.model, slots=options.width)


def watch(tpo: TPORunnable, question: str) -> None:
    """Print the run of one question while it goes on."""
    began = time.perf_counter()
    paragraph("QUESTION", question)
    for news in tpo.stream_rounds(question):
        if isinstance(news, TPOResult):
            show_end(news, time.perf_counter() - began)
            return
        scored = "  ".join(map(figure, news.event["rewards"]))
        print(f"  round {news.number}   rewards  {scored}   best so far {figure(news.reward)}")


def show_end(result: TPOResult, seconds: float) -> None:
    """Print what a run came to, and what it cost."""
    for number, said in enumerate(result.rounds, start=1):
        paragraph(f"  critique of round {number}", said.get("textual_loss", ""))
        paragraph(f"  advice of round {number}", said.get("textual_gradient", ""))
    first = result.pool[0]
    paragraph("FIRST SAMPLE", first["text"], reward=first["reward"])
    if result.answer == first["text"]:
        print("ANSWER: the first sample. Nothing better was found.")
    else:
        paragraph("ANSWER", result.answer, reward=result.reward)
        rounds = [one["round"] for one in result.pool if one["text"] == result.answer]
        print(f"  (a revision of round {rounds[0]})" if rounds[0] else "  (the best first answer)")
    usage = result.usage
    print(
        f"{usage['completions']} completions, {usage['input_tokens']} tokens read, "
        f"{usage['output_tokens']} written, {seconds:.0f} s, {len(result.drops)} draws dropped, "
        f"stopped by {result.stop_reason}\n"
    )


def figure(reward: float | None) -> str:
    """Return a reward as it is shown."""
    return "    -" if reward is None else f"{reward:+.2f}"


def paragraph(title: str, text: str, *, reward: float | None = None) -> None:
    """Print a titled paragraph, wrapped."""
    earned = "" if reward is None else f"  (reward {figure(reward)})"
    print(f"{title}{earned}")
    for line in text.strip().splitlines():
        print(textwrap.fill(line, 92, initial_indent="    ", subsequent_indent="    "))


def arguments() -> Any:  # noqa: ANN401 argparse's namespace
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("questions", nargs="*", help="your own questions")
    parser.add_argument("--model", help="a packaged model, a GGUF file, a hub id, or a model name")
    parser.add_argument("--base-url", help="an OpenAI-compatible server to use instead")
    parser.add_argument("--width", type=int, default=4, help="responses per round (N)")
    parser.add_argument("--depth", type=int, default=2, help="rounds (D)")
    parser.add_argument("--seed", type=int, default=1, help="makes the run repeatable")
    return parser.parse_args()


if __name__ == "__main__":
    main()
