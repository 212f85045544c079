"""Built-ins that make times, spans and zones."""

import time

from shared.expressions.budget import Meter
from shared.expressions.dates.reading import LAYOUTS, read_time
from shared.expressions.dates.spans import parsed_duration
from shared.expressions.dates.zones import UTC_ZONE, zone_named
from shared.expressions.errors import ExpressionError
from shared.expressions.library.arguments import Function, text
from shared.expressions.values import Location, Time

_SPAN_READING = 20  # steps
_READING = 500  # steps: up to seven layouts are tried


def _now(arguments: list[object], meter: Meter) -> object:
    where = arguments[0] if arguments else UTC_ZONE
    if not isinstance(where, Location):
        raise ExpressionError("now takes a timezone")
    return Time(time.time_ns(), where)


def _date(arguments: list[object], meter: Meter) -> object:
    """`date([zone,] text [, layout [, zone name]])`."""
    meter.spend(_READING)
    where, given = UTC_ZONE, arguments
    if isinstance(given[0], Location):
        where, given = given[0], given[1:]
    if not 1 <= len(given) <= 3:
        raise ExpressionError("wrong number of arguments for date")
    if len(given) == 3:
        where = zone_named(text(given[2]))
    layouts = (text(given[1]),) if len(given) > 1 else LAYOUTS
    return read_time(text(given[0]), layouts, where)


def _duration(arguments: list[object], meter: Meter) -> object:
    meter.spend(_SPAN_READING)
    return parsed_duration(text(arguments[0]))


DATES: dict[str, Function] = {
    "now": _now,
    "date": _date,
    "duration": _duration,
    "timezone": lambda arguments, meter: zone_named(text(arguments[0])),
}
