"""Lets the content blocks of a message say a part of their text, or another one.

Knows LangChain's text blocks and where citations point; knows nothing of how a reply is read.
"""

from collections.abc import Mapping
from typing import Any


def with_text(blocks: list[Any], text: str) -> list[Any]:
    """Return the blocks with this text, and all others at their places.

    A part of their own text stays where it is, with the citations that belong to it: what is taken
    away are tags or thinking around it. Any other text takes the place of their first.

    Args:
        blocks: Of a message's content.
        text: What they are to say.

    Example:
        >>> with_text([{"type": "text", "text": "<a>Oil it.</a>", "citations": ["oak"]}], "Oil it.")
        [{'type': 'text', 'text': 'Oil it.', 'citations': ['oak']}]
    """
    said = [block for block in blocks if _text_of(block) is not None]
    whole = "".join(_text_of(block) or "" for block in said)
    if whole == text:
        return blocks
    if not said:
        return [*blocks, {"type": "text", "text": text}] if text else blocks
    if text and text in whole:
        return _trimmed(blocks, whole.rindex(text), len(text))
    told = [{"type": "text", "text": text} if block is said[0] else block for block in blocks]
    return [block for block in told if all(block is not other for other in said[1:])]


def _trimmed(blocks: list[Any], start: int, length: int) -> list[Any]:
    """Keep so many characters of their text from there on; blocks with none of them go."""
    kept, end = [], start + length
    for block in blocks:
        text = _text_of(block)
        if text is None:
            kept.append(block)
            continue
        first, last = max(start, 0), min(end, len(text))
        if first < last:
            kept.append(_part(block, text, first, last))
        start, end = start - len(text), end - len(text)
    return kept


def _part(block: Any, text: str, first: int, last: int) -> Any:  # noqa: ANN401 a text or a block
    if isinstance(block, str):
        return block[first:last]
    if (first, last) == (0, len(text)):
        return block
    part = {**block, "text": text[first:last]}
    if isinstance(cited := block.get("annotations"), list):
        moved = [_moved(one, first, last) for one in cited]
        part["annotations"] = [one for one in moved if one is not None]
    return part


def _moved(annotation: Any, first: int, last: int) -> Any:  # noqa: ANN401 of any provider
    """Return an annotation that points into the part; None where it points elsewhere."""
    if not isinstance(annotation, Mapping):
        return annotation
    start, end = annotation.get("start_index"), annotation.get("end_index")
    if not isinstance(start, int) or not isinstance(end, int):
        return annotation
    if end <= first or start >= last:
        return None
    return {
        **annotation,
        "start_index": max(start, first) - first,
        "end_index": min(end, last) - first,
    }


def _text_of(block: object) -> str | None:
    if isinstance(block, str):
        return block
    if isinstance(block, dict) and block.get("type") == "text":
        return str(block.get("text", ""))
    return None
