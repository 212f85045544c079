"""Built-ins on arrays and maps that need no body; those with one are in `bodies`."""

from functools import cmp_to_key

from shared.expressions.access import fetch, text_key
from shared.expressions.budget import Meter
from shared.expressions.comparison import equal, less
from shared.expressions.errors import ExpressionError
from shared.expressions.library.arguments import Function, array, whole
from shared.expressions.values import AnyMap, NilList, TextMap, Time, TypedList, any_key, type_name

_ORDERS = "the order is asc or desc"


def _length(arguments: list[object], meter: Meter) -> object:
    value = arguments[0]
    if isinstance(value, str | list | dict):
        return len(value)
    raise ExpressionError(f"{type_name(value)} has no length")


def _end(place: int) -> Function:
    def end(arguments: list[object], meter: Meter) -> object:
        base = arguments[0]
        return fetch(base, place, meter) if isinstance(base, str | list) and base else None

    return end


def _take(arguments: list[object], meter: Meter) -> object:
    given, count = array(arguments[0]), whole(arguments[1])
    if count < 0:
        raise ExpressionError("take needs a count that isn't negative")
    meter.elements(min(count, len(given)))
    return type(given)(given[:count])


def _reverse(arguments: list[object], meter: Meter) -> object:
    given = array(arguments[0])
    meter.elements(len(given))
    return given[::-1]


def _uniq(arguments: list[object], meter: Meter) -> object:
    kept: list[object] = []
    for item in array(arguments[0]):
        if not any(equal(item, other, meter) for other in kept):
            kept.append(item)
    return kept


def _concat(arguments: list[object], meter: Meter) -> object:
    given = [array(argument) for argument in arguments]
    meter.elements(sum(map(len, given)))
    return [item for one in given for item in one] or NilList()


def _flatten(arguments: list[object], meter: Meter) -> object:
    flat: list[object] = []
    _gather(array(arguments[0]), flat, meter, 0)
    return flat


def _gather(given: list[object], flat: list[object], meter: Meter, depth: int) -> None:
    for item in given:
        meter.descend(depth)
        if isinstance(item, list):
            _gather(item, flat, meter, depth + 1)
        else:
            flat.append(item)


def _sort(arguments: list[object], meter: Meter) -> object:
    order = arguments[1] if len(arguments) > 1 else "asc"
    if order not in ("asc", "desc"):
        raise ExpressionError(_ORDERS)
    if not isinstance(arguments[0], list):
        return NilList()  # the reference gives an empty list for whatever else it is handed
    return sorted_by(arguments[0], arguments[0], order, meter)


def sorted_by(given: list[object], keys: list[object], order: object, meter: Meter) -> list[object]:
    """`given` in the order of `keys`, equal ones as they were; order is asc or desc."""
    if order not in ("asc", "desc"):
        raise ExpressionError(_ORDERS)
    meter.elements(len(given))

    def compared(one: int, other: int) -> int:
        meter.spend(4)
        if less(keys[one], keys[other], meter):
            return -1
        return 1 if less(keys[other], keys[one], meter) else 0

    places = sorted(range(len(given)), key=cmp_to_key(compared), reverse=order == "desc")
    return [given[place] for place in places]


ARRAYS: dict[str, Function] = {
    "len": _length,
    "first": _end(0),
    "last": _end(-1),
    "take": _take,
    "reverse": _reverse,
    "uniq": _uniq,
    "concat": _concat,
    "flatten": _flatten,
    "sort": _sort,
}


def _items(value: object, meter: Meter) -> list[tuple[object, object]]:
    if not isinstance(value, dict):
        raise ExpressionError(f"expected a map, got {type_name(value)}")
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
    if isinstance(base, TextMap):  # nil, not the empty text that `base[key]` is
        return base.get(text_key(key))
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
