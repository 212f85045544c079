"""Built-ins on maps."""

from shared.expressions.access import fetch
from shared.expressions.budget import Meter
from shared.expressions.errors import ExpressionError
from shared.expressions.library.arguments import Function, array
from shared.expressions.values import AnyMap, Time, TypedList, any_key, type_name


def _items(value: object, meter: Meter) -> list[tuple[object, object]]:
    if not isinstance(value, dict):
        raise ExpressionError(f"a map was needed, not {type_name(value)}")
    meter.elements(len(value))
    if isinstance(value, AnyMap):
        return [(key[1], item) for key, item in value.items()]
    return list(value.items())


def _to_pairs(arguments: list[object], meter: Meter) -> object:
    return TypedList([key, item] for key, item in _items(arguments[0], meter))


def _from_pairs(arguments: list[object], meter: Meter) -> object:
    given = array(arguments[0])
    meter.elements(len(given))
    made = AnyMap()
    for pair in given:
        if not isinstance(pair, list) or len(pair) != 2:
            raise ExpressionError("a pair is an array of two")
        made[any_key(pair[0])] = pair[1]
    return made


def _get(arguments: list[object], meter: Meter) -> object:
    """The member, or nil where an index is out of range or there is nothing to look in."""
    base, key = arguments
    if isinstance(base, AnyMap):
        return base.get(any_key(key))
    if base is None:
        return None
    try:
        return fetch(base, key, meter)
    except ExpressionError:
        if isinstance(base, dict | Time) or (isinstance(base, list | str) and not _counts(key)):
            raise
        return None  # out of range, or no place to look in: get forgives both


def _counts(key: object) -> bool:
    return type(key) in (int, float)


MAPS: dict[str, Function] = {
    "keys": lambda arguments, meter: [key for key, _ in _items(arguments[0], meter)],
    "values": lambda arguments, meter: [item for _, item in _items(arguments[0], meter)],
    "toPairs": _to_pairs,
    "fromPairs": _from_pairs,
    "get": _get,
}
