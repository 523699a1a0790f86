"""Who may use a server: keys by name, kept as hashes, and what each may use up.

A key is compared with all others in constant time. It is known in full only to who made it: the
server holds SHA-256 digests, which is enough for keys that are random.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from langchain_tpo.errors import SettingsError
from langchain_tpo.serve.failures import turned_away

ANYONE = "-"
"""Whose runs these are where no keys are asked for."""

_LINE = re.compile(r"(?P<name>[\w.@-]{1,64})\s+sha256:(?P<digest>[0-9a-f]{64})(\s+(?P<most>\d+))?")


@dataclass(frozen=True)
class Keys:
    """The keys of a server; none of them: whoever reaches it may use it.

    Example:
        >>> keys = Keys({"alice": Keys.digest("tpo-secret")})
        >>> keys.holder("tpo-secret"), keys.holder("tpo-guess")
        ('alice', None)
    """

    digests: Mapping[str, str] = field(default_factory=dict, repr=False)
    """SHA-256 of each key, in hexadecimal, by the name of its holder."""
    tokens: Mapping[str, int] = field(default_factory=dict)
    """Tokens for a period, where a holder has a bound of their own."""

    def __bool__(self) -> bool:
        """Say whether a key is asked for."""
        return bool(self.digests)

    @staticmethod
    def digest(key: str) -> str:
        """Return what is kept of a key."""
        return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()

    @staticmethod
    def made(name: str) -> tuple[str, str]:
        """Return a new key for somebody, and the line of a keys file that lets them in."""
        key = f"tpo-{secrets.token_urlsafe(32)}"
        line = f"{name} sha256:{Keys.digest(key)}"
        if not _LINE.fullmatch(line):
            raise SettingsError(
                f"A key's name must be letters, digits or `.@-_`, at most 64, got `{name}`."
            )
        return key, line

    @classmethod
    def read(cls, path: Path) -> "Keys":
        """Return the keys of a file: on each line a name, `sha256:...`, and tokens, if bounded.

        Raises:
            SettingsError: In one line, when it cannot be read; no line is shown.
        """
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            said = getattr(error, "strerror", None) or "no UTF-8"
            raise SettingsError(f"`{path}` could not be read: {said}.") from None
        digests, tokens = {}, {}
        for number, line in enumerate(lines, start=1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            match = _LINE.fullmatch(line.strip())
            if match is None or match["name"] in digests:
                raise SettingsError(
                    f"`{path}`, line {number}: write `NAME sha256:DIGEST [TOKENS]`, each name "
                    "once; `tpo serve --new-key NAME` makes such a line."
                )
            digests[match["name"]] = match["digest"]
            if match["most"]:
                tokens[match["name"]] = int(match["most"])
        if not digests:
            raise SettingsError(f"`{path}` holds no key: `tpo serve --new-key NAME` makes one.")
        return cls(digests, tokens)

    def holder(self, key: str) -> str | None:
        """Return whose key this is; None for a stranger's."""
        digest, found = self.digest(key), None
        for name, known in self.digests.items():  # all of them, whichever fits: time tells nothing
            found = name if hmac.compare_digest(digest, known) else found
        return found


@dataclass
class Account:
    """What one holder has used in a period."""

    since: float
    spent: int = 0


class Accounts:
    """The tokens that each holder of a key has left; kept in memory, for one process."""

    def __init__(
        self,
        keys: Keys,
        most: int | None,
        period: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nothing spent.

        Args:
            keys: May bound single holders.
            most: Tokens of everyone else; None sets no bound.
            period: Seconds after which all is forgiven.
            clock: Tells the time.
        """
        self._keys = keys
        self._most = most
        self._period = period
        self._clock = clock
        self._accounts: dict[str, Account] = {}

    def left(self, holder: str) -> int | None:
        """Return the tokens that a holder may still use; None where nothing bounds them.

        Raises:
            Exception: A refused request, when there are none left.
        """
        most = self._keys.tokens.get(holder, self._most)
        if most is None:
            return None
        account = self._of(holder)
        if account.spent >= most:
            raise turned_away(
                429,
                f"The token budget of this key ({most}) is used up: wait, or ask the operator.",
                code="insufficient_quota",
                retry_after=account.since + self._period - self._clock(),
            )
        return most - account.spent

    def spend(self, holder: str, tokens: int | None) -> None:
        """Note what a run has used; None, an unknown number, uses the rest up."""
        most = self._keys.tokens.get(holder, self._most)
        if most is None:
            return
        account = self._of(holder)
        account.spent += max(0, most - account.spent) if tokens is None else tokens

    def _of(self, holder: str) -> Account:
        now = self._clock()
        account = self._accounts.get(holder)
        if account is None or now - account.since >= self._period:
            account = self._accounts[holder] = Account(since=now)
        return account
