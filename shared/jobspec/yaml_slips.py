"""What is wrong with a text that is no YAML, as its author should hear it: the usual slips by name.

No part of the text is repeated: it may be a secret that lacks its quotes.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import yaml

from shared.jobspec.places import mark_of

UNDEFINED_ALIAS = "a value that starts with '*' needs quotes, or its anchor (&) is missing above"
BRACES = "put quotes around a value with {{ … }}"

_CONTROL = "control characters are not allowed"
_STARTS = "a value that starts with '{}' needs quotes"
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'[^']*'")
_BRACES_FIRST = re.compile(r"(?:^\s*|[:-]\s+|[\[{,]\s*)\{\{")
_KEY = r"\s*(?:- +)*[\w.-]+"
_BEFORE_BLANK = re.compile(rf"({_KEY}:)[^\s:/]")
_LONE_KEY = re.compile(_KEY)
_BEFORE_DASH = re.compile(r"\s*-\w")
_WITH_KEY = re.compile(rf"{_KEY}:(?:\s|$)")


class Slip(NamedTuple):
    """`line` and `column` count from 1."""

    rule: str
    line: int
    column: int


def _slip(rule: str, line: int, column: int) -> Slip:
    """Counted from 0, as PyYAML does."""
    return Slip(rule, line + 1, column + 1)


@dataclass(frozen=True, slots=True)
class _Case:
    """What the parser says, where, and the text around."""

    lines: list[str]
    problem: str
    context: str
    line: int
    column: int
    began: tuple[int, int] | None
    """Where what it was reading began."""
    quoted: yaml.ScalarToken | None
    """The text in quotes that ended last before the place, if any."""

    @property
    def before(self) -> str:
        return self.lines[self.line][: self.column]

    @property
    def at(self) -> str:
        return self.lines[self.line][self.column :]

    def here(self, rule: str) -> Slip:
        return _slip(rule, self.line, self.column)


def slip_in(text: str, error: yaml.YAMLError, tokens: Iterator[yaml.Token]) -> Slip | None:
    """None when it is no usual one. `tokens` are those of the text, up to the error."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        found = yaml.reader.Reader.NON_PRINTABLE.search(text)
        return found and Slip(_CONTROL, *mark_of(text, found.start()))
    began = getattr(error, "context_mark", None)
    case = _Case(
        lines=[*text.split("\n"), "", ""],
        problem=getattr(error, "problem", None) or "",
        context=getattr(error, "context", None) or "",
        line=mark.line,
        column=mark.column,
        began=None if began is None else (began.line, began.column),
        quoted=_last_quoted(tokens, (mark.line, mark.column)),
    )
    return next(filter(None, (find(case) for find in _FINDERS)), None)


def _last_quoted(tokens: Iterator[yaml.Token], place: tuple[int, int]) -> yaml.ScalarToken | None:
    last = None
    try:
        for token in tokens:
            if (token.start_mark.line, token.start_mark.column) >= place:
                break
            if isinstance(token, yaml.ScalarToken) and token.style in ("'", '"'):
                last = token
    except yaml.YAMLError:  # the error that is looked into
        pass
    return last


def _tab(case: _Case) -> Slip | None:
    line = case.lines[case.line]
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent or case.at.startswith("\t") or "found a tab" in case.problem:
        column = line.index("\t") if "\t" in line else case.column
        return _slip("a tab: YAML indents with spaces", case.line, column)
    return None


def _braces(case: _Case) -> Slip | None:
    line = _QUOTED.sub(lambda found: "x" * len(found[0]), case.lines[case.line])
    if _BRACES_FIRST.search(line) or ("{{" in line and "a flow" in case.context):
        return _slip(BRACES, case.line, line.index("{{"))
    return None


def _start(case: _Case) -> Slip | None:
    """A character that means something to YAML at the beginning of a value."""
    is_sign = "expected node content" in case.problem or "mapping keys" in case.problem
    if "cannot start any token" in case.problem or is_sign:
        return case.here(_STARTS.format(case.at[:1]))
    if case.context == "while scanning a block scalar":
        line, column = case.began or (case.line, case.column)
        sign = case.lines[line][column : column + 1]
        rule = f"a text after '{sign}' begins on the next line; a value that starts with it needs "
        return _slip(rule + "quotes", line, column)
    signs = {"an alias": "*", "an anchor": "&", "a tag": "!", "a directive": "%"}
    sign = next((sign for what, sign in signs.items() if case.context.endswith(what)), "")
    return _slip(_STARTS.format(sign), *(case.began or (case.line, case.column))) if sign else None


def _quotes(case: _Case) -> Slip | None:
    if "unknown escape" in case.problem:
        rule = "in double quotes a backslash starts an escape: write it twice, or use single quotes"
        return case.here(rule)
    if "quoted scalar" in case.context and "end of stream" in case.problem and case.began:
        return _slip("the quote that opens here is not closed", *case.began)
    quoted = case.quoted
    if quoted is None or quoted.end_mark.line != case.line:
        return None
    start, end = quoted.start_mark, quoted.end_mark
    if start.line != end.line:
        return _slip(f"the quote that opens here ends only in line {end.line + 1}: is one missing?",
                    start.line, start.column)  # fmt: skip
    if case.lines[end.line][end.column : case.column].strip():
        return None
    rule = "text after the closing quote: put the quotes around the whole value"
    if quoted.style == "'":
        rule += ", and write a single quote within them twice"
    return case.here(rule)


def _colon(case: _Case) -> Slip | None:
    if "mapping values are not allowed" in case.problem:
        if _WITH_KEY.match(case.before):
            return case.here("a value with ': ' in it needs quotes")
        before = case.line - 1
        rule = "wrong indentation: this must begin in the column of the field above"
        finders = (_blank_missing, _dash_missing, _colon_missing)
        missing = next(filter(None, (find(case, before) for find in finders)), None)
        return missing or _slip(rule, case.line, _indent(case))
    if "could not find expected ':'" in case.problem:
        line = case.began[0] if case.began else case.line
        return _blank_missing(case, line) or _colon_missing(case, line)
    return None


def _blank_missing(case: _Case, number: int) -> Slip | None:
    found = _BEFORE_BLANK.match(case.lines[number]) if number >= 0 else None
    return _slip("a blank is missing after the ':'", number, found.end(1)) if found else None


def _colon_missing(case: _Case, number: int) -> Slip | None:
    line = case.lines[number].rstrip() if number >= 0 else ""
    rule = "a ':' is missing after the name of the field"
    return _slip(rule, number, len(line)) if _LONE_KEY.fullmatch(line) else None


def _dash_missing(case: _Case, number: int) -> Slip | None:
    line = case.lines[number] if number >= 0 else ""
    found = _BEFORE_DASH.match(line)
    return _slip("a blank is missing after the '-'", number, found.end() - 1) if found else None


def _indent(case: _Case) -> int:
    line = case.lines[case.line]
    return len(line) - len(line.lstrip())


def _list(case: _Case) -> Slip | None:
    is_item = case.at.startswith(("- ", "-\n")) or case.at == "-"
    if "block sequence entries are not allowed" in case.problem:
        return case.here("a list with '- ' begins on the next line")
    if is_item and "did not find expected key" in case.problem:
        rule = "a list item can't stand here: a field has either fields or a list with '- ' below"
        return case.here(f"wrong indentation, or {rule}")
    return None


def _brackets(case: _Case) -> Slip | None:
    if "while parsing a flow" not in case.context:
        return None
    sign = "[" if "sequence" in case.context else "{"
    return _slip(
        f"the '{sign}' that opens here is not closed, or a ',' is missing before line "
        f"{case.line + 1}, column {case.column + 1}",
        *(case.began or (case.line, case.column)),
    )


def _indentation(case: _Case) -> Slip | None:
    if "block" not in case.context or "did not find" not in case.problem:
        return None
    if not case.before.strip():
        rule = "wrong indentation: this must begin in the column of a line above that it belongs to"
        return case.here(rule)
    return case.here("the value has ended before this: put quotes around the whole value")


_FINDERS: tuple[Callable[[_Case], Slip | None], ...] = (
    _tab,
    _braces,
    _start,
    _quotes,
    _colon,
    _list,
    _brackets,
    _indentation,
)
"""The first that knows the slip names it."""
