"""The built-in functions by name. Each takes its arguments as a list, and the meter."""

from collections.abc import Mapping

from shared.expressions.library.arguments import Function
from shared.expressions.library.collections import ARRAYS, MAPS
from shared.expressions.library.conversions import CONVERSIONS, DATES, FLOAT_CONVERSIONS
from shared.expressions.library.numbers import NUMBERS
from shared.expressions.library.texts import TEXTS
from shared.expressions.values import Numbers

_EXACT: dict[str, Function] = {**TEXTS, **NUMBERS, **ARRAYS, **MAPS, **CONVERSIONS, **DATES}
_FLOAT64: dict[str, Function] = {**_EXACT, **FLOAT_CONVERSIONS}


def library(numbers: Numbers) -> Mapping[str, Function]:
    """Every function, for numbers read in that way."""
    return _EXACT if numbers == "exact" else _FLOAT64
