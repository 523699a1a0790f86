"""What a revision copied of the prompt that asked for it: small models go on writing the prompt.

A copied remark can earn what no answer did: a rule that counts a word finds it in "use the word at
least five times". So a revision ends where the copy begins. Pure; knows tags and sentences.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import islice
from typing import TypeAlias

from langchain_tpo.loop.revisions import Reader, Unusable
from langchain_tpo.prompts import TPOPrompts

Words: TypeAlias = tuple[str, ...]
"""Of a sentence or a line, in small letters and without punctuation."""

SENTENCE_WORDS = 7
"""Of how many words a sentence of a prompt is at least, so that nobody writes it by chance."""

LINE_WORDS = 4
"""Of how many words a line of a prompt that leads in to something is at least to be known where it
stands as a line."""

NEAR = 0.8
"""From which likeness on, word by word, a sentence is a copy: a word lost, one put in."""

NEAR_WORDS = 9
"""Of how many words a sentence of a prompt is at least to be known by its likeness: of shorter ones
what is left is anybody's, as "Here is an answer to your question" is."""

_SENTENCE_ENDS = re.compile(r"[.!?:\n]|<[^<>\n]*>")
_CLAUSE_ENDS = re.compile(r"[.,;!?:\n]|<[^<>\n]*>")
_SENTENCE = re.compile(r"[^.!?:\n]+")
_LINE = re.compile(r"[^\n]+")
_QUOTED = re.compile(r'```.*?```|`[^`\n]*`|"[^"\n]*"|“[^”\n]*”|„[^“\n]*“|«[^»\n]*»', re.DOTALL)
_SIGNS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0963\u0966-\u0dff\u0e31-\u0e4e"
_WORD = re.compile(rf"[\w{_SIGNS}]+")  # accents and vowels that are signs of their own, as in Hindi


def without_echo(read: Reader, prompts: TPOPrompts, form: str, *, asked: str) -> Reader:
    """Return a reader that leaves out what a revision copied of its prompt.

    Args:
        read: Takes the response out of a reply.
        prompts: What the revision was asked with.
        form: Which of the prompts.
        asked: The conversation and the responses shown: what stands there is no copy of ours. Nor
            is what a prompt itself quotes: an answer may have to say it.

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
    own = {clause for clause in _clauses(wording) - _clauses(asked) if " " in clause}
    known = f" {' '.join(_words(asked))} "
    sentences = _not_like(map(_words, _SENTENCE.findall(asked)), _sentences(wording), known)
    lines = {words for words in _lines(wording) if not _stands_in(known, words)}

    def kept(reply: str) -> str | Unusable:
        text = read(reply)
        if isinstance(text, Unusable):
            return text
        begins = [found.start() for mark in marks if (found := mark.search(text))]
        begins += _first_near_copy(text, sentences, known)
        begins += _copied_lines(text, lines)
        before = text[: min(begins)].rstrip() if begins else text
        said = _clauses(before)
        return Unusable("echo") if (said or begins) and said <= own else before

    return kept


def _wording(prompts: TPOPrompts, form: str) -> str:
    """Return a prompt without what is filled in, and without what it quotes."""
    template = prompts.template(form)
    nothing = dict.fromkeys(template.input_variables, "")
    said = "\n".join(message.text for message in template.format_messages(**nothing))
    return _QUOTED.sub(".", said)


@lru_cache(maxsize=256)
def _marks(wording: str, tags: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    """Return what tells a copy: tags of the prompt, and its longer sentences in any punctuation."""
    sentences = (_WORD.findall(part) for part in _SENTENCE_ENDS.split(wording))
    spelled = {r"\W+".join(words) for words in sentences if len(words) >= SENTENCE_WORDS}
    spelled |= {rf"</?{re.escape(tag)}\b[^<>\n]*>" for tag in tags}
    return tuple(re.compile(mark, re.IGNORECASE) for mark in sorted(spelled))


def _clauses(text: str) -> set[str]:
    """Return the parts of sentences of a text, in small letters and without punctuation."""
    return {" ".join(words) for words in map(_words, _CLAUSE_ENDS.split(text)) if words}


def _first_near_copy(text: str, sentences: Sequence[Words], known: str) -> list[int]:
    """Return where the first sentence begins that is a copy but for a word or two, and its lead."""
    for found in _SENTENCE.finditer(text):
        words = _words(found.group())
        if any(_near(words, one) for one in sentences) and not _stands_in(known, words):
            return [1 + max(text.rfind(end, 0, found.start()) for end in ".!?\n")]
    return []


def _near(words: Words, sentence: Words) -> bool:
    both, shorter = len(words) + len(sentence), min(len(words), len(sentence))
    if 2 * shorter < NEAR * both or len(set(words) & set(sentence)) < len(sentence) / 2:
        return False
    return SequenceMatcher(None, words, sentence, autojunk=False).ratio() >= NEAR


def _copied_lines(text: str, lines: set[Words]) -> Iterator[int]:
    """Yield where such lines begin, but for the first: "Here is an answer to this:" may lead in."""
    later = islice(_LINE.finditer(text), 1, None)
    return (line.start() for line in later if _words(line.group()) in lines)


def _sentences(text: str) -> set[Words]:
    spoken = map(_words, _SENTENCE_ENDS.split(text))
    return {words for words in spoken if len(words) >= NEAR_WORDS}


def _lines(text: str) -> set[Words]:
    lines = (_words(line) for line in text.splitlines() if line.rstrip().endswith(":"))
    return {words for words in lines if len(words) >= LINE_WORDS}


def _not_like(spoken: Iterable[Words], sentences: Iterable[Words], known: str) -> list[Words]:
    """Return the sentences of a prompt that nothing in the conversation resembles."""
    left = [words for words in sentences if not _stands_in(known, words)]
    for words in spoken:
        left = [one for one in left if not _near(words, one)]
    return left


def _stands_in(text: str, words: Words) -> bool:
    return f" {' '.join(words)} " in text


def _words(text: str) -> Words:
    return tuple(_WORD.findall(text.casefold()))
