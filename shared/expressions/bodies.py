"""The built-ins with a body, in which `#` is the element at hand: map, filter, reduce, …"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from shared.expressions.errors import ExpressionError
from shared.expressions.frame import Code, Frame
from shared.expressions.library.collections import sorted_by
from shared.expressions.operators import add
from shared.expressions.unicode_text import to_bytes
from shared.expressions.values import Byte, Groups, any_key, type_name


class Body(NamedTuple):
    """Code that is run for each element, and how many steps once costs."""

    code: Code
    cost: int


WithBody = Callable[[Code, Body | None, Code | None], Code]


def _elements(value: object, frame: Frame) -> list[object]:
    """What `#` goes through: a list, or the bytes of a text."""
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        frame.meter.elements(len(value))
        return [Byte(byte) for byte in to_bytes(value)]
    if isinstance(value, dict) and not value:
        return []
    raise ExpressionError(f"expected an array, got {type_name(value)}")


def _runs(frame: Frame, items: list[object], body: Body | None) -> Iterator[object]:
    """The body's value for each element in turn; the element itself without a body."""
    if body is None:
        frame.meter.elements(len(items))
        yield from items
        return
    code, cost = body
    outer = frame.item, frame.index
    try:
        for index, item in enumerate(items):
            frame.meter.spend(cost + 1)
            frame.item, frame.index = item, index
            yield code(frame)
            frame.item, frame.index = outer
    finally:
        frame.item, frame.index = outer


def _true(value: object) -> bool:
    if value is True or value is False:
        return value
    raise ExpressionError(f"the body must give a bool, not {type_name(value)}")


def _over(use: Callable[[Frame, list[object], Iterator[object]], object]) -> WithBody:
    """A built-in that needs the elements and what the body says of each."""

    def build(collection: Code, body: Body | None, further: Code | None) -> Code:
        def run(frame: Frame) -> object:
            items = _elements(collection(frame), frame)
            return use(frame, items, _runs(frame, items, body))

        return run

    return build


def _find(backwards: bool, position: bool, needed: bool = False) -> WithBody:
    """The first, or last, element for which the body is true, or its place; nil if none, unless
    one is `needed`."""

    def build(collection: Code, body: Body | None, further: Code | None) -> Code:
        def run(frame: Frame) -> object:
            items = _elements(collection(frame), frame)
            ordered = items[::-1] if backwards else items
            for place, said in enumerate(_runs(frame, ordered, body)):
                if _true(said):
                    at = len(items) - 1 - place if backwards else place
                    return at if position else items[at]
            if needed:
                raise ExpressionError("index out of range: no element was kept")
            return None

        return run

    return build


def _filter(frame: Frame, items: list[object], said: Iterator[object]) -> object:
    return [item for item, kept in zip(items, said, strict=True) if _true(kept)]


def _sum(frame: Frame, items: list[object], said: Iterator[object]) -> object:
    total: object = 0
    for value in said:
        total = add(value, total, frame.meter)
    return total


def _group(frame: Frame, items: list[object], said: Iterator[object]) -> object:
    groups = Groups()
    for item, key in zip(items, said, strict=True):
        group = groups.setdefault(any_key(key), [])
        if isinstance(group, list):
            group.append(item)
    return groups


def _sort(collection: Code, body: Body | None, further: Code | None) -> Code:
    def run(frame: Frame) -> object:
        items = _elements(collection(frame), frame)
        keys = list(_runs(frame, items, body))
        order = "asc" if further is None else further(frame)
        return sorted_by(items, keys, order, frame.meter)

    return run


def _reduce(collection: Code, body: Body | None, further: Code | None) -> Code:
    """`#acc` starts as the third argument, or as the first element, and is what the body gave."""

    def run(frame: Frame) -> object:
        items = _elements(collection(frame), frame)
        outer = frame.item, frame.index, frame.acc
        if further is None and not items:
            raise ExpressionError("reduce of an empty array needs a start")
        first = 1 if further is None else 0
        total = items[0] if further is None else further(frame)
        code, cost = body or Body(lambda frame: None, 1)
        try:
            for index in range(first, len(items)):
                frame.meter.spend(cost + 1)
                frame.item, frame.index, frame.acc = items[index], index, total
                total = code(frame)
        finally:
            frame.item, frame.index, frame.acc = outer
        return total

    return run


BODIES: dict[str, WithBody] = {
    "map": _over(lambda frame, items, said: list(said)),
    "filter": _over(_filter),
    "all": _over(lambda frame, items, said: all(map(_true, said))),
    "any": _over(lambda frame, items, said: any(map(_true, said))),
    "none": _over(lambda frame, items, said: not any(map(_true, said))),
    "one": _over(lambda frame, items, said: sum(map(_true, said)) == 1),
    "count": _over(lambda frame, items, said: sum(map(_true, said))),
    "sum": _over(_sum),
    "groupBy": _over(_group),
    "find": _find(backwards=False, position=False),
    "findIndex": _find(backwards=False, position=True),
    "findLast": _find(backwards=True, position=False),
    "findLastIndex": _find(backwards=True, position=True),
    "find or fail": _find(backwards=False, position=False, needed=True),
    "findLast or fail": _find(backwards=True, position=False, needed=True),
    "sortBy": _sort,
    "reduce": _reduce,
}
