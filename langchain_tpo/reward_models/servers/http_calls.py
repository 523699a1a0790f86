"""A reward server and the requests made to it, as plain values.

Knows what a usable URL, key, header and limit are. Sends nothing: `http_transport` does.
"""

import ipaddress
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import JsonValue, SecretStr

from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models.servers.http_answers import hidden
from langchain_tpo.reward_models.servers.http_clients import (
    check_surroundings,
    httpx_library,
    proxy_of,
    surroundings,
)

logger = logging.getLogger(__name__)

OWN_HEADERS = frozenset(
    {
        *("accept-encoding", "connection", "content-encoding", "content-length", "content-type"),
        *("expect", "host", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)
"""Headers that say how a request is carried."""

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""What the name of a header may be (RFC 9110)."""


def as_it_is(answer: JsonValue) -> JsonValue:
    """Return the whole answer: for a call that says not what of it matters."""
    return answer


@dataclass(frozen=True, kw_only=True)
class RewardServer:
    """A reward server, and how patient to be with it.

    Holds no connection, so it may be shared between threads and event loops, copied and pickled;
    a pickle leaves key, headers and query out.

    Example:
        >>> server = RewardServer(url="http://127.0.0.1:8080", api_key=SecretStr("hush"))
        >>> server.post("/classify", {"input": "text"}).where
        'POST http://127.0.0.1:8080/classify'
        >>> "hush" in repr(server)
        False
    """

    url: str
    """Where the server is; its path, if it has one, comes before every route."""
    api_key: SecretStr | None = None
    """Sent as a bearer token."""
    headers: Mapping[str, SecretStr] = field(default_factory=dict)
    """Sent with every request, such as `api-key` for Azure."""
    query: Mapping[str, SecretStr] = field(default_factory=dict)
    """Behind the `?` of every URL, such as `api-version` for Azure."""
    timeout: float = 60.0
    """Seconds for one attempt, from connecting to the answer's last byte."""
    max_retries: int = 3
    """Repetitions after HTTP 424, 429 or 5xx, a broken connection or a timeout."""
    max_response_bytes: int = 8 * 2**20
    """Longest answer that is read; all that are in flight may hold eight times as much."""

    def __post_init__(self) -> None:
        """Refuse what cannot work, before anything is sent."""
        _check_url(self.url)
        _check_value("`api_key`", self.api_key)
        for name, value in self.headers.items():
            _check_header(name, value)
        if self.api_key and any(name.lower() == "authorization" for name in self.headers):
            raise SettingsError(
                "`api_key` and the header `authorization` say the same: give one of them."
            )
        if not self.timeout > 0:
            raise SettingsError(f"`timeout` must be above 0 seconds, got `{self.timeout!r}`.")
        if self.max_retries < 0:
            raise SettingsError(f"`max_retries` must be at least 0, got `{self.max_retries!r}`.")
        if self.max_response_bytes < 1:
            raise SettingsError(
                f"`max_response_bytes` must be at least 1, got `{self.max_response_bytes!r}`."
            )

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without keys: a pickle is read by whoever finds it."""
        return {**vars(self), "api_key": None, "headers": {}, "query": {}}

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copy with the key: nothing in here can change."""
        return self

    @property
    def secrets(self) -> tuple[str, ...]:
        """Keys in the clear: to keep them out of errors."""
        key = (self.api_key,) if self.api_key else ()
        values = (*key, *self.headers.values(), *self.query.values())
        return tuple(value.get_secret_value() for value in values)

    def open_headers(self) -> dict[str, str]:
        """Return the headers with keys in the clear, ready to send."""
        key = self.api_key.get_secret_value() if self.api_key else ""
        bearer = {"authorization": f"Bearer {key}"} if key else {}
        return bearer | {name: value.get_secret_value() for name, value in self.headers.items()}

    def open_query(self) -> dict[str, str]:
        """Return the query with keys in the clear, ready to send."""
        return {name: value.get_secret_value() for name, value in self.query.items()}

    def get(self, path: str, *, read: Callable[[JsonValue], Any] = as_it_is) -> "Call":
        """Describe a request for what is behind `path`, such as `/info`."""
        return Call(server=self, path=path, read=read)

    def post(
        self, path: str, body: JsonValue, *, read: Callable[[JsonValue], Any] = as_it_is
    ) -> "Call":
        """Describe a request that hands `body` to `path` as JSON."""
        return Call(server=self, path=path, body=body, read=read)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request that is yet to be made."""

    server: RewardServer
    """Whom to ask."""
    path: str
    """The route, with a leading slash."""
    body: JsonValue = None
    """Sent as JSON with POST; None makes it a GET."""
    read: Callable[[JsonValue], Any] = as_it_is
    """What matters in the answer, which is dropped at once: a round's answers are never all held.

    May raise `RewardServerError`.
    """

    @property
    def method(self) -> str:
        """The HTTP method."""
        return "GET" if self.body is None else "POST"

    @property
    def where(self) -> str:
        """How errors name the request: without the query, which may hold a key."""
        return f"{self.method} {self.url}"

    @property
    def url(self) -> str:
        """The URL up to the query."""
        return f"{self.server.url.rstrip('/')}{self.path}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Keys in the clear: to keep them out of errors."""
        return self.server.secrets


def check_way(server: RewardServer) -> None:
    """Check the way to a server as the environment has it: proxies, certificates, who sees the key.

    A key that travels in the clear is said once per host.

    Raises:
        SettingsError: A proxy would see the key in the clear, or the settings cannot be used.
    """
    check_surroundings(surroundings())
    parts = urlsplit(server.url)
    host = parts.hostname or ""
    if parts.scheme == "https" or not server.secrets:
        return
    if proxy := proxy_of("http", host):
        shown = hidden(proxy.rpartition("@")[2], ())
        raise SettingsError(
            f"The key for `http://{host}` would pass through the proxy `{shown}` in the clear: use "
            f"`https`, or add `{host}` to `NO_PROXY`."
        )
    if not _is_here(host):
        _say_once(host)


@lru_cache(maxsize=64)
def _check_url(url: str) -> None:
    """Refuse what no request can be sent to; a round asks for one server again and again."""
    given = url.rpartition("@")[2].partition("?")[0][:100]
    shown = hidden("".join(part if part.isprintable() else "?" for part in given), ())
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        usable = parts.scheme in {"http", "https"} and bool(host) and parts.port != 0
        usable = usable and url.isprintable() and not re.search(r"\s", url)
        host.encode("idna")  # as the resolver will
        httpx_library().URL(url)
    except (ValueError, httpx_library().InvalidURL):
        usable = False
    if not usable:
        raise SettingsError(f"`url` must look like `http://host:port`, got `{shown}`.")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise SettingsError(
            f"`url` must hold no user, password, query or fragment (`{parts.hostname}`): "
            "give a key as `api_key`, or what belongs behind the `?` as `query={...}`."
        )


def _check_header(name: str, value: SecretStr) -> None:
    if not HEADER_NAME.fullmatch(name) or name.lower() in OWN_HEADERS:
        raise SettingsError(f"`headers` cannot set `{name[:60]}`: leave it out.")
    _check_value(f"`headers`: `{name}`", value)


def _check_value(label: str, secret: SecretStr | None) -> None:
    """Refuse a value that no header can carry: the HTTP library's own error would quote it."""
    text = secret.get_secret_value() if secret else ""
    if not (text.isascii() and text.isprintable()) or text != text.strip():
        raise SettingsError(
            f"{label} holds a character that no HTTP header carries (a line break at its end?)."
        )


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")


@cache
def _say_once(host: str) -> None:
    logger.warning(
        "The key for `http://%s` travels in the clear: use `https` where others share the network",
        host,
    )
