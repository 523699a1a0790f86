"""What can be used of what was drawn: reads replies, counts what it has to drop.

Pure; knows tags and the words for what goes wrong.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from langchain_tpo.candidate_pool import Candidate, Finish, Reply
from langchain_tpo.sampling.draws import Draws
from langchain_tpo.state import Drop, DropReason, StepName
from langchain_tpo.text.shown import named

DETAIL_CHARACTERS = 200
"""How much of an unusable reply the record keeps: enough to see what the model did instead."""


@dataclass(frozen=True)
class Unusable:
    """A reply that holds no response."""

    reason: DropReason


_ENDED: Mapping[Finish, DropReason] = {"length": "cut", "content_filter": "filtered"}
"""What a reply without a response is dropped for, where its end explains why."""

Reader = Callable[[str], str | Unusable]
"""Takes the response out of a reply."""


def read_response(reply: str) -> str | Unusable:
    """Take the whole reply, unless it is blank.

    Example:
        >>> read_response("  ")
        Unusable(reason='empty')
    """
    return reply if reply.strip() else Unusable("empty")


def revision_reader(tag: str | None, *, shown_tag: str | None = None) -> Reader:
    """Return the reader for revisions sent between `tag`s; without a tag, the whole reply counts.

    The revision is the text after the first opening tag up to the first closing tag after it,
    stripped. A missing closing tag is accepted (a completion that was cut), a missing opening tag
    is not. Where further tags leave open which text is meant, none is.

    Args:
        tag: What revisions stand in.
        shown_tag: Without a `tag`: what the response stood in that was shown. In a reply that
            copies it a revision is what it holds, and not the frame, nor what is copied after it.

    Example:
        >>> read = revision_reader("IMPROVED_VARIABLE")
        >>> read("Sure! <IMPROVED_VARIABLE> Oil it. </IMPROVED_VARIABLE> Better?")
        'Oil it.'
        >>> read("Oil it.")
        Unusable(reason='no_tag')
        >>> read("<IMPROVED_VARIABLE>A</IMPROVED_VARIABLE> or <IMPROVED_VARIABLE>B")
        Unusable(reason='ambiguous')
        >>> revision_reader(None, shown_tag="ANSWER")("<ANSWER>Oil it.</ANSWER> A check found")
        'Oil it.'
    """
    if tag is None:
        return _whole if shown_tag is None else _without_frame(shown_tag)
    opening = re.compile(rf"<{re.escape(tag)}>", re.IGNORECASE)
    either = re.compile(rf"<(/?){re.escape(tag)}>", re.IGNORECASE)

    def read(reply: str) -> str | Unusable:
        opened = opening.search(reply)
        if opened is None:
            return Unusable("no_tag")
        return _only_text_inside(*either.split(reply[opened.end() :]))

    return read


def _whole(reply: str) -> str | Unusable:
    return read_response(reply.strip())


def _without_frame(tag: str) -> Reader:
    inside, opening = revision_reader(tag), f"<{tag}>".lower()

    def read(reply: str) -> str | Unusable:
        return inside(reply) if opening in reply.lower() else _whole(reply)

    return read


def _only_text_inside(first: str, *following: str) -> str | Unusable:
    """Return what stands between tags, if that is one text whichever tags are the quoted ones.

    Args:
        first: What follows the first opening tag.
        following: For each further tag its slash, or nothing, and what follows it.
    """
    texts, inside, before = {first.strip()}, True, first
    for slash, text in zip(following[::2], following[1::2], strict=True):
        if slash and not inside and before.strip():
            return Unusable("ambiguous")
        inside, before = not slash, text
        texts |= {text.strip()} if inside else set()
    texts.discard("")
    if len(texts) > 1:
        return Unusable("ambiguous")
    return texts.pop() if texts else Unusable("empty")


def usable(
    draws: Draws, read: Reader, *, step: StepName, round_number: int, prefer_complete: bool = True
) -> tuple[list[Candidate], list[Drop]]:
    """Sort draws into candidates without a reward and drops, each in order.

    Args:
        draws: What the model was asked for.
        read: How a response is taken out of a reply.
        step: Who drew.
        round_number: The round the draws belong to.
        prefer_complete: Whether what was cut or filtered is demoted.
    """
    drops = [
        Drop(step=step, round=round_number, reason="failed", detail=named(failure))
        for failure in draws.failures
    ]
    candidates = []
    for reply in draws.replies:
        response = _response(reply, read, round_number)
        if isinstance(response, Unusable):
            detail = reply.get("instead") or reply["text"][:DETAIL_CHARACTERS]
            drops.append(Drop(step=step, round=round_number, reason=response.reason, detail=detail))
        else:
            ended = _as_far_as(response, reply)
            candidates.append(_candidate(ended, response, round_number, demote=prefer_complete))
    return candidates, drops


def _response(reply: Reply, read: Reader, round_number: int) -> str | Unusable:
    """Take the response out of a reply; a refusal to answer is one, a refusal to revise is none."""
    finish = reply.get("finish")
    if finish == "refusal":
        return reply["text"] if round_number == 0 else Unusable("refused")
    response = read(reply["text"])
    if isinstance(response, Unusable) and finish is not None:
        return Unusable(_ENDED[finish])
    return response


def _as_far_as(response: str, reply: Reply) -> Reply:
    """Return a reply as complete where it was cut only behind the response.

    A small model that has closed its tag often talks on until it reaches the limit.
    """
    if reply.get("finish") != "length" or not response:
        return reply
    _, found, behind = reply["text"].rpartition(response)
    if not (found and behind.strip()):
        return reply
    whole = reply.copy()
    del whole["finish"]
    return whole


def _candidate(reply: Reply, response: str, round_number: int, *, demote: bool) -> Candidate:
    candidate = Candidate(text=response, reward=None, round=round_number)
    if "message" in reply:
        candidate["message"] = reply["message"]
    if "finish" in reply:
        candidate["finish"] = reply["finish"]
        if demote and reply["finish"] != "refusal":
            candidate["demoted"] = True
    if "fault" in reply:
        fault = reply["fault"]
        return {**candidate, "demoted": True, "fault": fault, "rationale": fault}
    return candidate
