"""What a prompt quotes: phrases in quotation marks or backticks, and blocks of code.

What is quoted is material: "in two words" sets no limit, and the word "if" no condition.
"""

import re

PHRASE = (
    r"(?:\"[^\"\n]{1,80}\"|\u201c[^\u201c\u201d\n]{1,80}\u201d|\u2018[^\u2019\n]{1,80}\u2019"
    r"|`[^`\n]{1,80}`|'[^'\n]{1,80}')"
)
"""A phrase to use or to avoid, as a prompt quotes it."""

_QUOTED = re.compile(
    r"```.*?```|\"[^\"\n]*\"|\u201c[^\u201c\u201d\n]*\u201d|`[^`\n]{1,80}`"
    r"|\u2018[^\u2019\n]{1,80}\u2019(?!\w)|(?<!\w)'[^'\n]{1,80}'(?!\w)",
    re.DOTALL,
)
"""An apostrophe inside of a word opens and closes nothing."""


def without_quotations(prompt: str) -> str:
    """Return the prompt with one quotation mark in the place of all that it quotes.

    Example:
        >>> without_quotations('Translate "in two words" in one sentence.')
        'Translate " in one sentence.'
    """
    return _QUOTED.sub('"', prompt)


def with_quotations_blank(prompt: str) -> str:
    """Return the prompt with `_` for each letter and digit that it quotes, so that places agree.

    Example:
        >>> with_quotations_blank('Use the word "if".')
        'Use the word "__".'
    """
    return _QUOTED.sub(lambda quoted: re.sub(r"\w", "_", quoted[0]), prompt)


def is_word(quoted_phrase: str) -> bool:
    """Return whether a quoted phrase is more than a sign or a letter.

    Example:
        >>> is_word("'oil'"), is_word("'c'")
        (True, False)
    """
    return sum(map(str.isalnum, quoted_phrase)) > 1
