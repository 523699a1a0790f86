"""Which lines of a question are believed to be examples, and which are not."""

import pytest

from langchain_tpo.reward_models.verifiers.test_suites import suite_of_examples
from langchain_tpo.reward_models.verifiers.written_examples import written_examples

QUESTION = 'def f(a, b=0):\n    """What is f?\n    {}\n    """\n'


@pytest.mark.parametrize(
    ("line", "example"),
    [
        ("f(1) == 2", "assert f(1) == 2"),
        ("f(1) = 2", "assert f(1) == 2"),
        ("* f([]) => []", "assert f([]) == []"),
        ("- f([]) => []", "assert f([]) == []"),
        (">>> f(1) == 2", "assert f(1) == 2"),
        ("f(1)==>True", "assert f(1) == True"),
        ("f(1) ==> 2 ", "assert f(1) == 2"),
        ("f(1) -> [4, 4, 1]", "assert f(1) == [4, 4, 1]"),
        ('f("(") ➞ False ', 'assert f("(") == False'),
        ("f([1, (2, 3)], 4) → (1, None)", "assert f([1, (2, 3)], 4) == (1, None)"),
        ("f(')') => true", "assert f(')') == True"),
        ("f(1) returns 'lm'", "assert f(1) == 'lm'"),
        ("f(1)   # returns 'db11'", "assert f(1) == 'db11'"),
        ("f(-1.5) should return 16.", "assert f(-1.5) == 16"),
        ("For example, f(5) returns [1, 5] # the sequence is 5, 16", "assert f(5) == [1, 5]"),
        ("f('a.dll') # => 'No' (a letter must come first)", "assert f('a.dll') == 'No'"),
        ("assert f(1) == 2", "assert f(1) == 2"),
        ("f(1) ==2", "assert f(1) == 2"),
        ("f(1) == triangle_area", None),
        ("f(n) = 1 + n / 2, if n is even", None),
        ("f(3) = f(2) + f(1) = 8", None),
        ("f(1) == 1 + 9 = 10", None),
        ("f(1) is the sum", None),
        ("f(1)", None),
        ("half(1) == 2", None),
        ("self.f(1) == 2", None),
        ("f(a) => False", None),
        ("f(1, b=2) == 3", None),
        ("f(1) == f(2)", None),
        ("f(1) >= 2", None),
        ("f(1) != 2", None),
        ("f(1) returned 2", None),
        ("f((1) == 2", None),
        ("f(1) == ", None),
        ("f(1) == os.system('x')", None),
        ("f(__import__('os')) == 1", None),
    ],
)
def test_a_call_with_plain_values_and_a_plain_result_is_an_example(
    line: str, example: str | None
) -> None:
    assert written_examples(QUESTION.format(line)) == ([example] if example else [])


def test_only_functions_that_the_question_defines_are_meant() -> None:
    assert written_examples("What is f(1) == 2?") == []


def test_examples_after_prompts_of_python_come_first() -> None:
    suite = suite_of_examples(QUESTION.format(">>> f(1)\n    2\n    f(2) == 3\n    f(4) == 5"))

    assert suite is not None
    assert suite.total == 1


def test_without_any_there_is_no_suite() -> None:
    assert suite_of_examples(QUESTION.format("Think.")) is None
