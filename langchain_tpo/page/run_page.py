"""One run as one HTML file that needs no network: its rounds, its candidates, what changed.

Knows results as plain values; knows no model. What a run says reaches the page as data and is drawn
as text, so nothing in it can be markup; the page's one script is allowed by its hash alone.
"""

import base64
import hashlib
import html
import json
import sys
import webbrowser
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module, resources
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypedDict

from langchain_tpo.text.well_formed import well_formed


class Said(TypedDict):
    """One message of a conversation."""

    role: str
    """Who said it."""
    text: str
    """What."""


def run_page(run: Mapping[str, Any], question: Sequence[Said] = ()) -> str:
    """Return the page of a run.

    Args:
        run: A result's values, as `TPOResult.as_dict` gives them.
        question: The conversation that it answers.
    """
    data = embedded("run-data", {"question": list(question), "run": dict(run)})
    return well_formed(
        f'<!doctype html>\n<html lang="en">\n<head>\n{head("A run of test-time optimization")}'
        "</head>\n<body>\n<main>\n<h1>Test-time preference optimization: one run</h1>\n"
        f'<div id="run"></div>\n<noscript>{NO_SCRIPT}</noscript>\n</main>\n{data}\n'
        f"<script>{asset('view.js')}</script>\n</body>\n</html>\n"
    )


NO_SCRIPT = "This part of the page needs JavaScript, all of which is in this file."
"""Stands where a browser runs none."""


def framed(page: str, *, height: int = 640) -> str:
    """Return a page as a frame of another, such as a notebook's, which it cannot reach."""
    return (
        f'<iframe sandbox="allow-scripts" srcdoc="{html.escape(page)}" title="A run of TPO" '
        f'style="width:100%;height:{height}px;border:0"></iframe>'
    )


def show_page(page: str) -> None:
    """Show a page below a notebook's cell, or in the browser from a file of its own."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if hasattr(shell, "kernel"):
        import_module("IPython.display").display({"text/html": framed(page)}, raw=True)
        return
    with NamedTemporaryFile("w", encoding="utf-8", suffix=".html", delete=False) as file:
        file.write(page)
    webbrowser.open(Path(file.name).as_uri())


def head(title: str) -> str:
    """Return what stands at the head of a page: its policy, its title and its looks."""
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
        f"script-src '{_hash(asset('view.js'))}'"
    )
    return (
        '<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{asset('view.css')}</style>\n"
    )


def embedded(name: str, value: object) -> str:
    r"""Return data for the page's script, in an element that no text in it can close.

    Example:
        >>> embedded("x", "</script>")
        '<script type="application/json" id="x">"\\u003c/script>"</script>'
    """
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{html.escape(name)}">{data}</script>'


@cache
def asset(name: str) -> str:
    """Return a file that lies beside this one."""
    return (resources.files(__package__ or "") / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
