"""From a job of ByteNite to the definition that every service reads: four stages in a row."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from conveyor.extensions.tasks import Registry
from shared import definition as d
from shared.definition.labels import as_label_value
from shared.definition.placement import Operator
from shared.expressions import quoted
from shared.jobspec.bytenite import models as m
from shared.jobspec.bytenite.building_blocks import App, Engine
from shared.jobspec.cron.moments import moment_of
from shared.jobspec.partition.builtins import Stage, builtin
from shared.jobspec.partition.stages import ASSEMBLE, OUTPUT, OUTPUT_DIR, staged

DELIVER = "deliver"
REGION = "region"
"""The label of a node that says where it is."""
FIRST_GPU = "GPU-0"
"""The label with the model of the first GPU of a node."""
_ALL = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What a job runs, in the versions that its tags stood for: an app, and engines of which those
    that come with a worker are their names."""

    app: App
    app_tag: str
    partitioner: Engine | str
    assembler: Engine | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Where the source comes from, and where the result goes besides the store of files. `env` are
    variables of the app, `secrets` what all of them refer to."""

    sources: Sequence[d.Source] = ()
    publications: Sequence[d.Publication] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    uploads: Mapping[str, str] = field(default_factory=dict)


def compile_job(
    job: m.Job, name: str, bound: Bound, data: Data, *, hold: bool = False
) -> d.JobDefinition:
    """`job` is checked, with what its template says for it; `name` is what it is called without a
    name of its own."""
    return d.JobDefinition(
        name=_literal(job.name or name),
        description=_literal(job.description) or None,
        tasks=(*_stages(job, bound, data), _delivery(job, data)),
        secrets=dict(data.secrets),
        uploads=dict(data.uploads),
        timeout=_seconds(job.config.job_timeout),
        hold=hold,
        start_at=_time(job.start_at),
        deadline=_time(job.deadline),
        budget=format(job.budget, "f") if job.budget else None,
    )


def _literal(text: str) -> str:
    """What looks like an expression of ours is none here."""
    return quoted(text) if "{{" in text else text


def _seconds(seconds: int) -> d.Duration | None:
    return d.Duration(seconds, f"{seconds}s") if seconds else None


def _time(text: str | None) -> datetime | None:
    return moment_of(text) if text else None


def _stages(job: m.Job, bound: Bound, data: Data) -> Sequence[d.TaskDefinition]:
    """A test job runs its first chunk only."""
    params = job.params
    split = _engine(job, bound.partitioner, "partition")
    app = d.changed(_ruled(job, _program(bound.app)), placement=_placement(job, bound.app))
    first, each, last = staged(
        d.Stages(
            split=d.changed(split, sources=tuple(data.sources)),
            task=d.changed(app, env=dict(data.env)),
            assemble=_engine(job, bound.assembler, "assemble"),
            split_params=_partitioner_params(job),
            task_params=_app_params(params),
            assemble_params=params.assembler,
            **_tolerance(job),
        )
    )
    if each.each is not None and job.config.is_test_job:
        each = d.changed(each, each=d.changed(each.each, most_chunks=1))
    return first, each, last


def _partitioner_params(job: m.Job) -> dict[str, Any]:
    """With what 2023's clients say of chunks in the configuration."""
    config = job.config
    sizes = {"minChunkSize": config.min_chunk_size, "maxChunkSize": config.max_chunk_size}
    told = {name: size for name, size in sizes.items() if size is not None}
    return {**told, **(config.partitioning_settings or {}), **job.params.partitioner}


def _app_params(params: m.JobAppParams) -> dict[str, Any]:
    return {**(params.data or {}), **params.app}


def _engine(job: m.Job, engine: Engine | str, stage: Stage) -> d.TaskDefinition:
    if isinstance(engine, str):
        return _ruled(job, d.TaskDefinition(builtin=builtin(stage, engine)))
    return _ruled(job, _program(engine))


def _program(app: App) -> d.TaskDefinition:
    config, limits = app.platform_config, _limits(app)
    if app.platform == "shell":
        return d.TaskDefinition(run=_literal(shlex.join(app.entrypoint)), limits=limits)
    login = config.username or config.token
    return d.TaskDefinition(
        image=_literal(config.container),
        entrypoint=tuple(app.entrypoint),
        registry=Registry(config.username, config.token) if login else None,
        limits=limits,
    )


def _ruled(job: m.Job, task: d.TaskDefinition) -> d.TaskDefinition:
    """With what holds for every stage."""
    retries = job.config.max_task_retries
    return d.changed(
        task,
        timeout=_seconds(job.config.task_timeout),
        retry=d.Retry(limit=retries, memory_factor=job.config.memory_factor) if retries else None,
        priority=m.PRIORITIES[job.priority],
        reuse=job.config.reuse or None,
    )


def _limits(app: App) -> d.Limits | None:
    needed = app.device_requirements
    cpus = d.Amount(needed.min_cpu, f"{needed.min_cpu:g}") if needed.min_cpu else None
    return d.Limits(cpus=cpus, memory=needed.memory) if cpus or needed.memory else None


def _placement(job: m.Job, app: App) -> d.Placement | None:
    """None where every worker will do: a queue takes less to serve."""
    needed, regions = app.device_requirements, job.regions
    wanted = [
        (REGION, "in", regions.whitelist),
        (REGION, "notin", regions.blacklist),
        (FIRST_GPU, "in", [as_label_value(model) for model in needed.gpu]),
    ]
    if not any(values for _, _, values in wanted):
        return None
    limits = _limits(app) or d.Limits()
    return d.Placement(
        constraints=tuple(
            d.Constraint(key=key, operator=cast(Operator, operator), values=tuple(values))
            for key, operator, values in wanted
            if values
        ),
        resources=d.Resources(cpus=limits.cpus, memory=limits.memory, gpus=1 if needed.gpu else 0),
    )


def _tolerance(job: m.Job) -> dict[str, Any]:
    """`tolerate` without numbers takes any."""
    given, on_failure = job.tolerance, job.on_chunk_failure
    if given is None and on_failure != "tolerate":
        return {"finishes": on_failure == "finish_then_fail"}
    given = given or m.Tolerance(max_failed_percent=_ALL)
    return {
        "max_failed": given.max_failed_chunks,
        "max_failed_percent": given.max_failed_percent,
        "finishes": True,
    }


def _delivery(job: m.Job, data: Data) -> d.TaskDefinition:
    """What is assembled is kept once more where it goes on from: a retry delivers, and nothing
    else. It is never reused: a reused task publishes nothing."""
    task = d.TaskDefinition(
        name=DELIVER,
        builtin=builtin("deliver", DELIVER),
        directories={"OUTPUT_DIR": OUTPUT_DIR},
        sources=(d.Source(artifact=f"{ASSEMBLE}.{OUTPUT}", target=OUTPUT_DIR),),
        artifacts=(d.Artifact(name=OUTPUT, path=OUTPUT_DIR),),
        publish=() if job.config.is_test_job else tuple(data.publications),
    )
    return d.changed(_ruled(job, task), reuse=None)
