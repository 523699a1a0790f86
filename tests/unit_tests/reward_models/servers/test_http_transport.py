import asyncio
import json
import pickle
from typing import Any

import httpcore
import pytest
from pydantic import SecretStr

from langchain_tpo.errors import RewardServerError, SettingsError
from langchain_tpo.reward_models.servers import http_transport
from langchain_tpo.reward_models.servers.http_calls import Call, RewardServer, check_way
from langchain_tpo.reward_models.servers.http_transport import AnswerOrError, asend, send
from tests.support.servers.http_double import Asked, Reply, Scripted, answer_without_socket

KEY = "sk-very-secret-key"
SERVER = RewardServer(url="http://rm:8080", api_key=SecretStr(KEY))


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_transport, "FIRST_WAIT", 0)


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Any:
    def sync_or_async(calls: list[Call], **options: Any) -> list[AnswerOrError]:
        if request.param == "sync":
            return send(calls, **options)
        return asyncio.run(asend(calls, **options))

    return sync_or_async


def _line(outcome: AnswerOrError) -> str:
    assert isinstance(outcome, RewardServerError)
    line = str(outcome)
    assert "\n" not in line
    assert KEY not in line
    return line


def test_posts_json_and_reads_json(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Scripted(_classify=lambda asked: Reply(body=[len(asked.body["input"])]))
    answer_without_socket(monkeypatch, server)
    calls = [SERVER.post("/classify", {"input": text}) for text in ("a", "bb", "ccc")]
    assert ask(calls) == [[1], [2], [3]]
    assert {asked.headers["authorization"] for asked in server.asked} == {f"Bearer {KEY}"}
    assert {asked.headers["accept-encoding"] for asked in server.asked} == {"identity"}


def test_text_that_is_no_unicode_is_sent_all_the_same(
    ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_without_socket(monkeypatch, lambda asked: Reply(body=asked.body))
    assert ask([SERVER.post("/", "half \ud83d of a smile, whole \U0001f600")]) == [
        "half ? of a smile, whole \U0001f600"
    ]


@pytest.mark.parametrize("status", [424, 429, 500, 502, 503, 504])
def test_repeats_where_it_helps(ask: Any, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    server = Scripted(_x=[Reply(status=status), Reply(status=status), Reply(body=1)])
    answer_without_socket(monkeypatch, server)
    assert ask([SERVER.get("/x")]) == [1]
    assert len(server.asked) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 422])
def test_does_not_repeat_where_it_cannot_help(
    ask: Any, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    server = Scripted(_x=Reply(status=status, body=b""))
    answer_without_socket(monkeypatch, server)
    (outcome,) = ask([SERVER.get("/x")])
    assert f"`GET http://rm:8080/x` answered HTTP {status}" in _line(outcome)
    assert outcome.status == status
    assert len(server.asked) == 1


def test_gives_up_after_max_retries(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    overloaded = {"error": "Model is overloaded", "error_type": "overloaded"}
    server = Scripted(_x=Reply(status=429, body=overloaded))
    answer_without_socket(monkeypatch, server)
    patient = RewardServer(url="http://rm:8080", max_retries=2)
    (outcome,) = ask([patient.get("/x")])
    assert _line(outcome) == "`GET http://rm:8080/x` answered HTTP 429: Model is overloaded."
    assert len(server.asked) == 3


def test_waits_as_long_as_the_server_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(http_transport, "pause", note)
    server = Scripted(_x=[Reply(status=429, headers={"retry-after": "7"}), Reply(body=1)])
    answer_without_socket(monkeypatch, server)
    assert send([SERVER.get("/x")]) == [1]
    assert waits == [7.0]


def test_does_not_wait_for_hours(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Scripted(_x=Reply(status=503, headers={"retry-after": "3600"}))
    answer_without_socket(monkeypatch, server)
    (outcome,) = ask([SERVER.get("/x")])
    assert "HTTP 503" in _line(outcome)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (httpcore.ConnectError("[Errno 111] Connection refused"), "Connection refused"),
        (httpcore.ConnectError("Name or service not known"), "check that the server runs"),
        (httpcore.RemoteProtocolError("peer closed\nconnection"), "peer closed connection"),
        (httpcore.ReadError(""), "ReadError"),
    ],
)
def test_a_broken_connection_is_repeated_then_one_line(
    ask: Any, monkeypatch: pytest.MonkeyPatch, failure: Exception, words: str
) -> None:
    tries: list[Asked] = []

    def breaks(asked: Asked) -> Reply:
        tries.append(asked)
        raise failure

    answer_without_socket(monkeypatch, breaks)
    (outcome,) = ask([SERVER.post("/score", 1)])
    line = _line(outcome)
    assert words in line
    assert "POST http://rm:8080/score" in line
    assert outcome.status is None
    assert len(tries) == 4


def test_a_redirect_is_not_followed(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    target = "https://user:pw@elsewhere/login?token=abc"
    server = Scripted(_x=Reply(status=307, body=b"", headers={"location": target}))
    answer_without_socket(monkeypatch, server)
    (outcome,) = ask([SERVER.post("/x", 1)])
    assert "a redirect to `https://elsewhere/login`, which is not followed" in _line(outcome)
    assert len(server.asked) == 1


def test_an_answer_that_is_not_json(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Reply(body=b"<html>Welcome</html>", headers={"content-type": "text/html"})
    answer_without_socket(monkeypatch, Scripted(_x=page))
    (outcome,) = ask([SERVER.get("/x")])
    assert "answered something that is not JSON (`text/html`, 20 bytes)" in _line(outcome)


def test_an_answer_that_is_nested_too_deep(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_without_socket(monkeypatch, Scripted(_x=Reply(body=b"[" * 200_000)))
    (outcome,) = ask([SERVER.get("/x")])
    assert "not JSON" in _line(outcome)


def test_an_answer_that_is_too_long(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_without_socket(monkeypatch, Scripted(_x=Reply(body=b"1" * 3000)))
    short = RewardServer(url="http://rm:8080", max_response_bytes=2000)
    (outcome,) = ask([short.get("/x")])
    assert "answered with more than `max_response_bytes` = 2,000 bytes" in _line(outcome)


def test_a_server_that_repeats_the_key_does_not_make_the_error_repeat_it(
    ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_without_socket(
        monkeypatch,
        lambda asked: Reply(status=403, body={"error": asked.headers["authorization"]}),
    )
    (outcome,) = ask([SERVER.get("/x")])
    assert "Bearer **********" in _line(outcome)
    assert KEY not in repr(outcome)


def test_one_failure_leaves_the_others(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_without_socket(
        monkeypatch, lambda a: Reply(status=422) if a.body == "long" else Reply(body=a.body)
    )
    outcomes = ask([SERVER.post("/", text) for text in ("a", "long", "b")])
    assert [outcomes[0], outcomes[2]] == ["a", "b"]
    assert "HTTP 422" in _line(outcomes[1])


@pytest.mark.parametrize("limit", [1, 3])
def test_max_concurrency_bounds_requests_in_flight(
    ask: Any, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    flying: list[int] = []
    now = 0

    async def slow(_: Asked) -> Reply:
        nonlocal now
        now += 1
        flying.append(now)
        await asyncio.sleep(0.005)
        now -= 1
        return Reply(body=1)

    answer_without_socket(monkeypatch, slow)
    ask([SERVER.get("/x")] * 9, max_concurrency=limit)
    assert max(flying) == limit


@pytest.mark.parametrize(
    "url",
    [
        *("", "rm:8080", "ftp://rm", "http://", "http://rm:99999", "http://[::1", "http:///x"),
        *("http://a b", "http://rm\n", "http://rm/\x00", "http://a..b", "http://rm:x", "//rm"),
        *(
            f"http://{'a' * 64}.com",
            "http://rm/a b",
            "http://\u2024",
            "http://[v1.x]",
            " http://rm",
        ),
    ],
)
def test_a_wrong_url_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(
        SettingsError, match=r"^`url` must look like `http://host:port`, got `.*`\.$"
    ):
        RewardServer(url=url)


@pytest.mark.parametrize("url", ["http://me:hush@rm", "http://rm?key=hush", "http://rm#hush"])
def test_a_secret_in_the_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match="`api_key`") as caught:
        RewardServer(url=url)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("key", ["hush\n", "hu\u20acsh", " hush"])
def test_a_key_that_no_header_carries_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(SettingsError, match=r"^`api_key` holds a character") as caught:
        RewardServer(url="http://rm", api_key=SecretStr(key))
    assert key.strip() not in str(caught.value)


@pytest.mark.parametrize("wrong", [{"timeout": 0}, {"timeout": float("nan")}, {"max_retries": -1}])
def test_a_limit_out_of_range_is_refused(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(SettingsError, match=f"^`{name}` must be"):
        RewardServer(url="http://rm", **wrong)


@pytest.mark.parametrize(
    "headers",
    [{"x y": "1"}, {"": "1"}, {"Host": "rm"}, {"content-length": "1"}, {"x": "1\r\nhush: 2"}],
)
def test_a_header_that_cannot_be_sent_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="`headers`") as caught:
        RewardServer(url="http://rm", headers={n: SecretStr(v) for n, v in headers.items()})
    assert "hush" not in str(caught.value)


def test_two_keys_for_one_header_are_refused() -> None:
    headers = {"Authorization": SecretStr("Token hush")}
    with pytest.raises(SettingsError, match="say the same: give one of them"):
        RewardServer(url="http://rm", headers=headers, api_key=SecretStr(KEY))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("https_proxy", "ftp://me:hush@proxy"),
        ("http_proxy", "http://[::1"),
        ("all_proxy", "http://proxy:x"),
        ("no_proxy", "http://[::1"),
        ("SSL_CERT_FILE", "/no/such/file"),
        ("SSL_CERT_FILE", __file__),
    ],
)
def test_an_environment_that_cannot_work_is_one_line_at_construction(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=r"proxy or certificates.*check `HTTP_PROXY`") as caught:
        check_way(SERVER)
    assert "\n" not in str(caught.value)
    assert "hush" not in str(caught.value)


def test_a_key_in_the_clear_is_said_once_per_host(caplog: pytest.LogCaptureFixture) -> None:
    for url in ("http://once.test", "http://once.test:8080", "https://safe.test"):
        check_way(RewardServer(url=url, api_key=SecretStr(KEY)))
    for url in ("http://127.0.0.1", "http://[::1]:80", "http://localhost", "http://a.localhost"):
        check_way(RewardServer(url=url, api_key=SecretStr(KEY)))
    check_way(RewardServer(url="http://nokey.test"))
    (said,) = [record.getMessage() for record in caplog.records]
    assert "`http://once.test` travels in the clear" in said


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_sees_no_key_in_the_clear(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("all_proxy", "http://me:hush@proxy:3128")
    server = RewardServer(url=f"{scheme}://rm.test", api_key=SecretStr(KEY))
    if scheme == "https":
        check_way(server)
        return
    with pytest.raises(SettingsError, match="through the proxy `proxy:3128` in the clear") as error:
        check_way(server)
    assert "hush" not in str(error.value)


def test_an_error_survives_pickling() -> None:
    error = RewardServerError("busy", status=429, retry_after=2.0)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (str(again), again.status, again.retry_after) == ("busy", 429, 2.0)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"error": "Input validation error: x", "error_type": "validation"}', "validation error"),
        (b'{"error": {"message": "too long", "code": 400}}', "too long"),
        (b'{"detail": [{"msg": "missing"}]}', "missing"),
        (b"Failed to deserialize\n the JSON body", "Failed to deserialize the JSON body"),
    ],
)
def test_the_servers_own_words_are_quoted(
    monkeypatch: pytest.MonkeyPatch, body: bytes, detail: str
) -> None:
    answer_without_socket(monkeypatch, Scripted(_x=Reply(status=400, body=body)))
    (outcome,) = send([SERVER.get("/x")])
    assert detail in _line(outcome)


def test_a_field_error_does_not_repeat_the_text_it_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps(
        {"detail": [{"type": "missing", "loc": ["body", "query"], "msg": "m", "input": "PRIVATE"}]}
    ).encode()
    answer_without_socket(monkeypatch, Scripted(_x=Reply(status=422, body=body)))

    (outcome,) = send([SERVER.get("/x")])

    assert "body.query: m" in _line(outcome)
    assert "PRIVATE" not in _line(outcome)


def test_a_long_error_page_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    answer_without_socket(monkeypatch, Scripted(_x=Reply(status=400, body=b"x" * 100_000)))
    (outcome,) = send([SERVER.get("/x")])
    assert len(_line(outcome)) < 400
    assert json.dumps(str(outcome))
