"""Jobs that do the same work have the same fingerprint, and no others."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shared.jobspec.tork.compilation import compile_job
from shared.jobspec.tork.parsing import parse_job
from shared.planning.fingerprint import Fingerprint, canonical, job_fingerprint
from shared.planning.submission import new_job
from shared.process.sealing import Sealer, generate_key
from tests.support.jobs.decided import NOW

JOB: dict[str, Any] = {
    "name": "count",
    "inputs": {"size": "3", "list": [1, {"a": 2.5}]},
    "tasks": [
        {"name": "make", "image": "alpine:3", "run": "seq 3 > words", "env": {"A": "1", "B": "2"}},
        {
            "name": "all",
            "each": {
                "list": "{{ inputs.list }}",
                "task": {"name": "one", "run": "true", "env": {"X": "{{ item.value }}"}},
            },
        },
    ],
    "output": "{{ inputs.size }}",
}
KEYED = Sealer().keyed_hash


def taken(job: dict[str, Any], sealer: Sealer | None = None, **uploads: str) -> Fingerprint:
    definition = compile_job(parse_job(json.dumps(job).encode(), "application/json"))
    kept = new_job(definition, "id", NOW).definition
    return job_fingerprint(kept, uploads, (sealer or Sealer()).keyed_hash)


def changed(**fields: Any) -> dict[str, Any]:
    return {**JOB, **fields}


def with_task(**fields: Any) -> dict[str, Any]:
    first, *others = JOB["tasks"]
    return changed(tasks=[{**first, **fields}, *others])


def in_another_order(value: Any) -> Any:
    match value:
        case dict():
            return {name: in_another_order(item) for name, item in reversed(value.items())}
        case list():
            return list(map(in_another_order, value))
    return value


@pytest.mark.parametrize(
    "same",
    [
        changed(name="other", description="d", tags=["x"], permissions=[{"role": "public"}]),
        changed(webhooks=[{"url": "http://example.com", "secret": "whsec_" + "A" * 32}]),
        changed(timeout="1h", autoDelete={"after": "1h"}, startAt="2126-01-01T00:00:00Z"),
        changed(defaults={"retry": {"limit": 3}, "queue": "highcpu"}, budget="3"),
        changed(concurrency=3, startRate="10/s"),
        changed(reuse={"scope": "readable", "maxAge": "1h"}),
        with_task(name="renamed", description="d", tags=["x"]),
        with_task(retry={"limit": 3}, timeout="5m", queueTimeout="1h", gracePeriod="1s"),
        with_task(queue="highcpu", priority=7, limits={"cpus": "2", "memory": "1g"}, gpus="all"),
        with_task(registry={"username": "u", "password": "p"}),
        in_another_order(JOB),
        changed(inputs={"size": 3, "list": [1.0, {"a": 25e-1}]}),
    ],
)
def test_what_does_not_decide_the_result_is_of_no_matter(same: dict[str, Any]) -> None:
    assert taken(same).digest == taken(JOB).digest


@pytest.mark.parametrize(
    ("other", "place"),
    [
        (with_task(run="seq 4 > words"), "tasks[0].run"),
        (with_task(image="alpine:4"), "tasks[0].image"),
        (with_task(env={"A": "1", "B": "3"}), "tasks[0].env.B"),
        (with_task(files={"f": "x"}), "tasks[0].files.f"),
        (with_task(workdir="/tmp"), "tasks[0].workdir"),
        (with_task(mounts=[{"type": "volume", "target": "/x"}]), "tasks[0].mounts[0].target"),
        (with_task(**{"if": "inputs.size != ''"}), "tasks[0].if"),
        (with_task(pre=[{"run": "x"}]), "tasks[0].pre[0].run"),
        (with_task(artifacts=[{"name": "a", "path": "a"}]), "tasks[0].artifacts[0].name"),
        (with_task(successCodes=[0, 1]), "tasks[0].successCodes[1]"),
        (changed(inputs={"size": "4", "list": [1, {"a": 2.5}]}), "inputs.size"),
        (changed(inputs={"size": "3", "list": [{"a": 2.5}, 1]}), "inputs.list[0].a"),
        (changed(secrets={"token": "x"}), "secrets.token"),
        (changed(output="{{ inputs.list }}"), "output"),
        (changed(tasks=JOB["tasks"][:1]), "tasks[1].each.list"),
        (changed(tasks=JOB["tasks"][::-1]), "tasks[0].run"),
    ],
)
def test_what_decides_the_result_is_told_by_its_place(other: dict[str, Any], place: str) -> None:
    here, there = taken(JOB), taken(other)
    assert here.digest != there.digest
    places = here.parts.keys() | there.parts.keys()
    assert place in {p for p in places if here.parts.get(p) != there.parts.get(p)}


def test_when_where_and_with_how_much_the_tasks_of_a_spawn_run_is_of_no_matter() -> None:
    def spawn(rules: dict[str, Any], **fields: Any) -> str:
        task = {"name": "a", "run": "a", **fields}
        return taken(changed(tasks=[{"name": "all", "spawn": {"task": task, **rules}}])).digest

    assert spawn({}) == spawn({"concurrency": 2}, priority=7, limits={"memory": "1g"})
    assert spawn({}) == spawn({}, placement={"maxNodes": 2, "constraints": ["region = eu"]})
    assert spawn({}) != spawn({}, image="alpine:3")


def test_tasks_of_a_graph_may_be_renamed_but_not_wired_otherwise() -> None:
    def graph(a: str, b: str, needs: str) -> str:
        tasks = [
            {"name": a, "run": "a", "needs": []},
            {"name": b, "run": "b", "needs": []},
            {"name": "c", "run": "c", "needs": [needs]},
        ]
        return taken(changed(tasks=tasks)).digest

    assert graph("a", "b", "a") == graph("x", "y", "x") == graph("b", "a", "b")
    assert graph("a", "b", "a") != graph("a", "b", "b")


def test_artifacts_are_recognised_by_where_their_task_stands() -> None:
    def job(name: str, artifact: str) -> str:
        first = {"name": name, "run": "x", "artifacts": [{"name": "a", "path": "a"}]}
        source = {"artifact": f"{name}.{artifact}", "target": "in"}
        return taken(changed(tasks=[first, {"name": "b", "run": "y", "sources": [source]}])).digest

    assert job("one", "a") == job("two", "a")
    assert job("one", "a") != job("one", "a/path")


def test_a_name_that_an_expression_reads_is_part_of_it() -> None:
    reading = with_task(env={"NAME": "{{ job.name }}"})
    assert taken(reading).digest != taken({**reading, "name": "other"}).digest


def test_jobs_of_a_namespace_are_alike_only_there() -> None:
    definition = new_job(
        compile_job(parse_job(json.dumps(JOB).encode(), "application/json")), "id", NOW
    ).definition
    digests = {job_fingerprint(definition, {}, KEYED, name).digest for name in ("", "a", "b", "a")}
    assert len(digests) == 3
    assert taken(JOB).digest in digests


def test_uploads_count_by_their_content_and_not_by_their_ids() -> None:
    source = {"upload": "data", "target": "in"}
    job = with_task(sources=[source], image="alpine")
    first, second = ({**job, "uploads": {"data": id_}} for id_ in ("1", "2"))
    assert taken(first, data="sum").digest == taken(second, data="sum").digest
    assert taken(first, data="sum").digest != taken(first, data="other").digest


def test_secrets_are_in_it_by_a_hash_that_only_who_has_the_key_can_make() -> None:
    job, other = changed(secrets={"pin": "1234"}), changed(secrets={"pin": "1235"})
    key = Sealer([generate_key()])
    assert taken(job, key).digest == taken(job, key).digest != taken(other, key).digest
    assert taken(job, key).digest != taken(job, Sealer([generate_key()])).digest
    assert key.keyed_hash("1234") != KEYED("1234")


@pytest.mark.parametrize(
    ("job", "chance"),
    [
        (JOB, []),
        (with_task(env={"A": "{{ randomInt(6) }}"}), ["randomInt()"]),
        (with_task(**{"if": "now() > date('2026-01-01')"}), ["now()"]),
        (changed(output="now()"), ["now()"]),
        (with_task(run="echo now() {{ now() }}"), []),
        (with_task(env={"A": "randomInt()"}), []),
    ],
)
def test_expressions_of_chance_or_time_make_a_job_nondeterministic(
    job: dict[str, Any], chance: list[str]
) -> None:
    assert taken(job).chance == chance


def test_a_large_job_is_told_by_its_tasks() -> None:
    tasks = [{"name": f"t{n}", "run": "x", "env": {"N": str(n)}} for n in range(200)]
    parts = taken(changed(tasks=tasks)).parts
    assert len(parts) <= 300
    assert {"tasks[0]", "tasks[199]"} <= parts.keys()


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)  # fmt: skip


@given(JSON_VALUES)
def test_the_canonical_form_is_the_same_for_the_same_value_in_any_order(value: Any) -> None:
    assert canonical(in_another_order(value)) == canonical(value)
    assert json.loads(canonical(value)) == value


@given(JSON_VALUES, JSON_VALUES)
def test_other_values_have_another_form(one: Any, other: Any) -> None:
    same = canonical(one) == canonical(other)
    assert same == (_with_kinds(one) == _with_kinds(other))


def _with_kinds(value: Any) -> Any:
    """To Python, true is 1."""
    match value:
        case bool():
            return ("flag", value)
        case dict():
            return {name: _with_kinds(item) for name, item in value.items()}
        case list():
            return list(map(_with_kinds, value))
    return value


def test_a_job_in_yaml_is_the_same_as_in_json() -> None:
    text = yaml.safe_dump(JOB).encode()
    definition = new_job(compile_job(parse_job(text, "text/yaml")), "id", NOW).definition
    assert job_fingerprint(definition, {}, KEYED).digest == taken(JOB).digest
