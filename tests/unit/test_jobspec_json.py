"""JSON bodies and content types: what is refused before a job is looked at."""

import pytest

from shared.jobspec.problems import InvalidJob
from shared.jobspec.tork.parsing import parse_job


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "not valid JSON"),
        (b"[1]", "a job must be a mapping of fields"),
        (b'{"name":"a","name":"b"}', "duplicate key 'name'"),
        (b'{"a":NaN}', "NaN is not a valid JSON number"),
        (b'{"a":1e999}', "a number must fit in 64 bits"),
        (b'{"a":99999999999999999999}', "an integer must fit in 64 bits"),
        (b'{"a":' + b"9" * 5000 + b"}", "an integer must fit in 64 bits"),
        (b"[" * 100_000, "nested too deep: at most 200 mappings and lists"),
        (b'{"a":' * 201 + b"1" + b"}" * 201, "nested too deep: at most 200 mappings and lists"),
        (b'{"a":[' + b"0," * 100_000 + b"0]}", "more than 100000 values"),
        (b'{"name":"a\\u0000"}', "name: must not hold NUL characters"),
        (b'{"inputs":{"a":["\\ud800"]}}', "inputs.a[0]: must not hold NUL characters"),
        (b'{"inputs":{"a\\u0000":1}}', "inputs: must not have a key with NUL"),
        (b"\xff", "not UTF-8 text"),
    ],
)
def test_json_that_cannot_be_kept_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(InvalidJob) as caught:
        parse_job(body, "application/json")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        'Application/JSON;charset="UTF-8"',
        "text/yaml",
        "application/x-yaml;charset=utf-8",
        "application/yaml",
    ],
)
def test_json_and_yaml_are_accepted_with_a_charset(content_type: str) -> None:
    assert parse_job(b'{"name": "x", "tasks": [{"name": "t"}]}', content_type).name == "x"


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json; charset=latin1"])
def test_other_content_types_are_refused(content_type: str) -> None:
    with pytest.raises(InvalidJob, match="content-type"):
        parse_job(b"{}", content_type)


def test_a_long_key_over_many_values_is_refused_in_passing() -> None:
    body = b'{"' + b"k" * 200_000 + b'": [' + b"0," * 90_000 + b'"\\u0000"]}'
    with pytest.raises(InvalidJob, match="NUL"):
        parse_job(body, "application/json")


@pytest.mark.parametrize(
    ("spelled", "value"),
    [
        ("5", "5"),
        ("1.10", "1.10"),
        ("1e3", "1e3"),
        ("-0", "-0"),
        ("1E400", "1E400"),
        ("123456789012345678901", "123456789012345678901"),
        ("true", "true"),
        ("null", ""),
        ('"x"', "x"),
        ('[1.10, 2, {"a": true}]', [1.1, 2, {"a": True}]),
    ],
)
def test_a_single_input_is_the_text_it_was_spelled_as(spelled: str, value: object) -> None:
    task = (
        f'{{"name": "t", "subjob": {{"name": "s", "tasks": [{{}}], "inputs": {{"v": {spelled}}}}}}}'
    )
    body = f'{{"name": "x", "tasks": [{task}], "inputs": {{"v": {spelled}}}}}'
    spec = parse_job(body.encode(), "application/json")
    assert spec.inputs == {"v": value}
    assert spec.tasks[0].subjob is not None
    assert spec.tasks[0].subjob.inputs == {"v": value}
