"""What a revision copied of the prompt that asked for it: small models go on writing the prompt.

A copied remark can earn what no answer did: a rule that counts a word finds it in "use the word at
least five times". So a revision ends where the copy begins. Pure; knows tags and sentences.
"""

import re
from functools import lru_cache

from langchain_tpo.loop.revisions import Reader, Unusable
from langchain_tpo.prompts import TPOPrompts

SENTENCE_WORDS = 7
"""Of how many words a sentence of a prompt is at least, so that nobody writes it by chance."""

_SENTENCE_ENDS = re.compile(r"[.!?:\n]|<[^<>\n]*>")
_CLAUSE_ENDS = re.compile(r"[.,;!?:\n]|<[^<>\n]*>")
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

    def kept(reply: str) -> str | Unusable:
        text = read(reply)
        if isinstance(text, Unusable):
            return text
        begins = [found.start() for mark in marks if (found := mark.search(text))]
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
