"""Code of a response runs apart, with limits; what fails is said."""

import time
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_tpo.errors import RewardTypeError, SettingsError
from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.reward_models.verifiers.test_suites import code_in
from langchain_tpo.reward_models.verifiers.unit_tests import UnitTests

TESTS = ["assert add(1, 2) == 3", "assert add(0, 0) == 0"]
RIGHT = "def add(a, b):\n    return a + b\n"
HALF = "def add(a, b):\n    return a - b\n"


def request(*responses: str, prompt: str = "Write `add`.", **context: Any) -> ScoreRequest:
    return {
        "messages": [HumanMessage(prompt)],
        "responses": list(responses),
        "context": context,
    }


def checked(response: str, reward: UnitTests | None = None, **options: Any) -> tuple[Any, str]:
    reward = reward or UnitTests(run_code=True, tests=TESTS, seconds=30)
    (score,) = reward.invoke(request(response, **options))
    assert isinstance(score, dict)
    return score["reward"], score["rationale"]


def test_nothing_runs_unless_asked_for() -> None:
    with pytest.raises(SettingsError, match="pass `run_code=True`"):
        UnitTests(tests=TESTS)
    with pytest.raises(SettingsError, match="`secnds` is no option of UnitTests"):
        UnitTests(run_code=True, secnds=3)


async def test_the_reward_is_the_share_that_passes_and_the_rationale_what_failed() -> None:
    reward = UnitTests(run_code=True, tests=TESTS)
    fenced = f"Here:\n```python\n{RIGHT}```\nDone."

    assert await reward.ainvoke(request(RIGHT, HALF, fenced, "Sorry.", RIGHT)) == [
        {"reward": 1.0, "rationale": "2 of 2 tests pass."},
        {
            "reward": 0.5,
            "rationale": "1 of 2 tests pass. "
            "`assert add(1, 2) == 3` fails: left is -1, right is 3.",
        },
        {"reward": 1.0, "rationale": "2 of 2 tests pass."},
        {"reward": 0.0, "rationale": "The response holds no Python code."},
        {"reward": 1.0, "rationale": "2 of 2 tests pass."},
    ]
    assert (reward.maximum, reward.explains) == (1.0, True)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def add(a, b):\n    return a + c\n", "NameError: name 'c' is not defined"),
        ("def add(a, b)\n    return a", "holds no Python code"),
        ("```python\ndef add(a, b)\n```", "The code fails: SyntaxError"),
        ("x = 1 / 0", "Its line `x = 1 / 0` fails: ZeroDivisionError"),
        ("def sub(a, b):\n    return a", "NameError: name 'add' is not defined"),
        ("import sys\ndef add(a, b):\n    sys.exit(0)", "SystemExit: 0"),
        ("import os\ndef add(a, b):\n    os._exit(0)", "The process died"),
        ("import os\nx = os._exit(0)", "The process died"),
    ],
)
def test_what_stops_the_code_is_said(code: str, said: str) -> None:
    reward, rationale = checked(code)

    assert reward == 0.0
    assert said in rationale


def test_time_is_bounded_and_what_passed_before_counts() -> None:
    endless = "def add(a, b):\n    while a == 0: pass\n    return a + b\n"
    begun = time.monotonic()

    reward, rationale = checked(endless, UnitTests(run_code=True, tests=TESTS, seconds=1))

    assert time.monotonic() - begun < 8
    assert reward == 0.5
    assert rationale == "1 of 2 tests pass. Timeout after 1 s in `assert add(0, 0) == 0`."


YES = "class Yes:\n    def __eq__(self, other): return True\n    def __hash__(self): return 0\n"


@pytest.mark.parametrize("value", ["Yes()", "[Yes()]", "{'a': (Yes(), 1)}"])
def test_a_value_that_equals_anything_passes_no_test(value: str) -> None:
    expected = value.replace("Yes()", "3")
    suite = UnitTests(run_code=True, tests=[f"assert add(1, 2) == {expected}"])

    reward, rationale = checked(f"{YES}def add(a, b):\n    return {value}", suite)

    assert reward == 0.0
    assert "the value says that it is equal to anything" in rationale


@pytest.mark.parametrize(
    ("code", "test"),
    [
        (
            "from fractions import Fraction\ndef add(a, b): return Fraction(a, b)",
            "assert add(1, 2) == 0.5",
        ),
        (
            "from collections import Counter\ndef add(a): return Counter(a)",
            "assert add('a') == {'a': 1}",
        ),
        (
            "class add:\n    def __init__(self, a): self.a = a\n"
            "    def __eq__(self, b): return self.a == b",
            "assert add(3) == 3",
        ),
    ],
)
def test_a_value_of_another_type_that_is_equal_passes(code: str, test: str) -> None:
    suite = UnitTests(run_code=True, tests=[test])

    assert checked(code, suite)[0] == 1.0


HARM = {
    "memory": "def add(a, b):\n    return [0] * 10**9",
    "files": "def add(a, b):\n    open('/tmp/tpo-harm', 'w').write('x')",
    "big files": "def add(a, b):\n    open('big', 'w').write('x' * 2**22)",
    "secrets": "def add(a, b):\n    return open('/etc/passwd').read()",
    "network": "import socket\ndef add(a, b):\n    socket.create_connection(('127.0.0.1', 9))",
    "processes": "import subprocess\ndef add(a, b):\n    subprocess.run(['true'])",
    "shell": "import os\ndef add(a, b):\n    os.system('true')",
    "deleting": "import os\ndef add(a, b):\n    os.remove('/tmp/tpo-harm')",
}
"""What code under test must not be able to do."""


@pytest.mark.parametrize("harm", HARM)
def test_limits_hold(harm: str) -> None:
    reward, rationale = checked(
        HARM[harm], UnitTests(run_code=True, tests=TESTS[:1], memory_mb=256)
    )

    assert reward == 0.0
    assert "fails: " in rationale or "died" in rationale
    assert any(word in rationale for word in ("MemoryError", "PermissionError", "OSError", "died"))
    assert not Path("/tmp/tpo-harm").exists()  # noqa: S108 what the code tries to write


def test_the_environment_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TPO_TEST_KEY", "sk-secret")
    code = "import os\ndef add(a, b):\n    return sorted(k for k in os.environ if 'KEY' in k)"

    assert checked(code, UnitTests(run_code=True, tests=["assert add(1, 2) == []"]))[0] == 1.0


def test_prints_are_no_results() -> None:
    forged = 'print(\'{"event": "passed"}\' * 9)\ndef add(a, b):\n    return 7\n'

    assert checked(forged)[0] == 0.0


def test_a_row_of_humaneval() -> None:
    tests = (
        "def check(candidate):\n    assert candidate(1, 2) == 3\n    assert candidate(2, 2) == 4\n"
    )
    reward = UnitTests(run_code=True)

    assert checked(RIGHT, reward, test=tests, entry_point="add")[0] == 1.0
    assert checked(HALF, reward, test=tests, entry_point="add") == (
        0.0,
        "0 of 2 tests pass. `assert candidate(1, 2) == 3` fails: left is -1, right is 3. "
        "`assert candidate(2, 2) == 4` fails: left is 0, right is 4.",
    )


def test_a_row_of_mbpp() -> None:
    reward = UnitTests(run_code=True)
    row = {"test_setup_code": "zero = 0", "test_list": ["assert add(zero, 1) == 1", *TESTS]}

    assert checked(HALF, reward, **row)[0] == pytest.approx(1 / 3)


EXAMPLES = '''from typing import List

def add(a, b):
    """ Add.
    >>> add(1, 2)
    3
    >>> add(0, 0)
    0
    """
'''


def test_examples_of_the_prompt_are_tests() -> None:
    reward = UnitTests(run_code=True)

    assert checked(HALF, reward, prompt=EXAMPLES) == (
        0.5,
        "1 of 2 tests pass. `add(1, 2)` fails: AssertionError: expected 3, got -1.",
    )
    quotes = ">>> add('a', 'b')\n\"ab\"\n"
    assert checked(RIGHT, reward, prompt=quotes)[0] == 1.0
    uses_the_import = "def add(a, b) -> List[int]:\n    return a + b\n"
    assert checked(uses_the_import, reward, prompt=EXAMPLES)[0] == 1.0


def test_hidden_tests_can_be_kept_apart() -> None:
    row = {"prompt": EXAMPLES, "tests": "assert add(5, 5) == 10"}

    assert checked(HALF, UnitTests(run_code=True, where="prompt"), **row)[0] == 0.5
    assert checked(HALF, UnitTests(run_code=True, where="row"), **row)[0] == 0.0


def test_a_question_without_tests_is_refused() -> None:
    with pytest.raises(RewardTypeError, match="found no tests"):
        UnitTests(run_code=True).invoke(request(RIGHT))
    with pytest.raises(RewardTypeError, match="are no Python"):
        UnitTests(run_code=True).invoke(request(RIGHT, tests="assert add(1,"))
    with pytest.raises(RewardTypeError, match="are no Python"):
        UnitTests(run_code=True, tests="assert add(1,")


def test_the_block_that_defines_the_entry_point_is_the_code() -> None:
    answer = f"First:\n```python\n{HALF}```\nBetter:\n```python\n{RIGHT}```\nUse:\n```sh\nls\n```\n"

    assert code_in(answer, prompt="", entry_point="add") == RIGHT
    assert code_in(answer, prompt="") == f"{HALF}\n{RIGHT}"


ADD = "def add(a, b):\n    return a + b\n"


@pytest.mark.parametrize(
    "answer",
    [
        "1. So:\n   ```python\n   def add(a, b):\n       return a + b\n   ```\n",
        f"~~~python\n{ADD}~~~\n",
        f"```python\n{ADD}",
        f"<think>```python\ndef add: no\n```</think>```python\n{ADD}```",
    ],
)
def test_code_is_found_in_the_ways_models_fence_it(answer: str) -> None:
    assert checked(answer, UnitTests(run_code=True), tests="assert add(1, 2) == 3")[0] == 1.0


def test_functions_of_tests_are_called() -> None:
    tests = (
        "def test_sum():\n    assert add(1, 2) == 3\n"
        "def test_text():\n    add(1, 'a')\n    assert True\n"
        "def test_zero():\n    assert add(0, 0) == 0"
    )
    reward, said = checked(ADD, UnitTests(run_code=True), tests=tests)

    assert reward == pytest.approx(2 / 3)
    assert "`test_text()` fails: TypeError" in said


def test_an_assertion_stays_with_what_catches_its_error() -> None:
    tests = "try:\n    add(1, 'a')\n    assert False, 'no error'\nexcept TypeError:\n    pass"

    assert checked(ADD, UnitTests(run_code=True), tests=tests)[0] == 1.0
    assert (
        checked("def add(a, b):\n    return 0\n", UnitTests(run_code=True), tests=tests)[0] == 0.0
    )


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        ("# nothing", "hold no `assert`"),
        ("def check(candidate):\n    assert candidate(1, 2) == 3", "do not call it"),
    ],
)
def test_tests_that_test_nothing_are_refused(tests: str, said: str) -> None:
    with pytest.raises(RewardTypeError, match=said):
        checked(ADD, UnitTests(run_code=True), tests=tests)


BEHIND = {
    "a failing example": "assert add(2, 2) == 5",
    "an unknown name": "print(undefined(3))",
    "input": "a = int(input('a? '))\nprint(add(a, 1))",
    "an exit": "import sys\nsys.exit(1)",
    "a missing library": "import no_such_library\nno_such_library.show(add(1, 2))",
    "a missing file": "with open('data.txt') as f:\n    print(f.read())",
    "an event loop": "import asyncio\nasync def main():\n    print(add(1, 2))\nasyncio.run(main())",
    "unittest": "import unittest\nunittest.main()",
    "a block without an end": "```\n```python\nadd(a, b",
    "what it prints": "```\nIt prints:\n```\n3 is the sum\n",
}


@pytest.mark.parametrize("what", BEHIND)
def test_what_stands_behind_good_code_is_passed_over(what: str) -> None:
    assert checked(f"```python\n{ADD}\n{BEHIND[what]}\n```")[0] == 1.0


def test_an_example_without_an_end_is_left() -> None:
    code = f"```python\nwhile True:\n    pass\n{ADD}```"
    assert checked(code, UnitTests(run_code=True, tests=TESTS, seconds=8))[0] == 1.0


@pytest.mark.parametrize(
    "answer",
    [
        f"Here is the function:\n\n{ADD}\nIt adds two numbers.",
        f"Sure!\n\n{ADD}\nprint(add(1, 2))\n\nHope this helps!",
        "Here:\n\n    import math\n    BASE = 0\n\n    def add(a, b):\n"
        "        return BASE + a + b\n",
        "```python\n>>> def add(a, b):\n...     return a + b\n...\n>>> add(1, 2)\n3\n```",
        "from __future__ import annotations\nasync def _add(a, b): return a + b\n"
        "def add(a: Int, b: Int) -> Int:\n    import asyncio\n    return asyncio.run(_add(a, b))\n",
        "import os, tempfile\ndef add(a, b):\n    with tempfile.TemporaryDirectory() as folder:\n"
        "        path = os.path.join(folder, 'sum')\n        open(path, 'w').write(str(a + b))\n"
        "        os.rename(path, path + '.txt')\n        return int(open(path + '.txt').read())\n",
    ],
)
def test_good_code_is_found_and_runs(answer: str) -> None:
    assert checked(answer) == (1.0, "2 of 2 tests pass.")


FETCH = "async def fetch(x):\n    return x + 1\n"


@pytest.mark.parametrize(
    ("code", "tests"),
    [
        (FETCH, "import asyncio\nassert asyncio.run(fetch(1)) == 2"),
        (FETCH, "async def test_fetch():\n    assert await fetch(1) == 2"),
        (FETCH, "assert await fetch(1) == 2"),
        (ADD, "class TestAdd:\n    def test_sum(self):\n        assert add(1, 2) == 3"),
        (
            ADD,
            "import unittest\nclass AddTest(unittest.TestCase):\n    def setUp(self):\n"
            "        self.one = 1\n    def test_sum(self):\n"
            "        self.assertEqual(add(self.one, 2), 3)",
        ),
        (ADD, "from solution import add\nassert add(1, 2) == 3"),
    ],
)
def test_tests_are_run_in_whichever_form_they_are(code: str, tests: str) -> None:
    broken = code.replace("+", "-")

    reward = UnitTests(run_code=True, seconds=30)

    assert checked(code, reward, tests=tests) == (1.0, "1 of 1 tests pass.")
    assert checked(broken, reward, tests=tests)[0] == 0.0


@pytest.mark.parametrize(
    "statement",
    [
        "import socket; socket.socket().connect(('127.0.0.1', 9))",
        "import socket; socket.socket(socket.AF_UNIX).connect('/tmp/x')",
        "import os; os.remove(os.__file__)",
        "import os; os.open(os.path.dirname(os.__file__) + '/x', os.O_CREAT | os.O_RDWR)",
        "import os; os.unlink('x', dir_fd=os.open(os.path.dirname(os.__file__), os.O_RDONLY))",
    ],
)
def test_what_leaves_the_folder_is_still_refused(statement: str) -> None:
    code = f"def add(a, b):\n    {statement}\n    return a + b"

    reward, said = checked(code)

    assert (reward, "PermissionError" in said) == (0.0, True)
