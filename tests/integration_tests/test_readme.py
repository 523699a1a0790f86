"""The README's first example, with the embedded model."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"^```python\n(# with the embedded model\n.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_first_example_prints_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("xllamacpp", reason="needs the extra `local`")
    (block,) = BLOCK.findall(README.read_text(encoding="utf-8"))

    exec(compile(block, str(README), "exec"), {"__name__": "readme"})  # noqa: S102 our own page

    assert len(capsys.readouterr().out.split()) > 5
