"""Warns of a page of the site that is too long; in `make docs` a warning is an error.

`mkdocs.yml` names this file. What counts is what a reader sees: words of the finished page, tables,
code and the reference made of docstrings included.
"""

import logging
import re
from html import unescape
from typing import Any

MOST_WORDS = 1500
"""More than this is two pages."""

INLINE = re.compile(r"</?(?:a|abbr|code|em|span|strong)\b[^>]*>")
"""Tags that stand inside of words, as colours of code do."""

TAG = re.compile(r"<[^>]+>")
LOG = logging.getLogger("mkdocs.hooks.page_length")


def words(text: str) -> int:
    """Return how many words a text has: signs alone, such as the bars of a table, are none.

    Example:
        >>> words("| `width` | 5 |"), words("one - two")
        (2, 2)
    """
    return sum(any(sign.isalnum() for sign in word) for word in text.split())


def seen(html: str) -> str:
    """Return the text of a page in HTML.

    Example:
        >>> seen("<p>a <code>b</code>.<span>c</span>()</p>").strip()
        'a b.c()'
    """
    return unescape(TAG.sub(" ", INLINE.sub("", html)))


def on_page_content(html: str, **about: Any) -> str:
    """Warn where a page is too long, and change nothing."""
    count = words(seen(html))
    if count > MOST_WORDS:
        place = about["page"].file.src_path
        LOG.warning("%s has %d words, over %d: split it", place, count, MOST_WORDS)
    return html
