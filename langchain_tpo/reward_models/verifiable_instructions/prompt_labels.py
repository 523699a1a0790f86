"""Limits in the form of a label: "Word limit: 100", "Length: 100-150 words", "Max. sentences: 3".

Lists of requirements and filled-in templates say limits so. They are written out as wishes, which
`prompt_counts` reads.
"""

import re

from langchain_tpo.reward_models.verifiable_instructions.prompt_limits import BEFORE, NUMBER

_THING = "word|sentence|paragraph|bullet point|bullet"
_MARKS = r"[ \t*_#>\u2022-]{0,8}"
_LIMIT = rf"(?:{'|'.join(BEFORE.values())})"
_LABELLED = re.compile(
    rf"(?:\A|(?<=[.;,(\n]))(?P<marks>{_MARKS})"
    r"(?:(?P<first>max(?:imum)?|min(?:imum)?)\.? )?"
    r"(?:(?:target|desired|required|expected|total|approximate|answer|response|output) )?"
    rf"(?:(?:number of )?(?P<many>{_THING})s|(?P<one>{_THING}) "
    r"(?:(?P<last>limit|max(?:imum)?|min(?:imum)?)|count|length)|length)"
    rf"(?: \((?P<aside>max(?:imum)?|min(?:imum)?)\.?\))?[*_]{{0,2}}\s?[:=][*_]{{0,2}}[ \t]{{0,3}}"
    rf"(?P<said>{_LIMIT}(?: an?)? )?"
    rf"(?P<number>{NUMBER}(?P<to>(?: to |\s?[-\u2013]\s?){NUMBER})?\+?)"
    rf"(?: (?P<behind>{_THING})s?)?(?P<end>[*_]{{0,2}}\s*(?:[.;)\n]|,(?! ?\d)|\Z))",
    re.IGNORECASE,
)
_RELATION = {"lim": "at most ", "max": "at most ", "min": "at least "}


def labels_written_out(text: str) -> str:
    """Return the text with each limit in the form of a label as a wish.

    Example:
        >>> labels_written_out("Word limit: 100. Why?")
        'Use at most 100 words. Why?'
    """
    return _LABELLED.sub(_wish, text)


def _wish(found: re.Match[str]) -> str:
    thing = found["behind"] or found["many"] or found["one"]
    if thing is None:  # "Length: 100" may be in characters or pages
        return found[0]
    way = found["first"] or found["last"] or found["aside"] or ""
    relation = found["said"] or ("" if found["to"] else _RELATION.get(way[:3].lower(), ""))
    return f"{found['marks']}Use {relation}{found['number']} {thing}s{found['end']}"
