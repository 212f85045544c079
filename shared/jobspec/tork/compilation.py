"""From Tork's models to the definition that every service reads: durations and sizes are read here,
once."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from shared import definition as d
from shared.jobspec.durations import parse_duration
from shared.jobspec.sizes import parse_cpus, parse_memory
from shared.jobspec.tork import models as m


def compile_job(spec: m.SubmittedJob) -> d.JobDefinition:
    return d.JobDefinition(
        permissions=tuple(d.Permission(role=p.role, user=p.user) for p in spec.permissions or ()),
        secrets=dict(spec.secret_values()),
        **_job_fields(spec, spec.name, spec.tasks, spec.inputs, spec.webhooks),
    )


def _compile_subjob(spec: m.Subjob) -> d.SubJobDefinition:
    return d.SubJobDefinition(
        secrets=_texts(spec.secrets),
        detached=bool(spec.detached),
        **_job_fields(spec, spec.name, spec.tasks, spec.inputs, spec.webhooks),
    )


def _job_fields(
    spec: m.JobFields,
    name: str,
    tasks: Iterable[m.TaskFields],
    inputs: Mapping[str, Any] | None,
    webhooks: Iterable[m.Webhook | m.SubjobWebhook] | None,
) -> dict[str, Any]:
    return {
        "name": name,
        "description": spec.description,
        "tags": tuple(spec.tags or ()),
        "tasks": tuple(map(compile_task, tasks)),
        "inputs": inputs or {},
        "output": spec.output,
        "defaults": _defaults(spec.defaults),
        "webhooks": tuple(map(_webhook, webhooks or ())),
        "auto_delete": _duration(spec.auto_delete.after) if spec.auto_delete else None,
        "timeout": _duration(spec.timeout),
    }


def compile_task(spec: m.TaskFields) -> d.TaskDefinition:
    needs = getattr(spec, "needs", None)
    return d.TaskDefinition(
        name=getattr(spec, "name", None),
        tags=tuple(spec.tags or ()),
        workdir=spec.workdir,
        queue=spec.queue,
        var=spec.var,
        condition=spec.if_,
        retry=_retry(spec.retry),
        limits=_limits(spec.limits),
        queue_timeout=_duration(spec.queue_timeout),
        priority=spec.priority or 0,
        allow_failure=bool(spec.allow_failure),
        needs=None if needs is None else tuple(needs),
        pre=tuple(map(_aux_task, spec.pre or ())),
        post=tuple(map(_aux_task, spec.post or ())),
        sidecars=tuple(map(_sidecar, spec.sidecars or ())),
        mounts=tuple(map(_mount, spec.mounts or ())),
        networks=tuple(spec.networks or ()),
        gpus=spec.gpus,
        privileged=bool(spec.privileged),
        parallel=_parallel(spec.parallel) if spec.parallel else None,
        each=_each(spec.each) if spec.each else None,
        subjob=_compile_subjob(spec.subjob) if spec.subjob else None,
        **_program_fields(spec),
    )


def _program_fields(spec: m.TaskFields | m.AuxTask) -> dict[str, Any]:
    return {
        "description": spec.description,
        "timeout": _duration(spec.timeout),
        "image": spec.image,
        "registry": _registry(spec.registry),
        "cmd": tuple(spec.cmd or ()),
        "entrypoint": tuple(spec.entrypoint or ()),
        "run": spec.run,
        "env": spec.env or {},
        "files": spec.files or {},
    }


def _aux_task(spec: m.AuxTask) -> d.AuxTask:
    return d.AuxTask(name=spec.name, **_program_fields(spec))


def _sidecar(spec: m.Sidecar) -> d.Sidecar:
    return d.Sidecar(name=spec.name, probe=_probe(spec.probe), **_program_fields(spec))


def _probe(spec: m.Probe | None) -> d.Probe | None:
    if spec is None:
        return None
    return d.Probe(port=spec.port, path=spec.path, timeout=_duration(spec.timeout))


def _registry(spec: m.Registry | None) -> d.Registry | None:
    if spec is None or not (spec.username or spec.password):
        return None
    return d.Registry(username=spec.username or "", password=spec.password or "")


def _mount(spec: m.Mount) -> d.Mount:
    return d.Mount(
        type=spec.type,
        source=spec.source or "",
        target=spec.target or "",
        opts=_texts(spec.opts),
    )


def _limits(spec: m.Limits | None) -> d.Limits | None:
    if spec is None or not (spec.cpus or spec.memory):
        return None
    cpus = d.Amount(parse_cpus(spec.cpus), spec.cpus) if spec.cpus else None
    memory = d.Amount(parse_memory(spec.memory), spec.memory) if spec.memory else None
    return d.Limits(cpus=cpus, memory=memory)


def _retry(spec: m.Retry | None) -> d.Retry | None:
    if spec is None:
        return None
    return d.Retry(
        limit=spec.limit,
        initial_delay=_duration(spec.initial_delay),
        scaling_factor=spec.scaling_factor,
        max_delay=_duration(spec.max_delay),
        jitter=spec.jitter,
        on=tuple(spec.on or ()),
    )


def _defaults(spec: m.Defaults | None) -> d.Defaults | None:
    if spec is None:
        return None
    return d.Defaults(
        retry=_retry(spec.retry),
        limits=_limits(spec.limits),
        timeout=_duration(spec.timeout),
        queue=spec.queue,
        priority=spec.priority or 0,
    )


def _webhook(spec: m.Webhook | m.SubjobWebhook) -> d.Webhook:
    return d.Webhook(
        url=spec.url, headers=_texts(spec.headers), event=spec.event, condition=spec.if_
    )


def _parallel(spec: m.Parallel) -> d.Parallel:
    tasks = tuple(map(compile_task, spec.tasks))
    return d.Parallel(tasks=tasks, **_min_success(spec.min_success))


def _each(spec: m.Each) -> d.Each:
    return d.Each(
        items=spec.list_,  # type: ignore[arg-type]  # the field's rule: a text or a list
        task=compile_task(spec.task),
        var=spec.var,
        concurrency=spec.concurrency or 0,
        **_min_success(spec.min_success),
    )


def _min_success(least: int | str | None) -> dict[str, int | None]:
    if isinstance(least, str):
        return {"min_success_percent": int(least.removesuffix("%"))}
    return {"min_success": least}


def _texts(values: Mapping[str, str | None] | None) -> dict[str, str]:
    return {name: value or "" for name, value in (values or {}).items()}


@lru_cache(maxsize=1024)
def _duration_of(text: str) -> d.Duration:
    return d.Duration(parse_duration(text).total_seconds(), text)


def _duration(text: str | None) -> d.Duration | None:
    return _duration_of(text) if text else None
