"""Finds the tests of a question and rewrites them so that each reports for itself.

Tests are assertions, as data sets of programming tasks have them, or `>>>` examples of the prompt.
Pure: runs nothing.
"""

import ast
import doctest
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from textwrap import dedent, indent
from typing import NamedTuple

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
_BEGINS = re.compile(
    r"([ ]*)(?:(?:async +)?def +\w+ *\(|class +\w+ *[(:]|@\w|from +[\w.]+ +import +"
    r"|[A-Za-z_]\w* = \S|import +[\w.]+(?: +as +\w+)?(?:, *[\w.]+)*$)"
)
"""How a statement begins that is hardly prose."""
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

    Fenced blocks that are Python count; the last that defines the entry point, or else all of them.
    Without one the whole answer does, or what stands in it between the prose. Imports of the prompt
    come first: answers leave them out.

    Args:
        answer: What a model wrote.
        prompt: The question, of which imports are taken.
        entry_point: The function that is tested.

    Example:
        >>> code_in("Here:\n```python\nx = 1\n```", prompt="")
        'x = 1\n'
    """
    answer = split_thinking(answer)[1]
    fenced = [_typed(dedent(code)) for _, name, code in _FENCED.findall(answer) if _is_python(name)]
    blocks = list(filter(_parses, fenced)) or fenced
    if entry_point:
        defining = [
            code for code in blocks if re.search(rf"\bdef {re.escape(entry_point)}\b", code)
        ]
        blocks = defining[-1:] or blocks
    code = "\n".join(blocks) if blocks else _unfenced(answer)
    imports = "\n".join(dict.fromkeys(_IMPORT.findall(prompt)))
    return "\n".join(filter(None, (imports, code))) if code is not None else None


def _typed(block: str) -> str:
    """Return what was typed in a session that a block shows, or the block as it is."""
    if not block.lstrip().startswith(">>>"):
        return block
    with suppress(ValueError):
        return "".join(one.source for one in doctest.DocTestParser().get_examples(block))
    return block


def _unfenced(answer: str) -> str | None:
    """Return an answer that is Python, or the statements that stand between its prose."""
    if _defines(answer):
        return answer
    kept: list[str] = []
    deep: int | None = None
    for line in answer.expandtabs(4).splitlines():
        indented = len(line) - len(line.lstrip())
        if begins := _BEGINS.match(line):
            deep = len(begins[1])
        elif line.strip() and (deep is None or indented <= deep):
            deep = None
            continue
        kept.append(line)
    code = dedent("\n".join(kept))
    return code if _defines(code) else None


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
    calls = _calls_of(tree)
    rewriter = _Reporting()
    rewritten = ast.fix_missing_locations(rewriter.visit(tree))
    total = rewriter.total + sum(1 for call in calls if not call.counts_itself)
    if not total:
        raise RewardTypeError(f"The tests hold no `assert`: `{source[:60]!r}`.")
    return Suite(source="\n".join([ast.unparse(rewritten), *map(_called, calls)]), total=total)


class _Call(NamedTuple):
    """A call of a test that nobody makes."""

    statement: str
    counts_itself: bool
    """Whether assertions inside report; else the call as a whole is one test."""


_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _calls_of(tree: ast.Module) -> list[_Call]:
    """Return the calls of test functions and test classes that the tests do not make themselves."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    calls: list[_Call] = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name not in used:
            calls += _calls_of_class(node)
        elif isinstance(node, _Function) and node.name not in used and _asserts(node):
            _refuse_arguments(node)
            calls.append(_Call(_awaited(node, f"{node.name}()"), counts_itself=True))
    return calls


def _calls_of_class(node: ast.ClassDef) -> list[_Call]:
    """Return the calls of a class's tests: one of unittest's runs with what it sets up."""
    bases = [ast.unparse(base) for base in node.bases]
    of_unittest = any(base.endswith("TestCase") for base in bases)
    tests = [one for one in node.body if isinstance(one, _Function) and one.name[:4] == "test"]
    if of_unittest:
        return [
            _Call(f"{node.name}({one.name!r}).debug()", counts_itself=_asserts(one))
            for one in tests
        ]
    return [
        _Call(_awaited(one, f"{node.name}().{one.name}()"), counts_itself=True)
        for one in tests
        if _asserts(one)
    ]


def _asserts(node: ast.AST) -> bool:
    return any(isinstance(inside, ast.Assert) for inside in ast.walk(node))


def _awaited(function: _Function, call: str) -> str:
    return f"await {call}" if isinstance(function, ast.AsyncFunctionDef) else call


def _called(call: _Call) -> str:
    """Return what makes a call; what it raises ends one test, not the others."""
    if not call.counts_itself:
        return _reported(call.statement, call.statement)
    return (
        f"try:\n    {call.statement}\nexcept BaseException as _tpo_error:\n"
        f"    _tpo_tests.begin({call.statement!r})\n    _tpo_tests.failed(_tpo_error)"
    )


def _refuse_arguments(function: _Function) -> None:
    if function.args.args or function.decorator_list:
        raise RewardTypeError(
            f"The tests define `{function.name}({ast.unparse(function.args)})` and do not call "
            "it: add the call, or the row's `entry_point` for `check(candidate)`."
        )


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
        if not any(map(_asserts, node.body)):
            self.generic_visit(node)
            return node
        self.total += 1
        whole = ast.unparse(node)
        return ast.parse(_reported(whole, indent(whole, "    ").lstrip())).body

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
    return _tree(text) is not None


def _defines(text: str) -> bool:
    """Return whether a text is Python that defines something; a word of prose is Python, too."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign
    tree = _tree(text)
    return tree is not None and any(isinstance(node, kinds) for node in tree.body)


def _tree(text: str) -> ast.Module | None:
    with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.parse(text)
    return None


def _text(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "\n".join(str(line) for line in value)
    return str(value)


def _without_fences(prompt: str) -> str:
    """Put a blank line in the place of fences: the output of an example ends there."""
    return re.sub(r'^[ \t]*(?:```\w*|""").*$', "", prompt, flags=re.MULTILINE)
