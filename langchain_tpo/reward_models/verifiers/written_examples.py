"""Examples that a question writes in its own way: `add(1, 2) => 3`, `add(1, 2) returns 3`.

Only calls with literal arguments of a function that the question defines, with a literal for the
result, are believed to be examples. Pure: runs nothing.
"""

import ast
import re
from collections.abc import Iterator

_ARROW = re.compile(r"\s*(?:#\s*)?(?:={1,3}>?|-+>|➞|→|(?:should\s+)?returns?\b:?)\s*")
_MARK = re.compile(r"^\s*(?:>>>|[-*]\s)")
"""Of a prompt of Python's or a list's."""

_OPERATORS = tuple("-+*/%=<>")
_DEFINED = re.compile(r"^\s*def\s+(\w+)\s*\(", re.MULTILINE)
_BOOLEANS = {"true": "True", "false": "False", "null": "None"}


def written_examples(question: str) -> list[str]:
    r"""Return the examples of a question as assertions.

    Example:
        >>> written_examples("def add(a, b): ...\n  add(1, 2) => 3\n  add(0, 0) returns 0.")
        ['assert add(1, 2) == 3', 'assert add(0, 0) == 0']
    """
    names = dict.fromkeys(_DEFINED.findall(question))
    found = [one for name in names for line in question.splitlines() for one in _in(line, name)]
    return list(dict.fromkeys(found))


def _in(line: str, name: str) -> Iterator[str]:
    for opening in re.finditer(rf"(?<![\w.]){re.escape(name)}\(", line):
        if _MARK.sub("", line[: opening.start()]).rstrip().endswith(_OPERATORS):
            continue  # a part of a longer expression
        call, rest = _call(line[opening.start() :])
        arrow = _ARROW.match(rest)
        result = _literal(rest[arrow.end() :]) if call and arrow else None
        if result is not None:
            yield f"assert {call} == {result}"


def _call(text: str) -> tuple[str, str]:
    """Cut a call with literal arguments off a line; an empty one where there is none."""
    for closing in re.finditer(r"\)", text):
        call, rest = text[: closing.end()], text[closing.end() :]
        try:
            parsed = ast.parse(call, mode="eval").body
        except (SyntaxError, ValueError):
            continue
        if isinstance(parsed, ast.Call) and not parsed.keywords and all(map(_plain, parsed.args)):
            return call, rest
        return "", ""
    return "", ""


def _literal(text: str) -> str | None:
    """Return the literal that a text is, less a comment or a full stop after it."""
    stated = re.split(r"\s+#|\s+\(", text.strip())[0].rstrip().removesuffix(".")
    stated = _BOOLEANS.get(stated, stated)
    try:
        parsed = ast.parse(stated, mode="eval").body
    except (SyntaxError, ValueError):
        return None
    return stated if _plain(parsed) else None


def _plain(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True
