"""What can be known of a server before one is started."""

import os
import sys
from pathlib import Path

import pytest

from langchain_tpo import ConfigurationError
from langchain_tpo.errors import MissingExtraError, SettingsError, WeightsError
from langchain_tpo.local import LocalServer, local_chat_model
from langchain_tpo.local.server import default_threads


@pytest.mark.parametrize("setting", ["slots", "context_tokens", "threads"])
def test_numbers_out_of_range_are_refused_at_once(setting: str) -> None:
    with pytest.raises(SettingsError, match=f"`{setting}` must be at least 1, got 0"):
        LocalServer(**{setting: 0})


def test_one_core_is_left_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, threads in ((1, 1), (2, 1), (8, 7)):
        monkeypatch.setattr(
            os, "sched_getaffinity", lambda _, n=cores: set(range(n)), raising=False
        )
        assert default_threads() == threads


def test_a_server_that_does_not_run_says_so() -> None:
    server = LocalServer("smollm2-135m")

    assert not server.running
    assert repr(server) == "LocalServer('smollm2-135m', stopped)"
    with pytest.raises(ConfigurationError, match=r"is not running: call `start\(\)` or use `with`"):
        server.chat_model()
    server.stop()


def test_a_missing_engine_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'langchain-tpo\[local\]'"):
        local_chat_model("smollm2-135m")


def test_weights_that_cannot_be_loaded_are_one_line(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="the engine is not installed")
    path = tmp_path / "torn.gguf"
    path.write_bytes(b"GGUF" + bytes(60))

    with pytest.raises(WeightsError, match=r"llama.cpp could not load `.*torn.gguf`") as raised:
        LocalServer(path).start()

    assert "\n" not in str(raised.value)
