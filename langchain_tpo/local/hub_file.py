"""One file of the Hugging Face hub at one revision, fetched without the hub's own client.

The client asks for half a minute, with a warning each time, before it believes that there is no
hub; here that takes a moment, since the weights can also be had elsewhere. Knows addresses and
bytes; whether the bytes are the right ones is the caller's to check.
"""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import httpx
from tqdm import tqdm

logger = logging.getLogger(__name__)

_TIMEOUT = httpx.Timeout(30, connect=5)
_ON = ("1", "true", "yes", "on")


@dataclass(frozen=True, kw_only=True)
class HubFile:
    """A file as its publisher uploaded it.

    Example:
        >>> HubFile(repo="Qwen/Tiny-GGUF", revision="ab12", name="tiny.gguf").address
        'https://huggingface.co/Qwen/Tiny-GGUF/resolve/ab12/tiny.gguf'
    """

    repo: str
    """Owner and name."""
    revision: str
    """The commit."""
    name: str
    """Path of the file inside the repository."""

    @property
    def address(self) -> str:
        """Where it is fetched; `HF_ENDPOINT` names another hub, as it does for the hub's client."""
        hub = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
        return f"{hub.rstrip('/')}/{self.repo}/resolve/{self.revision}/{self.name}"


def fetched(file: HubFile, target: Path) -> bool:
    """Fetch a file with a progress bar; return whether that worked.

    Nothing is tried where `HF_HUB_OFFLINE` is set.

    Args:
        file: Which one.
        target: Where it is written; incomplete when it did not work.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in _ON:
        return False
    try:
        with (
            httpx.Client(follow_redirects=True, timeout=_TIMEOUT) as client,
            client.stream("GET", file.address) as response,
        ):
            response.raise_for_status()
            _save(response, target, title=file.name)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        logger.info("%s could not be fetched from the hub: %s", file.name, type(error).__name__)
        return False
    return True


def _save(response: httpx.Response, target: Path, *, title: str) -> None:
    size = int(response.headers.get("content-length", 0)) or None
    bar = tqdm(desc=title, total=size, unit="B", unit_scale=True, disable=None)  # None: no terminal
    with bar, target.open("wb") as output:
        for chunk in response.iter_bytes(1 << 20):
            output.write(chunk)
            bar.update(len(chunk))
