"""What an operator bounds holds: keys, hosts, bodies, runs at once, their time and their tokens."""

import asyncio
import logging
import time
from pathlib import Path
from typing import Any

import pytest

from langchain_tpo.errors import SettingsError
from langchain_tpo.serve import Keys
from langchain_tpo.serve.keys import Accounts
from langchain_tpo.serve.limits import ServeLimits
from tests.support.fakes import ScriptedModelWithN
from tests.support.serving import HI, Connection, chat, events_of, loop, post, served, transport

SLOW = {"model": "oak", "messages": HI}


def slow(seconds: float, **settings: Any) -> Any:
    return loop(ScriptedModelWithN(latency=seconds), **settings)


def in_flight(tpo: Any) -> int:
    return int(tpo.model.notebook.in_flight)


async def until(condition: Any, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


async def test_only_holders_of_a_key_are_answered() -> None:
    keys = Keys({"alice": Keys.digest("tpo-a"), "bob": Keys.digest("tpo-b")})
    app = served(keys=keys)
    body = {"model": "oak:best-of-2", "messages": HI}

    heads = [{}, {"authorization": "Bearer tpo-c"}, {"authorization": "Basic tpo-a"}]
    turned_away = [await post(app, body, **head) for head in heads]
    heads = [{"authorization": "Bearer tpo-a"}, {"authorization": "bearer  tpo-b"}]
    answered = [await post(app, body, **head) for head in [*heads, {"x-api-key": "tpo-b"}]]

    assert [one.status_code for one in turned_away] == [401, 401, 401]
    assert [one.status_code for one in answered] == [200, 200, 200]
    async with transport(app) as client:
        paths = ("/health", "/ready", "/metrics", "/v1/models", "/openapi.json")
        statuses = [(await client.get(path)).status_code for path in paths]
    assert statuses == [200, 200, 401, 401, 401]


async def test_without_keys_no_other_name_of_this_machine_is_answered() -> None:
    """A web page whose name is bound anew to 127.0.0.1 calls it by its own name."""
    app = served()
    hosts = ("127.0.0.1:9000", "localhost", "[::1]:9000", "evil.example", "127.0.0.1.evil.example")

    got = [(await post(app, {"model": "oak:single", "messages": HI}, host=one)) for one in hosts]

    assert [one.status_code for one in got] == [200, 200, 200, 403, 403]


async def test_a_body_has_to_be_json_and_of_a_size() -> None:
    app = served(body_bytes=1000)
    long = {"model": "oak", "messages": [{"role": "user", "content": "x" * 1000}]}

    async def parts() -> Any:
        for _ in range(20):
            yield b"x" * 100

    async with transport(app) as client:
        path, head = "/v1/chat/completions", {"content-type": "application/json"}
        statuses = [
            (await client.post(path, json=long)).status_code,
            (await client.post(path, content=parts(), headers=head)).status_code,
            (await client.post(path, content=b"{}", headers={"content-type": "text/plain"})),
            (await client.post(path, content=b"{", headers=head)).status_code,
            (await client.post(path, content=b"[" * 900, headers=head)).status_code,
            (await client.post(path, content=b"[]", headers=head)).status_code,
        ]

    assert statuses[2].status_code == 415
    assert [one for one in statuses if isinstance(one, int)] == [413, 413, 400, 400, 400]


async def test_a_wrong_method_is_told_the_right_one() -> None:
    async with transport(served()) as client:
        got = await client.get("/v1/messages")

    assert (got.status_code, got.headers["allow"]) == (405, "POST")
    assert got.json()["type"] == "error"


async def test_the_queue_is_bounded_and_says_when_to_come_back() -> None:
    tpo = slow(0.05, depth=0)
    app = served(tpo, runs=1, queue=1)

    got = await asyncio.gather(*(chat(app) for _ in range(4)))

    assert sorted(one.status_code for one in got) == [200, 200, 429, 429]
    (busy, _) = [one for one in got if one.status_code == 429]
    assert int(busy.headers["retry-after"]) >= 1
    assert busy.json()["error"]["code"] == "queue_full"
    assert tpo.model.notebook.most_in_flight == 1
    assert (await chat(app)).status_code == 200, "places are given back"


async def test_a_client_that_goes_away_cancels_its_run() -> None:
    tpo = slow(5.0)
    app = served(tpo)
    for stream in (False, True):
        connection = Connection({**SLOW, "stream": stream})
        async with connection.to(app) as answering:
            await until(lambda: in_flight(tpo) > 0)
            since = time.perf_counter()
            connection.hang_up()
            await until(lambda: in_flight(tpo) == 0)
            await asyncio.wait({answering}, timeout=1)
        assert answering.done()
        assert time.perf_counter() - since < 1.0
    assert app.state.runs.turns.taken == 0


async def test_one_that_waits_in_the_queue_gives_its_place_back() -> None:
    tpo = slow(5.0)
    app = served(tpo, runs=1, queue=1)
    first, second = Connection(SLOW), Connection(SLOW)
    async with first.to(app):
        await until(lambda: in_flight(tpo) == 1)
        async with second.to(app):
            await until(lambda: app.state.runs.turns.waiting == 1)
            second.hang_up()
            await until(lambda: app.state.runs.turns.waiting == 0)
    assert len(tpo.model.notebook.calls) == 1


async def test_a_stream_says_at_once_that_it_has_begun_and_goes_on_saying_so() -> None:
    tpo = slow(0.5, depth=0)
    connection = Connection({**SLOW, "stream": True})
    async with connection.to(served(tpo, keep_alive=0.05)) as answering:
        await asyncio.wait_for(connection.sent.wait(), 0.4)
        assert b'"role": "assistant"' in connection.body
        await answering
    assert connection.body.count(b": keep-alive\n\n") >= 3
    assert connection.body.endswith(b"data: [DONE]\n\n")


async def test_progress_is_comments_or_reasoning_or_nothing() -> None:
    app = served()
    streams = {
        progress: (await chat(app, stream=True, tpo={"progress": progress})).text
        for progress in ("comments", "reasoning", "none")
    }

    assert ": tpo round 1 of 1, best reward" in streams["comments"]
    assert ": tpo" not in streams["reasoning"] + streams["none"]
    thoughts = [
        choice["delta"].get("reasoning_content", "")
        for event in events_of(streams["reasoning"])
        for choice in event["choices"]
    ]
    assert "tpo round 1 of 1, best reward" in "".join(thoughts)


async def test_the_best_answer_so_far_is_shown_where_it_is_asked_for() -> None:
    streamed = (await chat(served(), stream=True, tpo={"best_so_far": True})).text

    told = [event["tpo"] for event in events_of(streamed) if "tpo" in event]
    assert [one["best_so_far"] for one in told if "best_so_far" in one] == [
        "sample 1",
        "revision 5",
    ]


async def test_a_run_that_takes_too_long_answers_with_what_is_best_by_then() -> None:
    got = await chat(served(slow(0.2), run_seconds=0.5))

    assert got.status_code == 200
    assert got.json()["choices"][0]["message"]["content"] == "sample 1"
    assert got.json()["tpo"]["stop_reason"] == "time_budget"
    none = await chat(served(slow(5.0), run_seconds=0.2))
    assert (none.status_code, none.json()["error"]["code"]) == (504, "timeout")


async def test_a_reward_that_hangs_is_bounded_as_well() -> None:
    async def hanging(prompt: str, response: str) -> float:
        await asyncio.sleep(60)
        return 1.0

    tpo = loop().model_copy(update={"reward": hanging})
    got = await chat(served(tpo, run_seconds=0.3))

    assert (got.status_code, got.json()["error"]["code"]) == (504, "timeout")


async def test_a_server_that_stops_gives_runs_time_then_takes_the_best() -> None:
    tpo = slow(0.1, depth=3)
    app = served(tpo, grace=0.25)
    answering = asyncio.ensure_future(chat(app))
    streaming = asyncio.ensure_future(chat(app, stream=True))
    await until(lambda: len(tpo.model.notebook.calls) > 3)

    await app.state.runs.stop()

    got, streamed = await answering, await streaming
    assert (got.status_code, got.json()["tpo"]["stop_reason"]) == (200, "shutdown")
    assert got.json()["choices"][0]["message"]["content"].startswith(("sample", "revision"))
    assert "shutdown" in streamed.text
    assert streamed.text.endswith("data: [DONE]\n\n")
    refused = await chat(app)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    async with transport(app) as client:
        assert (await client.get("/ready")).status_code == 503
        assert (await client.get("/health")).status_code == 200


async def test_a_server_that_stops_before_anything_is_scored_says_so() -> None:
    tpo = slow(5.0)
    app = served(tpo, grace=0.0)
    answering = asyncio.ensure_future(chat(app))
    await until(lambda: in_flight(tpo) > 0)

    await app.state.runs.stop()

    assert (await answering).status_code == 503


async def test_a_key_has_a_budget_of_tokens() -> None:
    keys = Keys({"alice": Keys.digest("tpo-a"), "bob": Keys.digest("tpo-b")}, {"bob": 10**6})
    tpo = loop(width=2, depth=0)
    app = served(tpo, keys=keys, key_tokens=8)
    body = {"model": "oak", "messages": HI}
    alice, bob = {"authorization": "Bearer tpo-a"}, {"authorization": "Bearer tpo-b"}

    got = [await post(app, body, **head) for head in (alice, alice, alice, bob)]

    assert [one.status_code for one in got] == [200, 429, 429, 200]
    assert got[1].json()["error"]["code"] == "insufficient_quota"
    assert int(got[1].headers["retry-after"]) > 80_000


def test_a_period_forgives_and_unknown_usage_uses_the_rest_up() -> None:
    now = [0.0]
    accounts = Accounts(Keys(), 100, 60.0, clock=lambda: now[0])

    accounts.spend("alice", 40)
    assert accounts.left("alice") == 60
    accounts.spend("alice", None)
    with pytest.raises(Exception, match="used up"):
        accounts.left("alice")
    now[0] = 60.0
    assert accounts.left("alice") == 100


async def test_a_run_gets_no_more_tokens_than_its_key_has_left() -> None:
    keys = Keys({"alice": Keys.digest("tpo-a")}, {"alice": 12})
    app = served(loop(width=2, depth=5), keys=keys)

    got = await post(app, {"model": "oak", "messages": HI}, authorization="Bearer tpo-a")

    assert got.json()["tpo"]["stop_reason"] == "token_budget"


def test_a_keys_file_is_read_and_its_mistakes_are_told_by_line(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    key, line = Keys.made("alice")
    file.write_text(f"# ours\n{line}\nbob sha256:{Keys.digest('tpo-b')} 500\n\n")

    keys = Keys.read(file)
    assert (keys.holder(key), keys.holder("tpo-b"), keys.holder("")) == ("alice", "bob", None)
    assert dict(keys.tokens) == {"bob": 500}
    assert key not in repr(keys) + line
    for text, words in (("alice tpo-plain-key\n", "line 1"), ("# none\n", "holds no key")):
        file.write_text(text)
        with pytest.raises(SettingsError, match=words) as wrong:
            Keys.read(file)
        assert "tpo-plain-key" not in str(wrong.value)
    with pytest.raises(SettingsError, match="could not be read"):
        Keys.read(tmp_path / "none")
    with pytest.raises(SettingsError, match="name must be"):
        Keys.made("al ice")


async def test_logs_and_metrics_hold_figures_and_no_texts(caplog: pytest.LogCaptureFixture) -> None:
    keys = Keys({"alice": Keys.digest("tpo-secret-1")})

    def failing(step: str, _messages: Any, number: int) -> str:
        if step == "sample" and number > 5:
            raise RuntimeError("How do I oil oak? with tpo-secret-1")
        return f"<IMPROVED_VARIABLE>sandalwood {number}"

    app = served(loop(ScriptedModelWithN(reply=failing)), keys=keys)
    with caplog.at_level(logging.DEBUG):
        head = {"authorization": "Bearer tpo-secret-1"}
        statuses = [
            (await post(app, {"model": "oak", "messages": HI}, **head)).status_code
            for _ in range(2)
        ]
    async with transport(app) as client:
        page = (await client.get("/metrics", headers=head)).text

    assert statuses == [200, 500]
    logged = [record for record in caplog.records if record.name == "langchain_tpo.serve"]
    told = "".join(str(vars(record)) for record in logged) + page
    for private in ("oil oak", "sandalwood", "tpo-secret-1"):
        assert private not in told
    assert [r.tpo["status"] for r in logged if r.message == "request"] == [200, 500]
    assert "'key': 'alice'" in told
    for line in (
        'tpo_runs_total{outcome="answered"} 1.0',
        'tpo_runs_total{outcome="failed_500"} 1.0',
        'tpo_stage_seconds_count{step="textual_loss"} 1.0',
        "tpo_reward_count 1.0",
        "tpo_runs_running 0.0",
    ):
        assert line in page


def test_limits_out_of_range_are_one_line() -> None:
    with pytest.raises(SettingsError, match="`runs` of ServeLimits"):
        ServeLimits(runs=0)
