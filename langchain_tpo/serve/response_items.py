"""Items of OpenAI's Responses API as messages of its chat API."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from langchain_tpo.serve.failures import bad_request
from langchain_tpo.serve.fields import DIRECT, NOTHING, Json, check_inside
from langchain_tpo.text.shown import shown

ITEMS: Mapping[str, Collection[str]] = {
    "message": ("type", "role", "content", "id", "status"),
    "function_call": ("type", "call_id", "name", "arguments", "id", "status"),
    "function_call_output": ("type", "call_id", "output", "id", "status"),
}
"""What an item of a conversation may hold; `id` and `status` are what a server kept of it."""

PARTS: Mapping[str, Collection[str]] = {
    "input_text": ("type", "text", "prompt_cache_breakpoint"),
    "output_text": ("type", "text"),
    "refusal": ("type", "refusal"),
    "input_image": ("type", "image_url", "detail", "prompt_cache_breakpoint"),
}
"""What a part of a message may hold."""


def chat_messages(items: Sequence[Json]) -> Iterator[Json]:
    """Yield a conversation of the Responses API as messages of the chat API.

    Args:
        items: What was said, called and answered.

    Raises:
        Exception: A refused request that names what has no use.
    """
    calls: list[Json] = []
    for item in items:
        kind = _kind(item)
        if kind == "function_call":  # those of one turn stand in a row
            called = {"name": item.get("name"), "arguments": item.get("arguments")}
            calls.append({"id": item.get("call_id"), "type": "function", "function": called})
            continue
        if calls:
            yield {"role": "assistant", "content": "", "tool_calls": calls}
            calls = []
        if kind == "message":
            yield {"role": item.get("role"), "content": _content(item.get("content"))}
        elif kind == "function_call_output":
            output = _content(item.get("output"))
            yield {"role": "tool", "tool_call_id": item.get("call_id"), "content": output}
        elif kind != "reasoning":  # what was thought in an earlier turn is no part of it
            raise bad_request(
                f"`input`: an item of the type `{shown(kind)}` has no use here.", param="input"
            )
    if calls:
        yield {"role": "assistant", "content": "", "tool_calls": calls}


def _kind(item: Json) -> object:
    """Return the kind of an item, whose fields are all of use here."""
    kind = item.get("type", "message")
    if isinstance(kind, str) and kind in ITEMS:
        harmless = (*NOTHING, DIRECT, "final_answer")
        check_inside(item, ITEMS[kind], param="input", harmless=harmless)
    return kind


def _content(content: object) -> object:
    if not isinstance(content, list):
        return content
    return [_block(block) for block in content]


def _block(block: object) -> object:
    kind = block.get("type") if isinstance(block, dict) else None
    told: Json = block if isinstance(block, dict) else {}
    if isinstance(kind, str) and kind in PARTS:
        check_inside(told, PARTS[kind], param="input.content")
    mark = {name: told[name] for name in ["prompt_cache_breakpoint"] if told.get(name)}
    if kind in ("input_text", "output_text", "refusal"):
        return {"type": "text", "text": told.get("text", told.get("refusal")), **mark}
    if kind == "input_image" and told.get("image_url"):
        detail = {"detail": told["detail"]} if told.get("detail") else {}
        return {"type": "image_url", "image_url": {"url": told["image_url"], **detail}, **mark}
    raise bad_request(
        f"`input`: content of the type `{shown(kind)}` has no use here: send `input_text`, or "
        "`input_image` with an `image_url`.",
        param="input",
    )
