"""Runs one candidate's code and its tests in this process, which is there for nothing else.

Started by `python_process`; reads one JSON object from standard input and writes one JSON line for
each test to standard output. Imports the standard library alone. What is set up here keeps an
honest mistake from doing harm; it is no wall against an attacker.
"""

import ast
import contextlib
import io
import json
import os
import sys
from pathlib import Path
from types import CodeType

BLOCKED = (
    *("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork"),
    *("os.kill", "os.killpg", "os.remove", "os.rename", "os.rmdir", "os.chmod", "os.chown"),
    *("os.link", "os.symlink", "shutil.", "ftplib.", "http.client.", "urllib.", "smtplib."),
)
"""Audit events that code under test may not raise."""


def main() -> None:
    """Set the limits, run the code, then its tests."""
    job = json.load(sys.stdin)
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    _limit(job["seconds"], job["memory_mb"])
    compiled = [_compiled(job[part], part) for part in ("code", "tests")]
    _guard(str(Path.cwd()))

    def tell(**result: object) -> None:
        results.write(json.dumps(result) + "\n")
        results.flush()

    names: dict[str, object] = {"__name__": "candidate", "__builtins__": __builtins__}
    try:
        _run(compiled[0], names)
        tell(event="ready")
        names["_tpo_tests"] = _Tests(tell)
        _run(compiled[1], names)
    except BaseException as error:  # noqa: BLE001 whatever it is, it is the result
        tell(event="stopped", error=_said(error))
    tell(event="end")


class _Tests:
    """What the rewritten tests report to; each call is one test's beginning, pass or failure."""

    def __init__(self, tell: object) -> None:
        self._tell = tell

    def begin(self, source: str) -> None:
        self._tell(event="begin", test=source)  # type: ignore[operator]  # `tell` above

    def passed(self) -> None:
        self._tell(event="passed")  # type: ignore[operator]

    def failed(self, error: BaseException, *sides: object) -> None:
        seen = [_short(side) for side in sides]
        self._tell(event="failed", error=_said(error), sides=seen)  # type: ignore[operator]

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


def _compiled(source: str, part: str) -> CodeType | BaseException:
    try:
        return compile(source, f"<{part}>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return error


def _run(code: CodeType | BaseException, names: dict[str, object]) -> None:
    if isinstance(code, BaseException):
        raise code
    exec(code, names)  # noqa: S102 what this process is for


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
    readable = tuple({folder, *(path for path in sys.path if path), sys.prefix, sys.base_prefix})

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        if event.startswith(BLOCKED):
            raise PermissionError(f"`{event}` is not allowed here")
        if event == "ctypes.dlopen" and arguments[0] is not None:
            raise PermissionError("loading libraries is not allowed here")
        if event == "open" and isinstance(arguments[0], str | bytes):
            path = os.path.abspath(os.fsdecode(arguments[0]))  # noqa: PTH100 resolving would open files
            writes = isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
            allowed = (folder,) if writes else (*readable, os.devnull)
            if not path.startswith(allowed):
                raise PermissionError("files outside of the test's folder are not allowed here")

    sys.addaudithook(audit)


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
