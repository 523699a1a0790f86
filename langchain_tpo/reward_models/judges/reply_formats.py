r"""Readers for the replies of published judges: from the text to a score, or to who is better.

For `ChatJudge(..., read=)`: `score_...`, which gives the score as it is written. For
`PairwiseJudge(..., read=)`: `choice_...`, which gives how sure the judge is that response A is
better, from 0 to 1. None is a reply that says nothing, or several things that differ.

| judge | one response | two responses |
|---|---|---|
| Prometheus 2 | `score_result` (1-5) | `choice_result` |
| Auto-J | `score_double_brackets` (1-10) | `choice_final_decision` |
| Selene | `score_result` (1-5), `score_yes_no` (0-1) | `choice_result` |
| Glider | `score_tag` | |
| MT-Bench | `score_double_brackets` (1-10) | `choice_double_brackets` |
| WildBench | `score_json` (1-10) | `choice_json` |
| Skywork-Critic, RM-R1 | | `choice_double_brackets` |
| Arena-Hard | | `choice_double_brackets` |
| JudgeLRM | | `choice_two_answers` (1-10) |
| JudgeLM | | `choice_first_line` (1-10) |
| PandaLM | | `choice_number` |
| Nemotron GenRM | | `choice_ranking` (1-6) |
| AlpacaEval | | `choice_letter_case` |

`rating_styles` and `comparison_styles` have a frame for each: `ChatJudge(..., style="auto-j")`.
"""

import re
from collections.abc import Iterable
from types import MappingProxyType

from langchain_tpo.reward_models.judges.replies import number_in

CHOICES = MappingProxyType(
    {
        "A": 1.0,
        "1": 1.0,
        "RESPONSE 1": 1.0,
        "A++": 1.0,
        "A>>B": 1.0,
        "B<<A": 1.0,
        "A+": 0.75,
        "A>B": 0.75,
        "B<A": 0.75,
        "C": 0.5,
        "TIE": 0.5,
        "A=B": 0.5,
        "B=A": 0.5,
        "B+": 0.25,
        "B>A": 0.25,
        "A<B": 0.25,
        "B": 0.0,
        "2": 0.0,
        "RESPONSE 2": 0.0,
        "B++": 0.0,
        "B>>A": 0.0,
        "A<<B": 0.0,
    }
)
"""How sure a verdict in letters is that response A is the better one."""

_RESULT = r"(?:\[RESULT\]|\bResult\**:)[\s*(]*"
"""What stands before a result: "[RESULT]", "**Result:**", "**Result**:"."""

_NUMBER = r"\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?"
"""A score; 1e1 is ten, not one."""

_REST = r"(?:\s*(?:/|out of|[-\u2013]|to\b|or\b)\s*\d+(?:\.\d+)?)?"
"""What may make of a number one of a scale, "4/5", or no single one, "3-4"."""

TOP = 10.0
"""The best of two scores that are compared."""


def score_result(reply: str) -> float | None:
    """Read "[RESULT] 4" (Prometheus 2) or "**Result:** 4" (Selene).

    Example:
        >>> score_result("Right and brief. [RESULT] 4")
        4.0
    """
    said = re.findall(rf"{_RESULT}({_NUMBER}{_REST})", reply, re.IGNORECASE)
    return _score(said, top=5)


def score_yes_no(reply: str) -> float | None:
    r"""Read "**Result:** Yes" as 1 and "No" as 0 (Selene's classification), for `scale=1`.

    Example:
        >>> score_yes_no("**Reasoning:** It is brief.\n\n**Result:** Yes")
        1.0
    """
    said = {one.upper() for one in re.findall(rf"{_RESULT}(Yes|No)\b", reply, re.IGNORECASE)}
    return float(said == {"YES"}) if len(said) == 1 else None


def score_double_brackets(reply: str) -> float | None:
    """Read "Rating: [[8]]" (Auto-J, MT-Bench), or "Rating: [8]", which MT-Bench takes as well.

    Example:
        >>> score_double_brackets("Helpful. Rating: [[8]]")
        8.0
    """
    doubled = re.findall(rf"\[\[\s*({_NUMBER})\s*\]\]", reply)
    return _score(
        doubled or re.findall(r"\brating:?\W{0,4}\[(\d+(?:\.\d+)?)\]", reply, re.IGNORECASE)
    )


def score_tag(reply: str) -> float | None:
    r"""Read "<score>4</score>" (Glider).

    Example:
        >>> score_tag("<reasoning>\nok\n</reasoning>\n<score>\n4\n</score>")
        4.0
    """
    return _score(re.findall(r"<score>\s*([^<>]+?)\s*</score>", reply), top=5)


def score_json(reply: str) -> float | None:
    """Read the field `score` of a JSON object (WildBench).

    Example:
        >>> score_json('{"strengths": "a", "weaknesses": "b", "score": "8"}')
        8.0
    """
    said = re.findall(rf'"score"\s*:\s*"?\[?({_NUMBER}{_REST})', reply)
    return _score(said, top=TOP)


def choice_double_brackets(reply: str) -> float | None:
    """Read "[[A]]", "[[B]]", "[[C]]" or "[[A>>B]]" (MT-Bench, Skywork-Critic, RM-R1, Arena-Hard).

    RM-R1 also closes one bracket too few, and boxes its letter.

    Example:
        >>> choice_double_brackets("My final verdict is: [[A>B]]")
        0.75
    """
    return _choice(re.findall(r"(?:\[\[|boxed\{)\s*([AB<>=C]{1,4})\s*[\]}]", reply))


def choice_result(reply: str) -> float | None:
    """Read "[RESULT] A" (Prometheus 2) or "**Result:** A" (Selene).

    Example:
        >>> choice_result("Feedback: the first is right. [RESULT] A")
        1.0
    """
    return _choice(re.findall(rf"{_RESULT}(?:Response )?([AB])\b", reply))


def choice_final_decision(reply: str) -> float | None:
    """Read "the final decision is Response 1", or "Tie" (Auto-J).

    Example:
        >>> choice_final_decision("So, the final decision is Response 2.")
        0.0
    """
    return _choice(re.findall(r"final decision is:?\s*(Response [12]|Tie)", reply, re.IGNORECASE))


def choice_two_answers(reply: str) -> float | None:
    """Read two scores, "<answer>9</answer><answer>2</answer>" (JudgeLRM).

    Example:
        >>> choice_two_answers("<answer>9</answer><answer>4</answer>")
        0.75
    """
    return _of_two(re.findall(r"<answer>\s*(\d+(?:\.\d+)?)\s*</answer>", reply))


def choice_first_line(reply: str) -> float | None:
    r"""Read two scores in the first line, "9 2" (JudgeLM).

    Example:
        >>> choice_first_line("9 4\nThe first is right.")
        0.75
    """
    return _of_two(re.findall(r"\d+(?:\.\d+)?", reply.strip().split("\n")[0]))


def choice_number(reply: str) -> float | None:
    r"""Read "1", "2" or "Tie" in the first line (PandaLM).

    Example:
        >>> choice_number("2\n\n### Reason: it is right.")
        0.0
    """
    return _choice([reply.strip().split("\n")[0].strip()])


def choice_letter_case(reply: str) -> float | None:
    r"""Read "m" (the first) or "M" (the second), alone or in the last line (AlpacaEval).

    The letter is read, not its probability.

    Example:
        >>> choice_letter_case("m"), choice_letter_case("The second is right.\n\nM")
        (1.0, 0.0)
    """
    last = reply.strip().rpartition("\n")[2].strip()
    return {"m": 1.0, "M": 0.0}.get(last.strip("\"'`*."))


def choice_json(reply: str) -> float | None:
    """Read the field `choice` of a JSON object, from "A++" to "B++" (WildBench).

    Example:
        >>> choice_json('{"reason": "Both are right.", "choice": "A=B"}')
        0.5
    """
    return _choice(re.findall(r'"choice"\s*:\s*"\s*\[?([AB+=]{1,3})\]?\s*"', reply))


def choice_ranking(reply: str) -> float | None:
    r"""Read the ranking score, from 1 (A is much better) to 6 (B is), in the last box (Nemotron).

    Example:
        >>> choice_ranking(r"\boxed{5, 2} ... [The Begin of Ranking Score] \boxed{2}")
        0.8
    """
    boxes = re.findall(r"\\boxed\{\s*([1-6])\s*\}", reply)
    score = _score(boxes)
    return None if score is None else (6 - score) / 5


def _score(said: Iterable[str], *, top: float | None = None) -> float | None:
    """Return the one number that is said, of this scale where it names its own."""
    found = {number_in(one.strip("'[] ")) for one in said}
    numbers = {one[0] if one and one[1] in (None, top) else None for one in found}
    return numbers.pop() if len(numbers) == 1 else None


def _choice(said: Iterable[str]) -> float | None:
    choices = {CHOICES.get(one.strip().upper()) for one in said}
    return choices.pop() if len(choices) == 1 else None


def _of_two(said: list[str]) -> float | None:
    if len(said) != 2:  # noqa: PLR2004 one for each response
        return None
    first, second = map(float, said)
    return None if max(first, second) > TOP else 0.5 + (first - second) / (2 * TOP)
