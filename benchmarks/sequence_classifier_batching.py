"""How much batching helps the in-process classifier: the same texts one by one and in batches.

    python benchmarks/sequence_classifier_batching.py
    python benchmarks/sequence_classifier_batching.py --model Skywork/Skywork-Reward-V2-Qwen3-0.6B

Without `--model` it writes a small random Llama. One process, one run: compare the ratio, not the
seconds. The scores of both ways are compared too.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import torch
from langchain_core.messages import HumanMessage

from langchain_tpo.reward_models.in_process.sequence_classifier import SequenceClassifier

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.integration_tests.tiny_classifier import write_classifier

WORDS = (
    "sky",
    "blue",
    "because",
    "short",
    "waves",
    "of",
    "light",
    "scatter",
    "more",
    "than",
    "long",
)


def main() -> None:
    """Score rounds of several widths both ways, in turns, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="a name on the hub or a directory")
    parser.add_argument("--threads", type=int, default=1, help="compute threads of torch")
    parser.add_argument("--words", type=int, default=60, help="words of the longest answer")
    parser.add_argument("--rounds", type=int, default=5, help="rounds per width and way")
    parser.add_argument("--same-length", action="store_true", help="all answers that long")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as directory:
        model = arguments.model or write_classifier(Path(directory), hidden_size=256, layers=4)
        print("width  one by one [texts/s]  batched [texts/s]  ratio  largest difference")
        for width in (5, 20):
            print(_compare(model, width, arguments))


def _compare(model: str | Path, width: int, arguments: argparse.Namespace) -> str:
    ways = [SequenceClassifier(model, batch_size=size) for size in (1, width)]
    for way in ways:
        way.invoke({"messages": [HumanMessage("warm")], "responses": ["up"]})
    seconds: list[list[float]] = [[], []]
    difference = 0.0
    shortest = arguments.words if arguments.same_length else 5
    for number in range(arguments.rounds):
        chance = random.Random(number)  # noqa: S311 - no secret
        request = {
            "messages": [HumanMessage("Why is the sky blue? Explain it to a child.")],
            "responses": [
                _text(chance, chance.randint(shortest, arguments.words)) for _ in range(width)
            ],
        }
        scores = []
        for index, way in enumerate(ways):
            start = time.perf_counter()
            scores.append(way.invoke(request))
            seconds[index].append(time.perf_counter() - start)
        difference = max(difference, *(abs(a - b) for a, b in zip(*scores, strict=True)))
    single, batched = (width / median(each) for each in seconds)
    ratio = batched / single
    return f"{width:5}  {single:20.1f}  {batched:17.1f}  {ratio:5.2f}  {difference:18.1e}"


def _text(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(WORDS, k=words))


if __name__ == "__main__":
    main()
