"""`conveyor eval`: one expression for a person, lines of them for a program."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import conveyor

_CONTEXT = {"inputs": {"n": 1_048_576, "list": [1, 2.5], "name": "é"}}


def run(*arguments: str, stdin: str | bytes = "") -> Result:
    return CliRunner().invoke(conveyor, ("eval", *arguments), input=stdin)


def with_context(expression: str, *options: str) -> Result:
    return run(expression, "--context", "-", *options, stdin=json.dumps(_CONTEXT))


def lines_of(stdin: str | bytes) -> list[dict[str, object]]:
    result = run("--batch", stdin=stdin)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize(
    ("expression", "printed"),
    [
        ("inputs.n", "1048576"),
        ("inputs.n % 10", "6"),
        ("{{ inputs.list }}", "[1 2.5]"),
        ("{{ inputs.n }} bytes of {{ inputs.name }}", "1048576 bytes of é"),
        ("map([1], {{k: #}})", "[map[k:1]]"),
        ("date('2024-01-02')", "2024-01-02 00:00:00 +0000 UTC"),
        ("no expression in braces", None),
    ],
)
def test_an_expression_or_a_text_with_some_is_printed(expression: str, printed: str | None) -> None:
    result = with_context(expression)
    assert result.exit_code == (1 if printed is None else 0)
    assert result.stdout == ("" if printed is None else f"{printed}\n")


def test_a_value_is_printed_as_json_when_asked_for() -> None:
    assert with_context("inputs.list", "--json").stdout == "[1,2.5]\n"
    assert with_context("{{ inputs.n }}", "--json").stdout == "1048576\n"
    assert with_context("date('2024-01-02')", "--json").stdout == '"2024-01-02T00:00:00Z"\n'
    assert run("duration('1s')", "--json").stdout == "1000000000\n"


def test_the_names_in_scope_come_from_a_file(tmp_path: Path) -> None:
    context = tmp_path / "context.json"
    context.write_text(json.dumps(_CONTEXT))
    assert run("upper(inputs.name)", "--context", str(context)).stdout == "É\n"


def test_an_error_shows_its_place_with_a_caret() -> None:
    result = with_context("inputs.n + 'x'")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "conveyor: + doesn't work on int and string (column 10)",
        "  inputs.n + 'x'",
        "           ^",
    ]


def test_the_caret_stays_in_sight_of_a_long_or_folded_expression() -> None:
    long = run("1 + " * 100 + "foo").stderr.splitlines()
    assert len(long[1]) <= 102
    assert long[1][long[2].index("^") :] == "foo"
    folded = run("1 +\nfoo + 2").stderr.splitlines()
    assert folded[1:] == ["  foo + 2", "  ^"]


@pytest.mark.parametrize(
    ("arguments", "stdin", "problem"),
    [
        ((), "", "Missing argument"),
        (("1", "--batch"), "", "--batch reads expressions"),
        (("1", "--context", "nowhere.json"), "", "nowhere.json"),
        (("1", "--context", "-"), "[1", "--context is not valid JSON"),
        (("1", "--context", "-"), "[1]", "must be one JSON object"),
        (("1", "--context", "-"), "[" * 100_000, "--context is not valid JSON"),
    ],
)
def test_a_wrong_command_line_is_told_as_such(
    arguments: tuple[str, ...], stdin: str, problem: str
) -> None:
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 2
    assert problem in result.stderr


def test_each_line_of_a_batch_is_answered_by_one_line() -> None:
    asked = [
        {"expr": "a + 1", "env": {"a": 1_048_576}},
        {"expr": "9223372036854775807 * 5.0"},
        {"expr": "now", "env": None},
        {"expr": "date('2024-01-02')", "env": {}},
        {"expr": "1 / 0", "env": {}},
        {"expr": "a.b", "env": {"a": {"b": "\u2028\x85\n"}}},
        {"expr": "{{ 1 }}", "env": {}},
    ]
    answers = lines_of("".join(json.dumps(line) + "\n" for line in asked))
    assert answers == [
        {"value": 1_048_577, "text": "1.048577e+06"},
        {"value": 46116860184273880000, "text": "4.611686018427388e+19"},
        {"value": None, "text": "<nil>"},
        {"value": "2024-01-02T00:00:00Z", "text": "2024-01-02 00:00:00 +0000 UTC"},
        {"error": "the result is infinite or not a number (column 1) in 1 / 0"},
        {"value": "\u2028\x85\n", "text": "\u2028\x85\n"},
        {"value": 1, "text": "1"},
    ]
    assert [type(answer.get("value")) for answer in answers[:2]] == [int, int]


def test_a_bad_line_is_answered_with_an_error_and_the_next_is_read() -> None:
    bad = [b"", b"nonsense", b"[]", b'{"expr": 1}', b'{"expr": "1", "env": [1]}', b"\xff",
           b'{"expr": "n", "env": {"n": NaN}}', b"[" * 50_000, b'{"expr": "n", "env": {"n": ' +
           b"9" * 5_000 + b"}}", b'{"env": {}}']  # fmt: skip
    answers = lines_of(b"\n".join([*bad, b'{"expr": "1 + 1"}']))
    assert [list(answer) for answer in answers[:-1]] == [["error"]] * len(bad)
    assert answers[-1] == {"value": 2, "text": "2"}


def test_the_reference_vectors_go_through_a_batch() -> None:
    data = json.loads((Path(__file__).parent / "data" / "expression-vectors.json").read_text())
    cases = [case for case in data["cases"] if case["expr"] != "randomInt(1)"]
    asked = "".join(json.dumps({"expr": c["expr"], "env": data["env"]}) + "\n" for c in cases)
    for case, found in zip(cases, lines_of(asked), strict=True):
        if case.get("error"):
            assert list(found) == ["error"], case
        else:
            assert found == {"value": case["value"], "text": case["text"]}, case
