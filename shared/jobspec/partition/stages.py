"""The three stages of partitioned work, as the tasks of a job: what each finds, and is told."""

import posixpath
from collections.abc import Mapping
from typing import Any

import orjson

from conveyor.extensions.tasks import DATA
from shared.definition import (
    SHARED_CACHE,
    USER_CACHE,
    Artifact,
    Each,
    Source,
    Stages,
    TaskDefinition,
    changed,
)
from shared.expressions import quoted

PARTITION, APP, ASSEMBLE = "partition", "app", "assemble"
"""The names of the tasks."""
CHUNKS, RESULTS, OUTPUT = "chunks", "results", "output"
"""What each of them keeps, in the same order."""
SOURCE_DIR, CHUNKS_DIR = f"{DATA}/source", f"{DATA}/{CHUNKS}"
TASK_DIR, TASK_RESULTS_DIR = f"{DATA}/task", f"{DATA}/{RESULTS}"
OUTPUT_DIR = f"{DATA}/{OUTPUT}"

PARAMS = {"split_params": "partitioner", "task_params": "app", "assemble_params": "assembler"}
"""Fields of `Stages`, and what a submission calls them."""

_CACHES = {"SHARED_CACHE_DIR": SHARED_CACHE, "USER_CACHE_DIR": USER_CACHE}
_PREFIX = "TORK_"


def staged(stages: Stages) -> tuple[TaskDefinition, TaskDefinition, TaskDefinition]:
    """`partition`, `app` and `assemble`, in the order in which they run. The targets of the sources
    of `split` are below SOURCE_DIR, `.` is SOURCE_DIR itself. Parameters are told as they are: no
    expression in them is evaluated."""
    return _partition(stages), _app(stages), _assemble(stages)


def with_sources(stages: Stages, sources: tuple[Source, ...]) -> Stages:
    """`sources` are what is split."""
    return changed(stages, split=changed(stages.split, sources=sources))


def in_source_dir(source: Source) -> Source:
    target = posixpath.normpath(posixpath.join(SOURCE_DIR, source.target))
    slash = "/" if source.target.endswith("/") and target != SOURCE_DIR else ""
    return changed(source, target=target + slash)


def _partition(stages: Stages) -> TaskDefinition:
    split = _with(
        stages.split,
        params=("PARTITIONER_PARAMS", stages.split_params),
        directories={"SOURCE_DIR": SOURCE_DIR, "CHUNKS_DIR": CHUNKS_DIR},
        kept=Artifact(name=CHUNKS, path=CHUNKS_DIR, chunks=True),
    )
    return changed(split, name=PARTITION, sources=tuple(map(in_source_dir, split.sources)))


def _app(stages: Stages) -> TaskDefinition:
    number = {"CHUNK_INDEX": "{{ item.index }}", "CHUNK_COUNT": "{{ item.count }}"}
    child = _with(
        stages.task,
        params=("APP_PARAMS", stages.task_params),
        directories={"TASK_DIR": TASK_DIR, "TASK_RESULTS_DIR": TASK_RESULTS_DIR},
        kept=Artifact(name=RESULTS, path=TASK_RESULTS_DIR),
        env=number,
    )
    each = Each(
        chunks=f"{PARTITION}.{CHUNKS}",
        needs_chunks=stages.needs_chunks,
        task=child,
        concurrency=stages.concurrency,
        min_success=stages.min_success,
        min_success_percent=stages.min_success_percent,
        max_failed=stages.max_failed,
        max_failed_percent=stages.max_failed_percent,
        finishes=stages.finishes,
    )
    return TaskDefinition(name=APP, each=each)


def _assemble(stages: Stages) -> TaskDefinition:
    results = Source(artifact=f"{APP}.{RESULTS}", target=TASK_RESULTS_DIR, is_flat=stages.is_flat)
    assemble = _with(
        stages.assemble,
        params=("ASSEMBLER_PARAMS", stages.assemble_params),
        directories={"TASK_RESULTS_DIR": TASK_RESULTS_DIR, "OUTPUT_DIR": OUTPUT_DIR},
        kept=Artifact(name=OUTPUT, path=OUTPUT_DIR),
    )
    return changed(assemble, name=ASSEMBLE, var=ASSEMBLE, sources=(results, *assemble.sources))


def _with(
    task: TaskDefinition,
    *,
    params: tuple[str, Mapping[str, Any]],
    directories: Mapping[str, str],
    kept: Artifact,
    env: Mapping[str, str] | None = None,
) -> TaskDefinition:
    name, values = params
    told = {name: _written(orjson.dumps(values).decode()), **(env or {})}
    builtin = task.builtin
    if builtin is None:
        directories = {**directories, **_CACHES}
    else:
        own = {key: _as_it_is(value) for key, value in values.items()}
        builtin = changed(builtin, params={**builtin.params, **own})
    return changed(
        task,
        builtin=builtin,
        env={**task.env, **_twice(told)},
        directories=_twice(directories),
        artifacts=(kept, *task.artifacts),
    )


def _as_it_is(value: object) -> object:
    """As templates, which JSON data is in a definition."""
    match value:
        case str():
            return _written(value)
        case dict():
            return {key: _as_it_is(item) for key, item in value.items()}
        case list():
            return [_as_it_is(item) for item in value]
        case _:
            return value


def _written(text: str) -> str:
    """A template that gives it."""
    return quoted(text) if "{{" in text else text


def _twice(variables: Mapping[str, str]) -> dict[str, str]:
    return {**variables, **{_PREFIX + name: value for name, value in variables.items()}}
