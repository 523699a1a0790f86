"""Every state in which a crash can leave a checkpointer, without any process that is killed."""

import threading
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver


class CopyingSaver(InMemorySaver):
    """A checkpointer that keeps a copy of all it holds, at first and after every write."""

    def __init__(self) -> None:
        super().__init__()
        self.one_at_a_time = threading.RLock()
        self.copies: list[InMemorySaver] = [InMemorySaver()]

    def put(self, *args: Any, **kwargs: Any) -> Any:
        with self.one_at_a_time:
            written = super().put(*args, **kwargs)
            self.copies.append(_copied(self))
            return written

    def put_writes(self, *args: Any, **kwargs: Any) -> None:
        with self.one_at_a_time:
            super().put_writes(*args, **kwargs)
            self.copies.append(_copied(self))


def _copied(saver: InMemorySaver) -> InMemorySaver:
    twin = InMemorySaver()
    for thread, places in saver.storage.items():
        for place, checkpoints in places.items():
            twin.storage[thread][place] = dict(checkpoints)
    twin.writes.update({key: dict(writes) for key, writes in saver.writes.items()})
    twin.blobs.update(saver.blobs)
    return twin


def continued(saver: InMemorySaver) -> CopyingSaver:
    """Return a checkpointer that holds the same and keeps copies from here on.

    Args:
        saver: What a crash has left.
    """
    twin, left = CopyingSaver(), _copied(saver)
    twin.storage, twin.writes, twin.blobs = left.storage, left.writes, left.blobs
    twin.copies = [saver]
    return twin
