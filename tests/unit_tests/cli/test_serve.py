"""`tpo serve` says in one line what cannot work, before it listens or loads anything."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from langchain_tpo.cli.main import run_app
from langchain_tpo.cli.serve import _check_host, _keys
from langchain_tpo.errors import SettingsError
from langchain_tpo.serve.keys import Keys

SCRIPTED = [
    *("-m", "python:tests.support.fakes:ScriptedModelWithN"),
    *("-r", "python:tests.support.fakes:last_number"),
]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], "`--host 0.0.0.0` can be reached from other machines"),  # noqa: S104
        (["--host", "example.org"], "set `--keys FILE`"),
        (["--keys", "no-such-file"], "no-such-file"),
        (["--max-runs", "0"], "`runs` of ServeLimits"),
        (["--max-queue", "many"], "--max-queue"),
        (["--new-key", "al ice"], "name must be"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: Sequence[str], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code = run_app(["serve", *SCRIPTED, *arguments])

    out, err = capfd.readouterr()
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_this_machines_own_addresses_need_no_keys(host: str) -> None:
    _check_host(host, Keys())


def test_other_addresses_are_served_to_holders_of_keys() -> None:
    _check_host("0.0.0.0", Keys({"alice": Keys.digest("tpo-a")}))  # noqa: S104
    with pytest.raises(SettingsError):
        _check_host("0.0.0.0", Keys())  # noqa: S104


def test_a_single_key_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TPO_SERVE_KEY", "tpo-a")

    assert _keys(None).holder("tpo-a") == "TPO_SERVE_KEY"
    monkeypatch.setenv("TPO_SERVE_KEY", "")
    assert not _keys(None)


def test_a_new_key_is_printed_with_the_line_that_lets_it_in(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run_app(["serve", "--new-key", "alice"]) == 0

    key, line = capfd.readouterr().out.splitlines()
    (tmp_path / "keys").write_text(line)
    assert Keys.read(tmp_path / "keys").holder(key) == "alice"


def test_without_its_packages_it_says_how_to_get_them() -> None:
    hidden = (
        "import sys; sys.modules['fastapi'] = None; sys.argv = ['tpo', 'serve', '--port', '0']; "
        "from langchain_tpo.cli import main; main()"
    )

    finished = subprocess.run(  # noqa: S603 our own words
        [sys.executable, "-c", hidden], capture_output=True, text=True, check=False
    )

    assert finished.returncode == 2
    assert finished.stderr == (
        "tpo: `fastapi` is not installed: run `pip install 'langchain-tpo[serve]'`.\n"
    )
