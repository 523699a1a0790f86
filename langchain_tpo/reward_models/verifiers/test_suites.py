"""Finds the tests of a question and rewrites them so that each reports for itself.

Tests are assertions, as data sets of programming tasks have them, or `>>>` examples of the prompt.
Pure: runs nothing.
"""

import ast
import doctest
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import dedent, indent

from langchain_tpo.errors import RewardTypeError
from langchain_tpo.reward_models.verifiers.written_examples import written_examples
from langchain_tpo.text.thinking import split_thinking

TEST_FIELDS = ("tests", "test_list", "test", "test_cases")
"""Fields of a row that hold tests: a text of Python, or a list of assertions."""

SETUP_FIELDS = ("test_setup_code", "test_imports", "setup")
"""Fields of a row that come before its tests."""

_FENCED = re.compile(
    r"^[ \t]*(```+|~~~+)[ \t]*(\w*)[^\n]*\n(.*?)(?:^[ \t]*\1|\Z)", re.DOTALL | re.MULTILINE
)
"""A block of code; one that was cut off has no end."""
_IMPORT = re.compile(
    r"^(?:from[ \t]+[\w.]+[ \t]+import[ \t]+[\w, *]+|import[ \t]+[\w., ]+)$", re.MULTILINE
)


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Tests that report to `_tpo_tests`."""

    source: str
    """Python."""
    total: int
    """How many there are, each counted where it stands."""


def code_in(answer: str, *, prompt: str, entry_point: str | None = None) -> str | None:
    r"""Return the Python of an answer; None when it holds none.

    Fenced blocks count; the last that defines the entry point, or else all of them. Without one the
    whole answer does, if it is Python. Imports of the prompt come first: answers leave them out.

    Args:
        answer: What a model wrote.
        prompt: The question, of which imports are taken.
        entry_point: The function that is tested.

    Example:
        >>> code_in("Here:\n```python\nx = 1\n```", prompt="")
        'x = 1\n'
    """
    answer = split_thinking(answer)[1]
    blocks = [dedent(code) for _, language, code in _FENCED.findall(answer) if _is_python(language)]
    if entry_point:
        defining = [
            code for code in blocks if re.search(rf"\bdef {re.escape(entry_point)}\b", code)
        ]
        blocks = defining[-1:] or blocks
    code = "\n".join(blocks)
    if not blocks and not _parses(answer):
        return None
    imports = "\n".join(dict.fromkeys(_IMPORT.findall(prompt)))
    return "\n".join(part for part in (imports, code if blocks else answer) if part)


def suite_of_row(context: Mapping[str, object]) -> Suite | None:
    """Return the tests of a row; None when it has none.

    Raises:
        RewardTypeError: When they are no Python.

    Example:
        >>> suite_of_row({"test_list": ["assert add(1, 2) == 3", "assert add(0, 0) == 0"]}).total
        2
    """
    name = next((name for name in TEST_FIELDS if context.get(name)), None)
    if name is None:
        return None
    parts = [_text(context[field]) for field in (*SETUP_FIELDS, name) if context.get(field)]
    source = "\n".join(parts)
    entry_point = context.get("entry_point")
    if entry_point and re.search(r"^def check\(", source, re.MULTILINE):
        source += f"\ncheck({entry_point})\n"
    return suite_of_assertions(source)


def suite_of_assertions(source: str) -> Suite:
    """Return the suite of some Python whose assertions are the tests."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise RewardTypeError(f"The tests are no Python ({error}): `{source[:60]!r}`.") from None
    calls = _calls_of(_uncalled(tree))
    rewriter = _Reporting()
    rewritten = ast.fix_missing_locations(rewriter.visit(tree))
    if not rewriter.total:
        raise RewardTypeError(f"The tests hold no `assert`: `{source[:60]!r}`.")
    return Suite(source="\n".join([ast.unparse(rewritten), *calls]), total=rewriter.total)


def _uncalled(tree: ast.Module) -> list[ast.FunctionDef]:
    """Return the functions of tests that the tests define and do not call themselves."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and node.name not in used
        and any(isinstance(inside, ast.Assert) for inside in ast.walk(node))
    ]


def _calls_of(functions: Sequence[ast.FunctionDef]) -> list[str]:
    """Return what calls the functions; what they raise ends one, not the others.

    Raises:
        RewardTypeError: When one takes arguments that nobody could give.
    """
    for function in functions:
        if function.args.args or function.decorator_list:
            raise RewardTypeError(
                f"The tests define `{function.name}({ast.unparse(function.args)})` and do not call "
                "it: add the call, or the row's `entry_point` for `check(candidate)`."
            )
    return [
        f"try:\n    {one.name}()\nexcept BaseException as _tpo_error:\n"
        f"    _tpo_tests.begin({one.name!r})\n    _tpo_tests.failed(_tpo_error)"
        for one in functions
    ]


def suite_of_examples(prompt: str) -> Suite | None:
    r"""Return the examples of a prompt as tests; None when it has none.

    Those after `>>>` count, or where there are none, calls of a function that the prompt defines
    with what they return (`add(1, 2) => 3`).

    Example:
        >>> suite_of_examples(">>> add(1, 2)\n3\n").total
        1
    """
    if suite := _suite_of_doctests(prompt):
        return suite
    written = written_examples(prompt)
    return suite_of_assertions("\n".join(written)) if written else None


def _suite_of_doctests(prompt: str) -> Suite | None:
    try:
        examples = doctest.DocTestParser().get_examples(_without_fences(prompt))
    except ValueError:
        return None
    tested = [example for example in examples if example.want.strip() and example.exc_msg is None]
    if not tested:
        return None
    calls = [
        _example(example.source, example.want) for example in examples if example.exc_msg is None
    ]
    return Suite(source="\n".join(calls), total=len(tested))


def _example(source: str, want: str) -> str:
    call = f"_tpo_tests.example({source!r}, {want.strip()!r}, globals())"
    return (
        _reported(source.strip(), call)
        if want.strip()
        else f"try:\n    {call}\nexcept Exception: pass"
    )


def _reported(shown: str, statement: str, sides: str = "") -> str:
    return (
        f"_tpo_tests.begin({shown!r})\ntry:\n    {statement}\n"
        f"except BaseException as _tpo_error:\n    _tpo_tests.failed(_tpo_error{sides})\n"
        "else:\n    _tpo_tests.passed()"
    )


class _Reporting(ast.NodeTransformer):
    """Rewrites every assertion so that it reports and the next one runs all the same."""

    def __init__(self) -> None:
        self.total = 0

    def visit_Try(self, node: ast.Try) -> ast.stmt | list[ast.stmt]:
        """Keep an assertion together with what catches its error: both are one test."""
        if not any(
            isinstance(inside, ast.Assert) for part in node.body for inside in ast.walk(part)
        ):
            return self._inside(node)
        self.total += 1
        whole = ast.unparse(node)
        return ast.parse(_reported(whole, indent(whole, "    ").lstrip())).body

    def _inside(self, node: ast.Try) -> ast.stmt:
        self.generic_visit(node)
        return node

    def visit_Assert(self, node: ast.Assert) -> list[ast.stmt]:
        self.total += 1
        shown, test = ast.unparse(node), node.test
        if not isinstance(test, ast.Compare) or len(test.ops) != 1:
            return ast.parse(_reported(shown, shown)).body
        left, right = ast.unparse(test.left), ast.unparse(test.comparators[0])
        names = ast.Compare(_name("_tpo_left"), test.ops, [_name("_tpo_right")])
        held = f"assert {ast.unparse(names)}\n    _tpo_tests.tell_apart(_tpo_left, _tpo_right)"
        statement = f"_tpo_left, _tpo_right = {left}, {right}\n    {held}"
        before = "_tpo_left = _tpo_right = None\n"
        return ast.parse(before + _reported(shown, statement, ", _tpo_left, _tpo_right")).body


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _is_python(language: str) -> bool:
    return language.lower() in ("", "py", "python", "python3")


def _parses(text: str) -> bool:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Assign) for node in tree.body)


def _text(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "\n".join(str(line) for line in value)
    return str(value)


def _without_fences(prompt: str) -> str:
    """Put a blank line in the place of fences: the output of an example ends there."""
    return re.sub(r'^[ \t]*(?:```\w*|""").*$', "", prompt, flags=re.MULTILINE)
