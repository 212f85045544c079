"""Makes a task ready to be sent: job defaults applied, expressions evaluated, secrets sealed.

What came from a secret leaves this module only encrypted: a planned task's `definition` has
[REDACTED] in its place, and `sealed` holds an object with the clear `definition` fields and the
`secrets` whose values the worker must keep out of the log.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

from shared.expressions import ExpressionError, has_expression, render, render_value
from shared.jobspec.durations import parse_duration
from shared.lifecycle import (
    OutputEvaluated,
    OutputFailed,
    PlannedTask,
    RetryPolicy,
    TaskPlanFailed,
    TaskPlanned,
    TaskSkipped,
)
from shared.messages.queues import DEFAULT_TASK_QUEUE, task_queue_error
from shared.process.redaction import Redactor
from shared.process.sealing import Sealer, SealingError
from shared.store.templates import (
    TEMPLATES,
    JobSource,
    TaskJson,
    TaskSource,
    as_template,
    templates,
)

_DEFAULTED = ("retry", "limits", "timeout", "queue", "priority")


class _PlanError(Exception):
    """Evaluated, the task breaks a rule of the job language."""


Planned = TaskPlanned | TaskPlanFailed | TaskSkipped


class Planner:
    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def seal_secrets(self, secrets: Mapping[str, str]) -> str | None:
        return self._sealer.seal({"secrets": dict(secrets)}) if secrets else None

    def plan(self, source: TaskSource, variables: Mapping[str, str]) -> Planned:
        """The task at `source.position`, evaluated with `variables` as `tasks`."""
        job = source.job
        task = _with_defaults(source.task, job.defaults or {})
        try:
            secrets = self._secrets(job)
        except SealingError as error:  # a key is missing: told, not tried again and again
            return TaskPlanFailed(
                job.job_id, source.position, _as_submitted(task), f"secrets: {error}"
            )
        try:
            names = _names(job, secrets, variables)
            evaluated = _evaluated(task, names)
            plan = self._sealed(planned_task(evaluated), secrets)
            if not _condition(task, names):
                return TaskSkipped(job.job_id, source.position, plan)
        except (ExpressionError, _PlanError) as error:
            redacted = Redactor(secrets.values()).text(str(error))
            return TaskPlanFailed(job.job_id, source.position, _as_submitted(task), redacted)
        return TaskPlanned(job.job_id, source.position, plan)

    def output(
        self, job: JobSource, variables: Mapping[str, str]
    ) -> OutputEvaluated | OutputFailed:
        """The job's result, evaluated with all that its tasks have left."""
        try:
            secrets = self._secrets(job)
        except SealingError as error:  # as above
            return OutputFailed(job.job_id, f"secrets: {error}")
        template = as_template(job.output or "")
        try:
            return OutputEvaluated(job.job_id, render(template, _names(job, secrets, variables)))
        except ExpressionError as error:
            redacted = Redactor(secrets.values()).text(str(error))
            return OutputFailed(job.job_id, f"output: {redacted}")

    def _secrets(self, job: JobSource) -> dict[str, str]:
        if job.sealed is None:
            return {}
        return cast(dict[str, str], self._sealer.unseal(job.sealed)["secrets"])

    def _sealed(self, plan: PlannedTask, secrets: Mapping[str, str]) -> PlannedTask:
        if not secrets:
            return plan
        redactor = Redactor(secrets.values())
        shown = redactor.value(dict(plan.definition))
        hidden = {key: value for key, value in plan.definition.items() if shown[key] != value}
        if not hidden:
            return plan
        sealed = self._sealer.seal({"definition": hidden, "secrets": sorted(secrets.values())})
        return PlannedTask(
            name=redactor.text(plan.name),
            queue=plan.queue,
            priority=plan.priority,
            timeout=plan.timeout,
            retry=plan.retry,
            var=plan.var,
            definition=shown,
            sealed=sealed,
        )


def planned_task(task: TaskJson) -> PlannedTask:
    """The engine's view of an evaluated task in its JSON form."""
    queue = task.get("queue") or DEFAULT_TASK_QUEUE
    if (error := task_queue_error(queue)) is not None:
        raise _PlanError(f"queue: {queue!r}: {error}")
    timeout = task.get("timeout")
    return PlannedTask(
        name=task.get("name") or "",
        queue=queue,
        priority=task.get("priority") or 0,
        timeout=parse_duration(timeout) if timeout else None,
        retry=_retry(task.get("retry")),
        var=task.get("var") or None,
        definition=task,
    )


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
    )


def _duration(source: Mapping[str, Any], key: str, default: timedelta) -> timedelta:
    return parse_duration(source[key]) if source.get(key) else default


def _as_submitted(task: TaskJson) -> PlannedTask:
    """For a task whose expressions fail: shown as it came, its queue left at the default."""
    return PlannedTask(name=task.get("name") or "", queue=DEFAULT_TASK_QUEUE, definition=task)


def _with_defaults(task: TaskJson, defaults: TaskJson) -> TaskJson:
    missing = {k: defaults[k] for k in _DEFAULTED if not task.get(k) and defaults.get(k)}
    return {**task, **missing} if missing else task


def _names(
    job: JobSource, secrets: Mapping[str, str], variables: Mapping[str, str]
) -> dict[str, object]:
    return {
        "inputs": job.inputs,
        "secrets": secrets,
        "tasks": variables,
        "job": {"id": job.job_id, "name": job.name},
    }


def _evaluated(task: TaskJson, names: Mapping[str, object]) -> TaskJson:
    if not any(map(has_expression, templates(task))):
        return task
    done = dict(task)
    for key in TEMPLATES:
        if task.get(key):
            done[key] = _rendered(key, task[key], names)
    if task.get("cmd"):
        done["cmd"] = [_rendered(f"cmd[{i}]", v, names) for i, v in enumerate(task["cmd"])]
    for key in ("env", "registry"):
        if task.get(key):
            done[key] = {k: _rendered(f"{key}.{k}", v, names) for k, v in task[key].items()}
    return done


def _rendered(field: str, template: str, names: Mapping[str, object]) -> str:
    if not has_expression(template):
        return template
    try:
        return render(template, names)
    except ExpressionError as error:
        raise _PlanError(f"{field}: {error}") from None


def _condition(task: TaskJson, names: Mapping[str, object]) -> bool:
    condition = task.get("if")
    if not condition:
        return True
    value = render_value(as_template(condition), names)
    if value not in (True, False, "true", "false"):
        raise _PlanError(f"if: {value!r} is neither true nor false")
    return value in (True, "true")
