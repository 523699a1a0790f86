"""The README's first example runs; the embedded model has its first layers alone, and is brief."""

import re
from functools import partial
from pathlib import Path

import pytest

from langchain_tpo import local
from langchain_tpo.local.weights import WEIGHTS_VARIABLE
from tests.support.shallow_weights import shallow_weights

pytestmark = pytest.mark.integration
README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"^```python\n(# with the embedded model\n.*?)^```", re.MULTILINE | re.DOTALL)

END_OF_TURN = 2
"""The token `<|im_end|>` of SmolLM2."""


def test_the_first_example_prints_an_answer(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("xllamacpp", reason="needs the extra `local`")
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(shallow_weights()))
    # What two layers say has no end of its own.
    brief = partial(local.local_chat_model, logit_bias={END_OF_TURN: 30})
    monkeypatch.setattr(local, "local_chat_model", brief)
    (block,) = BLOCK.findall(README.read_text(encoding="utf-8"))

    exec(compile(block, f"<{README.name}>", "exec"), {"__name__": "readme"})  # noqa: S102 our own page

    assert capsys.readouterr().out.strip()
