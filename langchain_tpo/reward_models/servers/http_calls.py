"""A reward server and the requests made to it, as plain values.

Knows what a usable URL, key and limit are. Sends nothing: `http_transport` does.
"""

from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import JsonValue, SecretStr

from langchain_tpo.errors import SettingsError


@dataclass(frozen=True, kw_only=True)
class RewardServer:
    """A reward server, and how patient to be with it.

    Holds no connection, so it may be shared between threads and event loops, copied and pickled;
    a pickle leaves the key out.

    Example:
        >>> server = RewardServer(url="http://rm:8080", api_key=SecretStr("hush"))
        >>> server.post("/classify", {"input": "text"}).where
        'POST http://rm:8080/classify'
        >>> "hush" in repr(server)
        False
    """

    url: str
    """Where the server is; its path, if it has one, comes before every route."""
    api_key: SecretStr | None = None
    """Sent as a bearer token."""
    timeout: float = 60.0
    """Seconds for one attempt."""
    max_retries: int = 3
    """Repetitions after HTTP 424, 429 or 5xx, a broken connection or a timeout."""
    max_response_bytes: int = 8 * 2**20
    """Longest answer that is read."""

    def __post_init__(self) -> None:
        """Refuse what cannot work, before anything is sent."""
        _check_url(self.url)
        _check_key(self.api_key)
        if not self.timeout > 0:
            raise SettingsError(f"`timeout` must be above 0 seconds, got `{self.timeout!r}`.")
        if self.max_retries < 0:
            raise SettingsError(f"`max_retries` must be at least 0, got `{self.max_retries!r}`.")
        if self.max_response_bytes < 1:
            raise SettingsError(
                f"`max_response_bytes` must be at least 1, got `{self.max_response_bytes!r}`."
            )

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without the key: a pickle is read by whoever finds it."""
        return {**vars(self), "api_key": None}

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copy with the key: nothing in here can change."""
        return self

    def get(self, path: str) -> "Call":
        """Describe a request for what is behind `path`, such as `/info`."""
        return Call(server=self, path=path)

    def post(self, path: str, body: JsonValue) -> "Call":
        """Describe a request that hands `body` to `path` as JSON."""
        return Call(server=self, path=path, body=body)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request that is yet to be made."""

    server: RewardServer
    """Whom to ask."""
    path: str
    """The route, with a leading slash."""
    body: JsonValue = None
    """Sent as JSON with POST; None makes it a GET."""

    @property
    def method(self) -> str:
        """The HTTP method."""
        return "GET" if self.body is None else "POST"

    @property
    def where(self) -> str:
        """How errors name the request."""
        return f"{self.method} {self.url}"

    @property
    def url(self) -> str:
        """The whole URL."""
        return f"{self.server.url.rstrip('/')}{self.path}"

    @property
    def secret(self) -> str:
        """The key in the clear, or nothing: for the header, and to keep it out of errors."""
        key = self.server.api_key
        return key.get_secret_value() if key else ""


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise SettingsError(
            f"`url` must look like `http://host:port`, got `{url.rpartition('@')[2]}`."
        )
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise SettingsError(
            f"`url` must hold no user, password, query or fragment (`{parts.hostname}`): "
            "give a key as `api_key`."
        )


def _check_key(key: SecretStr | None) -> None:
    """A key that no header can carry would be quoted by the HTTP library's own error."""
    text = key.get_secret_value() if key else ""
    if not (text.isascii() and text.isprintable()) or text != text.strip():
        raise SettingsError(
            "`api_key` holds a character that no HTTP header carries (a line break at its end?)."
        )
