"""Comparisons for `train_preference_head.py`: those that people made, and those made to measure.

A spoilt answer is a good one made worse in a way that no one would prefer: the answer to another
question, padding, repetition, gibberish. Same seed, same answers.
"""

import json
import random
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from langchain_tpo.reward_models.preference_head.reading import Reading

FOLDS = 5
SEED = 0

OPENERS = (
    "It is worth noting that", "Overall,", "In conclusion,", "As always,", "Of course,",
    "To sum up,", "All in all,", "Taking everything into account,", "Please remember that",
    "At the end of the day,",
)  # fmt: skip
CLAUSES = (
    "results may vary depending on the situation.",
    "everyone is different and there is no single right answer.",
    "I hope this helps, and let me know if you have any other questions.",
    "there are many things to consider here.",
    "this is an important and interesting subject that deserves attention.",
    "the key is to find the right balance and to keep going.",
    "there is always more to say, and opinions differ.",
    "you should do your own research before you make a decision.",
    "this has a long history and a bright future ahead.",
    "feel free to reach out if anything is unclear.",
)
"""Filler: the even openers and clauses train, the odd ones measure."""


@dataclass(frozen=True)
class Pair:
    """A comparison: two responses to one prompt, and what kind it is."""

    kind: str
    group: str
    prompt: str
    chosen: str
    rejected: str

    @property
    def fold(self) -> int:
        """All pairs of a prompt fall into one fold."""
        return int(self.group[:8], 16) % FOLDS


def read_pairs(path: Path) -> list[Pair]:
    """Read the human comparisons that have a prompt; of a dialogue only what the user said."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Pair(
            row.get("source", path.stem),
            row.get("group") or f"{row['idx']:08x}",
            user_turns(row.get("prompt", row.get("context", ""))),
            row["chosen"],
            row["rejected"],
        )
        for row in rows
        if row.get("prompt", row.get("context", "")).strip()
    ]


def user_turns(prompt: str) -> str:
    """Return the user's part of a `Human: ... Assistant: ...` transcript, else the prompt."""
    turns = prompt.split("\n\nHuman:")[1:]
    return "\n\n".join(turn.split("\n\nAssistant:")[0].strip() for turn in turns) or prompt


def spoilt_pairs(pairs: Sequence[Pair]) -> list[Pair]:
    """Spoil one preferred answer of each prompt in every way."""
    rng = random.Random(SEED)  # noqa: S311 no secret
    firsts = list({pair.group: pair for pair in reversed(pairs)}.values())
    by_fold = {
        fold: sorted(
            (len(pair.chosen.split()), pair.group, pair.chosen)
            for pair in firsts
            if pair.fold == fold
        )
        for fold in range(FOLDS)
    }
    vocabulary = sorted({word for pair in firsts for word in pair.chosen.split() if word.isalpha()})
    return [
        Pair(kind, pair.group, pair.prompt, pair.chosen, spoilt)
        for pair in firsts
        for kind, spoilt in spoil(pair, neighbour(pair, by_fold[pair.fold], rng), vocabulary, rng)
    ]


def neighbour(pair: Pair, answers: Sequence[tuple[int, str, str]], rng: random.Random) -> str:
    """Return the answer to another prompt of the same fold, of about the same length."""
    others = [answer for answer in answers if answer[1] != pair.group]
    place = bisect_left(others, (len(pair.chosen.split()), "", ""))
    return rng.choice(others[max(0, place - 10) : place + 10])[2]


def spoil(
    pair: Pair, other: str, vocabulary: Sequence[str], rng: random.Random
) -> Iterator[tuple[str, str]]:
    """Return spoilt versions of the preferred answer, by kind."""
    answer = pair.chosen
    words = answer.split()
    count = len(words)
    first = Reading(text=answer).sentences[0]
    asked = pair.prompt.split()
    yield "off_topic", other
    yield "off_topic_appended", f"{answer}\n\n{other}"
    yield "repeated", " ".join([first] * max(2, round(count / max(1, len(first.split())))))
    yield "gibberish", gibberish(count, vocabulary, rng)
    yield "prompt_echoed", " ".join((asked * (count // len(asked) + 1))[: max(count, 4)])
    yield "doubled", f"{answer}\n\n{answer}"
    yield "padded", pad(answer, rng.randint(1, 5), half=0, rng=rng)
    yield "padded_new_words", pad(answer, rng.randint(1, 5), half=1, rng=rng)
    yield "padded_at_length", pad(answer, 20, half=1, rng=rng)
    if count >= 12:  # noqa: PLR2004 a shorter answer may be as good when cut
        yield "shuffled", " ".join(rng.sample(words, count))
        yield "truncated", " ".join(words[: rng.randint(count * 3 // 10, count * 7 // 10)])


def gibberish(count: int, vocabulary: Sequence[str], rng: random.Random) -> str:
    """Return so many words thrown together, or so many made of random letters."""
    if rng.random() < 0.5:  # noqa: PLR2004 half of either
        return " ".join(rng.choices(vocabulary, k=count))
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    return " ".join("".join(rng.choices(alphabet, k=rng.randint(2, 9))) for _ in range(count))


def pad(answer: str, sentences: int, *, half: int, rng: random.Random) -> str:
    """Append filler sentences, from one half of the bank only."""
    bank = [" ".join(parts) for parts in product(OPENERS[half::2], CLAUSES[half::2])]
    return answer + rng.choice(("\n\n", " ")) + " ".join(rng.sample(bank, sentences))
