r"""Writes formulas without LaTeX, or without dollar signs, as `math-verify` reads them. Pure.

It reads nothing of a bare "sqrt(2)" or "\\sqrt{2}", and the 1 of a bare "(2, 1)".
"""

import re

_NAMES = "sqrt|pi|infinity|inf|oo|ln|log|sin|cos|tan|exp"
_LATEX = (
    r"\\(?:begin|end)\{\w+\}|\\(?:text|mathrm|mathbf|operatorname)\{[^{}]*\}"
    r"|\\[A-Za-z]+|\\[^A-Za-z\s]|&"
)
"""What a formula in LaTeX is made of, beside signs and letters."""
_SIGNS = (
    r"\d\s.,:;+\-*/^=<>()\[\]{}|!_'%"
    r"\u2264\u2265\u2260\u221a\u03c0\u221e\u222a\u2229\u2205\u2032\u2013"
)
_MATHEMATICS = re.compile(
    rf"(?:[{_SIGNS}]|{_LATEX}|(?<![A-Za-z])(?:{_NAMES}|and|or|[A-Za-z]|[xyz]{{2}})(?![A-Za-z]))+"
)
_LEADS = re.compile(
    r"\b(?:is|are|equals?|be|answer|get|into|so|thus|hence|therefore|gives?)\b[\s:*]*|:\s+|\*\*",
    re.IGNORECASE,
)
_FORMULA = re.compile(r"\\[(\[]|\\boxed|(?<!\\)\$[^$]+\$")
_RANGE = re.compile(r"(?<=\d)\u2013(?=\d)")
"""From 5 to 10, not 5 less 10."""
_STEPS = re.compile(r"(?:=|\\ne).*[,;].*=")
"""Several equations, of which the last holds the result."""
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

    One that has a formula between dollar signs or the like is left as it is, and one that ends in a
    plain number.

    Example:
        >>> with_formula("The point is (2, 1)."), with_formula("It is 3.")
        ('The point is $(2, 1)$', 'It is 3.')
        >>> print(with_formula(r"So x = \sqrt{18}."))
        So $x = \sqrt{18}$
    """
    if _FORMULA.search(answer):
        return answer
    before, _, line = answer.rstrip().rpartition("\n")
    leads = [lead.end() for lead in _LEADS.finditer(line) if line[lead.end() :].strip(" *.")]
    start = max(leads, default=0)
    formula = line[start:].strip(" *_`.!\t")
    if not formula or _PLAIN_NUMBER.fullmatch(formula) or not _MATHEMATICS.fullmatch(formula):
        return answer
    if _RANGE.search(formula) or ("\\" in formula and _STEPS.search(formula)):
        return answer
    formula = formula.replace("\u2013", "-")
    return f"{before}\n{line[:start]}${as_latex(formula)}$".lstrip("\n")
