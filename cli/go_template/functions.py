"""The functions of templates, and how values are printed and compared."""

import html
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote_plus

from cli.go_template.errors import TemplateError
from cli.go_template.tree import Value

LAZY = frozenset({"and", "or"})
"""Their arguments are evaluated only as far as they are needed."""
_LEAST_EXPONENT, _MOST_EXPONENT = -4, 6
_VERB = re.compile(r"%([-+# 0]*)(\d+)?(?:\.(\d*))?(.?)", re.DOTALL)
_MOST_DIGITS = 5
_LONGEST = 1_000_000


def is_true(value: Value) -> bool:
    return value is not None and value not in ("", 0, [], {})


def printed(value: Value) -> str:
    match value:
        case None:
            return "<no value>"
        case bool():
            return "true" if value else "false"
        case float():
            return _float(value)
        case list():
            return f"[{' '.join(map(printed, value))}]"
        case dict():
            entries = (f"{key}:{printed(value[key])}" for key in sorted(value))
            return f"map[{' '.join(entries)}]"
    return str(value)


def _float(value: float) -> str:
    """With an exponent from a million on, and below a ten-thousandth."""
    digits = repr(value)
    exponent = int(f"{value:.16e}".partition("e")[2])
    if _LEAST_EXPONENT <= exponent < _MOST_EXPONENT:
        return f"{Decimal(digits):f}".removesuffix(".0")
    mantissa, _, power = f"{Decimal(digits).normalize():e}".partition("e")
    return f"{mantissa}e{power[0]}{power[1:]:>02}"


def kind_of(value: Value) -> str:
    for kind, name in _KINDS.items():
        if isinstance(value, kind):
            return name
    return "nil"


_KINDS: Mapping[type, str] = {
    bool: "bool",
    str: "string",
    int: "int",
    float: "float64",
    dict: "map",
    list: "list",
}


def _print(*values: Value) -> str:
    return _joined(_printed(values))


def _printed(values: Sequence[Value]) -> Iterator[str]:
    """With spaces between what is no text on either side."""
    for at, value in enumerate(values):
        if at and not isinstance(value, str) and not isinstance(values[at - 1], str):
            yield " "
        yield _shown(value)


def _println(*values: Value) -> str:
    return _joined(text for value in values for text in (_shown(value), " "))[:-1] + "\n"


def _shown(value: Value) -> str:
    return "<nil>" if value is None else printed(value)


def _joined(texts: Iterable[str]) -> str:
    taken, length = list[str](), 0
    for text in texts:
        length += len(text)
        if length > _LONGEST:
            raise TemplateError(f"a text must have at most {_LONGEST} characters")
        taken.append(text)
    return "".join(taken)


def _printf(form: Value, *values: Value) -> str:
    if not isinstance(form, str):
        raise TemplateError("printf wants a text first")
    left = list(values)
    text = _joined(_formed(form, left))
    if left:
        raise TemplateError(f"printf has {len(left)} more values than its text has places")
    return text


def _formed(form: str, left: list[Value]) -> Iterator[str]:
    """Takes the values of its places from `left`."""
    at = 0
    for found in _VERB.finditer(form):
        yield form[at : found.start()]
        at = found.end()
        flags, width, precision, letter = found.groups()
        if letter == "%":
            yield "%"
        elif not left:
            raise TemplateError(f"printf has no value for {found[0]}")
        elif max(len(width or ""), len(precision or "")) > _MOST_DIGITS:
            raise TemplateError(f"printf can't print as wide as {found[0]}")
        else:
            text = _verb(letter, left.pop(0), flags, precision)
            yield _padded(text, flags, int(width or 0))
    yield form[at:]


def _verb(letter: str, value: Value, flags: str, precision: str | None) -> str:
    number = isinstance(value, int) and not isinstance(value, bool)
    digits = None if precision is None else int(precision or 0)
    text: str | None = None
    match letter:
        case "v" if "#" not in flags:
            text = _shown(value)
        case "s" if isinstance(value, str | list | dict):
            text = printed(value)[:digits]
        case "q" if isinstance(value, str):
            text = json.dumps(value, ensure_ascii=False)
        case "t" if isinstance(value, bool):
            text = printed(value)
        case "T":
            text = kind_of(value)
        case "x" | "X" if isinstance(value, str):
            text = value.encode().hex()
            text = text.upper() if letter == "X" else text
        case "d" | "x" | "X" | "o" | "b" | "c" if number:
            text = _whole(letter, value, flags, digits)
        case "f" | "e" | "E" | "g" | "G" if isinstance(value, float):
            text = _signed(_real(letter, value, digits), flags)
    if text is None:
        sign = "#" if "#" in flags else ""
        raise TemplateError(f"printf can't print a {kind_of(value)} with %{sign}{letter}")
    return text


def _whole(letter: str, value: Any, flags: str, digits: int | None) -> str | None:  # noqa: ANN401 - an int
    if letter == "c":
        return chr(value) if value in range(sys.maxunicode + 1) else "\ufffd"
    if "#" in flags and letter not in "xX":
        return None
    form = format(abs(value), letter).rjust(digits or 0, "0")
    form = f"0{letter}{form}" if "#" in flags else form
    return _signed(f"-{form}" if value < 0 else form, flags)


def _real(letter: str, value: float, digits: int | None) -> str:
    if letter in "gG" and digits is None:
        text = printed(value)
        return text.upper() if letter == "G" else text
    return format(value, f".{6 if digits is None else digits}{letter}")


def _signed(text: str, flags: str) -> str:
    sign = "+" if "+" in flags else " " if " " in flags else ""
    return text if text.startswith("-") else sign + text


def _padded(text: str, flags: str, width: int) -> str:
    if "-" in flags:
        return text.ljust(width)
    if "0" in flags:
        return text.zfill(width)
    return text.rjust(width)


def _len(value: Value) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, list | dict):
        return len(value)
    raise TemplateError(f"a {kind_of(value)} has no length")


def _index(value: Value, *keys: Value) -> Value:
    for key in keys:
        if isinstance(value, dict):
            if not isinstance(key, str):
                raise TemplateError(f"a map has texts as keys, not a {kind_of(key)}")
            value = value.get(key, "")
        elif isinstance(value, list | str):
            whole: Sequence[Any] = value.encode() if isinstance(value, str) else value
            value = whole[_position(key, len(whole) - 1)]
        else:
            raise TemplateError(f"a {kind_of(value)} can't be indexed")
    return value


def _position(key: Value, last: int) -> int:
    if not isinstance(key, int) or isinstance(key, bool):
        raise TemplateError(f"an index must be a number, not a {kind_of(key)}")
    if not 0 <= key <= last:
        raise TemplateError(f"index out of range: {key}")
    return key


def _slice(value: Value, *bounds: Value) -> Value:
    if not isinstance(value, list | str):
        raise TemplateError(f"a {kind_of(value)} can't be sliced")
    whole: Sequence[Any] = value.encode() if isinstance(value, str) else value
    if len(bounds) > 2:
        raise TemplateError("slice wants a start and an end at most")
    places = [_position(bound, len(whole)) for bound in bounds]
    start, end = [*places, *(0, len(whole))[len(places) :]]
    if start > end:
        raise TemplateError(f"invalid slice index: {start} > {end}")
    part = whole[start:end]
    return part.decode(errors="replace") if isinstance(part, bytes) else list(part)


def _eq(first: Value, *others: Value) -> bool:
    if not others:
        raise TemplateError("eq wants at least two values")
    return any(_same(first, other) for other in others)


def _same(one: Value, other: Value) -> bool:
    if one is not None and other is not None and kind_of(one) != kind_of(other):
        raise _incomparable(one, other)
    return one == other


def _incomparable(one: Value, other: Value) -> TemplateError:
    return TemplateError(f"can't compare a {kind_of(one)} with a {kind_of(other)}")


def _less(one: Any, other: Any) -> bool:  # noqa: ANN401 - of one kind
    if kind_of(one) != kind_of(other) or kind_of(one) not in ("string", "int", "float64"):
        raise _incomparable(one, other)
    return bool(one < other)


def _html(*values: Value) -> str:
    escaped = html.escape(_print(*values))
    return escaped.replace("&quot;", "&#34;").replace("&#x27;", "&#39;")


FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    "eq": _eq,
    "ne": lambda one, other: not _same(one, other),
    "lt": _less,
    "le": lambda one, other: _less(one, other) or _same(one, other),
    "gt": lambda one, other: _less(other, one),
    "ge": lambda one, other: _less(other, one) or _same(one, other),
    "not": lambda value: not is_true(value),
    "len": _len,
    "index": _index,
    "slice": _slice,
    "print": _print,
    "printf": _printf,
    "println": _println,
    "html": _html,
    "urlquery": lambda *values: quote_plus(_print(*values)),
}
