"""YAML job files: what unquoted values mean, and what is refused before it does harm."""

import json
from typing import Any

import pytest
import yaml

from shared.jobspec.problems import InvalidJob
from shared.jobspec.tork.models import JobSpec
from shared.jobspec.tork.parsing import parse_job

TASK = "name: x\ntasks:\n- name: t\n  "
TASKS = "tasks: [{name: t}]"


def job(text: str) -> JobSpec:
    return parse_job(text.encode(), "text/yaml")


def refusal(text: str | bytes) -> str:
    with pytest.raises(InvalidJob) as caught:
        parse_job(text if isinstance(text, bytes) else text.encode(), "text/yaml")
    return str(caught.value)


def task(field: str) -> dict[str, Any]:
    return job(TASK + field).tasks[0].as_submitted()


@pytest.mark.parametrize(
    ("spelled", "text"),
    [
        ("8080", "8080"),
        ("1.10", "1.10"),
        ("0x1F", "0x1F"),
        ("007", "007"),
        ("true", "true"),
        ("True", "True"),
        ("yes", "yes"),
        ("off", "off"),
        ("2024-01-31", "2024-01-31"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("'8080'", "8080"),
        ("!!str 5", "5"),
        ("", ""),
        ("~", ""),
    ],
)
def test_an_unquoted_value_is_text_where_text_is_due(spelled: str, text: str) -> None:
    assert task(f"env:\n    V: {spelled}")["env"] == {"V": text}


def test_the_usual_job_file_needs_no_quotes() -> None:
    spec = job("""
name: on
tags: [2024-01-01, 7]
defaults: {retry: {limit: 2}, limits: {cpus: 1, memory: 500m}, timeout: 10m, priority: 3}
tasks:
  - name: on
    run: on
    cmd: [echo, 1]
    retry: {limit: 3, jitter: 0.5, scalingFactor: 2}
""")
    assert spec.name == "on"
    assert spec.tags == ["2024-01-01", "7"]
    assert spec.defaults is not None
    assert spec.defaults.as_submitted() == {
        "retry": {"limit": 2},
        "limits": {"cpus": "1", "memory": "500m"},
        "timeout": "10m",
        "priority": 3,
    }
    assert spec.tasks[0].as_submitted() == {
        "name": "on",
        "run": "on",
        "cmd": ["echo", "1"],
        "retry": {"limit": 3, "jitter": 0.5, "scalingFactor": 2.0},
    }


def test_switches_shares_and_causes_need_no_quotes() -> None:
    spec = job("""
name: x
tasks:
  - name: a
    allowFailure: true
    privileged: False
    gpus: 1
    retry: {limit: 1, on: [1, timeout]}
    sidecars: [{image: i, probe: {path: /, port: 8080}}]
  - name: b
    parallel: {tasks: [{run: x}, {run: y}], minSuccess: 1}
  - name: c
    needs: [a]
    each: {list: [1, true, "2"], task: {run: x}, concurrency: 2, minSuccess: 50%}
  - name: d
    subjob: {name: s, tasks: [{run: x}], inputs: {n: 1}, detached: TRUE}
""")
    a, b, c, d = (task.as_submitted() for task in spec.tasks)
    assert a == {
        "name": "a",
        "allowFailure": True,
        "privileged": False,
        "gpus": "1",
        "retry": {"limit": 1, "on": [1, "timeout"]},
        "sidecars": [{"image": "i", "probe": {"path": "/", "port": 8080}}],
    }
    assert b["parallel"]["minSuccess"] == 1
    assert c["each"]["list"] == [1, True, "2"]
    assert (c["each"]["concurrency"], c["each"]["minSuccess"]) == (2, "50%")
    assert (d["subjob"]["inputs"], d["subjob"]["detached"]) == ({"n": "1"}, True)


@pytest.mark.parametrize(
    ("spelled", "value"),
    [
        ("5", "5"),
        ("2.5", "2.5"),
        ("true", "true"),
        ("False", "False"),
        ("null", ""),
        ("", ""),
        ("1E400", "1E400"),
        ("{a: 2.5, b: 1.10, c: [true, ~]}", {"a": 2.5, "b": "1.10", "c": [True, None]}),
        ("'5'", "5"),
        ("yes", "yes"),
        ("1.10", "1.10"),
        ("1.0", "1.0"),
        ("007", "007"),
        ("+5", "+5"),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        ("2024-01-31", "2024-01-31"),
        ("[1, [a, {b: 2}]]", [1, ["a", {"b": 2}]]),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
    ],
)
def test_a_single_input_is_the_text_it_was_spelled_as(spelled: str, value: object) -> None:
    assert job(f"{TASK}run: x\ninputs:\n  v: {spelled}").inputs == {"v": value}


def test_a_quoted_number_is_no_number() -> None:
    assert refusal(TASK + "priority: '5'") == (
        'tasks[0].priority: "5" is not allowed: must be a whole number (line 4, column 13)'
    )


def test_anchors_and_merges_work() -> None:
    spec = job("""
name: x
inputs: {one: &env {A: "1", B: "2"}}
tasks:
  - name: t
    env: {<<: *env, B: 3}
""")
    assert spec.tasks[0].env == {"A": "1", "B": "3"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name: a\nname: b", "duplicate key 'name' (line 2, column 1)"),
        ("a: &x [*x]", "the alias 'x' stands within itself (line 1, column 8)"),
        ("a: !!python/object/apply:os.system [x]", "is not allowed"),
        ("a: !!binary aGVsbG8=", "is not allowed"),
        ("name: a\n---\nname: b", "expected a single document"),
        ("? [a]\n: b", "a key must be text"),
        ("<<: 5", "'<<' takes a mapping"),
        ("a: *missing", "its anchor (&) is missing above (line 1, column 4)"),
        ("a: [", "not valid YAML"),
        ("", "a job must be a mapping of fields"),
        ("- a", "a job must be a mapping of fields"),
        ("name: \x00", "control characters are not allowed"),
        (b"\xff\xfe", "not UTF-8 text"),
    ],
)
def test_what_is_no_plain_mapping_is_refused(text: str | bytes, reason: str) -> None:
    assert reason in refusal(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tasks:\n\t- name: b", "a tab: YAML indents with spaces (line 2, column 1)"),
        ("tasks:\n  - name: b\n\trun: x", "a tab: YAML indents with spaces (line 3, column 1)"),
        (
            "env:\n  A: {{ inputs.day }}",
            "around a value with {{ … }} (line 2, column 6)",
        ),
        (
            "env:\n  A: {{ a }}-x\n  B: c",
            "around a value with {{ … }} (line 2, column 6)",
        ),
        ("env: {A: x {{ b }}}", "put quotes around a value with {{ … }} (line 1, column 12)"),
        ("if: {{ a[0] == 'b' }}", "put quotes around a value with {{ … }} (line 1, column 5)"),
        ('a: "{{ b }}"-c', "put the quotes around the whole value (line 1, column 13)"),
        ("name: job: nightly", "a value with ': ' in it needs quotes (line 1, column 10)"),
        ('run: echo "a: b"', "a value with ': ' in it needs quotes (line 1, column 13)"),
        ("name:hello\ntasks: []", "a blank is missing after the ':' (line 1, column 6)"),
        ("- name: a\n  run:echo\n", "a blank is missing after the ':' (line 2, column 7)"),
        ("tasks:\n  -name: a\n   run: b", "a blank is missing after the '-' (line 2, column 4)"),
        ("tasks\n  - name: x", "a ':' is missing after the name of the field (line 1, column 6)"),
        ("- name: a\n   run: b", "wrong indentation: this must begin in the column of the field"),
        (
            "t:\n  - name: a\n   run: b",
            "this must begin in the column of a line above",
        ),
        ("t:\n  name: a\n  - run: b", "wrong indentation, or a list item can't stand here"),
        ("tasks: - name: a", "a list with '- ' begins on the next line (line 1, column 8)"),
        ('a: b\nname: "x\n', "the quote that opens here is not closed (line 2, column 7)"),
        ('name: "x\nb: "y"\n', "the quote that opens here ends only in line 2: is one missing?"),
        ("name: 'it's'", "write a single quote within them twice (line 1, column 11)"),
        ("a: @b", "a value that starts with '@' needs quotes (line 1, column 4)"),
        ("a: `b`", "a value that starts with '`' needs quotes (line 1, column 4)"),
        ("a: %b", "a value that starts with '%' needs quotes (line 1, column 4)"),
        ("cron: */5 * * * *", "a value that starts with '*' needs quotes (line 1, column 7)"),
        ("a: & b", "a value that starts with '&' needs quotes (line 1, column 4)"),
        ("a: !b c", "a value that starts with '!' needs quotes) (line 1, column 4)"),
        ("run: | echo hi", "a text after '|' begins on the next line"),
        ("cmd: [a, b\nname: x", "the '[' that opens here is not closed, or a ',' is missing"),
        ('run: "\\d+"', "in double quotes a backslash starts an escape"),
        ("name: a\x01", "control characters are not allowed (line 1, column 8)"),
    ],
)
def test_a_usual_slip_is_named_with_its_place(text: str, reason: str) -> None:
    assert reason in refusal(text)


@pytest.mark.parametrize("start", ["*", "&", "!", "@", "`", "%", '"', "'", "[", "{", "{{ ", "- "])
def test_a_secret_without_quotes_is_in_no_error(start: str) -> None:
    text = f"name: x\nsecrets:\n  pw: {start}hunter2\n  b: hunter2: c\ntasks: [{{name: a}}]\n"
    assert "hunter2" not in refusal(text)


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ("retry: {limit: 99}", (4, 18)),
        ("retry:\n    limit: 99", (5, 12)),
        ("environment:\n    A: b", (4, 3)),
        ("env:\n    <<: {A: [1]}", (5, 10)),
        ("env: {'': b}", (4, 9)),
        ("timeout: 5", (4, 12)),
        ("parallel:\n    minSuccess: 2", (4, 3)),
        ("each: {list: '[]', task: {needs: [a]}}", (4, 29)),
        ("needs: [t]", (4, 11)),
        ("run: |\n    a\n  priority: 12", (6, 13)),
    ],
)
def test_every_broken_rule_has_a_place(field: str, place: tuple[int, int]) -> None:
    yaml_text = TASK + field
    for text, content_type in ((yaml_text, "text/yaml"), (as_json(yaml_text), "application/json")):
        with pytest.raises(InvalidJob) as caught:
            parse_job(text.encode(), content_type)
        (problem,) = caught.value.problems
        assert problem.line is not None
        if content_type == "text/yaml":
            assert (problem.line, problem.column) == place


def as_json(text: str) -> str:
    return json.dumps(yaml.safe_load(text), indent=1)


def test_a_place_in_json_is_that_of_the_value_or_of_the_unknown_key() -> None:
    text = '{"name": "x",\n "tasks": [{"name": "a"}, {"name": "b", "run": [1],\n  "volumes": []}]}'
    with pytest.raises(InvalidJob) as caught:
        parse_job(text.encode(), "application/json")
    assert [(p.field, p.line, p.column) for p in caught.value.problems] == [
        ("tasks[1].run", 2, 41),
        ("tasks[1].volumes", 3, 3),
    ]


def test_an_alias_bomb_is_refused_early() -> None:
    lines = ['a0: &a0 ["x","x","x","x","x","x","x","x","x","x"]']
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "more than 100000 values, aliases counted" in refusal("\n".join(lines))


TEXT = "x" * 200_000


@pytest.mark.parametrize(
    "bomb",
    [
        f"a: &a {TEXT}\nl: [{','.join(['*a'] * 6)}]",
        f"a: &a {{k: {TEXT}}}\nl: [{','.join(['*a'] * 6)}]",
        f"a: &a\n ? {TEXT}\n : 1\nl:\n" + "- {<<: *a}\n" * 6,
        f"? &a {TEXT}\n: 1\nl:\n" + "- {*a : 1}\n" * 6,
        f"a: &a [{TEXT}]\nb: &b [*a, *a, *a]\nc: [*b, *b]",
    ],
)
def test_aliases_repeat_only_so_much_text(bomb: str) -> None:
    assert "aliases repeat more than 1048576 characters (line" in refusal(bomb)


def test_an_alias_is_the_value_of_its_anchor_each_time() -> None:
    spec = job("name: &n x\ninputs: {a: *n, b: &l [*n, {*n : 1}], c: *l, d: &n 5, e: *n}\n" + TASKS)
    assert spec.inputs == {
        "a": "x",
        "b": ["x", {"x": 1}],
        "c": ["x", {"x": 1}],
        "d": "5",
        "e": "5",
    }


def test_a_separator_may_end_the_file() -> None:
    assert job(f"---\n{TASK}run: a\n---\n").name == "x"


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_endless_nesting_is_refused_without_a_crash(opening: str) -> None:
    assert "nested too deep: at most 200 mappings and lists" in refusal(opening * 100_000)


@pytest.mark.parametrize(
    ("value", "name"),
    [('"\\ud83d\\ude00"', "\N{GRINNING FACE}"), ('"a\x7fb"', "a\x7fb"), ("5", "5")],
)
def test_json_is_accepted_as_yaml(value: str, name: str) -> None:
    text = (
        f'{{"name": {value}, "inputs": {{"n": 1.10}}, "tasks": [{{"name": "t", "priority": 3}}]}}'
    )
    spec = job(text)
    assert (spec.name, spec.inputs, spec.tasks[0].priority) == (name, {"n": "1.10"}, 3)
