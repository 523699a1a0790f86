"""Files as bytes and as text: unpacked, decoded, and refused where that cannot be.

Text is UTF-8, or says otherwise by a byte order mark: anything else is refused, not guessed. Knows
no rows.
"""

import bz2
import codecs
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from langchain_tpo.errors import DatasetError, MissingExtraError

NOT_UTF8 = re.compile(r"[\udc80-\udcff]")
"""How Python writes a byte that is no UTF-8."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BROKEN = (OSError, EOFError, zlib.error, UnicodeError)
"""What a damaged archive or text raises while it is read."""


_PACKED = {
    b"\x1f\x8b": ("packed with gzip", "add `.gz` to its name"),
    b"BZh": ("packed with bzip2", "add `.bz2` to its name"),
    b"\x28\xb5\x2f\xfd": ("packed with zstandard", "add `.zst` to its name"),
    b"\xfd7zXZ\x00": ("packed with xz", "unpack it"),
    b"PK\x03\x04": ("a ZIP archive", "unpack it, or name a workbook `.xlsx`"),
    b"PAR1": ("Parquet", "name it `.parquet`"),
}
"""How files begin that are no text, what they are, and what to do."""


def opened(path: Path) -> Any:  # noqa: ANN401 a binary file
    """Open a file, unpacked where its ending says that it is packed.

    Raises:
        DatasetError: In one line, when it cannot be opened.
    """
    try:
        return UNPACKERS.get(path.suffix.lower(), io.open)(path, "rb")
    except OSError as error:
        raise DatasetError(f"`{path}` could not be read: {error.strerror or error}.") from error


@contextmanager
def opened_text(path: Path, *, newline: str | None = None) -> Iterator[io.TextIOWrapper]:
    """Open a text file in the encoding that its first bytes tell.

    Raises:
        DatasetError: In one line, when it is damaged or no text, also while it is read.
    """
    try:
        with opened(path) as file:
            encoding = _encoding(file.read(4096), f"`{path}`")
        with opened(path) as file:
            errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
            yield io.TextIOWrapper(file, encoding=encoding, errors=errors, newline=newline)
    except _BROKEN as error:
        raise DatasetError(f"`{path}` could not be read: {one_line(error)}") from error


def decoded(data: bytes, called: str) -> str:
    r"""Return bytes as text, by the rules for data sets: no mark at its start, lines ended by `\n`.

    Args:
        data: All of it.
        called: What it is, for errors.

    Raises:
        DatasetError: In one line, when it is no such text.

    Example:
        >>> decoded(b"\xef\xbb\xbfOil?\r\n", "The prompt")
        'Oil?\n'
    """
    encoding = _encoding(data[:4096], called)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        byte = f"byte 0x{data[error.start]:02x} at place {error.start}"
        name = "UTF-16" if "16" in encoding else "UTF-32" if "32" in encoding else "UTF-8"
        raise DatasetError(f"{called} is no {name} ({byte}): {_AS_UTF8}.") from None
    return text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _encoding(head: bytes, called: str) -> str:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    for mark, (kind, remedy) in _PACKED.items():
        if head.startswith(mark):
            raise DatasetError(f"{called} is no text but {kind}: {remedy}.")
    if _is_unmarked_utf16(head):
        raise DatasetError(
            f"{called} is no UTF-8 text (but UTF-16 without a mark): save it as UTF-8."
        )
    return "utf-8"


def _is_unmarked_utf16(head: bytes) -> bool:
    """Whether every other byte of a plain text is null."""
    halves = head[::2], head[1::2]
    return any(
        nulls
        and letters
        and not any(nulls)
        and min(letters) >= ord("\t")
        and max(letters) > ord(" ")
        for nulls, letters in (halves, halves[::-1])
    )


def check_utf8(path: Path, number: int, text: str) -> None:
    """Refuse the text of a row that holds bytes that are no UTF-8.

    Args:
        path: The file.
        number: Of the row.
        text: Its text.

    Raises:
        DatasetError: In one line.
    """
    found = NOT_UTF8.search(text)
    if found:
        byte = ord(found[0]) - 0xDC00
        raise DatasetError(f"Row {number} of `{path}` is no UTF-8 (byte 0x{byte:02x}): {_AS_UTF8}.")


_AS_UTF8 = "save the file as UTF-8, as in `iconv -f WINDOWS-1252 -t UTF-8`"
"""What to do about a text in another encoding."""


def _zstandard(path: Path, _mode: str) -> Any:  # noqa: ANN401 a binary file
    """Read as Python's own unpackers do: a file that was cut off is an error, not a shorter one."""
    zstandard = needed("zstandard", "zstandard")
    return io.BufferedReader(_Frames(path.open("rb"), zstandard))


class _Frames(io.RawIOBase):
    """What one or more frames of zstandard hold."""

    def __init__(self, file: IO[bytes], zstandard: Any) -> None:  # noqa: ANN401 the package
        self._file, self._zstandard = file, zstandard
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._begun, self._held = False, b""

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:  # noqa: ANN401 a buffer
        while not self._held:
            packed = self._frame.unused_data if self._frame.eof else self._file.read(1 << 16)
            packed = packed or self._file.read(1 << 16)
            if not packed:
                if self._begun and not self._frame.eof:
                    raise EOFError("the file ended in the middle of a frame")
                return 0
            self._held = self._unpacked(packed)
        taken, self._held = self._held[: len(room)], self._held[len(room) :]
        room[: len(taken)] = taken
        return len(taken)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _unpacked(self, packed: bytes) -> bytes:
        if self._frame.eof:
            self._frame = self._zstandard.ZstdDecompressor().decompressobj()
        self._begun = True
        try:
            unpacked: bytes = self._frame.decompress(packed)
        except self._zstandard.ZstdError as error:
            raise OSError(str(error)) from error
        return unpacked


def needed(module: str, package: str) -> Any:  # noqa: ANN401 an optional package
    """Import a module of a package that is an extra.

    Args:
        module: Its name.
        package: What holds it.

    Raises:
        MissingExtraError: When it is not installed.
    """
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtraError(package, "evaluation") from None


def one_line(error: BaseException) -> str:
    """Return what an error says in one line, cut where it is long.

    Args:
        error: The error.
    """
    return (" ".join(str(error).split()) or type(error).__name__)[:200].rstrip(".") + "."


UNPACKERS: dict[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".zst": _zstandard,
}
"""What opens a packed file, by its ending."""
