"""What a step finds in a thread: a new question, or the run of the one it is answering.

Pure. A run goes on with its own question only, and says so where it cannot.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import cast
from uuid import uuid4

from langchain_core.messages import BaseMessage
from pydantic import TypeAdapter, ValidationError

from langchain_tpo.errors import ConversationError, RunError
from langchain_tpo.loop.run_input import (
    checked_context,
    checked_drafts,
    checked_first_samples,
    checked_messages,
    is_given,
)
from langchain_tpo.state import (
    RUN_KEYS,
    AskedMessages,
    FirstSamples,
    StepRecord,
    TPORun,
    TPOState,
    TPOThread,
)
from langchain_tpo.text.shown import named, shown

MOST_NESTED = 100
"""Levels of a message's content, or of a body that brings it. Whatever reads, copies or writes it
again is recursive, and nobody nests so deeply for a purpose."""

_HOLDERS = (Mapping, list, tuple, set, frozenset)
_RUN = TypeAdapter(TPORun)


def opened(thread: TPOThread, *, of_client: bool = False) -> TPOState:
    """Return the state in which a new run begins, whatever the thread holds of an earlier one.

    Args:
        thread: What a run is given.
        of_client: Whether a client has sent it: of its first samples only the texts are taken,
            since their rewards and costs are for the graph to say.

    Raises:
        ConversationError: When there is nothing to answer, or a draft that holds no text.
    """
    messages = checked_messages(thread.get("messages", []))
    samples = thread.get("tpo_first_samples")
    drafts, context = thread.get("tpo_drafts"), thread.get("tpo_context")
    given = checked_first_samples(samples) if is_given(samples) else FirstSamples(candidates=[])
    given = _texts_of(given) if of_client else given
    return {
        "id": str(uuid4()),
        "messages": messages,
        "drafts": checked_drafts(drafts if is_given(drafts) else []),
        "first_samples": given,
        "question": _question(messages),
        "context": checked_context(context if is_given(context) else {}),
        "options": {},
        "responses": [],
        "pool": [],
        "rounds": [],
        "drops": [],
        "steps": _shared(given.get("steps", [])),
        "stop_reason": None,
        "failure": None,
        "answer": None,
        "answer_id": None,
    }


def _texts_of(samples: FirstSamples) -> FirstSamples:
    texts = [candidate["text"] for candidate in samples["candidates"]]
    return {"candidates": [{"text": text, "reward": None, "round": 0} for text in texts]}


def resumed(thread: TPOThread) -> TPOState:
    """Return the state of the run in progress.

    Raises:
        RunError: When there is none, a part of it is missing, or its question has changed.
    """
    run = thread.get("tpo")
    if not isinstance(run, Mapping):
        run = TPORun()
    missing = [key for key in RUN_KEYS if key not in run]
    if missing:
        raise RunError(
            f"This checkpoint lacks `{missing[0]}` of its run, as those of other versions may: ask "
            "the question again."
        )
    if (mistake := _mistake(run)) is not None:
        raise RunError(
            f"This checkpoint's `tpo.{mistake}: undo what was edited, or ask the question again."
        )
    asked = run["question"]
    messages = list(thread.get("messages", []))[: asked["messages"]]
    if _question(messages) != asked:
        raise RunError(
            "The conversation has changed since this run began, and its responses answer the "
            "earlier one: begin a new run, or fork the thread at its start."
        )
    return cast("TPOState", {**run, "messages": messages})


def kept(state: TPOState) -> TPORun:
    """Return the whole run of a state."""
    return cast("TPORun", {key: value for key, value in state.items() if key in RUN_KEYS})


def fingerprint(*parts: object) -> str:
    """Return a short digest of plain values."""
    return hashlib.blake2b(repr(parts).encode("utf-8", "replace"), digest_size=8).hexdigest()


def _mistake(run: TPORun) -> str | None:
    """Say where a run has another shape than runs have: checkpoints are edited by hand."""
    try:
        _RUN.validate_python(run, strict=True)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(map(str, found["loc"]))
        return f"{where}` is wrong ({found['msg']}), got `{shown(found['input'])}`"
    known = range(len(run["pool"]))
    for number, one in enumerate(run["rounds"]):
        for name, index in (("chosen", one["chosen"]), ("rejected", one["rejected"])):
            if index is not None and index not in known:
                return f"rounds.{number}.{name}` is {index}, and the pool holds {len(known)}"
    return None


def _question(messages: Sequence[BaseMessage]) -> AskedMessages:
    if any(_too_deep(message.content) for message in messages):
        raise ConversationError(
            f"A message of the conversation is nested too deep, more than {MOST_NESTED} levels: "
            "flatten its content."
        )
    try:
        said = [(message.type, _letters(message.content)) for message in messages]
    except Exception as error:
        raise ConversationError(
            f"A message of the conversation cannot be read ({named(error)}): its blocks must be "
            "plain values."
        ) from error
    return AskedMessages(messages=len(messages), digest=fingerprint(said))


def _too_deep(content: object) -> bool:
    """Return whether content has too many levels, or none that is the last."""
    level = [content]
    for _ in range(MOST_NESTED + 1):
        inside = (one for outer in level for one in _inside(outer))
        level = list({id(one): one for one in inside}.values())
    return bool(level)


def _inside(value: object) -> Iterable[object]:
    """Return what of a value can hold further values."""
    if not isinstance(value, _HOLDERS):
        return ()
    held = value.values() if isinstance(value, Mapping) else value
    return (one for one in held if isinstance(one, _HOLDERS))


def _letters(content: object) -> str:
    """Return what every database gives back unchanged: some drop NULs and halves of characters."""
    return "".join(filter(str.isalnum, content if isinstance(content, str) else repr(content)))


def _shared(steps: Sequence[StepRecord]) -> list[StepRecord]:
    """Mark what the first samples have cost that another run has drawn."""
    records: list[StepRecord] = [{**step, "shared": step.get("shared", True)} for step in steps]
    for record in records:
        if not record["shared"]:  # only there where it is true
            del record["shared"]
    return records
