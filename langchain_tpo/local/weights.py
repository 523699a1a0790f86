"""Where the weights of an embedded model come from: a file, a package, or the Hugging Face hub.

Turns what a user typed into the path of a GGUF file. Knows sources; knows no engine.
"""

import os
import re
from importlib import import_module
from pathlib import Path

from langchain_tpo.constructors import types_checked
from langchain_tpo.errors import MissingExtraError, WeightsError
from langchain_tpo.local.packaged_weights import PACKAGED_MODELS, packaged_file

WEIGHTS_VARIABLE = "LANGCHAIN_TPO_GGUF"
"""Environment variable that says which weights to use where the program does not."""

DEFAULT_MODEL = "smollm2-135m"
"""The smallest model that answers in sentences; it starts in seconds anywhere."""

_HUB_ID = re.compile(r"(?P<hf>hf:)?(?P<repo>[\w.-]+/[\w.-]+?)(?::(?P<file>[^:]+))?")
_MAGIC = b"GGUF"
_PREFERRED = ("q4_k_m", "q5_k_m", "q8_0", "q4_0")


@types_checked()
def weights_file(name_or_path: str | Path | None = None) -> Path:
    """Find, and if need be fetch, the GGUF file of a model.

    What is understood, first match first: a path; the name of a packaged model (see
    `PACKAGED_MODELS`); a repository of the Hugging Face hub as `hf:owner/name` (its Q4_K_M file)
    or `owner/name:file.gguf`, which needs `huggingface-hub`.

    Args:
        name_or_path: Which weights; None asks the environment variable `LANGCHAIN_TPO_GGUF`,
            then takes `smollm2-135m`.

    Raises:
        WeightsError: In one line, when there is no such file or model, it is no GGUF, it cannot be
            fetched, or its hash is not the known one.

    Example:
        >>> weights_file("smollm3-9000b")
        Traceback (most recent call last):
        langchain_tpo.errors.WeightsError: No model is called `smollm3-9000b`: use \
`smollm2-135m`, `qwen2.5-coder-0.5b`, `qwen2.5-coder-1.5b`, the path of a GGUF file, or a hub id \
such as `hf:owner/name`.
    """
    wanted = str(name_or_path or os.environ.get(WEIGHTS_VARIABLE) or DEFAULT_MODEL)
    path = Path(wanted).expanduser()
    if path.is_file():
        return _checked(path)
    if wanted in PACKAGED_MODELS:
        return packaged_file(PACKAGED_MODELS[wanted])
    hub_id = _HUB_ID.fullmatch(wanted)
    if hub_id and (hub_id["hf"] or hub_id["file"]):
        return _checked(_from_hub(hub_id["repo"], hub_id["file"]))
    if path.suffix == ".gguf" or isinstance(name_or_path, Path) or path.is_dir():
        raise WeightsError(f"There is no file `{wanted}`: give the path of a GGUF file.")
    known = ", ".join(f"`{name}`" for name in PACKAGED_MODELS)
    raise WeightsError(
        f"No model is called `{wanted}`: use {known}, the path of a GGUF file, or a hub id such "
        "as `hf:owner/name`."
    )


def _checked(path: Path) -> Path:
    with path.open("rb") as file:
        magic = file.read(len(_MAGIC))
    if magic != _MAGIC:
        raise WeightsError(f"`{path}` is no GGUF file: it begins with `{magic!r}`.")
    return path


def _from_hub(repo: str, file: str | None) -> Path:
    try:
        hub = import_module("huggingface_hub")
    except ImportError:
        raise MissingExtraError("huggingface-hub", "huggingface") from None
    try:
        chosen = file or _choose(repo, hub.list_repo_files(repo))
        return Path(hub.hf_hub_download(repo, chosen))
    except WeightsError:
        raise
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise WeightsError(
            f"`{repo}` could not be fetched from the hub ({reason}): check its name and the "
            "network, or give the path of a GGUF file."
        ) from error


def _choose(repo: str, files: list[str]) -> str:
    weights = sorted(file for file in files if file.endswith(".gguf"))
    if not weights:
        raise WeightsError(f"`{repo}` holds no GGUF file: look for a repository that does.")
    for quantization in _PREFERRED:
        for file in weights:
            if quantization in file.lower():
                return file
    return weights[0]
