"""A report of a hostile run in a real browser: no script of it runs, and its texts are read."""

import subprocess
from pathlib import Path

import pytest

from langchain_tpo.evaluation.report.report import make_report
from tests.support.browser import CHROMIUM, FLAGS
from tests.unit_tests.evaluation.report.hostile_run import MARK, hostile_run
from tests.unit_tests.evaluation.run_folders import folder_of, record_of, run_of

pytestmark = pytest.mark.integration


@pytest.fixture
def page(tmp_path: Path) -> Path:
    if CHROMIUM is None:
        pytest.skip("there is no `chromium` on this machine")
    return make_report(hostile_run(tmp_path / "run")).write(tmp_path / "out")


def dom_of(page: Path, tmp_path: Path, fragment: str = "") -> str:
    """Open a page and give what it has become."""
    profile, address = f"--user-data-dir={tmp_path / 'profile'}", page.as_uri() + fragment
    command = [str(CHROMIUM), *FLAGS, profile, "--dump-dom", address]
    finished = subprocess.run(  # noqa: S603 our own words
        command,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return finished.stdout


@pytest.mark.parametrize("fragment", ["", "#example:0", "#example:3"])
def test_no_script_of_a_run_runs(page: Path, tmp_path: Path, fragment: str) -> None:
    dom = dom_of(page, tmp_path, fragment)

    root = dom[dom.index("<html") : dom.index("<head")]
    assert "data-ran" not in root
    assert dom.count("<script>") == 1  # the page's own
    assert dom.count("<script") == dom.count('<script type="application/json"') + 1
    assert dom.count("<img") == dom.count("<iframe") == 0
    assert dom.count("<svg") == 5


def test_an_example_is_read_round_by_round(tmp_path: Path) -> None:
    if CHROMIUM is None:
        pytest.skip("there is no `chromium` on this machine")
    ours = run_of([[0.5, 0.1], [0.9, 0.2]], question="Why is the sky blue?")
    ours |= {"chosen": 2, "answer": "light scatters"}
    ours["pool"][0]["text"], ours["pool"][2]["text"] = "light bends", "light scatters"
    records = [record_of("sky", "tpo", ours), record_of("sky", "single", run_of([[0.3]]))]
    folder = folder_of(tmp_path / "run", records, {"single": "single", "tpo": "tpo"})
    page = make_report(folder).write(tmp_path / "out")

    dom = dom_of(page, tmp_path, "#example:0")

    shown = dom[dom.index('<tr class="open">') :]
    assert "1 of 1 examples" in dom
    assert "Why is the sky blue?" in shown
    assert "<del>bends</del><ins>scatters</ins>" in shown
    assert "First samples: 2 candidates, rewards 0.100 to 0.500" in shown
    assert "Round 1: 2 candidates" in shown
    assert "single: reward 0.300" in shown


def test_where_little_is_left_of_the_first_sample_both_are_shown_whole(tmp_path: Path) -> None:
    if CHROMIUM is None:
        pytest.skip("there is no `chromium` on this machine")
    ours = run_of([[0.5, 0.1], [0.9, 0.2]], question="Why is the sky blue?")
    ours |= {"chosen": 2, "answer": "It scatters blue light most"}
    ours["pool"][0]["text"], ours["pool"][2]["text"] = "The sea shines up", ours["answer"]
    folder = folder_of(tmp_path / "run", [record_of("sky", "tpo", ours)], {"tpo": "tpo"})

    dom = dom_of(make_report(folder).write(tmp_path / "out"), tmp_path, "#example:0")

    shown = dom[dom.index('<tr class="open">') : dom.index("First samples:")]
    assert "Most of the best first sample has gone. It was:" in shown
    assert '<p class="text">The sea shines up</p>' in shown
    assert "<del>" not in shown


def test_a_script_that_got_into_the_page_would_not_run_either(page: Path, tmp_path: Path) -> None:
    injected = page.read_text(encoding="utf-8").replace("<main>", f"<main><script>{MARK}</script>")
    page.write_text(injected, encoding="utf-8")
    assert "data-ran" not in dom_of(page, tmp_path).partition("<head")[0]

    page.write_text(injected.replace("Content-Security-Policy", "X"), encoding="utf-8")
    assert "data-ran" in dom_of(page, tmp_path).partition("<head")[0]
