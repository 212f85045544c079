"""The typed definition: what Tork's language compiles into, and its JSON form."""

from typing import Any, TypeVar

import orjson
import pytest
from hypothesis import given, settings

from conveyor.extensions.tasks import Builtin, Program
from services.coordinator.api.tork.definitions import shown_job
from shared.definition import (
    Amount,
    Artifact,
    AuxTask,
    Duration,
    Each,
    InvalidDefinition,
    JobDefinition,
    Parallel,
    SubJobDefinition,
    TaskDefinition,
    changed,
    decode_job,
    decode_task,
    encode,
    map_parts,
)
from shared.jobspec.tork.compilation import compile_job
from shared.jobspec.tork.parsing import parse_job
from shared.process.redaction import REDACTED
from tests.support.jobs.job_specs import JOBS

P = TypeVar("P", bound=Program)


def compiled(job: dict[str, Any]) -> JobDefinition:
    return compile_job(parse_job(orjson.dumps(job), "application/json"))


def compiled_task(**fields: Any) -> TaskDefinition:
    return compiled({"name": "j", "tasks": [{"name": "t", **fields}]}).tasks[0]


@settings(max_examples=50)
@given(JOBS)
def test_whatever_the_job_language_can_say_is_read_back_from_its_json_form(
    job: dict[str, Any],
) -> None:
    definition = compiled(job)
    assert decode_job(orjson.loads(orjson.dumps(encode(definition)))) == definition
    for task in definition.tasks:
        assert decode_task(orjson.loads(orjson.dumps(encode(task)))) == task


@settings(max_examples=50)
@given(JOBS)
def test_a_definition_is_shown_as_the_client_wrote_it(job: dict[str, Any]) -> None:
    secrets = {"secrets": dict.fromkeys(job["secrets"], REDACTED)} if "secrets" in job else {}
    assert shown_job(encode(compiled(job))) == without_passwords(job) | secrets


def without_passwords(value: Any) -> Any:
    """With [REDACTED] in place of passwords and secrets, but where an expression gives them: no
    other name in it sounds like one's."""
    match value:
        case dict():
            shown = {name: without_passwords(item) for name, item in value.items()}
            if "password" in shown:
                shown["password"] = _hidden(shown["password"])
            if "secrets" in shown:
                shown["secrets"] = {k: _hidden(v) for k, v in shown["secrets"].items()}
            return shown
        case list():
            return list(map(without_passwords, value))
        case _:
            return value


def _hidden(text: str) -> str:
    is_expression = text.startswith("{{") and text.endswith("}}")
    return text if not text or is_expression else REDACTED


def test_a_partitioned_task_is_read_back_from_its_json_form() -> None:
    split = TaskDefinition(
        builtin=Builtin(name="lines", params={"count": 5, "deep": [{"a": None}]}),
        artifacts=(Artifact(name="chunks", path="c", chunks=True),),
    )
    every = Each(chunks="split.chunks", task=TaskDefinition(run="true"), max_failed=2)
    app = TaskDefinition(each=changed(every, max_failed_percent=10, finishes=True))
    for task in (split, app):
        assert decode_task(orjson.loads(orjson.dumps(encode(task)))) == task


def test_durations_and_sizes_are_numbers_that_remember_their_spelling() -> None:
    task = compiled_task(image="i", timeout="90s", limits={"cpus": "0.5", "memory": "1.5g"})
    assert task.timeout == Duration(90, "90s")
    assert task.limits is not None
    assert task.limits.cpus == Amount(0.5, "0.5")
    assert task.limits.memory == Amount(1610612736, "1.5g")


def test_what_is_empty_is_not_set() -> None:
    task = compiled_task(image="i", env={}, cmd=[], pre=[], privileged=False, priority=0)
    assert encode(task) == {"name": "t", "image": "i"}


def test_the_json_form_of_a_later_version_is_read_without_what_was_added() -> None:
    encoded = {"name": "t", "pre": [{"run": "x", "later": 1}], "later": {"a": [1]}}
    assert decode_task(encoded) == TaskDefinition(name="t", pre=(AuxTask(run="x"),))


def test_what_is_no_definition_is_refused_without_a_word_of_what_it_holds() -> None:
    with pytest.raises(InvalidDefinition) as refused:
        decode_task({"registry": {"password": ["hunter2"]}})
    assert str(refused.value) == "registry.password: Input should be a valid string"
    assert refused.value.__cause__ is None


def test_every_program_and_every_sub_job_is_changed_at_any_depth() -> None:
    leaf = TaskDefinition(image="i", pre=(AuxTask(run="x"),))
    job = SubJobDefinition(name="inner", tasks=(leaf,))
    each = TaskDefinition(each=Each(items=[1], task=TaskDefinition(subjob=job)))
    task = TaskDefinition(parallel=Parallel(tasks=(leaf, each)))
    seen: list[Program] = []

    def note(program: P) -> P:
        seen.append(program)
        return changed(program, workdir="w") if isinstance(program, TaskDefinition) else program

    done = map_parts(task, note, lambda one: changed(one, name="changed"))
    assert [program.image or program.run for program in seen if program.image or program.run] == [
        *("i", "x"),
        *("i", "x"),
    ]
    assert done.parallel is not None
    inner = done.parallel.tasks[1].each
    assert inner is not None
    assert inner.task.subjob == SubJobDefinition(
        name="changed", tasks=(changed(leaf, workdir="w"),)
    )


def test_what_does_not_change_is_the_same_object() -> None:
    task = TaskDefinition(pre=(AuxTask(run="x"),), each=Each(items=[1], task=TaskDefinition()))
    assert map_parts(task, lambda program: program, lambda job: job) is task
