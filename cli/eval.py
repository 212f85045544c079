"""`conveyor eval`: evaluates an expression of the job language, or with --batch one a line."""

import json
import sys
from collections.abc import Iterable
from decimal import Decimal
from typing import NoReturn, TextIO

import click

from cli.exit_codes import EXIT_FAILED, EXIT_USAGE, fail
from shared.expressions import (
    Answer,
    ExpressionError,
    TextMap,
    answer,
    compile_expression,
    has_expression,
    render,
)

_LARGEST_PLAIN = 1e21  # from here on a number is written with an exponent

_TEXT_MAPS = ("inputs", "secrets", "tasks", "job")  # what they lack is an empty text, as in a job
_WIDTH = 100  # characters of a long expression that are shown around an error


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


@click.command("eval")
@click.argument("expression", required=False)
@click.option(
    "--context",
    type=click.File("r", encoding="utf-8"),
    help="A file with the names in scope as one JSON object; - is standard input.",
)
@click.option("--json", "wants_json", is_flag=True, help="Print the value as JSON instead of text.")
@click.option(
    "--batch",
    is_flag=True,
    help='Read lines of {"expr": …, "env": {…}} and write a line of {"value", "text"} or {"error"} '
    "for each. Numbers in env are floats, as in the reference engine; --context keeps integers.",
)
def evaluate(expression: str | None, context: TextIO | None, wants_json: bool, batch: bool) -> None:
    """Evaluate EXPRESSION, or a text that contains {{ expressions }}.

    Example: conveyor eval "upper(inputs.name)" --context context.json
    """
    if batch:
        if expression is not None or context is not None:
            raise click.UsageError("--batch reads expressions and names from standard input only")
        answer_lines(sys.stdin.buffer, sys.stdout)
        return
    if expression is None:
        raise click.UsageError("Missing argument 'EXPRESSION' (or --batch)")
    found = _answer_or_exit(expression, _names(context))
    click.echo(as_json(found.value) if wants_json else _writable(found.text))


def _names(context: TextIO | None) -> dict[str, object]:
    try:
        names = {} if context is None else json.load(context)
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested too deep
        fail(f"--context is not valid JSON: {error}", EXIT_USAGE)
    if not isinstance(names, dict):
        fail("--context must be one JSON object: the names in scope", EXIT_USAGE)
    return {
        k: TextMap(v) if k in _TEXT_MAPS and isinstance(v, dict) else v for k, v in names.items()
    }


def _answer_or_exit(expression: str, names: dict[str, object]) -> Answer:
    try:
        if not _is_text(expression):
            return answer(expression, names)
        text = render(expression, names)
        return Answer(text, text)
    except ExpressionError as error:  # shown with the place it points at
        click.secho(f"conveyor: {error.message}{_place(error)}", err=True, fg="red")
        for line in _pointed_at(error):
            click.echo(f"  {_writable(line)}", err=True)
        sys.exit(EXIT_FAILED)


def _is_text(expression: str) -> bool:
    """Whether it is a text with expressions in it. `map(a, {{k: #}})` is an expression itself."""
    if not has_expression(expression):
        return False
    try:
        compile_expression(expression)
    except ExpressionError:  # not an expression, so the braces mean what they do in a text
        return True
    return False


def _place(error: ExpressionError) -> str:
    return f" (column {error.column})" if error.column else ""


def _pointed_at(error: ExpressionError) -> list[str]:
    """The line that is to blame, and a caret below its column."""
    if not error.column:
        return []
    start = error.source.rfind("\n", 0, error.column - 1) + 1
    line = error.source[start:].partition("\n")[0].replace("\t", " ")
    place = error.column - 1 - start
    left = max(0, place - _WIDTH // 2) if len(line) > _WIDTH else 0
    return [line[left : left + _WIDTH], " " * (place - left) + "^"]


def _writable(text: str) -> str:
    """Without halves of surrogate pairs, which no terminal takes."""
    return text.encode("utf-8", "replace").decode("utf-8")
