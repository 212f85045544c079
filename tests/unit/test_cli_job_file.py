"""Inputs and secrets of the command line in a job file, which stays as it was spelled."""

from collections.abc import Mapping
from typing import Any

import pytest

from cli.jobs.job_file import JobFile, JobFileError, parse_inputs
from shared.jobspec.tork.parsing import parse_job


def submitted(
    text: str, name: str = "job.yaml", **additions: Mapping[str, object]
) -> dict[str, Any]:
    """What the API makes of the file."""
    body = JobFile(name, text.encode()).body_with(additions)
    return parse_job(body.data, body.type).as_submitted()


JSON = '{"name":"x","tasks":[{"name":"t"}],"inputs":{"a":1.10,"z":-0,"l":[1.5,2]}}'
TASKS = "tasks: [{name: a, run: 'true'}]\n"


def test_a_file_with_nothing_to_add_is_sent_byte_for_byte() -> None:
    text = b"\xef\xbb\xbfname: x # a comment\n"
    assert JobFile("job.yaml", text).body_with({"inputs": {}}).data == text


def test_lists_keep_their_types_and_texts_that_look_like_numbers_stay_texts() -> None:
    inputs = {"n": "3", "text": "1e3", "off": "no", "list": [1, {"a": None}], "smile": "🙂"}
    assert submitted(f"name: x\n{TASKS}", inputs=inputs)["inputs"] == inputs


def test_what_is_not_touched_stays_as_it_was_spelled() -> None:
    task = "{name: on, env: {DAY: 2024-01-01, N: 1_000}}"
    text = f"name: 010\noutput: |\n  a\n  b\ntasks:\n- {task}\n"
    given = parse_job(text.encode(), "application/yaml").as_submitted()
    assert submitted(text, inputs={"a": "1"}) == {**given, "inputs": {"a": "1"}}


@pytest.mark.parametrize("inputs", ["inputs: {a: 1, b: 2}\n", "inputs: &x\n  a: 1\n  b: 2\n"])
def test_an_input_of_the_command_line_wins_over_the_files(inputs: str) -> None:
    assert submitted(f"name: x\n{inputs}{TASKS}", inputs={"b": "3"})["inputs"] == {
        "a": "1",
        "b": "3",
    }


def test_empty_inputs_are_filled() -> None:
    assert submitted(f"name: x\ninputs:\n{TASKS}", inputs={"b": "3"})["inputs"] == {"b": "3"}


@pytest.mark.parametrize("text", ["[1", "- a", "inputs: 3", "", "\xff", "[" * 5000])
@pytest.mark.parametrize("name", ["job.yaml", "job.json"])
def test_what_can_not_be_added_to_is_refused_with_the_files_name(text: str, name: str) -> None:
    with pytest.raises(JobFileError, match=name):
        JobFile(name, text.encode("latin-1")).body_with({"inputs": {"a": 1}})


def test_the_ending_says_the_language_or_else_the_text_does() -> None:
    assert JobFile("job.yml", b"{}").content_type == "application/yaml"
    assert JobFile("job.json", b"name: x").content_type == "application/json"
    assert JobFile("-", b'{"name": "x"}').content_type == "application/json"
    assert JobFile("-", b"{name: x}").content_type == "application/yaml"


_SPELLINGS = [
    "1",
    "1.10",
    "0.10",
    "1e3",
    "-0",
    "1E400",
    "007",
    "true",
    "null",
    "NaN",
    '"1"',
    "",
    "x=y",
]


@pytest.mark.parametrize("value", [*_SPELLINGS, "[1", "{a}"])
def test_a_single_value_of_the_command_line_is_the_text_it_is_spelled_as(value: str) -> None:
    assert parse_inputs([f"a={value}"]) == {"a": value}
    for name, text in ("job.yaml", f"name: x\n{TASKS}"), ("job.json", JSON):
        assert submitted(text, name, inputs=parse_inputs([f"a={value}"]))["inputs"]["a"] == value


def test_a_list_or_mapping_of_the_command_line_is_read_as_json() -> None:
    assert parse_inputs(["a=[1, {}]", 'b={"c": null}']) == {"a": [1, {}], "b": {"c": None}}


def test_numbers_of_a_json_file_stay_as_they_are_spelled() -> None:
    shown = submitted(JSON, "job.json", inputs={"b": "2"})
    assert shown["inputs"] == {"a": "1.10", "z": "-0", "l": [1.5, 2], "b": "2"}
