"""`conveyor eval --batch`: one expression per line; and values as JSON."""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import NoReturn, TextIO

from shared.expressions import ExpressionError, answer

_LARGEST_PLAIN = 1e21  # from here on a number is written with an exponent


class _BadLine(Exception):
    """The text is the error that is written for the line."""


def answer_lines(lines: Iterable[bytes], to: TextIO) -> None:
    """Writes one line for each that is read, and hands it on at once."""
    for line in lines:
        to.write(as_json(_answered(line)) + "\n")
        to.flush()


def _answered(line: bytes) -> dict[str, object]:
    try:
        source, names = _read(line)
        found = answer(source, names, numbers="float64")
    except (_BadLine, ExpressionError) as error:  # the answer to that line; the next may be good
        return {"error": str(error)}
    return {"value": found.value, "text": found.text}


def _read(line: bytes) -> tuple[str, dict[str, object]]:
    try:
        given = json.loads(line, parse_constant=_refused)
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested too deep
        raise _BadLine(f"the line is not valid JSON: {error}") from None
    if not isinstance(given, dict) or not isinstance(given.get("expr"), str):
        raise _BadLine('the line must be {"expr": text, "env": {…}}')
    names = {} if given.get("env") is None else given["env"]
    if not isinstance(names, dict):
        raise _BadLine("env must be an object: the names in scope")
    return given["expr"], names


def _refused(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a valid JSON number")


def as_json(value: object) -> str:
    """As the reference engine writes it: one line, in ASCII, so that no reader splits it."""
    return json.dumps(_plain_numbers(value), separators=(",", ":"))


def _plain_numbers(value: object) -> object:
    """5.0 becomes 5, and 4.6e19 its shortest digits followed by zeros."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_PLAIN:
        return int(Decimal(repr(value)))
    if isinstance(value, list):
        return [_plain_numbers(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain_numbers(item) for key, item in value.items()}
    return value
