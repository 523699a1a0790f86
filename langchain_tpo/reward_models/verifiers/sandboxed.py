"""Runs one candidate's code and its tests in this process, which is there for nothing else.

Started by `python_process`; reads one JSON object from standard input and writes one JSON line for
each test to standard output. Imports the standard library alone. What is set up here keeps an
honest mistake from doing harm; it is no wall against an attacker.
"""

import __future__

import ast
import contextlib
import inspect
import io
import json
import os
import signal
import socket
import sys
import time
import types
import zoneinfo
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

BLOCKED = (
    *("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork"),
    *("os.kill", "os.killpg", "os.chown", "os.link", "os.symlink"),
    *("ftplib.", "http.client.", "urllib.", "smtplib."),
)
"""Audit events that code under test may not raise."""

CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.chmod", "os.truncate", "shutil.")
"""Audit events that it may raise for files of its own folder."""

MODULES = ("solution", "candidate", "submission", "main", "your_module")
"""Names under which tests import the code, where no such module is installed."""

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
"""What still runs when the code's own examples took too long."""


def main() -> None:
    """Set the limits, run the code, then its tests."""
    job = json.load(sys.stdin)
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    _limit(job["seconds"], job["memory_mb"])
    parsed = [_parsed(job[part], part) for part in ("code", "tests")]
    _guard(str(Path.cwd()))

    def tell(**result: object) -> None:
        results.write(json.dumps(result) + "\n")
        results.flush()

    names: dict[str, Any] = {"__name__": "candidate", "__builtins__": __builtins__}
    try:
        _define(parsed[0], names, seconds=job["seconds"] / 2, tell=tell)
        tell(event="ready")
        names["_tpo_tests"] = _Tests(tell)
        _offer(names)
        _run(parsed[1], names)
    except BaseException as error:  # noqa: BLE001 whatever it is, it is the result
        tell(event="stopped", error=_said(error))
    tell(event="end")


def _define(
    tree: ast.Module | BaseException,
    names: dict[str, Any],
    *,
    seconds: float,
    tell: Callable[..., None],
) -> None:
    """Run the code statement by statement: an example of its own that fails is not its fault.

    So are a call of `input`, `sys.exit` and a loop that shows a menu; what is defined counts.
    """
    if isinstance(tree, BaseException):
        raise tree
    flags, until, late = 0, time.monotonic() + seconds, False
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            flags |= sum(getattr(__future__, one.name).compiler_flag for one in statement.names)
        if late and not isinstance(statement, DEFINITIONS):
            continue
        left = until - time.monotonic()
        try:
            with _alarm(seconds if isinstance(statement, DEFINITIONS) else left):
                _run(ast.Module([statement], []), names, flags)
        except BaseException as error:  # noqa: BLE001 told where a test fails
            late = late or isinstance(error, _TooLongError)
            tell(event="line", source=ast.unparse(statement)[:100], error=_said(error))


class _TooLongError(BaseException):
    """An example in the code takes its time; no `except Exception` of the code may catch it."""

    def __str__(self) -> str:
        return "it took too long"


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Interrupt what runs inside after some seconds, where the system can."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def interrupt(*_: object) -> None:
        raise _TooLongError

    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.05))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _offer(names: dict[str, Any]) -> None:
    """Let tests import the code by a usual name."""
    module = types.ModuleType("solution")
    module.__dict__.update({name: value for name, value in names.items() if name[:2] != "__"})
    for name in MODULES:
        sys.modules.setdefault(name, module)


class _Tests:
    """What the rewritten tests report to; each call is one test's beginning, pass or failure."""

    def __init__(self, tell: Callable[..., None]) -> None:
        self._tell = tell

    def begin(self, source: str) -> None:
        self._tell(event="begin", test=source)

    def passed(self) -> None:
        self._tell(event="passed")

    def failed(self, error: BaseException, *sides: object) -> None:
        self._tell(event="failed", error=_said(error), sides=[_short(side) for side in sides])

    def tell_apart(self, *sides: object) -> None:
        """Believe no value that is equal to whatever it is compared with."""
        if any(_equals_anything(side) for side in sides):
            raise AssertionError("the value says that it is equal to anything")

    def example(self, source: str, want: str, names: dict[str, object]) -> None:
        """Run one `>>>` example; what it evaluates to or prints has to be `want`."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(source, "<example>", "single"), names)  # noqa: S102 what this process is for
        got = printed.getvalue().strip()
        if want and not _same(got, want):
            raise AssertionError(f"expected {want[:200]}, got {got[:200]}")


class _Unlike:
    """Equal to nothing but itself."""


def _equals_anything(value: object, depth: int = 0) -> bool:
    """Return whether a value, or one inside a container, says so of an object it cannot know."""
    inside: list[object] = []
    if isinstance(value, dict):
        inside = [*value.keys(), *value.values()]
    elif isinstance(value, list | tuple | set | frozenset):
        inside = [*value]
    if depth < _DEEP and any(_equals_anything(one, depth + 1) for one in inside):
        return True
    with contextlib.suppress(Exception):  # arrays compare element by element
        return bool(value == _Unlike())
    return False


_DEEP = 5
"""How many containers are opened, one inside the other."""


def _parsed(source: str, part: str) -> ast.Module | BaseException:
    try:
        tree = ast.parse(source, f"<{part}>")
        compile(tree, f"<{part}>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return error
    return tree


def _run(tree: ast.Module | BaseException, names: dict[str, Any], flags: int = 0) -> None:
    """Run statements, also those that `await` outside of a function."""
    if isinstance(tree, BaseException):
        raise tree
    code = compile(
        tree, "<code>", "exec", flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
    )
    awaited = eval(code, names)  # noqa: S307 what this process is for
    if code.co_flags & inspect.CO_COROUTINE:
        import asyncio  # noqa: PLC0415 slow to import, and seldom needed

        asyncio.run(awaited)


def _limit(seconds: float, memory_mb: int) -> None:
    """Bound time, memory, file size, open files; leave the network where the system lets us."""
    try:
        import resource  # noqa: PLC0415 not on every system
    except ImportError:
        return
    whole = int(seconds) + 1
    limits = {
        resource.RLIMIT_CPU: whole,
        resource.RLIMIT_AS: memory_mb << 20,
        resource.RLIMIT_FSIZE: 1 << 20,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_CORE: 0,
    }
    for limit, most in limits.items():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(limit, (most, most))
    with contextlib.suppress(Exception):
        import ctypes  # noqa: PLC0415 only for this

        ctypes.CDLL(None).unshare(0x10000000 | 0x40000000)  # a user and a network of its own


def _guard(folder: str) -> None:
    """Refuse sockets, processes, and files outside of the folder and Python's own."""
    own = {path for path in sys.path if path}
    zones = (*zoneinfo.TZPATH, "/etc/localtime")
    readable = (folder, *own, sys.prefix, sys.base_prefix, *zones, os.devnull)

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.__new__" and arguments[1] == getattr(socket, "AF_UNIX", None):
            return  # a pair of an event loop; it can connect to nothing
        if event.startswith(BLOCKED):
            raise PermissionError(f"`{event}` is not allowed here")
        if event == "ctypes.dlopen" and arguments[0] is not None:
            raise PermissionError("loading libraries is not allowed here")
        if event == "open" and isinstance(arguments[0], str | bytes):
            allowed = (folder, os.devnull) if _writes(*arguments[1:3]) else readable
            _check(arguments[0], allowed)
        if event.startswith(CHANGES):
            around = _opened(arguments[-1])
            for path in (one for one in arguments if isinstance(one, str | bytes)):
                _check(os.path.join(around, os.fsdecode(path)), (folder,))  # noqa: PTH118 as given

    sys.addaudithook(audit)


def _writes(mode: object, flags: object) -> bool:
    told = isinstance(mode, str) and bool(set(mode) & set("wax+"))
    changing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    return told or (isinstance(flags, int) and bool(flags & changing))


def _opened(descriptor: object) -> str:
    """Return the path of an open folder; that of this process where none is meant."""
    if not isinstance(descriptor, int) or descriptor < 0:
        return str(Path.cwd())
    return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 no file


def _check(path: str | bytes, allowed: tuple[str, ...]) -> None:
    whole = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 resolving would open files
    if not whole.startswith(allowed):
        raise PermissionError("files outside of the test's folder are not allowed here")


def _same(got: str, want: str) -> bool:
    """Compare what was printed with what should be: as values where both are, else as words."""
    with contextlib.suppress(Exception):
        return bool(ast.literal_eval(got) == ast.literal_eval(want))
    return got.split() == want.split()


def _said(error: BaseException) -> str:
    with contextlib.suppress(Exception):
        return f"{type(error).__name__}: {str(error)[:300]}".rstrip(": ")
    return type(error).__name__


def _short(value: object) -> str:
    try:
        return repr(value)[:200]
    except Exception:  # noqa: BLE001 a value that cannot be shown
        return f"a {type(value).__name__}"


if __name__ == "__main__":
    main()
