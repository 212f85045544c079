"""From a definition back to the fields that Tork's language calls it by: what answers show.

What is not set is left out, and so is what is empty, 0 or false.
"""

from collections.abc import Mapping
from typing import Any

from shared import definition as d

TorkFields = dict[str, Any]


def task_fields(task: d.TaskDefinition) -> TorkFields:
    fields = _program_fields(task) | {
        "tags": list(task.tags),
        "workdir": task.workdir,
        "queue": task.queue,
        "var": task.var,
        "if": task.condition,
        "retry": task.retry and _retry(task.retry),
        "limits": task.limits and _limits(task.limits),
        "queueTimeout": _spelled(task.queue_timeout),
        "priority": task.priority,
        "allowFailure": task.allow_failure,
        "pre": [_set_of(_program_fields(aux)) for aux in task.pre],
        "post": [_set_of(_program_fields(aux)) for aux in task.post],
        "sidecars": [_sidecar(sidecar) for sidecar in task.sidecars],
        "mounts": [_mount(mount) for mount in task.mounts],
        "networks": list(task.networks),
        "gpus": task.gpus,
        "privileged": task.privileged,
        "parallel": task.parallel and _parallel(task.parallel),
        "each": task.each and _each(task.each),
        "subjob": task.subjob and job_fields(task.subjob),
    }
    shown = _set_of(fields)
    if task.needs is not None:  # an empty list says that it starts at once
        shown["needs"] = list(task.needs)
    return shown


def job_fields(job: d.JobDefinition) -> TorkFields:
    return _set_of(
        {
            "name": job.name,
            "description": job.description,
            "tags": list(job.tags),
            "tasks": [task_fields(task) for task in job.tasks],
            "inputs": job.inputs,
            "secrets": job.secrets,
            "output": job.output,
            "defaults": job.defaults and defaults_fields(job.defaults),
            "webhooks": [webhook_fields(webhook) for webhook in job.webhooks],
            "permissions": [permission_fields(one) for one in job.permissions],
            "autoDelete": job.auto_delete and {"after": job.auto_delete.text},
            "timeout": _spelled(job.timeout),
            "detached": isinstance(job, d.SubJobDefinition) and job.detached,
        }
    )


def defaults_fields(defaults: d.Defaults) -> TorkFields:
    return _set_of(
        {
            "retry": defaults.retry and _retry(defaults.retry),
            "limits": defaults.limits and _limits(defaults.limits),
            "timeout": _spelled(defaults.timeout),
            "queue": defaults.queue,
            "priority": defaults.priority,
        }
    )


def webhook_fields(webhook: d.Webhook) -> TorkFields:
    return _set_of(
        {
            "url": webhook.url,
            "headers": webhook.headers,
            "event": webhook.event,
            "if": webhook.condition,
        }
    )


def permission_fields(permission: d.Permission) -> TorkFields:
    return _set_of({"role": permission.role, "user": permission.user})


def _program_fields(program: d.TaskDefinition | d.AuxTask) -> TorkFields:
    return {
        "name": program.name,
        "description": program.description,
        "timeout": _spelled(program.timeout),
        "image": program.image,
        "registry": program.registry and _registry(program.registry),
        "cmd": list(program.cmd),
        "entrypoint": list(program.entrypoint),
        "run": program.run,
        "env": program.env,
        "files": program.files,
    }


def _sidecar(sidecar: d.Sidecar) -> TorkFields:
    probe = sidecar.probe
    fields = _program_fields(sidecar)
    if probe is not None:
        timeout = _spelled(probe.timeout)
        fields["probe"] = _set_of({"path": probe.path, "port": probe.port, "timeout": timeout})
    return _set_of(fields)


def _registry(registry: d.Registry) -> TorkFields:
    return _set_of({"username": registry.username, "password": registry.password})


def _mount(mount: d.Mount) -> TorkFields:
    return _set_of(
        {"type": mount.type, "source": mount.source, "target": mount.target, "opts": mount.opts}
    )


def _retry(retry: d.Retry) -> TorkFields:
    fields = {
        "limit": retry.limit,
        "initialDelay": _spelled(retry.initial_delay),
        "scalingFactor": retry.scaling_factor,
        "maxDelay": _spelled(retry.max_delay),
        "jitter": retry.jitter,
        "on": list(retry.on) or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _limits(limits: d.Limits) -> TorkFields:
    return _set_of(
        {
            "cpus": limits.cpus and limits.cpus.text,
            "memory": limits.memory and limits.memory.text,
        }
    )


def _parallel(parallel: d.Parallel) -> TorkFields:
    tasks = [task_fields(task) for task in parallel.tasks]
    return _set_of({"tasks": tasks, "minSuccess": _min_success(parallel)})


def _each(each: d.Each) -> TorkFields:
    fields = {
        "var": each.var,
        "concurrency": each.concurrency,
        "minSuccess": _min_success(each),
    }
    return {"list": each.items, "task": task_fields(each.task)} | _set_of(fields)


def _min_success(composite: d.Composite) -> int | str | None:
    if (percent := composite.min_success_percent) is not None:
        return f"{percent}%"
    return composite.min_success


def _spelled(duration: d.Duration | None) -> str | None:
    return None if duration is None else duration.text


def _set_of(fields: Mapping[str, Any]) -> TorkFields:
    return {name: value for name, value in fields.items() if value}
