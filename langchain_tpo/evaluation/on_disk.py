"""What has to be known of each of a million examples, without a memory full of names.

SQLite keeps it in a temporary file that nobody else can see and that is gone with its owner; a few
megabytes of it are in memory. Knows names and places; knows no records.
"""

import sqlite3
import weakref
from collections.abc import Iterator

_QUICK = ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF")
"""Nothing of it outlives a crash, so nothing need be safe from one."""


class Places:
    """Where things lie that have a name and a part, each of them once.

    Example:
        >>> places = Places()
        >>> places.add("1", "tpo", 0), places.add("1", "single", 90), places.add("1", "tpo", 180)
        (True, True, False)
        >>> ("1", "tpo") in places, ("2", "tpo") in places, len(places)
        (True, False, 2)
        >>> list(places.of("1"))
        [0, 90]
    """

    def __init__(self) -> None:
        """Begin with none."""
        # Whoever iterates over a data set may do so in another thread than the one that opened it.
        database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, database.close)
        for pragma in _QUICK:
            database.execute(pragma)
        database.execute(
            "CREATE TABLE places (name BLOB, part BLOB, place INTEGER, PRIMARY KEY (name, part)) "
            "WITHOUT ROWID"
        )
        database.execute("BEGIN")  # one transaction for ever: nothing is waited for
        self._database = database
        self._number = 0

    def add(self, name: str, part: str = "", place: int | None = None) -> bool:
        """Note where something lies; return whether it was new.

        Args:
            name: Of an example.
            part: Of what else distinguishes it.
            place: Where it lies; None: nowhere that could be read.
        """
        added = self._database.execute(
            "INSERT OR IGNORE INTO places VALUES (?, ?, ?)", (_key(name), _key(part), place)
        ).rowcount
        self._number += added
        return bool(added)

    def of(self, name: str) -> Iterator[int]:
        """Return the places of all parts of a name, in order.

        Args:
            name: Of an example.
        """
        found = self._database.execute(
            "SELECT place FROM places WHERE name = ? AND place IS NOT NULL ORDER BY place",
            (_key(name),),
        )
        return (place for (place,) in found)

    def at(self, name: str, part: str) -> int | None:
        """Return the place of one part of a name; None where nothing is noted that could be read.

        Args:
            name: Of an example.
            part: Which part.
        """
        found = self._database.execute(
            "SELECT place FROM places WHERE name = ? AND part = ?", (_key(name), _key(part))
        ).fetchone()
        return None if found is None else found[0]

    def number(self, part: str) -> int:
        """Return how many names have a part.

        Args:
            part: Which part.

        Example:
            >>> places = Places()
            >>> _ = places.add("1", "tpo"), places.add("2", "tpo"), places.add("1", "single")
            >>> places.number("tpo")
            2
        """
        found = self._database.execute("SELECT COUNT(*) FROM places WHERE part = ?", (_key(part),))
        (number,) = found.fetchone()
        return int(number)

    def number_nowhere(self, part: str) -> int:
        """Return how many names have a part that lies nowhere.

        Args:
            part: Which part.

        Example:
            >>> places = Places()
            >>> _ = places.add("1", "tpo", 0), places.add("2", "tpo")
            >>> places.number_nowhere("tpo")
            1
        """
        found = self._database.execute(
            "SELECT COUNT(*) FROM places WHERE part = ? AND place IS NULL", (_key(part),)
        )
        (number,) = found.fetchone()
        return int(number)

    def __contains__(self, named: tuple[str, str]) -> bool:
        """Whether a part of a name is noted."""
        found = self._database.execute(
            "SELECT 1 FROM places WHERE name = ? AND part = ?", tuple(map(_key, named))
        )
        return found.fetchone() is not None

    def __len__(self) -> int:
        """How many there are."""
        return self._number


def _key(text: str) -> bytes:
    """Return a text as bytes, half a surrogate pair and all."""
    return text.encode("utf-8", "surrogatepass")
