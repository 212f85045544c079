"""Texts with `{{ expressions }}` in them."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from shared.expressions.budget import MAX_TEXT, Allowance, Meter
from shared.expressions.errors import ExpressionError
from shared.expressions.kinds import UNKNOWN, kind_of_value
from shared.expressions.printing import text_of
from shared.expressions.program import Path, compiled, functions_of, paths_of, result
from shared.expressions.unicode_text import printable
from shared.expressions.values import Numbers

_OPENING, _CLOSING = "{{", "}}"
_MAX_KEPT = 4_096  # characters of a template that is worth keeping split


@dataclass(frozen=True, slots=True)
class Expression:
    source: str


@dataclass(frozen=True, slots=True)
class Answer:
    value: object  # JSON data
    text: str  # the value as it is printed inside a text


Part = str | Expression


def has_expression(template: str) -> bool:
    """Whether any part of the text is an expression."""
    return _OPENING in template and any(isinstance(p, Expression) for p in _parts(template))


def as_template(expression: str) -> str:
    """Where only an expression makes sense, its braces may be left out."""
    return expression if has_expression(expression) else "{{" + expression + "}}"


def evaluate(source: str, names: Mapping[str, object]) -> object:
    """The value of one expression, bare or within `{{ }}`, as JSON data.

    `names` hold JSON data; whole numbers among them are ints to the language. Times come back
    as RFC 3339 texts, spans of time as nanoseconds. Raises ExpressionError and nothing else.
    """
    return result(_bare(source), names)[1]


def answer(source: str, names: Mapping[str, object], *, numbers: Numbers = "exact") -> Answer:
    """Value and text of one expression, bare or within `{{ }}`. ExpressionError as above."""
    bare = _bare(source)
    value, data = result(bare, names, numbers)
    return Answer(data, _text(bare, value))


def render(
    template: str,
    names: Mapping[str, object],
    allowance: Allowance | None = None,
    *,
    nil: str | None = None,
) -> str:
    """The text with each expression replaced by its printed value, or `nil` where it has none.
    ExpressionError as above."""
    if _OPENING not in template:
        return template
    rendered = "".join(
        part if isinstance(part, str) else _printed(part.source, names, allowance, nil)
        for part in _parts(template)
    )
    if len(rendered) > len(template) + MAX_TEXT:
        raise ExpressionError(f"makes a text of more than {MAX_TEXT} characters")
    return rendered


def render_value(
    template: str, names: Mapping[str, object], allowance: Allowance | None = None
) -> object:
    """As `render`, but a template that is one expression and nothing else keeps its type."""
    only = _only_expression(template)
    if only is None:
        return render(template, names, allowance)
    return result(only, names, allowance=allowance)[1]


def compile_expression(source: str, names: Collection[str] | None = None) -> None:
    """Refuses, with an ExpressionError, what can't work: syntax, unknown functions, kinds that
    don't fit; unknown names only if `names`, those in scope, are given."""
    compiled(_bare(source), None if names is None else dict.fromkeys(names, UNKNOWN))


def check(template: str, names: Mapping[str, object] | None = None) -> None:
    """The same for every expression of a template; `names` have values of the kinds they will
    have."""
    kinds = None if names is None else {n: kind_of_value(v, "exact") for n, v in names.items()}
    for part in _parts(template):
        if isinstance(part, Expression):
            compiled(part.source, kinds)


def names_in(template: str) -> frozenset[Path]:
    """The paths a template reads from its names: `tasks.a` is ("tasks", "a"), a member chosen
    while it runs ("tasks",), `$env` as a whole (). ExpressionError for a syntax error."""
    paths: frozenset[Path] = frozenset()
    for part in _parts(template):
        if isinstance(part, Expression):
            try:
                paths |= paths_of(part.source)
            except ExpressionError as error:  # told its source, then passed on
                raise error.within(part.source) from None
    return paths


def functions_in(template: str) -> frozenset[str]:
    """The names of the functions its expressions call. ExpressionError for a syntax error."""
    return frozenset[str]().union(*map(functions_of, expressions_in(template)))


def expressions_in(template: str) -> tuple[str, ...]:
    """The sources of its expressions, whether or not they compile."""
    return tuple(part.source for part in _parts(template) if isinstance(part, Expression))


def map_expressions(template: str, change: Callable[[str], str]) -> str:
    """The text with each expression, braces included, replaced by what `change` makes of it."""
    return "".join(
        part if isinstance(part, str) else change(_OPENING + part.source + _CLOSING)
        for part in _parts(template)
    )


def quoted(text: str) -> str:
    """`text` as a template that gives it, whatever it holds."""
    if _OPENING[0] not in text:
        return text
    return f"{_OPENING} {json.dumps(text, ensure_ascii=False)} {_CLOSING}"


def _printed(
    source: str, names: Mapping[str, object], allowance: Allowance | None, nil: str | None
) -> str:
    value = result(source, names, allowance=allowance)[0]
    return nil if value is None and nil is not None else _text(source, value)


def _text(source: str, value: object) -> str:
    try:
        return printable(text_of(value, Meter()))
    except ExpressionError as error:  # of the result as a whole: told its source, then passed on
        raise error.at(1).within(source) from None


def _bare(source: str) -> str:
    only = _only_expression(source)
    return source if only is None else only


def _only_expression(template: str) -> str | None:
    stripped = template.strip()
    if not stripped.startswith(_OPENING):
        return None
    parts = _parts(stripped)
    only = parts[0] if len(parts) == 1 else None
    return only.source if isinstance(only, Expression) else None


def _parts(template: str) -> tuple[Part, ...]:
    return _kept_parts(template) if len(template) <= _MAX_KEPT else _split(template)


def _split(template: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    start = 0
    while (opening := template.find(_OPENING, start)) >= 0:
        end = _end(template, opening + 2)
        if end is None:
            break
        source = template[opening + 2 : end].strip()
        if "\n" in source or end == opening + 2:  # an expression is one line and not nothing
            parts.append(template[start : opening + 2])
            start = opening + 2
            continue
        if opening > start:
            parts.append(template[start:opening])
        parts.append(Expression(source))
        start = end + 2
    if start < len(template):
        parts.append(template[start:])
    return tuple(parts)


_kept_parts = lru_cache(maxsize=2_048)(_split)


def _end(template: str, start: int) -> int | None:
    """Where the `}}` that closes the expression begins: not one within quotes or brackets, or,
    if only such there are, the first. None without any."""
    first = template.find(_CLOSING, start)
    if first < 0:
        return None
    line_end = template.find("\n", first)
    limit = len(template) if line_end < 0 else line_end
    depth, quote, place = 0, "", start
    while place < limit:
        character = template[place]
        if quote:
            place += character == "\\" and quote != "`"
            quote = "" if character == quote else quote
        elif character in "'\"`":
            quote = character
        elif character == "{":
            depth += 1
        elif character == "}":
            if depth == 0 and template.startswith(_CLOSING, place):
                return place
            depth -= 1
        place += 1
    return first
