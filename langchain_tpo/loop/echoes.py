"""What a revision copied of the prompt that asked for it: small models go on writing the prompt.

A copied remark can earn what no answer did: a rule that counts a word finds it in "use the word at
least five times". So a revision ends where the copy begins. Pure; knows tags and sentences.
"""

import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from functools import lru_cache

from langchain_tpo.loop.revisions import Reader, Unusable
from langchain_tpo.prompts import TPOPrompts

SENTENCE_WORDS = 7
"""Of how many words a sentence of a prompt is at least, so that nobody writes it by chance."""

LINE_WORDS = 4
"""Of how many words a line of a prompt is at least to be known where it stands as a line."""
NEAR = 0.8
"""From which likeness on, word by word, a sentence is a copy: a word lost, one put in."""

_SENTENCE_ENDS = re.compile(r"[.!?:\n]|<[^<>\n]*>")
_CLAUSE_ENDS = re.compile(r"[.,;!?:\n]|<[^<>\n]*>")
_SENTENCE = re.compile(r"[^.!?:\n]+")
_LEAD_IN = re.compile(r"[^.!?\n]*\Z")
_LINE = re.compile(r"[^\n]+")
_WORD = re.compile(r"\w+")


def without_echo(read: Reader, prompts: TPOPrompts, form: str, *, asked: str) -> Reader:
    """Return a reader that leaves out what a revision copied of its prompt.

    Args:
        read: Takes the response out of a reply.
        prompts: What the revision was asked with.
        form: Which of the prompts.
        asked: The conversation and the responses shown: what stands there is no copy of ours.

    Example:
        >>> from langchain_tpo.loop.revisions import read_response
        >>> from langchain_tpo.prompts import SMALL_EXPLAINED_PROMPTS
        >>> read = without_echo(read_response, SMALL_EXPLAINED_PROMPTS, "update", asked="Why oil?")
        >>> read("Oil keeps water out. <REMARK>Broken: ...")
        'Oil keeps water out.'
        >>> read("Write the whole changed answer and nothing else.")
        Unusable(reason='echo')
    """
    wording = _wording(prompts, form)
    marks = [mark for mark in _marks(wording, prompts.frame_tags) if not mark.search(asked)]
    own = _clauses(wording) - _clauses(asked)
    said_before = f" {' '.join(_words(asked))} "
    sentences, lines = (
        {part for part in parts if f" {' '.join(part)} " not in said_before}
        for parts in (_sentences(wording), _lines(wording))
    )

    def kept(reply: str) -> str | Unusable:
        text = read(reply)
        if isinstance(text, Unusable):
            return text
        begins = [found.start() for mark in marks if (found := mark.search(text))]
        begins += _near_copies(text, sentences)
        begins += _copied_lines(text, lines)
        before = text[: min(begins)].rstrip() if begins else text
        said = _clauses(before)
        return Unusable("echo") if (said or begins) and said <= own else before

    return kept


def _wording(prompts: TPOPrompts, form: str) -> str:
    """Return a prompt without what is filled in."""
    template = prompts.template(form)
    nothing = dict.fromkeys(template.input_variables, "")
    return "\n".join(message.text for message in template.format_messages(**nothing))


@lru_cache(maxsize=256)
def _marks(wording: str, tags: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    """Return what tells a copy: tags of the prompt, and its longer sentences in any punctuation."""
    sentences = (_WORD.findall(part) for part in _SENTENCE_ENDS.split(wording))
    spelled = {r"\W+".join(words) for words in sentences if len(words) >= SENTENCE_WORDS}
    spelled |= {rf"</?{re.escape(tag)}\b[^<>\n]*>" for tag in tags}
    return tuple(re.compile(mark, re.IGNORECASE) for mark in sorted(spelled))


def _clauses(text: str) -> set[str]:
    """Return the parts of sentences of a text, in small letters and without punctuation."""
    parts = (_WORD.findall(part.casefold()) for part in _CLAUSE_ENDS.split(text))
    return {" ".join(words) for words in parts if words}


def _near_copies(text: str, sentences: Iterable[tuple[str, ...]]) -> Iterator[int]:
    """Yield where sentences begin that are copies but for a word or two, and what leads in."""
    for found in _SENTENCE.finditer(text):
        words = _words(found.group())
        if any(_near(words, sentence) for sentence in sentences):
            lead_in = _LEAD_IN.search(text, 0, found.start())
            yield lead_in.start() if lead_in else found.start()


def _near(words: tuple[str, ...], sentence: tuple[str, ...]) -> bool:
    if len(words) < SENTENCE_WORDS or len(set(words) & set(sentence)) < len(sentence) / 2:
        return False
    return SequenceMatcher(None, words, sentence, autojunk=False).ratio() >= NEAR


def _copied_lines(text: str, lines: set[tuple[str, ...]]) -> Iterator[int]:
    return (line.start() for line in _LINE.finditer(text) if _words(line.group()) in lines)


def _sentences(text: str) -> set[tuple[str, ...]]:
    spoken = map(_words, _SENTENCE_ENDS.split(text))
    return {words for words in spoken if len(words) >= SENTENCE_WORDS}


def _lines(text: str) -> set[tuple[str, ...]]:
    lines = map(_words, text.splitlines())
    return {words for words in lines if len(words) >= LINE_WORDS}


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.casefold()))
