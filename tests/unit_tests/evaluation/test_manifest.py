"""Manifests: enough to repeat a run, nothing secret, and a guard against mixing two runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from langchain_tpo import TPOSettings
from langchain_tpo.errors import DatasetError, SettingsError
from langchain_tpo.evaluation.manifest import (
    manifest_of,
    read_manifest,
    resumed,
    write_manifest,
)
from langchain_tpo.evaluation.systems import parse_systems


def manifest(systems: list[str] | None = None, **changes: Any) -> dict[str, Any]:
    options: dict[str, Any] = {
        "dataset": {"source": "x.jsonl", "sha256": "abc"},
        "labels": {"model": "local", "critic": None, "reward": "head"},
        "systems": parse_systems(systems or ["tpo"], TPOSettings(seed=4)),
        "model_options": {},
        "limit": None,
        "seed": 4,
    }
    return manifest_of(**{**options, **changes})


def test_a_manifest_says_what_ran_and_with_what() -> None:
    (sitting,) = manifest()["sittings"]

    assert {"started", "python", "platform", "packages"} <= sitting.keys()
    assert {"langchain-core", "langgraph"} <= sitting["packages"].keys()
    assert json.loads(json.dumps(manifest()))["systems"][0]["settings"]["seed"] == 4


def test_no_secret_is_in_a_manifest() -> None:
    settings = TPOSettings(
        sample={"extra": {"api_key": "hush", "headers": {"Authorization": "hush"}}}
    )  # type: ignore[arg-type]

    text = json.dumps(
        manifest(
            systems=None,
            model_options={"openai_api_key": "hush", "max_tokens": 5, "auth_token": "hush"},
        )
    ) + json.dumps(
        manifest_of(
            dataset={"source": "x"},
            labels={},
            systems=parse_systems(["tpo"], settings),
            model_options={},
            limit=None,
            seed=None,
        )
    )

    assert "hush" not in text
    assert '"max_tokens": 5' in text


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset": {"source": "x.jsonl", "sha256": "other"}},
        {"labels": {"model": "other", "critic": None, "reward": "head"}},
        {"systems": ["tpo=tpo:width=9"]},
        {"model_options": {"temperature": 1.0}},
    ],
)
def test_another_run_is_not_resumed(changes: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="--resume") as caught:
        resumed(manifest(), manifest(**changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        (
            {},
            {"dataset": {"source": "x.jsonl", "sha256": "b"}},
            "`x.jsonl` has changed since the run",
        ),
        (
            {},
            {"dataset": {"source": "y.jsonl", "sha256": "abc"}},
            "`dataset` was `x.jsonl` and is now `y.jsonl`: say it as before",
        ),
        (
            {"labels": {"model": "local", "critic": None, "reward": "head"}},
            {"labels": {"model": "local", "critic": "other", "reward": "head"}},
            "`critic` was not given and is now `other`",
        ),
        (
            {},
            {"model_options": {"top_p": 0.5}},
            '`model_options` was `{}` and is now `{"top_p": 0.5}`',
        ),
    ],
)
def test_what_is_not_as_it_was_is_said_as_it_was_typed(
    before: dict[str, Any], now: dict[str, Any], words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        resumed(manifest(**before), manifest(**now))
    assert words in str(caught.value)


def test_answers_that_have_changed_are_named() -> None:
    before, now = manifest(["given=a.jsonl"]), manifest(["given=a.jsonl"])
    before["systems"][0]["answers_sha256"], now["systems"][0]["answers_sha256"] = "a", "b"

    with pytest.raises(SettingsError, match=r"`a.jsonl` has changed since the run began"):
        resumed(before, now)


def test_systems_and_examples_may_be_added() -> None:
    settled = resumed(manifest(["tpo"]), manifest(["single"], limit=9))

    assert [one["name"] for one in settled["systems"]] == ["tpo", "single"]
    assert len(settled["sittings"]) == 2


def test_a_setting_that_is_newer_than_a_run_does_not_end_it() -> None:
    before = manifest(["tpo", "wide=tpo:width=9"])
    for system in before["systems"]:
        del system["settings"]["patience"]

    now = resumed(before, manifest(["tpo"]))

    assert [one["name"] for one in now["systems"]] == ["tpo", "wide"]
    assert {one["settings"]["patience"] for one in now["systems"]} == {None}
    with pytest.raises(SettingsError, match="settings of `tpo` are not those of before"):
        resumed(before, manifest(["tpo:patience=2"]))


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) is None
    write_manifest(tmp_path / "new", manifest())

    assert read_manifest(tmp_path / "new") == manifest() | {
        "sittings": read_manifest(tmp_path / "new")["sittings"]  # type: ignore[index]
    }
    (tmp_path / "manifest.json").write_text('{"format": 99}')
    with pytest.raises(DatasetError, match="no manifest"):
        read_manifest(tmp_path)
