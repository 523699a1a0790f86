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

_ENDS = re.compile(r"[.!?:\n]|<[^<>\n]*>")


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
    marks = [mark for mark in _marks(prompts, form) if not mark.search(asked)]

    def kept(reply: str) -> str | Unusable:
        text = read(reply)
        if isinstance(text, Unusable):
            return text
        begins = [found.start() for mark in marks if (found := mark.search(text))]
        before = text[: min(begins)].rstrip() if begins else text
        return before if any(map(str.isalnum, before)) or not begins else Unusable("echo")

    return kept


def _marks(prompts: TPOPrompts, form: str) -> tuple[re.Pattern[str], ...]:
    """Return what tells a copy: tags of the prompt, and its longer sentences in any punctuation."""
    template = prompts.template(form)
    nothing = dict.fromkeys(template.input_variables, "")
    texts = (message.text for message in template.format_messages(**nothing))
    return _spelled("\n".join(texts), prompts.frame_tags)


@lru_cache(maxsize=256)
def _spelled(text: str, tags: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    sentences = (re.findall(r"\w+", part) for part in _ENDS.split(text))
    spelled = {r"\W+".join(words) for words in sentences if len(words) >= SENTENCE_WORDS}
    spelled |= {rf"</?{re.escape(tag)}\b[^<>\n]*>" for tag in tags}
    return tuple(re.compile(mark, re.IGNORECASE) for mark in sorted(spelled))
