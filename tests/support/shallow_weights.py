"""The embedded model with its first layers alone, for tests of what does not ask for sense.

Two of SmolLM2's thirty layers keep its tokenizer, its chat template and its server, and answer in a
tenth of the time: the words mean nothing. What an answer says is tested with the whole model.
"""

import struct
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import mkdtemp
from typing import BinaryIO

from langchain_tpo.local import weights_file

LAYERS = 2
_ALIGNMENT = 32
_COUNT, _WORD = "<Q", "<I"
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of a GGUF value, by its type."""
_STRING, _ARRAY = 8, 9


@cache
def shallow_weights() -> Path:
    """Return a GGUF file of the first layers, written once a process.

    Raises:
        WeightsError: In one line, when the whole model is not here and cannot be fetched.
    """
    path = Path(mkdtemp(prefix="shallow-")) / "smollm2-shallow.gguf"
    with weights_file("smollm2-135m").open("rb") as whole, path.open("wb") as part:
        write_first_layers(whole, part)
    return path


def write_first_layers(whole: BinaryIO, part: BinaryIO) -> None:
    """Copy a GGUF file without the tensors of later layers."""
    part.write(whole.read(8))  # magic and version
    tensors, values = _number(whole, _COUNT), _number(whole, _COUNT)
    header = BytesIO()
    for _ in range(values):
        _copy_value(whole, header)
    named = [_tensor(whole) for _ in range(tensors)]
    base = _aligned(whole.tell())
    kept = [entry for entry in named if _layer(entry[0]) < LAYERS]
    part.write(struct.pack("<QQ", len(kept), values) + header.getvalue())
    _write_tensors(whole, base, named, kept, part)


def _write_tensors(
    whole: BinaryIO,
    base: int,
    named: list[tuple[bytes, bytes, int]],
    kept: list[tuple[bytes, bytes, int]],
    part: BinaryIO,
) -> None:
    end = whole.seek(0, 2) - base
    starts = sorted(start for _, _, start in named)
    ends = dict(zip(starts, [*starts[1:], end], strict=True))
    data = BytesIO()
    for name, shape, start in kept:
        part.write(struct.pack(_COUNT, len(name)) + name + shape)
        part.write(struct.pack(_COUNT, data.tell()))
        whole.seek(base + start)
        data.write(whole.read(ends[start] - start))
        data.write(bytes(_aligned(data.tell()) - data.tell()))
    part.write(bytes(_aligned(part.tell()) - part.tell()))
    part.write(data.getvalue())


def _tensor(file: BinaryIO) -> tuple[bytes, bytes, int]:
    """Read the name of a tensor, its shape and type as they stand, and where it begins."""
    name = file.read(_number(file, _COUNT))
    dimensions = file.read(4)
    shape = dimensions + file.read(8 * struct.unpack(_WORD, dimensions)[0] + 4)
    return name, shape, _number(file, _COUNT)


def _layer(name: bytes) -> int:
    return int(name.split(b".")[1]) if name.startswith(b"blk.") else 0


def _copy_value(whole: BinaryIO, header: BinaryIO) -> None:
    name = whole.read(_number(whole, _COUNT))
    kind = whole.read(4)
    value = _value(whole, struct.unpack(_WORD, kind)[0])
    if name.endswith(b".block_count"):
        value = struct.pack(_WORD, LAYERS)
    header.write(struct.pack(_COUNT, len(name)) + name + kind + value)


def _value(file: BinaryIO, kind: int) -> bytes:
    if kind == _STRING:
        length = file.read(8)
        return length + file.read(struct.unpack(_COUNT, length)[0])
    if kind == _ARRAY:
        head = file.read(12)
        of, length = struct.unpack("<IQ", head)
        return head + b"".join(_value(file, of) for _ in range(length))
    return file.read(_SIZES[kind])


def _number(file: BinaryIO, form: str) -> int:
    (number,) = struct.unpack(form, file.read(struct.calcsize(form)))
    return int(number)


def _aligned(position: int) -> int:
    return -(-position // _ALIGNMENT) * _ALIGNMENT
