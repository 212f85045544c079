"""Expressions by the line: `conveyor eval --batch`."""

import json
from collections.abc import Iterable
from typing import NoReturn, TextIO

from cli.eval_json import as_json
from shared.expressions import ExpressionError, answer


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
        raise _BadLine(f"the line isn't JSON: {error}") from None
    if not isinstance(given, dict) or not isinstance(given.get("expr"), str):
        raise _BadLine('the line must be {"expr": text, "env": {…}}')
    names = {} if given.get("env") is None else given["env"]
    if not isinstance(names, dict):
        raise _BadLine("env must be an object: the names in scope")
    return given["expr"], names


def _refused(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
