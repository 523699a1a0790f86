"""Writes formulas without LaTeX as `math-verify` reads them. Pure.

It reads nothing of a bare "sqrt(2)", and the 1 of a bare "(2, 1)".
"""

import re

_NAMES = "sqrt|pi|infinity|inf|oo|ln|log|sin|cos|tan|exp"
_SIGNS = (
    r"\d\s.,:;+\-*/^=<>()\[\]{}|!_'%\u2264\u2265\u2260\u221a\u03c0\u221e\u222a\u2229\u2205\u2032"
)
_MATHEMATICS = re.compile(
    rf"(?:[{_SIGNS}]|(?<![A-Za-z])(?:{_NAMES}|and|or|[A-Za-z]|[xyz]{{2}})(?![A-Za-z]))+"
)
_LEADS = re.compile(r"\b(?:is|are|equals?|be|answer|get|into)\b[\s:*]*|:\s+|\*\*", re.IGNORECASE)
_FORMULA = re.compile(r"\\[(\[]|\\boxed|(?<!\\)\$[^$]+\$|\\[a-zA-Z]{2}")
_PLAIN_NUMBER = re.compile(r"[$\s]*[+-]?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)(?:/\d+)?[%$]?")
_AS_LATEX = (
    (r"(?:sqrt|\u221a)\s*\(([^()]*)\)", r"\\sqrt{\1}"),
    (r"\u221a\s*(\w+)", r"\\sqrt{\1}"),
    (r"\bpi\b|\u03c0", r"\\pi "),
    (r"\b(?:infinity|inf|oo)\b|\u221e", r"\\infty "),
    (r"\b(ln|log|sin|cos|tan|exp)\b", r"\\\1 "),
    (r"<=|\u2264", r"\\le "),
    (r">=|\u2265", r"\\ge "),
    (r"!=|\u2260", r"\\ne "),
    (r"\u222a", r"\\cup "),
    (r"\u2229", r"\\cap "),
    (r"\u2205", r"\\emptyset "),
    (r"\*\*", "^"),
    (r"\^\(([^()]*)\)", r"^{\1}"),
    (r"\*", r" \\cdot "),
    (r",?\s+(?:and|or)\s+", ", "),
    (r"\{(?=[^{}]*,)([^{}]*)\}", r"\\{\1\\}"),
    (r"%", r"\\%"),
)


def as_latex(formula: str) -> str:
    r"""Return a formula that was written without LaTeX in LaTeX.

    Example:
        >>> as_latex("2*sqrt(3)"), as_latex("{1, 2}")
        ('2 \\cdot \\sqrt{3}', '\\{1, 2\\}')
    """
    if "\\" in formula:
        return formula
    for pattern, written in _AS_LATEX:
        formula = re.sub(pattern, written, formula)
    return formula


def with_formula(answer: str) -> str:
    r"""Return an answer in which the formula that it ends in stands between dollar signs.

    One that has LaTeX is left as it is, and one that ends in a plain number.

    Example:
        >>> with_formula("The point is (2, 1)."), with_formula("It is 3.")
        ('The point is $(2, 1)$', 'It is 3.')
    """
    if _FORMULA.search(answer):
        return answer
    before, _, line = answer.rstrip().rpartition("\n")
    leads = [lead.end() for lead in _LEADS.finditer(line) if line[lead.end() :].strip(" *.")]
    start = max(leads, default=0)
    formula = line[start:].strip(" *_`.!\t")
    if not formula or _PLAIN_NUMBER.fullmatch(formula) or not _MATHEMATICS.fullmatch(formula):
        return answer
    return f"{before}\n{line[:start]}${as_latex(formula)}$".lstrip("\n")
