"""Takes out of a prompt what it hands over: a text to translate, to correct or to summarize.

Such a text may hold instructions of its own, and none of them is meant for the answer.
"""

import re
from collections.abc import Iterator

MOST_READ = 20_000
"""Characters of a prompt that are read; what it asks for is seldom said behind so much."""

_WORK = (
    r"(?:translate|summari[sz]e|proof-?read|re-?write|correct|fix|improve|paraphrase|rephrase|turn"
    r"|convert|edit|polish|shorten|condense|review|analy[sz]e|critique|criticize|simplify|check"
    r"|reformat)\b"
)
"""What is done to a text that is handed over."""
_HANDED_OVER = re.compile(
    rf"(?:\A|(?<=[.!?] )|(?<=\n))[ \t*#-]{{0,8}}(?:(?:please|can you|could you|now),? )?{_WORK}"
    r"(?:(?:[^:.!?\n\"\u201c]{0,120} )?(?P<given>this|these|the|my|our|following|below)\b"
    r"[^:.!?\n\"\u201c]{0,160}| into \w+)"
    r"(?P<end>:|[.!?]?[ \t]*\n[ \t]*\n)\s*(?=\S)",
    re.IGNORECASE,
)
_MARKED = re.compile(r"[\"\u201c\u2018'`<]|-{3,}")
"""How a text begins that is marked off from the rest: `_QUOTED` or quotation marks end it."""
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_QUOTED = re.compile(
    r"\"{3}.*?\"{3}|^[ \t]*-{3,}[ \t]*$.*?^[ \t]*-{3,}[ \t]*$|^[ \t]*>[^\n]*",
    re.DOTALL | re.MULTILINE,
)
_TAG = re.compile(r"<([A-Za-z]\w{0,30})(?: [^<>\n]{0,80})?>")


def without_material(prompt: str) -> str:
    r"""Return the prompt without the texts that it hands over.

    Example:
        >>> without_material("Translate this:\n\nUse no commas.")
        'Translate this:\n\n.'
        >>> without_material("<text>Use no commas.</text> Sum it up.")
        '. Sum it up.'
    """
    text = _QUOTED.sub(".", "".join(_outside_of_tags(_start_of(prompt))))
    found = _HANDED_OVER.search(text)
    if found is None or _MARKED.match(text, found.end()):
        return text
    on_its_line = found["end"] == ":" and "\n" not in text[found.end("end") : found.end()]
    end = _PARAGRAPH.search(text, found.end()) if on_its_line else None
    return f"{text[: found.end()]}.{text[end.start() :] if end else ''}"


def _start_of(prompt: str) -> str:
    """Return what is read of a prompt, cut between two lines where there are any."""
    if len(prompt) <= MOST_READ:
        return prompt
    start = prompt[:MOST_READ]
    return start[: start.rfind("\n") + 1] or start


def _outside_of_tags(text: str) -> Iterator[str]:
    """Yield what stands outside of tags that are closed, and a full stop for the inside."""
    at = 0
    for tag in _TAG.finditer(text):
        closing = f"</{tag[1]}>"
        end = text.find(closing, tag.end()) if tag.start() >= at else -1
        if end >= 0:
            yield f"{text[at : tag.start()]}."
            at = end + len(closing)
    yield text[at:]
