"""From Tork's models to the definition that every service reads: durations and sizes are read here,
once.

For each model a table says what its fields are called in the definition and how their values are
read. Only what the client has set is looked at, which is little of all that there is.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from conveyor.extensions.tasks import Mount, Registry
from shared import definition as d
from shared.definition.quantities import parse_cpus, parse_duration, parse_memory, parse_rate
from shared.expressions import has_expression
from shared.jobspec.cron.moments import parse_moment
from shared.jobspec.partition.builtins import builtin
from shared.jobspec.tork import models as m

_Read = Callable[[Any], Any]
_Table = Mapping[str, tuple[str, _Read]]


def compile_job(spec: m.SubmittedJob) -> d.JobDefinition:
    job = d.JobDefinition(**_fields(spec, _JOB))
    if isinstance(spec, m.ScheduledJobSpec):
        is_reusing = spec.reuse is not None and spec.reuse.tasks
    else:
        is_reusing = job.reuse is not None and job.reuse.tasks
    return d.changed(job, tasks=tuple(map(d.reusing, job.tasks))) if is_reusing else job


def compile_task(spec: m.TaskFields) -> d.TaskDefinition:
    return d.TaskDefinition(**_fields(spec, _TASK), **_success(spec.success_codes))


def _success(codes: list[int] | str | None) -> dict[str, Any]:
    if isinstance(codes, str):
        return {"any_exit_code": True}
    return {"success_codes": tuple(codes)} if codes else {}


def _fields(spec: m.Spec, table: _Table) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    values = spec.__dict__
    for field in spec.model_fields_set:
        value = values[field]
        if value is not None and field in table:
            name, read = table[field]
            fields[name] = read(value)
    return fields


def _same(value: Any) -> Any:  # noqa: ANN401 - whatever a field holds
    return value


def _tuple_of(read: _Read) -> _Read:
    return lambda values: tuple(map(read, values))


@lru_cache(maxsize=1024)
def _duration(text: str) -> d.Duration:
    return d.Duration(parse_duration(text).total_seconds(), text)


def _compiled(kind: Callable[..., Any], table: _Table) -> _Read:
    return lambda spec: kind(**_fields(spec, table))


def _registry(spec: m.Registry) -> Registry | None:
    login = Registry(**_fields(spec, _REGISTRY))
    return login if login.username or login.password else None


def _limits(spec: m.Limits) -> d.Limits | None:
    return d.Limits(**fields) if (fields := _fields(spec, _LIMITS)) else None


def _cpus(text: str) -> d.Amount:
    return d.Amount(0 if has_expression(text) else parse_cpus(text), text)


def _memory(text: str) -> d.Amount:
    return d.Amount(0 if has_expression(text) else parse_memory(text), text)


def _auto_delete(spec: m.AutoDelete) -> d.Duration:
    return _duration(spec.after)


def _parallel(spec: m.Parallel) -> d.Parallel:
    tasks = tuple(map(compile_task, spec.tasks))
    return d.Parallel(tasks=tasks, **_tolerance(spec))


def _each(spec: m.Each) -> d.Each:
    return d.Each(**_fields(spec, _EACH), **_tolerance(spec))


def _spawn(spec: m.Spawn) -> d.Spawn:
    return d.Spawn(**_fields(spec, _SPAWN))


def _subjob(spec: m.Subjob) -> d.SubJobDefinition:
    return d.SubJobDefinition(**_fields(spec, _SUBJOB))


def _tolerance(spec: m.Tolerance) -> dict[str, Any]:
    fields: dict[str, Any] = {"finishes": spec.on_failure == "finish"}
    for name, count in (("min_success", spec.min_success), ("max_failed", spec.max_failed)):
        if isinstance(count, str):
            fields[f"{name}_percent"] = int(count.removesuffix("%"))
        else:
            fields[name] = count
    return fields


def _partition_of(spec: m.Partitioned) -> d.Stages:
    params = spec.params or m.Params()
    return d.Stages(
        split=_stage(spec.split),
        task=compile_task(spec.task),
        assemble=_stage(spec.assemble),
        split_params=params.partitioner or {},
        task_params=params.app or {},
        assemble_params=params.assembler or {},
        concurrency=spec.concurrency or 0,
        needs_chunks=spec.no_chunks == "fail",
        is_flat=spec.assemble.layout == "flat",
        **_tolerance(spec),
    )


def _stage(spec: m.StageTask) -> d.TaskDefinition:
    task = compile_task(spec)
    if spec.builtin is None:
        return task
    return d.changed(task, builtin=builtin(spec.stage, spec.builtin, spec.params))


def _table(*same: str, **others: tuple[str, _Read] | _Read) -> _Table:
    """`same` are kept as they are, under their own name; of `others` a reading alone keeps the
    name."""
    table: dict[str, tuple[str, _Read]] = {name: (name, _same) for name in same}
    for name, entry in others.items():
        table[name] = entry if isinstance(entry, tuple) else (name, entry)
    return table


_REGISTRY = _table("username", "password")
_LIMITS = _table(cpus=_cpus, memory=_memory)
_mount = _compiled(Mount, _table("type", "source", "target", "opts"))
_permission = _compiled(d.Permission, _table("role", "user", "access"))
_OF_WEBHOOK = ("url", "headers", "event", "secret", "format", "payload")
_webhook = _compiled(d.Webhook, _table(*_OF_WEBHOOK, if_=("condition", _same)))
_PROBE = _table("port", "path", command=tuple, timeout=_duration)


def _probe(spec: m.Probe) -> d.Probe:
    return d.Probe(**{"path": None, **_fields(spec, _PROBE)})


def _sha256(text: str) -> str:
    return text if has_expression(text) else text.lower()


def _is_always(when: str) -> bool:
    return when == "always"


_artifact = _compiled(d.Artifact, _table("name", "path", when=("always", _is_always)))
_S3 = _table(
    *("bucket", "key", "filter", "endpoint", "region", "style", "version_id", "credentials"),
    *("access_key", "secret_key", "session_token", "encoding"),
)
_PARTITION = _table(
    *("type", "pattern", "date_format"),
    start_index=("start", _same),
    end_index=("end", _same),
)


def _partition(spec: m.Partition) -> d.Partition | None:
    return None if spec.type == "none" else d.Partition(**_fields(spec, _PARTITION))


_s3 = _compiled(d.S3Object, {**_S3, **_table(partition=_partition)})
_source = _compiled(
    d.Source,
    _table(
        *("artifact", "upload", "url", "ipfs", "inline", "local", "target", "headers"),
        *("read_only", "extract"),
        s3=_s3,
        sha256=_sha256,
    ),
)
_publication = _compiled(d.Publication, _table("artifact", "ipfs", "local", s3=_s3))
_retry = _compiled(
    d.Retry,
    _table(
        *("limit", "scaling_factor", "jitter", "memory_factor"),
        max_memory=_memory,
        initial_delay=_duration,
        max_delay=_duration,
        reset_after=_duration,
        on=tuple,
    ),
)
_defaults = _compiled(
    d.Defaults, _table("queue", "priority", retry=_retry, limits=_limits, timeout=_duration)
)
_AUX = _table(
    *("name", "description", "image", "run", "env", "files"),
    registry=_registry,
    cmd=tuple,
    entrypoint=tuple,
    timeout=_duration,
)
_aux_task = _compiled(d.AuxTask, _AUX)
_sidecar = _compiled(d.Sidecar, {**_AUX, **_table(probe=_probe)})
_constraint = _compiled(d.Constraint, _table("key", "operator", values=tuple))
_preference = _compiled(d.Preference, _table("weight", constraints=_tuple_of(_constraint)))
_resources = _compiled(
    d.Resources,
    _table(
        "gpus",
        cpus=_cpus,
        cpu=("cpus", _cpus),
        memory=_memory,
        disk=_memory,
        gpu=("gpus", _same),
    ),
)
_placement = _compiled(
    d.Placement,
    _table(
        *("type", "count", "one_per_node", "priority"),
        *("max_per_node", "max_nodes", "min_nodes"),
        node=_resources,
        constraints=_tuple_of(_constraint),
        prefer=_tuple_of(_preference),
        resources=_resources,
        update=_compiled(d.UpdatePolicy, _table("max_unavailable", healthy_after=_duration)),
    ),
)
_port = _compiled(d.Port, _table("name", "static", "target", "address"))
_network = _compiled(d.Network, _table("type", domains=tuple, ports=_tuple_of(_port)))
_TASK = {
    **_AUX,
    **_table(
        *("workdir", "queue", "var", "priority", "allow_failure", "gpus", "privileged"),
        *("large_result", "stop_signal", "reuse"),
        tags=tuple,
        if_=("condition", _same),
        retry=_retry,
        limits=_limits,
        grace_period=_duration,
        queue_timeout=_duration,
        needs=tuple,
        pre=_tuple_of(_aux_task),
        post=_tuple_of(_aux_task),
        sidecars=_tuple_of(_sidecar),
        mounts=_tuple_of(_mount),
        sources=_tuple_of(_source),
        artifacts=_tuple_of(_artifact),
        publish=_tuple_of(_publication),
        networks=tuple,
        network=_network,
        wasm=_compiled(d.Wasm, _table("module", "entrypoint", "imports")),
        placement=_placement,
        parallel=_parallel,
        each=_each,
        subjob=_subjob,
        partition=_partition_of,
        spawn=_spawn,
    ),
}
_SPAWN = _table(
    *("concurrency", "max_tasks", "explicit_success"),
    barrier=("has_barrier", _same),
    task=compile_task,
)
_EACH = _table("var", "concurrency", list_=("items", _same), task=compile_task)


def _reuse(spec: m.Reuse | m.ReuseOfTasks) -> d.Reuse | None:
    if isinstance(spec, m.ReuseOfTasks):  # of its tasks alone: no other job stands for it
        return None
    fields = _fields(spec, _REUSE)
    return d.Reuse(**fields, takes_oldest=spec.on_output_conflict == "oldest")


_REUSE = _table(
    *("scope", "nondeterministic", "tasks"),
    include_unfinished=("takes_unfinished", _same),
    max_age=_duration,
)
_SUBJOB = _table(
    *("name", "description", "inputs", "secrets", "output", "detached"),
    tags=tuple,
    tasks=_tuple_of(compile_task),
    defaults=_defaults,
    webhooks=_tuple_of(_webhook),
    auto_delete=_auto_delete,
    timeout=_duration,
)
_JOB = {
    **_SUBJOB,
    **_table(
        *("uploads", "hold", "budget", "concurrency"),
        permissions=_tuple_of(_permission),
        start_at=parse_moment,
        deadline=parse_moment,
        reuse=_reuse,
        start_rate=parse_rate,
    ),
}
