"""What can be used of what was drawn: reads replies, counts what it has to drop.

Pure; knows tags and the words for what goes wrong.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from langchain_tpo.candidate_pool import Candidate
from langchain_tpo.sampling.draws import Draws
from langchain_tpo.state import Drop, DropReason, StepName
from langchain_tpo.text.secrecy import named

DETAIL_CHARACTERS = 200
"""How much of an unusable reply the record keeps: enough to see what the model did instead."""


@dataclass(frozen=True)
class Unusable:
    """A reply that holds no response."""

    reason: DropReason


Reader = Callable[[str], str | Unusable]
"""Takes the response out of a reply."""


def read_response(reply: str) -> str | Unusable:
    """Take the whole reply, unless it is blank.

    Example:
        >>> read_response("  ")
        Unusable(reason='empty')
    """
    return reply if reply.strip() else Unusable("empty")


def revision_reader(tag: str | None) -> Reader:
    """Return the reader for revisions sent between `tag`s; without a tag, the whole reply counts.

    The revision is the text after the first opening tag up to the first closing tag after it,
    stripped. A missing closing tag is accepted (a completion that was cut), a missing opening tag
    is not.

    Example:
        >>> read = revision_reader("IMPROVED_VARIABLE")
        >>> read("Sure! <IMPROVED_VARIABLE> Oil it. </IMPROVED_VARIABLE> Better?")
        'Oil it.'
        >>> read("Oil it.")
        Unusable(reason='no_tag')
    """
    if tag is None:
        return lambda reply: read_response(reply.strip())
    opening = re.compile(rf"<{re.escape(tag)}>", re.IGNORECASE)
    closing = re.compile(rf"</{re.escape(tag)}>", re.IGNORECASE)

    def read(reply: str) -> str | Unusable:
        opened = opening.search(reply)
        if opened is None:
            return Unusable("no_tag")
        inside = closing.split(reply[opened.end() :], maxsplit=1)[0]
        return read_response(inside.strip())

    return read


def usable(
    draws: Draws, read: Reader, *, step: StepName, round_number: int
) -> tuple[list[Candidate], list[Drop]]:
    """Sort draws into candidates without a reward and drops, each in order.

    Args:
        draws: What the model was asked for.
        read: How a response is taken out of a reply.
        step: Who drew.
        round_number: The round the draws belong to.
    """
    drops = [
        Drop(step=step, round=round_number, reason="failed", detail=named(failure))
        for failure in draws.failures
    ]
    candidates = []
    for reply in draws.texts:
        response = read(reply)
        if isinstance(response, Unusable):
            detail = reply[:DETAIL_CHARACTERS]
            drops.append(Drop(step=step, round=round_number, reason=response.reason, detail=detail))
        else:
            candidates.append(Candidate(text=response, reward=None, round=round_number))
    return candidates, drops
