"""What the records of a run hold already: what a sitting that goes on with it leaves out.

Knows the file; holds no more of it in memory than the example that is asked for.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from langchain_tpo.evaluation.on_disk import Places
from langchain_tpo.evaluation.records import Record, read_placed_records, records_at


class Done:
    """Which examples are done by which system, failures included.

    Example:
        >>> done = Done()
        >>> ("1", "tpo") in done, len(done), list(done.answers("1"))
        (False, 0, [])
    """

    def __init__(self, path: Path | None = None) -> None:
        """Look through the records.

        Args:
            path: The file; none yet is as good as an empty one.

        Raises:
            DatasetError: In one line, when a line of it is no record.
        """
        self._path = path
        self._places = Places()
        if path is None or not path.is_file():
            return
        for place, record in read_placed_records(path):
            answered = record["status"] == "ok"
            self._places.add(record["example"], record["system"], place if answered else None)

    def __contains__(self, key: tuple[str, str]) -> bool:
        """Whether an example, named first, is done by a system."""
        return key in self._places

    def __len__(self) -> int:
        """How many records there are."""
        return len(self._places)

    def number(self, systems: Iterable[str]) -> int:
        """Return how many records there are of some systems.

        Args:
            systems: Their names.
        """
        return sum(map(self._places.number, systems))

    def failed(self, example: str, system: str) -> bool:
        """Return whether a record says that there is no answer.

        Args:
            example: Its name.
            system: Who was asked.
        """
        return (example, system) in self and self._places.at(example, system) is None

    def number_failed(self, systems: Iterable[str]) -> int:
        """Return how many records of some systems hold no answer.

        Args:
            systems: Their names.
        """
        return sum(map(self._places.number_nowhere, systems))

    def answers(self, example: str) -> Iterator[Record]:
        """Read the answers to an example.

        Args:
            example: Its name.
        """
        places = list(self._places.of(example))
        return records_at(self._path, places) if self._path and places else iter(())
