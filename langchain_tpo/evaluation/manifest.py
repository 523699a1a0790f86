"""What a run was: versions, settings, identities, seed and commit, and not one secret.

Written before the first record, and compared when a run is resumed.
"""

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from langchain_tpo.errors import DatasetError, SettingsError
from langchain_tpo.evaluation.systems import System
from langchain_tpo.settings import TPOSettings
from langchain_tpo.text.secrecy import without_secrets

MANIFEST = "manifest.json"
"""The file's name in the folder of a run."""

FORMAT = 1
"""Grows when records can no longer be read by older versions."""

PACKAGES = (
    *("langchain-tpo", "langchain-core", "langgraph", "langchain", "langchain-openai", "openai"),
    *("text-generation", "xllamacpp", "transformers", "torch"),
)
"""Whose versions decide what a run does."""

NO_MODEL = "none"
"""The model of a run that only scores answers that existed already."""

COMPARED = ("dataset", "model", "critic", "reward", "model_options")
"""What must be the same for two sittings to be one run."""


def manifest_of(
    *,
    dataset: Mapping[str, Any],
    labels: Mapping[str, str | None],
    systems: Sequence[System],
    model_options: Mapping[str, Any],
    limit: int | None,
    seed: int | None,
    metrics: Sequence[str] = (),
) -> dict[str, Any]:
    """Describe a run as JSON values.

    Args:
        dataset: Where the examples come from, and their SHA-256.
        labels: `model`, `critic` and `reward`, by names without credentials.
        systems: What is compared.
        model_options: Fields of the policy.
        limit: How many examples are asked at most.
        seed: What makes draws repeatable.
        metrics: What is measured of every answer.
    """
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "dataset": dict(dataset),
        **labels,
        "model_options": dict(model_options),
        "limit": limit,
        "seed": seed,
        "metrics": list(metrics),
        "systems": [system.as_dict() for system in systems],
        "sittings": [sitting()],
    }
    return {name: without_secrets(value) for name, value in manifest.items()}


_OF_THE_MODEL = ("model", "critic", "model_options")


def sitting() -> dict[str, Any]:
    """Describe this process: a run that was resumed has several sittings."""
    return {
        "started": datetime.now(tz=UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        **_commit(),
    }


def resumed(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Join the manifest of a run with that of a sitting that goes on with it.

    Systems may be added; those that both have must be the same. A sitting that asks no model, since
    all of its answers are given, fits any.

    Raises:
        SettingsError: In one line, when it would be another run.

    Example:
        >>> same = {"model": "local", "systems": [], "sittings": ["monday"]}
        >>> resumed(same, {**same, "sittings": ["tuesday"]})["sittings"]
        ['monday', 'tuesday']
    """
    asks = [one for one in (before, now) if one.get("model") != NO_MODEL]
    for key in COMPARED:
        told = asks if key in _OF_THE_MODEL else (before, now)
        if len({json.dumps(one.get(key), sort_keys=True) for one in told}) > 1:
            raise SettingsError(f"`--resume`: {_difference(key, before.get(key), now.get(key))}")
    systems = {system["name"]: _as_now(system) for system in before["systems"]}
    for system in now["systems"]:
        known = systems.setdefault(system["name"], _as_now(system))
        if known != _as_now(system):
            if {**known, _ANSWERS: None} == {**_as_now(system), _ANSWERS: None}:
                raise SettingsError(f"`--resume`: {_changed(str(system.get('answers')))}")
            raise SettingsError(
                f"`--resume`: the settings of `{system['name']}` are not those of before: say "
                "them as before, or give the system another name."
            )
    sittings = [*before["sittings"], *now["sittings"]]
    expected = now.get("expected")
    if expected and now["systems"]:  # of all systems, not only of those that go on
        expected = expected // len(now["systems"]) * len(systems)
    model = {key: asks[0][key] for key in _OF_THE_MODEL if asks and key in asks[0]}
    settled = {
        **model,
        "systems": list(systems.values()),
        "sittings": sittings,
        "expected": expected,
    }
    return {**now, **settled}


_ANSWERS = "answers_sha256"


def _difference(key: str, before: Any, now: Any) -> str:  # noqa: ANN401 JSON values
    """Say what is not as it was, and what to do about it."""
    if key == "dataset":
        if before.get("source") == now.get("source"):
            return _changed(str(now.get("source")))
        before, now = before.get("source"), now.get("source")
    return (
        f"`{key}` was {_as_typed(before)} and is now {_as_typed(now)}: say it as before, or give "
        "another `--out`."
    )


def _as_typed(value: object) -> str:
    if value is None:
        return "not given"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _changed(file: str) -> str:
    return (
        f"`{file}` has changed since the run began: give it as it was (examples behind a `--limit` "
        "can be added by a larger one), or give another `--out`."
    )


def _as_now(system: Mapping[str, Any]) -> dict[str, Any]:
    """Return a system as this version writes it: settings newer than it are at their default."""
    if "settings" not in system:
        return dict(system)
    return {**system, "settings": {**TPOSettings().model_dump(mode="json"), **system["settings"]}}


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a run's folder; None where there is none.

    Raises:
        DatasetError: In one line, when it cannot be read.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"`{path}` could not be read: {error}.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise DatasetError(f"`{path}` is no manifest that this version of langchain-tpo knows.")
    damaged = _damage(manifest)
    if damaged:
        raise DatasetError(f"`{path}` is damaged: {damaged}.")
    return manifest


def manifest_at(folder: Path) -> dict[str, Any]:
    """Return the manifest of a folder that must hold a run.

    Raises:
        DatasetError: In one line, when it does not.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise DatasetError(f"`{folder}` holds no run: give the folder that `tpo evaluate` wrote.")
    return manifest


def check_systems(manifest: Mapping[str, Any], names: Iterable[str]) -> None:
    """Make sure that a run has systems of some names.

    Args:
        manifest: Of the run.
        names: Of its systems, as a user typed them.

    Raises:
        DatasetError: In one line, when one of them is unknown.
    """
    known = [system["name"] for system in manifest["systems"]]
    for name in names:
        if name not in known:
            listed = ", ".join(f"`{one}`" for one in known)
            raise DatasetError(f"`{name}` is no system of this run: use {listed}.")


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest; it is whole at any moment, also after a loss of power.

    Only the process that holds the folder's records may call this.

    Raises:
        DatasetError: In one line, when the folder cannot be written to.
    """
    path = folder / MANIFEST
    fresh = path.with_suffix(".fresh")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with fresh.open("w", encoding="utf-8") as file:
            file.write(json.dumps(manifest, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)  # noqa: PTH105 atomic, by its own name
    except OSError as error:
        raise DatasetError(f"`{path}` could not be written: {error.strerror}.") from error


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _damage(manifest: Mapping[str, Any]) -> str | None:
    """Say what a manifest lacks that others read of it."""
    for name, kind in _SHAPE.items():
        if not isinstance(manifest.get(name), kind):
            return f"`{name}` is missing or no {kind.__name__}"
    for system in manifest["systems"]:
        named = isinstance(system, dict) and all(
            isinstance(system.get(key), str) for key in ("name", "kind")
        )
        if not named:
            return "a system has no `name` or no `kind`"
    sittings = all(isinstance(one, dict) for one in manifest["sittings"])
    return None if sittings else "a sitting is no object"


_SHAPE: Mapping[str, type] = {"dataset": dict, "model": str, "systems": list, "sittings": list}


def _commit() -> dict[str, str]:
    """Say which commit the user's folder is at, where it is a repository.

    `rev-parse` is all that git is asked: `status` and `diff` start the helpers that a repository's
    own configuration names (`core.fsmonitor`, filters), which somebody else may have packed.
    """
    try:
        finished = subprocess.run(
            ["git", "rev-parse", "--verify", "HEAD"],  # noqa: S607 the user's git
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return {} if finished.returncode else {"git_commit": finished.stdout.strip()}
