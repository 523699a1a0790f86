"""A text as the features read it: its words, its sentences, the words that carry its topic.

Knows enough English to tell words that carry a topic from words that carry grammar; knows no
vocabulary, no meaning and no weights.
"""

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

from langchain_tpo.reward_models.preference_head.english import FUNCTION_WORDS, TASK_WORDS

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*|\d+(?:[.,]\d+)*")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+|\n+")

_NO_TOPIC = FUNCTION_WORDS | TASK_WORDS
"""Words that carry grammar, or say what to do and not about what."""

_KEY_LETTERS = 5
"""Forms of one word ("teacher", "teaching") mostly agree in their first letters."""

_SENTENCES_READ = 60
"""Sentences whose topic is looked at one by one: enough for any answer worth reading."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One text, read once: each part is worked out when it is first asked for.

    Example:
        >>> reading = Reading(text="The teacher writes. Teaching is hard!")
        >>> reading.sentences
        ('The teacher writes.', 'Teaching is hard!')
        >>> sorted(reading.topic)
        ['hard', 'teach', 'write']
    """

    text: str
    """The text, unchanged."""

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words and numbers in lower case, in order."""
        return tuple(_WORD.findall(self.text.lower()))

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        """The sentences; a line break ends one too."""
        return tuple(part.strip() for part in _SENTENCE_END.split(self.text) if part.strip())

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines that hold anything."""
        return tuple(line.strip() for line in self.text.splitlines() if line.strip())

    @cached_property
    def topic_words(self) -> tuple[str, ...]:
        """The topic words in order, with repetitions."""
        return tuple(
            topic_word(word) for word in self.words if len(word) > 1 and word not in _NO_TOPIC
        )

    @cached_property
    def topic(self) -> frozenset[str]:
        """The topic words, each once."""
        return frozenset(self.topic_words)

    @cached_property
    def parts(self) -> tuple["Reading", ...]:
        """The first sentences, each as a reading of its own."""
        return tuple(Reading(text=sentence) for sentence in self.sentences[:_SENTENCES_READ])


@lru_cache(maxsize=10_000)
def topic_word(word: str) -> str:
    """Return the first letters of a word in lower case, so that forms of one word meet.

    Example:
        >>> topic_word("teachers"), topic_word("teaching"), topic_word("cats")
        ('teach', 'teach', 'cat')
    """
    stem = word.removesuffix("'s").removesuffix("\u2019s")
    if len(stem) > len("cat") and stem.endswith("s") and not stem.endswith("ss"):
        stem = stem[:-1]
    return stem[:_KEY_LETTERS]
