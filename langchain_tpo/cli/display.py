"""What every progress display is: something to enter, to show things to, and to leave.

As it stands it shows nothing, which is what `--quiet` asks for.
"""

from types import TracebackType
from typing import Generic, Self, TypeVar

ShownT = TypeVar("ShownT")
"""What a display is told of."""


class Display(Generic[ShownT]):
    """Shows how far something has come."""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End, and leave the terminal as it was."""

    def show(self, news: ShownT) -> None:
        """Take note of something.

        Args:
            news: What has happened.
        """
