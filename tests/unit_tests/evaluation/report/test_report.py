"""The report: one page that loads nothing, trusts nobody, and says what the records say."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from langchain_tpo.errors import DatasetError
from langchain_tpo.evaluation.report.report import make_report
from tests.unit_tests.evaluation.report.hostile_run import hostile_run
from tests.unit_tests.evaluation.run_folders import folder_of, record_of, run_of

HOSTILE = '<script>alert(1)</script><img src="http://evil.example/x.png"></p>&amp;'
SYSTEMS = {"single": "single", "best-of-n": "best-of-n", "tpo": "tpo"}


def three_systems(tmp_path: Path, *, said: str = "an answer", examples: int = 6) -> Path:
    records = []
    for number in range(examples):
        name = str(number)
        ours = run_of([[0.5, 0.1], [number / 2, 0.2]], answer=said * 2, question=said)
        ours["rounds"][0]["textual_loss"] = said
        records += [
            record_of(name, "single", run_of([[0.4]], answer=said, question=said)),
            record_of(name, "best-of-n", run_of([[0.6, 0.3]], answer=said, question=said)),
            record_of(name, "tpo", ours),
        ]
    records.append(record_of("broken", "tpo", failure={"type": "Error", "message": said}))
    return folder_of(tmp_path / "run", records, SYSTEMS)


class Tags(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [
            value or "" for name, value in attrs if name in ("src", "href", "srcset", "xlink:href")
        ]


def test_the_page_escapes_what_models_users_and_errors_say(tmp_path: Path) -> None:
    page = make_report(three_systems(tmp_path, said=HOSTILE)).write(tmp_path / "out")

    read = Tags()
    read.feed(page.read_text(encoding="utf-8"))
    text = page.read_text(encoding="utf-8")
    assert text.count("<script>") == 1  # the page's own, allowed by its hash
    assert read.tags.count("script") == 1 + text.count('<script type="application/json"')
    assert "img" not in read.tags
    assert "\\u003cscript>alert(1)\\u003c/script>" in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report of three systems, for tests that only read it."""
    folder = tmp_path_factory.mktemp("report")
    make_report(three_systems(folder)).write(folder / "out")
    return folder / "out"


def test_the_page_loads_nothing(written: Path) -> None:
    text = (written / "report.html").read_text(encoding="utf-8")
    read = Tags()
    read.feed(text)
    assert all(address.startswith("#") for address in read.addresses)
    assert not re.search(r"@import|url\(\s*['\"]?(?!#)", text)
    assert "default-src 'none'" in text


def test_plots_take_the_colours_of_the_page(written: Path) -> None:
    text = (written / "report.html").read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in text
    assert text.count("<svg") == 5
    assert "var(--ink)" in text
    assert "#101213" not in text


def test_plots_have_room_for_many_systems_with_long_names(tmp_path: Path) -> None:
    names = [f"tpo with {'a very long name ' * 5}{number}" for number in range(10)]
    records = [record_of("1", name, run_of([[0.1], [0.2]])) for name in names]

    report = make_report(folder_of(tmp_path / "run", records, dict.fromkeys(names, "tpo")))

    report.write(tmp_path / "out")  # matplotlib warns where a plot has no room, and warnings fail
    for chart in report.charts:
        assert all(legend.get_window_extent().width <= 750 for legend in chart.figure.legends)
    assert "The table has the other pairs" in report.charts[1].caption


def test_every_form_of_the_report_is_written(written: Path) -> None:
    numbers = json.loads((written / "report.json").read_text(encoding="utf-8"))
    assert numbers["systems"][2]["failed"] == 1
    assert "| tpo | 6 | 1 |" in (written / "report.md").read_text(encoding="utf-8")
    page = (written / "report.html").read_text(encoding="utf-8")
    assert "<code>--difficulty</code>" in page
    assert "`--difficulty`" not in page
    plots = sorted(path.name for path in (written / "plots").iterdir())
    assert plots == [
        "reward_against_length.png",
        "reward_at_matched_tokens.png",
        "reward_per_round.png",
        "stop_reasons.png",
        "win_rates.png",
    ]


def test_a_baseline_that_answered_nothing_has_no_chart_of_win_rates(tmp_path: Path) -> None:
    """Others have win rates against each other, which the chart does not show."""
    records = [
        record_of(str(number), name, run_of([[number / 9]]))
        for number in range(12)
        for name in ("single", "tpo")
    ]
    failed = record_of("0", "best-of-n", failure={"type": "Error", "message": "no"})
    folder = folder_of(tmp_path / "run", [*records, failed], SYSTEMS)

    report = make_report(folder, baseline="best-of-n")

    assert [chart.name for chart in report.charts if chart.name == "win_rates"] == []
    assert "win_rates" in {chart.name for chart in make_report(folder, baseline="single").charts}


def test_the_same_run_and_seed_give_the_same_page(tmp_path: Path) -> None:
    folder = three_systems(tmp_path)

    pages = [
        make_report(folder, seed=3).write(tmp_path / name).read_bytes() for name in ("one", "two")
    ]

    assert pages[0] == pages[1]


def test_the_page_lists_every_example_and_holds_its_texts(tmp_path: Path) -> None:
    report = make_report(three_systems(tmp_path, examples=12), baseline="single")

    assert report.examples is not None
    rows = {row["id"]: row for row in report.examples.index}
    assert set(rows) == set(map(str, range(12)))
    assert rows["11"]["gain"] == pytest.approx(5.1)
    texts = dict(report.examples.texts())
    assert len(texts) == 12
    (turn,) = texts[rows["11"]["place"]]["turns"]
    assert [run["system"] for run in turn["runs"]] == ["tpo", "single", "best-of-n"]
    ours = turn["runs"][0]
    assert ours["rounds"][0]["textual_gradient"] == "gradient"
    assert [one["reward"] for one in ours["pool"]] == [0.5, 0.1, 5.5, 0.2]
    page = report.write(tmp_path / "out").read_text(encoding="utf-8")
    assert page.count('<script type="application/json" id="example-') == 12


def test_an_example_has_all_its_turns(tmp_path: Path) -> None:
    records = [
        record_of("1", who, run_of([[first]], question="Why?"), run_of([[later]], question="And?"))
        for who, first, later in (("tpo", 1.0, 5.0), ("single", 2.0, 0.0))
    ]
    folder = folder_of(tmp_path / "run", records, {"single": "single", "tpo": "tpo"})

    examples = make_report(folder).examples

    assert examples is not None
    assert examples.index[0]["gain"] == 2.0
    ((_, texts),) = examples.texts()
    asked = [turn["question"][-1]["text"] for turn in texts["turns"]]
    assert asked == ["Why?", "And?"]


def test_a_large_run_holds_the_texts_of_the_largest_differences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("langchain_tpo.evaluation.report.examples.MOST_WITH_TEXTS", 2)
    report = make_report(three_systems(tmp_path, examples=6), baseline="single")

    assert report.examples is not None
    assert len(report.examples.index) == 6
    held = [place for place, _ in report.examples.texts()]
    named = {row["place"]: row["id"] for row in report.examples.index}
    assert [named[place] for place in held] == ["5", "4"]


def test_many_systems_are_a_map_of_colours(tmp_path: Path) -> None:
    systems = {f"tpo-{number}": "tpo" for number in range(8)}
    records = [
        record_of(str(example), name, run_of([[float(place)]]))
        for example in range(12)
        for place, name in enumerate(systems)
    ]
    page = make_report(folder_of(tmp_path / "run", records, systems)).write(tmp_path / "out")

    text = page.read_text(encoding="utf-8")
    assert "Every pair" in text
    assert "All other pairs" not in text
    assert text.count('class="cell"') == 8 * 7


def test_the_page_tells_no_folder_of_its_author(tmp_path: Path) -> None:
    folder = three_systems(tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["dataset"]["source"] = "/home/me/secret-project/prompts.jsonl"
    (folder / "manifest.json").write_text(json.dumps(manifest))

    page = make_report(folder).write(tmp_path / "out")

    assert "optimization on prompts.jsonl<" in page.read_text(encoding="utf-8")
    assert "secret-project" not in page.read_text(encoding="utf-8")
    assert "secret-project" not in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")


def test_a_run_in_progress_and_one_of_failures_have_a_report(tmp_path: Path) -> None:
    for records in ([], [record_of("1", "tpo")]):
        folder = folder_of(tmp_path / "run", records, SYSTEMS)

        assert make_report(folder).write(tmp_path / "out").exists()


def test_one_system_alone_has_a_report(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "run", [record_of("1", "tpo", run_of([[1.0]]))], {"tpo": "tpo"})

    report = make_report(folder)

    assert report.analysis.baseline is None
    assert "The run has one system".lower() in report.as_dict()["verdict"].lower()
    assert report.write(tmp_path / "out").exists()


def test_what_is_no_run_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no run"):
        make_report(tmp_path)
    with pytest.raises(DatasetError, match="`nobody`"):
        make_report(three_systems(tmp_path), baseline="nobody")


def test_a_system_may_be_called_like_a_formula(tmp_path: Path) -> None:
    records = [record_of("1", "$x_1$", run_of([[1.0]])), record_of("1", "<b>", run_of([[1.0]]))]
    folder = folder_of(tmp_path / "run", records, {"$x_1$": "tpo", "<b>": "single"})

    text = make_report(folder).write(tmp_path / "out").read_text(encoding="utf-8")

    assert "$x_1$" in text
    assert "<b>" not in text


def test_nothing_that_a_run_says_breaks_markdown_numbers_or_plots(tmp_path: Path) -> None:
    out = make_report(hostile_run(tmp_path / "run")).write(tmp_path / "out").parent

    lines = (out / "report.md").read_text(encoding="utf-8").split("\n")
    widths: list[int] = []
    for before, line in zip(["", *lines], lines, strict=False):
        if line.startswith("|"):
            # What GFM splits at: bars that no backslash, itself not escaped, stands before.
            cells = len(re.findall(r"(?<!\\)(?:\\\\)*\|", line))
            assert cells == (widths[-1] if before.startswith("|") else cells)
            widths.append(cells)
        assert not re.search(r"<|\]\(http", line)
    assert len([line for line in lines if line.startswith("# ")]) == 1
    numbers = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert [system["answered"] for system in numbers["systems"]] == [4, 4, 4]
    assert len(list((out / "plots").glob("*.png"))) == 5
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (out / "plots").iterdir())
