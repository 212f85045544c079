"""What a task's definition says of pre, post, sidecars and mounts, in the runtimes' terms."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from services.worker.runtimes.task_spec import (
    Aux,
    Mount,
    Probe,
    RegistryLogin,
    Sidecar,
    TaskSpec,
)
from shared.jobspec.durations import parse_duration

Entry = Mapping[str, Any]


def read_aux(
    kind: str, entries: Sequence[Entry], task: TaskSpec, env: Mapping[str, str]
) -> tuple[Aux, ...]:
    """`kind` is pre or post; `task` the task without any of them, `env` what every program sees.

    An entry without an image of its own takes the task's, with its login.
    """
    return tuple(
        Aux(
            label=_label(kind, number, entry),
            program=_program(entry, task, env),
            timeout_seconds=_seconds(entry),
        )
        for number, entry in enumerate(entries, 1)
    )


def read_sidecars(
    entries: Sequence[Entry], task: TaskSpec, env: Mapping[str, str]
) -> tuple[Sidecar, ...]:
    """As `read_aux`. The host name is the name, as far as that can be one."""
    return tuple(
        Sidecar(
            label=_label("sidecar", number, entry),
            program=_program(entry, task, env),
            timeout_seconds=_seconds(entry),
            host=_host_name(entry.get("name") or "") or f"sidecar-{number}",
            probe=_probe(entry.get("probe")),
        )
        for number, entry in enumerate(entries, 1)
    )


def read_mounts(entries: Sequence[Entry]) -> tuple[Mount, ...]:
    return tuple(
        Mount(
            type=entry.get("type") or "",
            source=entry.get("source") or "",
            target=entry.get("target") or "",
            opts=entry.get("opts") or {},
        )
        for entry in entries
    )


def read_login(registry: Entry | None) -> RegistryLogin | None:
    if not registry:
        return None
    # Field by field: a coordinator of a newer version may know of more.
    return RegistryLogin(username=registry["username"], password=registry["password"])


def _program(entry: Entry, task: TaskSpec, env: Mapping[str, str]) -> TaskSpec:
    own_image = entry.get("image") or None
    login = read_login(entry.get("registry"))
    return replace(
        task,
        image=own_image or task.image,
        registry=login if login or own_image else task.registry,
        cmd=tuple(entry.get("cmd") or ()),
        entrypoint=tuple(entry.get("entrypoint") or ()),
        run=entry.get("run") or None,
        env={**env, **(entry.get("env") or {})},
        files=entry.get("files") or {},
        workdir=None,
    )


def _label(kind: str, number: int, entry: Entry) -> str:
    name = entry.get("name")
    return f'{kind} "{name}"' if name else f"{kind} {number}"


def _host_name(name: str) -> str:
    return re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.")[:63]


def _probe(entry: Entry | None) -> Probe | None:
    if not entry:
        return None
    probe = Probe(port=int(entry["port"]), path=entry.get("path") or "/")
    limit = _seconds(entry)
    return probe if limit is None else replace(probe, timeout_seconds=limit)


def _seconds(entry: Entry) -> float | None:
    text = entry.get("timeout")
    return parse_duration(text).total_seconds() if text else None
