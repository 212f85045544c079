"""`conveyor validate`: everything that is wrong, without a server."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from cli.main import conveyor

BAD = "name: x\ncolour: red\ntasks:\n- {run: ls, priority: 12}\n"
GOOD = "name: x\ntasks: [{name: a, run: ls}]\n"


def validate(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(conveyor, ["validate", *arguments], input=stdin)


def test_every_problem_of_every_file_is_listed(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(GOOD)
    bad.write_text(BAD)
    result = validate(str(good), str(bad))
    assert result.exit_code == 1
    first, *others = result.output.splitlines()
    assert first == f"{good}: valid"
    assert sorted(others) == [
        f"{bad}:2:1: colour: unknown field",
        f"{bad}:4:23: tasks[0].priority: 12 is not allowed: must be at most 9",
        f"{bad}:4:3: tasks[0].name: is required",
    ]


def test_more_problems_than_an_answer_of_the_api_holds_are_all_listed() -> None:
    tasks = "".join("- {run: ls}\n" for _ in range(15))
    assert len(validate("-", stdin=f"name: x\ntasks:\n{tasks}").output.splitlines()) == 15


def test_a_valid_file_gives_exit_code_0() -> None:
    assert validate("-", stdin=GOOD).exit_code == 0


def test_a_file_with_a_schedule_is_checked_as_a_scheduled_job() -> None:
    assert validate("-", stdin=f'{GOOD}schedule: {{cron: "0 3 * * *"}}\n').exit_code == 0
    assert "schedule.cron" in validate("-", stdin=f"{GOOD}schedule: {{cron: soon}}\n").output


def test_json_holds_field_value_and_rule() -> None:
    (found,) = json.loads(validate("--json", "-", stdin="name: x\ntasks: []\n").output)
    assert (found["file"], found["valid"]) == ("standard input", False)
    assert found["problems"][0]["field"] == "tasks"


def test_a_file_that_is_not_there_is_a_usage_error() -> None:
    assert validate("/no/such/file").exit_code == 2


def test_warnings_are_told_with_their_line_and_are_errors_if_strict() -> None:
    hasty = "name: x\ninputs: {path: a}\ntasks:\n- name: t\n  env: {D: '{{ inputs.pth }}'}\n"
    result = validate("-", stdin=hasty)
    assert result.exit_code == 0
    valid, warning = result.output.splitlines()
    assert valid == "standard input: valid"
    assert warning.startswith("standard input:5:12: warning: tasks[0].env.D: inputs.pth is not")
    strict = validate("--strict", "-", stdin=hasty)
    assert strict.exit_code == 1
    assert strict.output.startswith("standard input:5:12: tasks[0].env.D: inputs.pth is not")
    (found,) = json.loads(validate("--json", "-", stdin=hasty).output)
    assert (found["valid"], found["warnings"][0]["line"]) == (True, 5)
