"""Reaching into a value: members, indexes and slices. Python attributes are out of reach."""

from collections.abc import Mapping

from shared.expressions.budget import Meter
from shared.expressions.errors import ExpressionError
from shared.expressions.operators import index
from shared.expressions.unicode_text import from_bytes, to_bytes
from shared.expressions.values import AnyMap, Byte, Groups, NilList, TextMap, any_key, type_name


def fetch(base: object, key: object, meter: Meter) -> object:
    """`base[key]`; nil for a key that a map lacks, "" for one that a map of texts lacks.
    ExpressionError outside a list or text."""
    if type(base) is dict and type(key) is str:
        return base.get(key)
    if isinstance(base, TextMap):
        return base.get(text_key(key), "")
    if isinstance(base, str):
        if isinstance(key, str):
            raise ExpressionError(text_without_members("this", key))
        if base.isascii():
            return Byte(ord(base[_place(key, len(base))]))
        meter.spend(len(base) // 64 + 1)
        data = to_bytes(base)
        return Byte(data[_place(key, len(data))])
    if isinstance(base, list | tuple):
        return base[_place(key, len(base))]
    if isinstance(base, AnyMap):
        found = base.get(any_key(key))
        return NilList() if found is None and type(base) is Groups else found
    if isinstance(base, Mapping):
        return base.get(text_key(key))
    raise ExpressionError(f"{type_name(base)} has no member {_shown(key)}")


def text_without_members(what: str, key: str) -> str:
    member = f"[{key[:40]}]" if key.lstrip("-").isdigit() else f".{key[:40]}"
    return f"{what} is a text without members: use fromJSON({_source(what)}){member}"


def _source(what: str) -> str:
    return "…" if what == "this" else what


def _place(key: object, length: int) -> int:
    wanted = index(key)
    place = wanted + length if wanted < 0 else wanted
    if not 0 <= place < length:
        raise ExpressionError(f"index {wanted} is out of range (length {length})")
    return place


def text_key(key: object) -> str:
    """A key of a map with text keys; nil stands for the empty one."""
    if key is None:
        return ""
    if not isinstance(key, str):
        raise ExpressionError(f"a key of a map is a string, not {type_name(key)}")
    return key


def map_has(base: dict[object, object], key: object) -> bool:
    return (any_key(key) if isinstance(base, AnyMap) else text_key(key)) in base


def cut(base: object, start: object, stop: object) -> object:
    """`base[start:stop]`, where None is an open end. Texts are cut by bytes."""
    if isinstance(base, str):
        data = to_bytes(base)
        low, high = _bounds(start, stop, len(data))
        return from_bytes(data[low:high])
    if isinstance(base, list):
        low, high = _bounds(start, stop, len(base))
        return type(base)(base[low:high])
    raise ExpressionError(f"{type_name(base)} can't be sliced")


def _bounds(start: object, stop: object, length: int) -> tuple[int, int]:
    low = _bound(0 if start is None else index(start), length)
    high = _bound(length if stop is None else index(stop), length)
    return min(low, high), high


def _bound(place: int, length: int) -> int:
    return min(max(place + length if place < 0 else place, 0), length)


def _shown(key: object) -> str:
    return key[:40] if isinstance(key, str) else f"of type {type_name(key)}"
