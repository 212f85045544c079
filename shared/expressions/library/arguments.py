"""What a built-in is, and how it makes sure of its arguments' types while running."""

from collections.abc import Callable

from shared.expressions.budget import Meter
from shared.expressions.errors import ExpressionError
from shared.expressions.values import Byte, type_name

Function = Callable[[list[object], Meter], object]


def text(value: object) -> str:
    if not isinstance(value, str):
        raise ExpressionError(f"expected a string, got {type_name(value)}")
    return value


def array(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ExpressionError(f"expected an array, got {type_name(value)}")
    return value


def whole(value: object) -> int:
    """An int; a float won't do, even a round one."""
    if type(value) is int or type(value) is Byte:
        return int(value)
    raise ExpressionError(f"expected an int, got {type_name(value)}")
