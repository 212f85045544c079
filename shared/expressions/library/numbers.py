"""Built-ins on numbers: rounding, bits, extremes and averages, and the engine's own two."""

import math
import secrets
from collections.abc import Callable, Iterator

from shared.expressions.budget import Meter
from shared.expressions.comparison import less
from shared.expressions.errors import ExpressionError
from shared.expressions.library.arguments import Function, whole
from shared.expressions.operators import number
from shared.expressions.values import Duration, Month, TypedList, Weekday, type_name, wrap

_BITS = 64


def _number(value: object) -> int | float:
    found = number(value)
    if found is None:
        raise ExpressionError(f"expected a number, got {type_name(value)}")
    return found


def _counted(value: object) -> int | float:
    """A number, or what is one underneath: a span of time, a month."""
    return int(value) if isinstance(value, Duration | Month | Weekday) else _number(value)


def _abs(arguments: list[object], meter: Meter) -> object:
    value = arguments[0]
    found = _number(value)
    return wrap(-found) if isinstance(found, int) and found < 0 else _positive(value, found)


def _positive(value: object, found: float) -> object:
    return -found if found < 0 else value


def _rounding(change: Callable[[float], float]) -> Function:
    def rounded(arguments: list[object], meter: Meter) -> object:
        value = float(_number(arguments[0]))
        if not math.isfinite(value) or value == 0:
            return value
        return math.copysign(float(change(value)), value)

    return rounded


def _half_away(value: float) -> float:
    whole_part = math.trunc(value)
    away = abs(value - whole_part) >= 0.5
    return whole_part + math.copysign(1, value) * away


def _on_bits(combine: Callable[[int, int], int]) -> Function:
    return lambda arguments, meter: wrap(combine(whole(arguments[0]), whole(arguments[1])))


def _shifting(shift: Callable[[int, int], int]) -> Function:
    def shifted(arguments: list[object], meter: Meter) -> object:
        value, places = whole(arguments[0]), whole(arguments[1])
        if places < 0:
            raise ExpressionError("a shift can't be negative")
        return wrap(shift(value, min(places, _BITS)))

    return shifted


def _leaves(values: list[object], meter: Meter, depth: int = 0) -> Iterator[object]:
    """All elements, those of lists within lists included."""
    for value in values:
        meter.descend(depth)
        if isinstance(value, list):
            yield from _leaves(value, meter, depth + 1)
        else:
            yield value


def _extreme(beats: Callable[[object, object, Meter], object]) -> Function:
    def extreme(arguments: list[object], meter: Meter) -> object:
        if len(arguments) == 1 and not isinstance(arguments[0], list):
            return arguments[0]
        best: object = None
        for value in _leaves(arguments, meter):
            _counted(value)
            if best is None or beats(value, best, meter):
                best = value
        return best

    return extreme


def _floats(arguments: list[object], meter: Meter) -> list[float]:
    return [float(_counted(value)) for value in _leaves(arguments, meter)]


def _mean(arguments: list[object], meter: Meter) -> object:
    values = _floats(arguments, meter)
    return sum(values) / len(values) if values else 0.0


def _median(arguments: list[object], meter: Meter) -> object:
    values = sorted(_floats(arguments, meter))
    if not values:
        return 0.0
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def _sequence(arguments: list[object], meter: Meter) -> object:
    """`sequence(start, stop)`: the integers from start, stop excluded."""
    start, stop = whole(arguments[0]), whole(arguments[1])
    meter.elements(max(stop - start, 0))
    return TypedList(range(start, stop))


def _random_int(arguments: list[object], meter: Meter) -> object:
    """`randomInt()`: any non-negative integer; `randomInt(n)`: one below n."""
    if len(arguments) > 1:
        raise ExpressionError("randomInt takes at most one argument")
    limit = whole(arguments[0]) if arguments else 1 << 63
    if limit < 1:
        raise ExpressionError("randomInt needs a positive limit")
    return secrets.randbelow(limit)


NUMBERS: dict[str, Function] = {
    "abs": _abs,
    "ceil": _rounding(math.ceil),
    "floor": _rounding(math.floor),
    "round": _rounding(_half_away),
    "bitand": _on_bits(lambda a, b: a & b),
    "bitor": _on_bits(lambda a, b: a | b),
    "bitxor": _on_bits(lambda a, b: a ^ b),
    "bitnand": _on_bits(lambda a, b: a & ~b),
    "bitnot": lambda arguments, meter: ~whole(arguments[0]),
    "bitshl": _shifting(lambda value, places: value << places),
    "bitshr": _shifting(lambda value, places: value >> places),
    "bitushr": _shifting(lambda value, places: (value % (1 << _BITS)) >> places),
    "max": _extreme(lambda value, best, meter: less(best, value, meter)),
    "min": _extreme(less),
    "mean": _mean,
    "median": _median,
    "sequence": _sequence,
    "randomInt": _random_int,
}
