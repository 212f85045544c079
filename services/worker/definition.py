"""A `run_task` message to what a runtime takes: unsealed, the worker's defaults applied."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from services.worker.aux_tasks import read_aux, read_login, read_mounts, read_sidecars
from services.worker.runtimes.task_spec import TaskSpec
from services.worker.settings import WorkSettings, parse_host_env
from services.worker.spans import trace_environment
from shared.jobspec.durations import parse_duration
from shared.jobspec.sizes import parse_cpus, parse_memory
from shared.messages import RunTask
from shared.process.redaction import Redactor
from shared.process.sealing import Sealer


@dataclass(frozen=True, slots=True)
class Unsealed:
    spec: TaskSpec
    timeout_seconds: float | None
    redactor: Redactor


class Definitions:
    def __init__(self, settings: WorkSettings, sealer: Sealer, node_id: str) -> None:
        self._settings = settings
        self._sealer = sealer
        self._node_id = node_id
        self._host_env = {
            alias: os.environ[name]
            for name, alias in parse_host_env(settings.host_env).items()
            if name in os.environ
        }

    def read(self, order: RunTask) -> Unsealed:
        """Raises SealingError when the keys don't fit, ValueError for what can't be meant."""
        sealed = self._sealer.unseal(order.sealed) if order.sealed else {}
        hidden = cast(Mapping[str, object], sealed.get("definition", {}))
        secrets = cast(list[str], sealed.get("secrets", []))
        task: dict[str, Any] = {**order.definition, **hidden}
        return Unsealed(
            spec=self._spec(order, task),
            timeout_seconds=order.timeout_seconds or self._default_timeout(),
            redactor=Redactor([line for secret in secrets for line in _lines(secret)]),
        )

    def _spec(self, order: RunTask, task: Mapping[str, Any]) -> TaskSpec:
        limits = task.get("limits") or {}
        cpus = limits.get("cpus") or self._settings.default_cpus
        memory = limits.get("memory") or self._settings.default_memory
        env = {**self._host_env, **trace_environment()}
        program = TaskSpec(
            task_id=order.task_id,
            job_id=order.job_id,
            node_id=self._node_id,
            dispatch=order.dispatch,
            image=task.get("image") or None,
            registry=read_login(task.get("registry")),
            cmd=tuple(task.get("cmd") or ()),
            entrypoint=tuple(task.get("entrypoint") or ()),
            run=task.get("run") or None,
            env={**env, **(task.get("env") or {})},
            files=task.get("files") or {},
            workdir=task.get("workdir") or None,
            cpus=parse_cpus(cpus) if cpus else None,
            memory_bytes=parse_memory(memory) if memory else None,
        )
        return self._with_surroundings(program, task, env)

    def _with_surroundings(
        self, program: TaskSpec, task: Mapping[str, Any], env: Mapping[str, str]
    ) -> TaskSpec:
        return replace(
            program,
            pre=read_aux("pre", task.get("pre") or (), program, env),
            post=read_aux("post", task.get("post") or (), program, env),
            sidecars=read_sidecars(task.get("sidecars") or (), program, env),
            mounts=read_mounts(task.get("mounts") or ()),
            networks=tuple(task.get("networks") or ()),
            gpus=task.get("gpus") or None,
            privileged=bool(task.get("privileged")),
        )

    def _default_timeout(self) -> float | None:
        text = self._settings.default_timeout
        return parse_duration(text).total_seconds() if text else None


_SHORTEST_LINE = 8


def _lines(secret: str) -> list[str]:
    """A secret of several lines (a key file) is kept out of the log line by line as well."""
    if "\n" not in secret:
        return [secret]
    return [secret, *(line for line in secret.splitlines() if len(line) >= _SHORTEST_LINE)]
