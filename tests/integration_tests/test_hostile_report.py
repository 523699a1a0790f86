"""A report of a hostile run in a real browser: no script of it runs."""

import shutil
import subprocess
from pathlib import Path

import pytest

from langchain_tpo.evaluation.report.report import make_report
from tests.unit_tests.evaluation.report.hostile_run import MARK, hostile_run

pytestmark = pytest.mark.integration

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    if CHROMIUM is None:
        pytest.skip("there is no `chromium` on this machine")
    return make_report(hostile_run(tmp_path / "run")).write(tmp_path / "out")


def dom_of(page: Path, tmp_path: Path) -> str:
    """Open a page and give what it has become."""
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    finished = subprocess.run(  # noqa: S603 our own words
        [*command, page.as_uri()], capture_output=True, text=True, check=True, timeout=120
    )
    return finished.stdout


def test_no_script_of_a_run_runs(page: Path, tmp_path: Path) -> None:
    dom = dom_of(page, tmp_path)

    root = dom[dom.index("<html") : dom.index("<head")]
    assert "data-ran" not in root
    assert dom.count("<script") == 0
    assert dom.count("<img") == dom.count("<iframe") == 0
    assert dom.count("<svg") == 5


def test_a_script_that_got_into_the_page_would_not_run_either(page: Path, tmp_path: Path) -> None:
    injected = page.read_text(encoding="utf-8").replace("<main>", f"<main><script>{MARK}</script>")
    page.write_text(injected, encoding="utf-8")
    assert "data-ran" not in dom_of(page, tmp_path).partition("<head")[0]

    page.write_text(injected.replace("Content-Security-Policy", "X"), encoding="utf-8")
    assert "data-ran" in dom_of(page, tmp_path).partition("<head")[0]
