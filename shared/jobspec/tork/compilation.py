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
from shared.definition.quantities import parse_cpus, parse_duration, parse_memory
from shared.expressions import has_expression
from shared.jobspec.tork import models as m

_Read = Callable[[Any], Any]
_Table = Mapping[str, tuple[str, _Read]]


def compile_job(spec: m.SubmittedJob) -> d.JobDefinition:
    return d.JobDefinition(**_fields(spec, _JOB))


def compile_task(spec: m.TaskFields) -> d.TaskDefinition:
    return d.TaskDefinition(**_fields(spec, _TASK))


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
    return d.Amount(parse_cpus(text), text)


def _memory(text: str) -> d.Amount:
    return d.Amount(parse_memory(text), text)


def _auto_delete(spec: m.AutoDelete) -> d.Duration:
    return _duration(spec.after)


def _parallel(spec: m.Parallel) -> d.Parallel:
    tasks = tuple(map(compile_task, spec.tasks))
    return d.Parallel(tasks=tasks, **_min_success(spec.min_success))


def _each(spec: m.Each) -> d.Each:
    return d.Each(**_fields(spec, _EACH), **_min_success(spec.min_success))


def _subjob(spec: m.Subjob) -> d.SubJobDefinition:
    return d.SubJobDefinition(**_fields(spec, _SUBJOB))


def _min_success(least: int | str | None) -> dict[str, Any]:
    if isinstance(least, str):
        return {"min_success_percent": int(least.removesuffix("%"))}
    return {"min_success": least}


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
    *("access_key", "secret_key", "session_token"),
)
_s3 = _compiled(d.S3Object, _S3)
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
        *("limit", "scaling_factor", "jitter"),
        initial_delay=_duration,
        max_delay=_duration,
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
_TASK = {
    **_AUX,
    **_table(
        *("workdir", "queue", "var", "priority", "allow_failure", "gpus", "privileged"),
        "large_result",
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
        parallel=_parallel,
        each=_each,
        subjob=_subjob,
    ),
}
_EACH = _table("var", "concurrency", list_=("items", _same), task=compile_task)
_SUBJOB = _table(
    *("name", "description", "inputs", "secrets", "output", "detached"),
    tags=tuple,
    tasks=_tuple_of(compile_task),
    defaults=_defaults,
    webhooks=_tuple_of(_webhook),
    auto_delete=_auto_delete,
    timeout=_duration,
)
_JOB = {**_SUBJOB, **_table("uploads", permissions=_tuple_of(_permission))}
