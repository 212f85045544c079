"""x to the power of y, to the last digit as the reference engine computes it on amd64.

It squares a mantissa step by step and keeps the exponent apart, where C's pow rounds once. One in
five fractional powers would print another last digit, hence also exp and log of its own kind:
Shibata's series with fused multiplications, and the series of FreeBSD's msun.
"""

import math
from fractions import Fraction

_MOST = 1 << 12  # of an exponent that still matters
_HUGE = 2.0**63
_LOG2_E = 1.4426950408889634073599246810018920
_LN2_HIGH, _LN2_LOW = 0.6931471805596629565116018056869507, 0.28235290563031577122588448175e-12
_EXP_TERMS = (2.4801587301587301587e-5, 1.9841269841269841270e-4, 1.3888888888888888889e-3,
              8.3333333333333333333e-3, 4.1666666666666666667e-2, 1.6666666666666666667e-1,
              0.5, 1.0)  # fmt: skip
_LOG_ODD = (1.479819860511658591e-01, 1.818357216161805012e-01, 2.857142874366239149e-01,
            6.666666666666735130e-01)  # fmt: skip
_LOG_EVEN = (1.531383769920937332e-01, 2.222219843214978396e-01, 3.999999999940941908e-01)
_LOG_LN2_HIGH, _LOG_LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10


def raised(base: float, power: float) -> float:
    """Never raises: infinity where it overflows, NaN for a root of a negative number."""
    if power in (0.5, -0.5) and math.isfinite(base) and base > 0:
        root = math.sqrt(base)
        return root if power > 0 else 1 / root
    if power == 1 or base in (0, 1) or not (math.isfinite(base) and math.isfinite(power)):
        return _plain(base, power)
    if abs(power) >= _HUGE or (base < 0 and power != math.floor(power)):
        return _plain(base, power)
    fraction, whole = math.modf(abs(power))
    start = 1.0
    if fraction:
        if fraction > 0.5:
            fraction, whole = fraction - 1, whole + 1
        start = _exp(fraction * _log(base))
    mantissa, exponent = _squared(start, base, int(whole))
    if power < 0:
        mantissa, exponent = 1 / mantissa, -exponent
    return _scaled(mantissa, exponent)


def _squared(start: float, base: float, times: int) -> tuple[float, int]:
    """start times base to that power, as a mantissa and an exponent of two."""
    product, total = start, 0
    mantissa, exponent = math.frexp(base)
    while times:
        if abs(exponent) > _MOST:
            return product, total + exponent
        if times & 1:
            product, total = product * mantissa, total + exponent
        mantissa, exponent = mantissa * mantissa, exponent * 2
        if mantissa < 0.5:
            mantissa, exponent = mantissa * 2, exponent - 1
        times >>= 1
    return product, total


def _scaled(mantissa: float, exponent: int) -> float:
    try:
        return math.ldexp(mantissa, exponent)
    except OverflowError:  # infinity, of the mantissa's sign
        return math.copysign(math.inf, mantissa)


def _plain(base: float, power: float) -> float:
    try:
        return math.pow(base, power)
    except OverflowError:  # what others call infinity
        return -math.inf if base < 0 and power % 2 == 1 else math.inf
    except ValueError:  # 0 to a negative power, or a root of a negative number
        return math.inf if base == 0 else math.nan


def _exp(value: float) -> float:
    """e to a power within ±400."""
    twos = round(value * _LOG2_E)
    rest = _fused(-_LN2_HIGH, twos, value)
    rest = _fused(-_LN2_LOW, twos, rest) * 0.0625
    series = _EXP_TERMS[0]
    for term in _EXP_TERMS[1:]:
        series = _fused(series, rest, term)
    grown = rest * series
    for _ in range(3):
        grown = grown * (grown + 2)
    return math.ldexp(_fused(grown, grown + 2, 1.0), twos)


def _fused(one: float, other: float, added: float) -> float:
    """one * other + added, rounded once."""
    return float(Fraction(one) * Fraction(other) + Fraction(added))


def _log(value: float) -> float:
    """The natural logarithm of a positive number."""
    mantissa, twos = math.frexp(value)
    if mantissa <= math.sqrt(0.5):
        mantissa, twos = mantissa * 2, twos - 1
    over = mantissa - 1
    ratio = over / (2 + over)
    square = ratio * ratio
    fourth = square * square
    rest = square * _polynomial(_LOG_ODD, fourth) + fourth * _polynomial(_LOG_EVEN, fourth)
    half = 0.5 * over * over
    return twos * _LOG_LN2_HIGH - ((half - (ratio * (half + rest) + twos * _LOG_LN2_LOW)) - over)


def _polynomial(factors: tuple[float, ...], value: float) -> float:
    total = factors[0]
    for factor in factors[1:]:
        total = total * value + factor
    return total
