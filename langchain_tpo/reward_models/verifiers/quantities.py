"""What `math-verify` passes over: units, currency, brackets, primes and the base of a number. Pure.

It reads 5 km and 5 m alike, (1, 2) as {1, 2}, f'(x) as f(x). What one side leaves out is no
difference; what both say has to agree.
"""

import math
import re
from typing import NamedTuple

from langchain_tpo.reward_models.verifiers.answer_words import Word, words_of

_SCALES = {
    "length": "mm .001 cm .01 m 1 km 1000 in .0254 ft .3048 yd .9144 mi 1609.344",
    "mass": "mg .001 g 1 kg 1000 t 1e6 oz 28.349523125 lb 453.59237",
    "time": "ms .001 s 1 min 60 h 3600 d 86400 wk 604800",
    "volume": "ml .001 l 1",
    "speed": "m/s 1 km/h .2777777778 mph .44704",
    "power": "mW .001 W 1 kW 1000 MW 1e6",
    "energy": "J 1 kJ 1000 cal 4.184 kcal 4184 kWh 3.6e6",
    "frequency": "Hz 1 kHz 1000 MHz 1e6 GHz 1e9",
    "memory": "B 1 kB 1000 MB 1e6 GB 1e9 TB 1e12",
    "temperature": "C 1",
    "temperature of Fahrenheit": "F 1",
    "angle": "\xb0 1",
    "radians": "rad 1",
    "share": "% 1",
    "dollars": "$ 1 \xa2 .01",
    **{f"money {sign}": f"{sign} 1" for sign in "\u20ac\xa3\xa5\u20b9"},
}
"""Units by what they measure, each with its size."""

_UNITS: dict[str, tuple[str, float]] = {
    unit: (kind, float(size))
    for kind, scale in _SCALES.items()
    for unit, size in re.findall(r"(\S+) (\S+)", scale)
}
_SPELLED = {
    name: unit
    for unit, names in {
        "mm": "millimeter millimetre",
        "cm": "centimeter centimetre",
        "m": "meter metre",
        "km": "kilometer kilometre",
        "in": "inch inche",
        "ft": "foot feet",
        "yd": "yard",
        "mi": "mile",
        "mg": "milligram",
        "g": "gram",
        "kg": "kilogram",
        "t": "ton tonne",
        "oz": "ounce",
        "lb": "pound lb",
        "s": "second sec",
        "min": "minute",
        "h": "hour hr",
        "d": "day",
        "wk": "week",
        "ml": "milliliter millilitre mL",
        "l": "liter litre L",
        "km/h": "kph kmh",
        "W": "watt",
        "J": "joule",
        "C": "celsius",
        "F": "fahrenheit",
        "rad": "radian",
    }.items()
    for name in names.split()
}
"""Names of units, without the s of a plural."""
_POWERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_BASE = re.compile(r"\d_\{?(\d+)\}?\W*\Z")
_BRACKETS = re.compile("[\ue000-\uf8ff]+")


class Quantity(NamedTuple):
    """A number with its unit."""

    value: float
    unit: str
    power: int = 1
    """2 for an area."""


def quantity_in(text: str) -> Quantity | None:
    r"""Return the last number of a text with its unit; None without one.

    Example:
        >>> quantity_in(r"It takes $5\text{ km}$."), quantity_in("20 square meters")
        (Quantity(value=5.0, unit='km', power=1), Quantity(value=20.0, unit='m', power=2))
    """
    words = words_of(text)
    for place in reversed(range(len(words))):
        value = _value(words, place)
        if value is not None:
            unit, power = _unit(words, place)
            return Quantity(value, unit, power) if unit else None
    return None


def same_quantity(reference: str, result: str) -> bool | None:
    """Return whether two quantities are the same; None where one has no unit, or both the same.

    Example:
        >>> same_quantity("5 km", "5000 m"), same_quantity("5 km", "5 m"), same_quantity("5", "5 m")
        (True, False, None)
    """
    one, other = quantity_in(reference), quantity_in(result)
    if one is None or other is None or one[1:] == other[1:]:
        return None
    (kind, size), (another, its) = _UNITS[one.unit], _UNITS[other.unit]
    if kind != another or one.power != other.power:
        return False
    return math.isclose(one.value * size**one.power, other.value * its**other.power, rel_tol=1e-6)


def written_otherwise(reference: str, result: str) -> bool:
    """Return whether two results differ in brackets, primes or the base of a number.

    Example:
        >>> written_otherwise("{1, 2}", "(1, 2)"), written_otherwise("f'(x)", "f(x)")
        (True, True)
        >>> written_otherwise("1, 2", "(1, 2)"), written_otherwise("1011_2", "1011")
        (False, False)
    """
    bases = [_BASE.search(text.strip()) for text in (reference, result)]
    if bases[0] and bases[1] and bases[0][1] != bases[1][1]:
        return True
    one, other = words_of(reference), words_of(result)
    if _primes(one) != _primes(other):
        return True
    brackets = [_brackets(words) for words in (one, other)]
    return all(brackets) and brackets[0] != brackets[1][-len(brackets[0]) :]


def _primes(words: list[Word]) -> int:
    return sum(word.text.count("\u2032") for word in words)


def _brackets(words: list[Word]) -> str:
    return "".join(_BRACKETS.findall("".join(word.mark for word in words)))


def _value(words: list[Word], place: int) -> float | None:
    exponent = place > 0 and words[place - 1].text == "^"
    number = re.fullmatch(r"(-?\d+(?:\.\d+)?)%?", words[place].text)
    return float(number[1]) if number and not exponent else None


def _unit(words: list[Word], place: int) -> tuple[str, int]:
    """Return the unit of the number at a place, and its power."""
    behind = [word.text for word in words[place + 1 : place + 4]] + ["", "", ""]
    power = _POWERS.get(behind[0].casefold(), 1)
    named = _known(behind[1 if power > 1 else 0])
    if named and behind[1] == "^" and behind[2].isdigit():
        power = int(behind[2])
    if words[place].mark == "\xb0":
        return (named if named in ("C", "F") else "\xb0"), 1
    sign = "%" if words[place].text.endswith("%") else words[place].mark
    return (sign if sign in _UNITS else named), power


def _known(word: str) -> str:
    if word in _UNITS:
        return word
    plain = word.casefold()
    return next((_SPELLED[one] for one in (word, plain, plain.rstrip("s")) if one in _SPELLED), "")
