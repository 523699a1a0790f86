"""Train the preference head that comes with the package, and measure it.

Needs numpy and the comparisons in `human_preferences.jsonl`:

    python tools/train_preference_head.py ../shared/data/human_preferences.jsonl

prints the figures of `docs/preference_head_card.md`; `--out weights.json` writes the weights.
Human comparisons say what people prefer; answers that were spoilt on purpose say what no one
would. Without the second kind an answer to another question wins almost half the time, since no
human comparison shows one.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from spoilt_answers import FOLDS, Pair, read_pairs, spoilt_pairs

from langchain_tpo.reward_models.preference_head.features import FEATURE_NAMES, features
from langchain_tpo.reward_models.preference_head.reading import Reading

Vector = NDArray[np.float64]

RIDGE = 30.0
"""Penalty on the squared weights of standardised features."""

NOT_TRAINED_ON = "llmbar_adv"
"""Pairs made to fool judges: measured, never learnt."""

SHARES = {
    "off_topic": 0.10,
    "off_topic_appended": 0.02,
    "padded": 0.06,
    "padded_new_words": 0.0,
    "padded_at_length": 0.0,
    "doubled": 0.01,
    "repeated": 0.005,
    "gibberish": 0.01,
    "prompt_echoed": 0.005,
    "shuffled": 0.015,
    "truncated": 0.015,
}
"""Each kind of spoilt answer, and its weight beside all human pairs; 0: measured only."""

NEAR = 0.1
"""Two lengths are near-equal when they differ by less than this share of the longer one."""


@dataclass(frozen=True)
class Figure:
    """The share of pairs that are put in the right order, and its standard error."""

    name: str
    pairs: int
    agreement: float
    error: float

    def __str__(self) -> str:
        """Return a row of the card's table."""
        return f"| {self.name} | {self.pairs} | {self.agreement:.3f} | {self.error:.3f} |"


@dataclass(frozen=True)
class Training:
    """What training gave: weights of all data, figures of heads that never saw the prompt."""

    weights: Vector
    bias: float
    figures: tuple[Figure, ...]

    def as_json(self) -> str:
        """Return the weights as `HeadWeights` reads them, rounded to what matters."""
        pairs = zip(FEATURE_NAMES, self.weights, strict=True)
        by_feature = {name: round(float(weight), 4) for name, weight in pairs}
        return json.dumps({"by_feature": by_feature, "bias": round(self.bias, 4)}, indent=1) + "\n"


def train(path: Path) -> Training:
    """Train on the comparisons in a file and measure by cross-validation over prompts."""
    human = read_pairs(path)
    helpful = [pair for pair in human if pair.kind != NOT_TRAINED_ON]
    pairs = [*human, *spoilt_pairs(helpful)]
    chosen, rejected = sides(pairs)
    importance = importances(pairs)
    weights = fit((chosen - rejected)[importance > 0], importance[importance > 0])
    helping = np.array([is_helpful(pair) for pair in pairs])
    bias = -float(((chosen + rejected)[helping] @ weights).mean() / 2)
    figures = measure(pairs, held_out_margins(pairs, chosen - rejected))
    harmless = path.with_name("hh_rlhf_harmless_base_50.jsonl")
    if harmless.exists():
        unseen = read_pairs(harmless)
        chosen, rejected = sides(unseen)
        figures += (share("harmlessness", unseen, (chosen - rejected) @ weights),)
    return Training(weights, bias, figures)


def sides(pairs: Sequence[Pair]) -> tuple[Vector, Vector]:
    """Return the features of the preferred responses and those of the others, a row a pair."""
    prompts: dict[str, Reading] = {}
    seen: dict[tuple[str, str], list[float]] = {}

    def vector(prompt: str, response: str) -> list[float]:
        if (prompt, response) not in seen:
            asked = prompts.setdefault(prompt, Reading(text=prompt))
            seen[prompt, response] = list(features(asked, Reading(text=response)).values())
        return seen[prompt, response]

    chosen = [vector(pair.prompt, pair.chosen) for pair in pairs]
    return np.array(chosen), np.array([vector(pair.prompt, pair.rejected) for pair in pairs])


def importances(pairs: Sequence[Pair]) -> Vector:
    """Weigh each pair: a human one 1, the spoilt ones of a kind their share of all human ones."""
    kinds = [pair.kind for pair in pairs]
    human = sum(map(is_helpful, pairs))
    weight = {kind: share * human / max(1, kinds.count(kind)) for kind, share in SHARES.items()}
    return np.array([weight.get(kind, float(kind != NOT_TRAINED_ON)) for kind in kinds])


def fit(rows: Vector, importance: Vector) -> Vector:
    """Fit Bradley-Terry weights by Newton's method: the same rows give the same weights."""
    scale = np.sqrt((importance[:, None] * rows**2).sum(axis=0) / importance.sum()) + 1e-9
    scaled, weights = rows / scale, np.zeros(rows.shape[1])
    for _ in range(30):
        lost = 1 / (1 + np.exp(scaled @ weights))
        gradient = RIDGE * weights - scaled.T @ (importance * lost)
        curvature = (scaled * (importance * lost * (1 - lost))[:, None]).T @ scaled
        weights = weights - np.linalg.solve(curvature + RIDGE * np.eye(len(weights)), gradient)
    return np.asarray(weights / scale)


def held_out_margins(pairs: Sequence[Pair], rows: Vector) -> Vector:
    """Return each pair's difference of rewards under a head that never saw its prompt."""
    folds, importance = np.array([pair.fold for pair in pairs]), importances(pairs)
    margins = np.zeros(len(pairs))
    for fold in range(FOLDS):
        known = (folds != fold) & (importance > 0)
        margins[folds == fold] = rows[folds == fold] @ fit(rows[known], importance[known])
    return margins


def measure(pairs: Sequence[Pair], margins: Vector) -> tuple[Figure, ...]:
    """Return the figures of the card: the head, `longer wins` beside it, each way to spoil."""
    longer = np.array([longer_by(pair) for pair in pairs])
    return (
        *on_human_pairs("", pairs, margins),
        *on_human_pairs("longer wins: ", pairs, longer),
        *(share(kind, pairs, margins, lambda one, k=kind: one.kind == k) for kind in SHARES),
    )


def on_human_pairs(label: str, pairs: Sequence[Pair], margins: Vector) -> list[Figure]:
    """Measure one way to judge on what people said."""
    by_length = [
        share("", pairs, margins, lambda one, s=sign: is_helpful(one) and s * longer_by(one) > 0)
        for sign in (1, -1)
    ]
    balanced = Figure(
        f"{label}human, length-balanced",
        sum(one.pairs for one in by_length),
        sum(one.agreement for one in by_length) / 2,
        sum(one.error**2 for one in by_length) ** 0.5 / 2,
    )
    return [
        share(f"{label}human, all", pairs, margins, is_helpful),
        share(f"{label}human, near-equal length", pairs, margins, is_near),
        balanced,
        share(f"{label}LLMBar adversarial", pairs, margins, lambda p: p.kind == NOT_TRAINED_ON),
    ]


def share(
    name: str,
    pairs: Sequence[Pair],
    margins: Vector,
    which: Callable[[Pair], bool] = lambda _: True,
) -> Figure:
    """Measure some of the pairs; prompts are independent, pairs of one prompt are not."""
    by_group: dict[str, list[float]] = {}
    for pair, margin in zip(pairs, margins, strict=True):
        if which(pair):
            by_group.setdefault(pair.group, []).append((1 + float(np.sign(margin))) / 2)
    count = sum(map(len, by_group.values()))
    mean = sum(map(sum, by_group.values())) / count
    spread = sum((sum(right) - mean * len(right)) ** 2 for right in by_group.values())
    return Figure(name, count, mean, spread**0.5 / count)


def is_helpful(pair: Pair) -> bool:
    """Tell the human pairs that are learnt from."""
    return pair.kind not in SHARES and pair.kind != NOT_TRAINED_ON


def is_near(pair: Pair) -> bool:
    """Tell the human pairs of near-equal length."""
    longest = max(len(pair.chosen.split()), len(pair.rejected.split()))
    return is_helpful(pair) and abs(longer_by(pair)) <= NEAR * longest


def longer_by(pair: Pair) -> int:
    """Return how many words the preferred response is longer."""
    return len(pair.chosen.split()) - len(pair.rejected.split())


def main() -> None:
    """Train, print the figures and, when asked to, write the weights."""
    parser = argparse.ArgumentParser(description="Train and measure the preference head.")
    parser.add_argument("comparisons", type=Path, help="human_preferences.jsonl")
    parser.add_argument("--out", type=Path, help="where to write the weights")
    options = parser.parse_args()
    training = train(options.comparisons)
    print("| pairs | number | agreement | standard error |\n| --- | --- | --- | --- |")
    print(*training.figures, sep="\n")
    if options.out:
        options.out.write_text(training.as_json(), encoding="utf-8")


if __name__ == "__main__":
    main()
