"""What a number in the source stands for."""

from shared.expressions.errors import ExpressionError
from shared.expressions.lexer import Token

_BASES = {"0x": 16, "0o": 8, "0b": 2}
_LARGEST = (1 << 63) - 1


def number(token: Token) -> int | float:
    """int, or float with a point or exponent. ExpressionError when it doesn't fit 64 bits."""
    digits = token.value.replace("_", "")
    base = _BASES.get(digits[:2].lower(), 10)
    try:
        if base == 10 and not digits.isdigit():
            value: int | float = float(digits)
        else:
            value = int(digits, base)
    except ValueError:  # 1e, 0x
        raise ExpressionError(f"bad number {token.value!r}", column=token.column) from None
    if (value > _LARGEST and isinstance(value, int)) or value == float("inf"):
        raise ExpressionError("a number is too large", column=token.column)
    return value
