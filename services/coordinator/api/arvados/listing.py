"""Which jobs a list of Arvados' API has, and what of each: filters, where, order, select."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from fnmatch import translate
from functools import lru_cache
from glob import escape
from typing import Any, TypeVar

from aiohttp import web

from services.coordinator.api.background import BACKGROUND
from services.coordinator.api.errors import Unprocessable
from services.coordinator.api.replies import reply

Tree = dict[str, Any]
T = TypeVar("T")

NEWEST = (("created_at", True), ("uuid", True))
"""The order of a list that is asked for in no other."""
_MOST, _DEFAULT = 1000, 100
_ORDER = re.compile(r"(?:\w+\.)?(\w+)(?:\s+(asc|desc))?", re.IGNORECASE)
_TABLES = re.compile(r"\A(?:jobs|job_tasks|nodes|containers|container_requests)\.")
_GLOB = str.maketrans("%_", "*?")
_ANY = "any"
_BYTES_OF_ROW = 100


@dataclass(frozen=True, slots=True)
class Listing:
    """`order` is of attributes, each with whether it goes down. `select` () is for all."""

    filters: Sequence[tuple[str, str, Any]]
    order: Sequence[tuple[str, bool]]
    limit: int
    offset: int
    select: Sequence[str]
    is_distinct: bool
    is_counted: bool

    @property
    def attributes(self) -> Iterator[tuple[str, str]]:
        """Each that is asked for, after the parameter that names it."""
        for name, _, _ in self.filters:
            if name != _ANY:
                yield "filters", name.partition(".")[0]
        for name, _ in self.order:
            yield "order", name
        for name in self.select:
            yield "select", name

    @property
    def uuids(self) -> list[str] | None:
        """If only some are asked for."""
        return self.values_of("uuid")

    def values_of(self, attribute: str) -> list[str] | None:
        """Those that it may have, None for any."""
        for name, operator, value in self.filters:
            if name == attribute and operator in ("=", "in"):
                return [str(one) for one in (value if isinstance(value, list) else [value])]
        return None


def listing(given: Tree, order: Sequence[tuple[str, bool]]) -> Listing:
    """Ordered by `order` unless it says otherwise. Raises Unprocessable."""
    filters = [_filter(one) for one in _list(given, "filters")]
    where = given.get("where") or {}
    if not isinstance(where, dict):
        raise Unprocessable("where: must be a JSON object")
    filters += [
        (name, "in" if isinstance(value, list) else "=", value) for name, value in where.items()
    ]
    return Listing(
        filters=filters,
        order=[*_order(given), *order],
        limit=min(_number(given, "limit", _DEFAULT), _MOST),
        offset=_number(given, "offset", 0),
        select=select_of(given),
        is_distinct=str(given.get("distinct", "false")).lower() in ("true", "1"),
        is_counted=given.get("count") != "none",
    )


async def reply_page(
    request: web.Request, asked: Listing, rows: Sequence[T], show: Callable[[T], Tree], kind: str
) -> web.Response:
    """Raises Unprocessable."""
    background, size = request.app[BACKGROUND], len(rows) * _BYTES_OF_ROW
    return reply(await background.run(lambda: page(asked, [*map(show, rows)], kind), size))


def page(asked: Listing, items: Sequence[Tree], kind: str = "arvados#jobList") -> Tree:
    """Raises Unprocessable for an attribute that none of `items` has."""
    known = set[str]().union(*items)
    for parameter, name in asked.attributes if items else ():
        if name not in known:
            raise Unprocessable(f"{parameter}: there is no attribute {name!r}")
    found = [item for item in items if all(_holds(item, *one) for one in asked.filters)]
    for name, is_down in reversed(asked.order):
        found.sort(key=lambda item: _rank(item.get(name)), reverse=is_down)
    shown = [selected(item, asked.select) for item in found]
    if asked.is_distinct:
        shown = list({json.dumps(one, sort_keys=True, default=str): one for one in shown}.values())
    answer: Tree = {
        "kind": kind,
        "offset": asked.offset,
        "limit": asked.limit,
        "items": shown[asked.offset : asked.offset + asked.limit],
    }
    return answer | ({"items_available": len(shown)} if asked.is_counted else {})


def selected(item: Tree, names: Sequence[str]) -> Tree:
    return {name: item[name] for name in names if name in item} if names else item


def select_of(given: Tree) -> Sequence[str]:
    """Raises Unprocessable."""
    return [str(name) for name in _list(given, "select")]


def _filter(given: object) -> tuple[str, str, Any]:
    if not isinstance(given, list) or len(given) != 3:
        raise Unprocessable("filters: each must be [attribute, operator, value]")
    name, operator, value = given
    if not isinstance(name, str) or str(operator).lower() not in _OPERATORS:
        raise Unprocessable(f"filters: the operator must be one of {', '.join(_OPERATORS)}")
    return _TABLES.sub("", name, count=1), str(operator).lower(), value


def _order(given: Mapping[str, Any]) -> list[tuple[str, bool]]:
    asked = given.get("order") or []
    texts = asked.split(",") if isinstance(asked, str) else _list(given, "order")
    found = [_ORDER.fullmatch(str(text).strip()) for text in texts] if texts else []
    if not all(found):
        raise Unprocessable("order: each must be an attribute, with asc or desc after it")
    return [(one[1], (one[2] or "").lower() == "desc") for one in found if one]


def _list(given: Mapping[str, Any], name: str) -> list[Any]:
    value = given.get(name) or []
    if not isinstance(value, list):
        raise Unprocessable(f"{name}: must be a list in JSON")
    return value


def _number(given: Mapping[str, Any], name: str, default: int) -> int:
    text = str(given.get(name, default))
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise Unprocessable(f"{name}: must be a whole number")
    return int(text)


def _rank(value: object) -> tuple[int, Any]:
    """What is null comes last, as in Postgres."""
    if value is None:
        return (2, "")
    if isinstance(value, bool | int | float):
        return (0, value)
    return (1, value.isoformat() if isinstance(value, datetime) else str(value))


def _holds(item: Tree, name: str, operator: str, value: Any) -> bool:  # noqa: ANN401 - JSON
    if name == _ANY:
        return any(_compare(operator, str(one), value) for one in item.values() if one is not None)
    head, _, rest = name.partition(".")
    found = item.get(head)
    if rest:
        found = found.get(rest) if isinstance(found, dict) else None
    return _compare(operator, found, value)


def _compare(operator: str, found: Any, value: Any) -> bool:  # noqa: ANN401 - JSON
    return _OPERATORS[operator](found, value)


def _equal(found: object, value: object) -> bool:
    """Of a query everything is a text."""
    if isinstance(value, str) and isinstance(found, bool | int | float):
        return str(found).lower() == value.lower()
    return found == value


def _in(found: object, value: object) -> bool:
    return any(_equal(found, one) for one in (value if isinstance(value, list) else [value]))


def _like(found: object, value: object, flags: int = 0) -> bool:
    return isinstance(found, str) and _pattern(str(value), flags).match(found) is not None


@lru_cache(maxsize=64)
def _pattern(like: str, flags: int) -> re.Pattern[str]:
    # A glob gives back nothing that a wildcard has taken: with `.*` some wildcards take hours.
    return re.compile(translate(escape(like).translate(_GLOB)), flags)


def _ordered(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compared(found: object, value: object) -> bool:
        other = _number_in(value) if isinstance(found, int | float) else value
        return found is not None and holds(_rank(found), _rank(other))

    return compared


def _number_in(value: object) -> object:
    """Of a query a number is a text, too."""
    with suppress(ValueError):  # then it is none
        return float(str(value))
    return value


def _contains(found: object, value: object) -> bool:
    wanted = value if isinstance(value, list) else [value]
    return all(_has(found, one) for one in wanted)


def _has(found: object, one: object) -> bool:
    match found:
        case str():
            return str(one) in found
        case dict():
            return _exists(found, one)
        case _:
            return isinstance(found, list) and one in found


def _exists(found: object, name: object) -> bool:
    return isinstance(found, dict) and isinstance(name, str) and name in found


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": _equal,
    "==": _equal,
    "!=": lambda found, value: not _equal(found, value),
    "<>": lambda found, value: not _equal(found, value),
    "<": _ordered(lambda a, b: a < b),
    "<=": _ordered(lambda a, b: a <= b),
    ">": _ordered(lambda a, b: a > b),
    ">=": _ordered(lambda a, b: a >= b),
    "like": _like,
    "ilike": lambda found, value: _like(found, value, re.IGNORECASE),
    "in": _in,
    "not in": lambda found, value: not _in(found, value),
    "is_a": _in,
    "exists": _exists,
    "contains": _contains,
}
