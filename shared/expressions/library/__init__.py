"""The built-in functions by name. Each takes its arguments as a list, and the meter."""

from shared.expressions.library.arguments import Function
from shared.expressions.library.arrays import ARRAYS
from shared.expressions.library.conversions import CONVERSIONS
from shared.expressions.library.dates import DATES
from shared.expressions.library.maps import MAPS
from shared.expressions.library.numbers import NUMBERS
from shared.expressions.library.texts import TEXTS

LIBRARY: dict[str, Function] = {**TEXTS, **NUMBERS, **ARRAYS, **MAPS, **CONVERSIONS, **DATES}
