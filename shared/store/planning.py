"""Makes a task ready to begin: job defaults applied, expressions evaluated, secrets sealed.

What came from a secret leaves this module only encrypted: a planned task's `definition` has
[REDACTED] in its place, and `sealed` holds an object with the clear `definition` fields and the
`secrets` whose values the worker must keep out of the log. A child's `scope` that holds a secret
is kept as `{SEALED: text}`.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from shared.jobspec.durations import parse_duration
from shared.lifecycle import (
    ChildPlanFailed,
    ChildPlanned,
    ChildSkipped,
    OutputEvaluated,
    OutputFailed,
    Planned,
    PlannedTask,
    RetryPolicy,
    Scope,
    Task,
    TaskKind,
    TaskPlanFailed,
    TaskPlanned,
    TaskSkipped,
)
from shared.messages.queues import DEFAULT_TASK_QUEUE, task_queue_error
from shared.process.redaction import Redactor
from shared.process.sealing import Sealer, SealingError
from shared.store import making
from shared.store.hiding import all_inputs
from shared.store.rendering import PlanError, is_wanted, rendered, rendered_task
from shared.store.templates import JobSource, TaskJson, TaskSource, as_template

_DEFAULTED = ("retry", "limits", "timeout", "queue", "priority")
_SEALED = "sealed"
_NO_SECRETS: Mapping[str, str] = {}

Answer = TaskPlanned | TaskPlanFailed | TaskSkipped | ChildPlanned | ChildPlanFailed | ChildSkipped


class Planner:
    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def seal_secrets(self, secrets: Mapping[str, str]) -> str | None:
        return self._sealer.seal({"secrets": dict(secrets)}) if secrets else None

    def secrets_of(self, job: JobSource) -> Mapping[str, str]:
        """In clear. Raises SealingError when a key is missing."""
        if job.sealed is None:
            return _NO_SECRETS
        return cast(dict[str, str], self._sealer.unseal(job.sealed)["secrets"])

    def submitted(self, parent: Task) -> TaskJson:
        """A task as it was submitted, what was sealed of it included. Raises SealingError."""
        plan = parent.plan
        if plan.sealed is None:
            return plan.definition
        hidden = cast(dict[str, object], self._sealer.unseal(plan.sealed)["definition"])
        return {**plan.definition, **hidden}

    def plan(
        self,
        source: TaskSource,
        variables: Mapping[str, str],
        secrets: Mapping[str, str],
        now: datetime,
    ) -> Answer:
        """The task of `source`, evaluated with `variables` as `tasks`."""
        task = _with_defaults(source.task, source.job.defaults or {})
        try:
            names = _names(source.job, secrets, variables) | self._opened(source.scope)
            plan = planned_task(rendered_task(task, names))
            if not is_wanted(task, names):
                return _skipped(source, self._sealed(plan, secrets))
            planned = self._made(plan, source, names, secrets, now)
        except (PlanError, SealingError) as error:
            text = Redactor(secrets.values()).text(str(error))
            return plan_failed(source, text)
        if source.child_id is not None:
            return ChildPlanned(source.job.job_id, source.child_id, planned)
        return TaskPlanned(source.job.job_id, source.position, planned)

    def output(
        self, job: JobSource, variables: Mapping[str, str], secrets: Mapping[str, str]
    ) -> OutputEvaluated | OutputFailed:
        """The job's result, evaluated with all that its tasks have left."""
        names = _names(job, secrets, variables)
        try:
            return OutputEvaluated(
                job.job_id, rendered("output", as_template(job.output or ""), names)
            )
        except PlanError as error:
            return OutputFailed(job.job_id, Redactor(secrets.values()).text(str(error)))

    def _made(
        self,
        plan: PlannedTask,
        source: TaskSource,
        names: Mapping[str, object],
        secrets: Mapping[str, str],
        now: datetime,
    ) -> Planned:
        match plan.kind:
            case TaskKind.PARALLEL:
                planned = making.parallel(plan, source)
            case TaskKind.EACH:
                scope = self._opened(source.scope)
                planned = self._closed(making.each(plan, source, scope, names), secrets)
            case TaskKind.SUBJOB:
                planned = making.subjob(plan, source, names, secrets, now)
            case _:
                planned = Planned(task=plan)
        return replace(planned, task=self._sealed(planned.task, secrets))

    def _closed(self, planned: Planned, secrets: Mapping[str, str]) -> Planned:
        """With the scopes that hold a secret sealed."""
        if not secrets or planned.offspring is None:
            return planned
        redactor = Redactor(secrets.values())
        scopes = [
            scope
            if scope is None or redactor.value(scope) == scope
            else {_SEALED: self._sealer.seal(dict(scope))}
            for scope in planned.offspring.scopes
        ]
        return replace(planned, offspring=replace(planned.offspring, scopes=scopes))

    def _opened(self, scope: Scope | None) -> dict[str, object]:
        """The variables of a scope in clear. Raises SealingError."""
        if scope is None:
            return {}
        if isinstance(sealed := scope.get(_SEALED), str):
            return self._sealer.unseal(sealed)
        return dict(scope)

    def _sealed(self, plan: PlannedTask, secrets: Mapping[str, str]) -> PlannedTask:
        if not secrets:
            return plan
        redactor = Redactor(secrets.values())
        shown = redactor.value(dict(plan.definition))
        hidden = {key: value for key, value in plan.definition.items() if shown[key] != value}
        if not hidden:
            return plan
        sealed = self._sealer.seal({"definition": hidden, "secrets": sorted(secrets.values())})
        return replace(
            plan,
            name=redactor.text(plan.name),
            var=plan.var and redactor.text(plan.var),
            definition=shown,
            sealed=sealed,
        )


def planned_task(task: TaskJson) -> PlannedTask:
    """The engine's view of an evaluated task in its JSON form. Raises PlanError."""
    kind = _kind(task)
    timeout = task.get("timeout")
    return PlannedTask(
        name=task.get("name") or "",
        queue=_queue(task) if kind is TaskKind.TASK else "",
        priority=task.get("priority") or 0,
        timeout=parse_duration(timeout) if timeout else None,
        retry=_retry(task.get("retry")),
        var=task.get("var") or None,
        definition=task,
        kind=kind,
        allow_failure=bool(task.get("allowFailure")),
        queue_timeout=_duration(task, "queueTimeout", timedelta()) or None,
    )


def plan_failed(source: TaskSource, error: str) -> TaskPlanFailed | ChildPlanFailed:
    """Shown as it came, its queue left at the default."""
    task = source.task
    plan = PlannedTask(
        name=task.get("name") or "",
        queue=DEFAULT_TASK_QUEUE,
        definition=task,
        kind=_kind(task),
        allow_failure=bool(task.get("allowFailure")),
    )
    if source.child_id is not None:
        return ChildPlanFailed(source.job.job_id, source.child_id, plan, error)
    return TaskPlanFailed(source.job.job_id, source.position, plan, error)


def _skipped(source: TaskSource, plan: PlannedTask) -> TaskSkipped | ChildSkipped:
    if source.child_id is not None:
        return ChildSkipped(source.job.job_id, source.child_id, plan)
    return TaskSkipped(source.job.job_id, source.position, plan)


def _kind(task: TaskJson) -> TaskKind:
    made_of = (TaskKind.PARALLEL, TaskKind.EACH, TaskKind.SUBJOB)
    return next((kind for kind in made_of if task.get(kind.value)), TaskKind.TASK)


def _queue(task: TaskJson) -> str:
    queue: str = task.get("queue") or DEFAULT_TASK_QUEUE
    if (error := task_queue_error(queue)) is not None:
        raise PlanError(f"queue: {queue!r}: {error}")
    return queue


def _retry(retry: Mapping[str, Any] | None) -> RetryPolicy:
    if not retry:
        return RetryPolicy()
    policy = RetryPolicy()
    return RetryPolicy(
        limit=retry.get("limit", policy.limit),
        initial_delay=_duration(retry, "initialDelay", policy.initial_delay),
        scaling_factor=retry.get("scalingFactor", policy.scaling_factor),
        max_delay=_duration(retry, "maxDelay", policy.max_delay),
        jitter=retry.get("jitter", policy.jitter),
        on=frozenset(map(str, retry["on"])) if retry.get("on") else None,
    )


def _duration(source: Mapping[str, Any], key: str, default: timedelta) -> timedelta:
    return parse_duration(source[key]) if source.get(key) else default


def _with_defaults(task: TaskJson, defaults: TaskJson) -> TaskJson:
    if _kind(task) is not TaskKind.TASK:
        return task
    missing = {k: defaults[k] for k in _DEFAULTED if not task.get(k) and defaults.get(k)}
    return {**task, **missing} if missing else task


def _names(
    job: JobSource, secrets: Mapping[str, str], variables: Mapping[str, str]
) -> dict[str, object]:
    return {
        "inputs": all_inputs(job.inputs, secrets),
        "secrets": secrets,
        "tasks": variables,
        "job": {"id": job.job_id, "name": job.name},
    }
