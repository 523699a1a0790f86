"""Files and folders that are written when all has been paid for: looked at before that.

Makes nothing and promises nothing: a disk may be full by then.
"""

import os
from errno import EACCES, EEXIST, EISDIR, ENOENT, ENOTDIR
from pathlib import Path

from langchain_tpo.errors import DatasetError, SettingsError


def check_file(path: Path, *, option: str) -> None:
    """Refuse a file that cannot be written.

    Args:
        path: Where it is going to be.
        option: What it was named by.

    Raises:
        SettingsError: In one line.

    Example:
        >>> check_file(Path("no-such-folder/page.html"), option="--html")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        langchain_tpo.errors.SettingsError: `--html no-such-folder/page.html` could not be ...
    """
    reason = _why_no_file(path)
    if reason is not None:
        raise SettingsError(f"`{option} {path}` could not be written: {os.strerror(reason)}.")


def check_folder(path: Path) -> None:
    """Refuse a folder that can neither be written to nor be made.

    Args:
        path: Where it is, or is going to be.

    Raises:
        DatasetError: In one line.
    """
    there = next(one for one in (path, *path.absolute().parents) if os.path.lexists(one))
    if not there.is_dir():
        reason = EEXIST if there == path else ENOTDIR
    elif not os.access(there, os.W_OK):
        reason = EACCES
    else:
        return
    raise DatasetError(f"`{path}` could not be written to: {os.strerror(reason)}.")


def _why_no_file(path: Path) -> int | None:
    if path.is_dir():
        return EISDIR
    if path.exists():
        return None if os.access(path, os.W_OK) else EACCES
    if not path.parent.exists():
        return ENOENT
    if not path.parent.is_dir():
        return ENOTDIR
    return None if os.access(path.parent, os.W_OK) else EACCES
