"""A `run_task` message to what a runtime takes: unsealed, the worker's defaults applied."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from conveyor.extensions.tasks import DEFAULT_PREFIX, Aux, Probe, Program, Sidecar, TaskSpec
from services.worker.files.execution import TaskFiles
from services.worker.settings import WorkSettings, parse_host_env
from services.worker.spans import trace_environment
from services.worker.variables import (
    ApiAccess,
    EnvironmentRules,
    execution_variables,
    shown_ids,
    spawning_variables,
)
from shared import definition as d
from shared.definition.quantities import parse_cpus, parse_duration, parse_memory
from shared.lifecycle import grown_memory
from shared.messages import RunTask, Spawned
from shared.process.redaction import Redactor
from shared.process.sealing import Sealer
from shared.process.task_tokens import TaskTokens, digest_of_token

Env = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Unsealed:
    spec: TaskSpec
    files: TaskFiles
    timeout_seconds: float | None
    redactor: Redactor
    is_secret: bool
    """Whether its job has secrets, so that what comes of it must be sealed."""
    token_digest: str | None = None
    """Of the token that its program is given, if any."""


class Definitions:
    def __init__(self, settings: WorkSettings, sealer: Sealer, node_id: str) -> None:
        self._sealer = sealer
        self._node_id = node_id
        self._settings = settings
        self._tokens = TaskTokens()
        cpus = settings.default_cpus or settings.max_cpus
        memory = settings.default_memory or settings.max_memory
        self._cpus = parse_cpus(cpus) if cpus else None
        self._memory = parse_memory(memory) if memory else None
        timeout = settings.default_timeout
        self._timeout = parse_duration(timeout).total_seconds() if timeout else None
        self._env_rules = EnvironmentRules(settings.env_allowed, os.environ)
        self._host_env = {
            alias: os.environ[name]
            for name, alias in parse_host_env(settings.host_env).items()
            if name in os.environ
        }

    def kept_result(self, result: str | None, unsealed: Unsealed) -> str | None:
        """`result` as it may travel and be stored."""
        if result is None:
            return None
        return self._sealer.kept_text(result, is_secret=unsealed.is_secret)

    def kept_spawned(self, spawned: Sequence[Spawned], unsealed: Unsealed) -> list[Spawned]:
        """The tasks that one has made, as they may travel and be stored."""
        seal, redact = self._sealer.kept_text, unsealed.redactor.text
        return [
            one.model_copy(
                update={
                    "parameters": seal(one.parameters, is_secret=unsealed.is_secret),
                    "name": one.name and redact(one.name),
                }
            )
            for one in spawned
        ]

    def read(self, order: RunTask) -> Unsealed:
        """Raises SealingError when the keys don't fit, ValueError for what can't be meant."""
        sealed = self._sealer.unseal(order.sealed) if order.sealed else {}
        hidden = cast(Mapping[str, object], sealed.get("definition", {}))
        secrets = cast(list[str], sealed.get("secrets", []))
        task = d.decode_task({**order.definition, **hidden})
        access = self._access(order, task)
        redactor = Redactor([*secrets, access.token] if access else secrets)
        return Unsealed(
            spec=self._spec(order, task, access),
            files=TaskFiles(
                sources=task.sources,
                artifacts=task.artifacts,
                publish=task.publish,
                large_result=task.large_result,
                bundle=task.bundle,
                secrets=redactor,
                placed=task.execution,
                cache_owner=task.cache_owner,
                spawning=task.spawning,
                names=_names(order, task.execution),
                attempt=order.attempt,
                left_bytes=order.files_left_bytes,
            ),
            timeout_seconds=order.timeout_seconds or self._timeout_of(task.execution),
            redactor=redactor,
            is_secret=order.sealed is not None,
            token_digest=digest_of_token(access.token) if access else None,
        )

    def _access(self, order: RunTask, task: d.TaskDefinition) -> ApiAccess | None:
        url = self._settings.api_url
        if not url or task.spawning is None:
            return None
        return ApiAccess(url, self._tokens.of(order.task_id, order.dispatch))

    def _memory_of(self, order: RunTask, resources: d.Resources) -> int | None:
        """After attempts that ran out of it more, but no more than this worker allows."""
        limit = int(resources.memory.value) if resources.memory else self._memory
        if limit is None:
            return None
        allowed = self._settings.max_memory
        own = int(parse_memory(allowed)) if allowed else None
        return grown_memory(limit, order.memory_scale, order.most_memory_bytes, own)

    def _timeout_of(self, execution: d.Execution | None) -> float | None:
        """The default, which is not for what is kept running."""
        is_kept_running = execution is not None and execution.type in ("daemon", "service")
        return None if is_kept_running else self._timeout

    def _spec(self, order: RunTask, task: d.TaskDefinition, access: ApiAccess | None) -> TaskSpec:
        resources = _resources_of(task)
        _check_most("cpus", resources.cpus, self._settings.max_cpus, parse_cpus)
        _check_most("memory", resources.memory, self._settings.max_memory, parse_memory)
        env = {**self._host_env, **trace_environment()}
        system: dict[str, str] = {}
        if execution := task.execution:
            system = execution_variables(order, execution)
            task = replace(task, env=self._env_rules.resolved(task.env, execution.prefix))
        if task.spawning:  # one that is placed is no partition of anything
            system = spawning_variables(order, task.spawning)
        if access:
            env |= access.defaults
            system |= access.variables
        program = TaskSpec(
            task_id=order.task_id,
            job_id=order.job_id,
            node_id=self._node_id,
            dispatch=order.dispatch,
            image=task.image,
            registry=task.registry,
            workdir=task.workdir,
            grace_seconds=(
                task.grace_period.seconds if task.grace_period else d.DEFAULT_GRACE_SECONDS
            ),
            cpus=resources.cpus.value if resources.cpus else self._cpus,
            memory_bytes=self._memory_of(order, resources),
            directories=task.directories,
            disk_bytes=int(resources.disk.value) if resources.disk else None,
            network=task.network,
            variable_prefix=execution.prefix if execution else DEFAULT_PREFIX,
            **_own_fields(task, env, system),
        )
        return replace(
            program,
            pre=_aux_tasks("pre", task.pre, program, env, system),
            post=_aux_tasks("post", task.post, program, env, system),
            sidecars=_sidecars(task.sidecars, program, env, system),
            stop_signal=task.stop_signal,
            mounts=task.mounts,
            networks=task.networks,
            gpus=task.gpus or (str(resources.gpus) if resources.gpus else None),
            wasm=task.wasm,
            builtin=task.builtin,
            privileged=task.privileged,
            success_codes=None if task.any_exit_code else task.success_codes,
        )


def _names(order: RunTask, execution: d.Execution | None) -> Mapping[str, str]:
    """What its placeholders stand for where its language has other names for it."""
    if execution is None:
        return {}
    ids = shown_ids(order, execution)
    return {"jobID": ids.job, "executionID": ids.execution}


def _resources_of(task: d.TaskDefinition) -> d.Resources:
    """What it is limited to: its own limits, else what its execution was given room for."""
    limits = task.limits or d.Limits()
    placed = (task.placement and task.placement.resources) or d.Resources()
    return replace(placed, cpus=limits.cpus or placed.cpus, memory=limits.memory or placed.memory)


def _check_most(
    name: str, wanted: d.Amount | None, most: str, parse: Callable[[str], float]
) -> None:
    if wanted and most and wanted.value > parse(most):
        setting = f"CONVEYOR_WORKER_MAX_{name.upper()}"
        raise ValueError(
            f"limits.{name}: {wanted.text} is more than this worker allows, {most} "
            f"(its setting {setting})"
        )


def _own_fields(program: Program, env: Env, system: Env) -> dict[str, Any]:
    """What one program has for itself. Every program sees `env`, which it can change, and `system`,
    which it can't."""
    return {
        "cmd": program.cmd,
        "entrypoint": program.entrypoint,
        "run": program.run,
        "env": {**env, **program.env, **system},
        "files": program.files,
    }


def _aux_tasks(
    kind: str, entries: Sequence[d.AuxTask], task: TaskSpec, env: Env, system: Env
) -> tuple[Aux, ...]:
    """`kind` is pre or post; `task` the task without any of them."""
    return tuple(
        Aux(**_beside(kind, n, entry, task, env, system)) for n, entry in enumerate(entries, 1)
    )


def _sidecars(
    entries: Sequence[d.Sidecar], task: TaskSpec, env: Env, system: Env
) -> tuple[Sidecar, ...]:
    """The host name is the name, as far as that can be one."""
    return tuple(
        Sidecar(
            **_beside("sidecar", number, entry, task, env, system),
            host=_host_name(entry.name or "") or f"sidecar-{number}",
            probe=_probe(entry.probe) if entry.probe else None,
        )
        for number, entry in enumerate(entries, 1)
    )


def _probe(probe: d.Probe) -> Probe:
    return Probe(
        port=probe.port,
        path=probe.path,
        command=probe.command,
        timeout_seconds=probe.timeout.seconds if probe.timeout else None,
    )


def _beside(
    kind: str, number: int, entry: d.AuxTask, task: TaskSpec, env: Env, system: Env
) -> dict[str, Any]:
    return {
        "label": f'{kind} "{entry.name}"' if entry.name else f"{kind} {number}",
        "program": _program(entry, task, env, system),
        "timeout_seconds": entry.timeout.seconds if entry.timeout else None,
    }


def _program(entry: d.AuxTask, task: TaskSpec, env: Env, system: Env) -> TaskSpec:
    """One without an image of its own takes the task's, with its login."""
    return replace(
        task,
        image=task.image if entry.image is None else entry.image,
        registry=task.registry
        if entry.registry is None and entry.image is None
        else entry.registry,
        workdir=None,
        **_own_fields(entry, env, system),
    )


def _host_name(name: str) -> str:
    return re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.")[:63]
