"""From a container request of Arvados to the definition that every service reads: one task."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from conveyor.extensions.tasks import Mount
from shared import definition as d
from shared.definition.quantities import Amount, Duration
from shared.jobspec.arvados.compilation import literal, task_priority
from shared.jobspec.arvados.containers import ContainerRequest, artifact_of

OUTPUT = "output"
"""The artifact that its output path is kept as."""
_NAME = "container"
_RETRIED = ("lost", "timeout")
"""A program that has ended is never run again, whatever its exit code is."""


def compile_request(request: ContainerRequest) -> d.JobDefinition:
    """Held, with priority 0."""
    limits, scheduling = request.runtime_constraints, request.scheduling_parameters
    secrets = {f"mount_{n}": _text(m) for n, m in enumerate(request.secret_mounts.values())}
    tmp = [target for target, mount in request.mounts.items() if mount["kind"] == "tmp"]
    task = d.TaskDefinition(
        name=_NAME,
        image=literal(request.container_image),
        cmd=tuple(map(literal, request.command)),
        env={name: literal(value) for name, value in request.environment.items()},
        workdir=None if request.cwd == "." else request.cwd,
        queue=next(iter(scheduling.partitions), None),
        priority=task_priority(request.priority or 0),
        limits=d.Limits(
            cpus=Amount(limits.vcpus, str(limits.vcpus)),
            memory=Amount(limits.ram, f"{limits.ram}b"),
        ),
        timeout=_seconds(scheduling.max_run_time),
        retry=d.Retry(limit=request.container_count_max - 1, on=_RETRIED),
        mounts=tuple(Mount(type="volume", target=target) for target in tmp),
        sources=(*_sources(request), *_secret_sources(request)),
        artifacts=(d.Artifact(name=OUTPUT, path=request.output_path, always=True),),
    )
    return d.JobDefinition(
        name=literal(request.name or _NAME),
        description=literal(request.description or "") or None,
        tasks=(task,),
        secrets=secrets,
        auto_delete=_seconds(request.output_ttl),
        hold=request.priority == 0,
    )


def _sources(request: ContainerRequest) -> Iterator[d.Source]:
    for target, mount in request.mounts.items():
        if mount["kind"] == "collection":
            artifact = literal(artifact_of(mount) or "")
            yield d.Source(target=target, artifact=artifact, read_only=True)
        elif mount["kind"] != "tmp":
            yield d.Source(target=target, inline=literal(_text(mount)), read_only=True)


def _secret_sources(request: ContainerRequest) -> Iterator[d.Source]:
    for number, target in enumerate(request.secret_mounts):
        value = f"{{{{ secrets.mount_{number} }}}}"
        yield d.Source(target=target, inline=value, read_only=True)


def _text(mount: Mapping[str, Any]) -> str:
    content = mount["content"]
    text = content if mount["kind"] == "text" else json.dumps(content)
    if not text.startswith("data:"):
        return text
    return (
        f"data:;base64,{base64.b64encode(text.encode()).decode()}"  # else it would be read as one
    )


def _seconds(count: int) -> Duration | None:
    return Duration(count, f"{count}s") if count else None
