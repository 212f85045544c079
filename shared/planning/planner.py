"""Makes a task ready to begin: job defaults applied, expressions evaluated, secrets sealed.

What came from a secret leaves this module only encrypted: a planned task's `definition` has
[REDACTED] in its place, and `sealed` holds an object with the clear `definition` fields and the
`secrets` whose values the worker must keep out of the log. A child's `scope` that holds a secret
is kept as `{SEALED: text}`.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import cast

import orjson

from shared.definition import Defaults, TaskDefinition, changed, decode_task, encode
from shared.expressions import TextMap
from shared.lifecycle import (
    CollectResults,
    ListText,
    OutputEvaluated,
    OutputFailed,
    Planned,
    PlannedTask,
    ResultsCollected,
    ResultsTooLarge,
    Scope,
    Task,
    TaskKind,
    TaskPlanFailed,
    TaskPlanned,
    TaskSkipped,
)
from shared.messages.queues import DEFAULT_TASK_QUEUE
from shared.planning import composites
from shared.planning.budgets import MOST_OF_RESULTS
from shared.planning.rendering import (
    PlanError,
    Rendering,
    kind_of,
    planned_task,
    refuse_empty_images,
    rendered_task,
)
from shared.planning.secrets import SecretTaint, all_inputs
from shared.planning.templates import JobSource, TaskSource, as_template
from shared.process.redaction import Redactor
from shared.process.sealing import Sealer, SealingError

_SEALED = "sealed"
_TOO_LARGE = (
    f"result_too_large: the results of its children are more than {MOST_OF_RESULTS:,} characters "
    "together"
)

Answer = TaskPlanned | TaskPlanFailed | TaskSkipped


class Planner:
    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def seal_secrets(self, secrets: Mapping[str, str]) -> str | None:
        return self._sealer.seal({"secrets": dict(secrets)}) if secrets else None

    def secrets_of(self, job: JobSource) -> Mapping[str, str]:
        """In clear. Raises SealingError when a key is missing."""
        return self._sealer.secrets_in(job.sealed)

    def submitted(self, parent: Task) -> TaskDefinition:
        """A task as it was submitted, what was sealed of it included. Raises SealingError."""
        plan = parent.plan
        if plan.sealed is None:
            return decode_task(plan.definition)
        hidden = cast(dict[str, object], self._sealer.unseal(plan.sealed)["definition"])
        return decode_task({**plan.definition, **hidden})

    def plan(
        self,
        source: TaskSource,
        variables: Mapping[str, str],
        secrets: Mapping[str, str],
        now: datetime,
    ) -> Answer:
        """The task of `source`, evaluated with `variables` as `tasks`."""
        task = _with_defaults(source.task, source.job.defaults)
        taint = SecretTaint(Redactor(secrets.values()))
        try:
            scope = self._opened(source.scope)
            names = _names(source.job, secrets, variables) | scope
            if _is_sealed(source.scope):
                taint = replace(taint, items=tuple(scope))
            rendering = Rendering(names, taint)
            rendered = rendered_task(task, rendering)
            plan = planned_task(rendered)
            hidden = (*secrets.values(), *taint.found)
            if not rendering.is_wanted(task):
                return TaskSkipped(source.ref, self._sealed(plan, hidden))
            refuse_empty_images(rendered)
            planned = self._made(plan, source, rendering, secrets, now)
            planned = replace(planned, task=self._sealed(planned.task, hidden))
        except (PlanError, SealingError) as error:
            text = Redactor([*secrets.values(), *taint.found]).text(str(error))
            return plan_failed(source, text)
        return TaskPlanned(source.ref, planned)

    def output(
        self, job: JobSource, variables: Mapping[str, str], secrets: Mapping[str, str]
    ) -> OutputEvaluated | OutputFailed:
        """The job's result, evaluated with all that its tasks have left.

        What it makes of secrets is left out: it is kept, and told, in clear. A secret itself is
        known by its value wherever it is shown.
        """
        names = _names(job, secrets, variables)
        rendering = Rendering(names, SecretTaint(Redactor(secrets.values())))
        try:
            result = rendering.text("output", as_template(job.output or ""))
            hidden = Redactor(rendering.taint.found)
            return OutputEvaluated(job.job_id, hidden.text(result))
        except PlanError as error:
            return OutputFailed(job.job_id, Redactor(secrets.values()).text(str(error)))

    def collected(
        self, question: CollectResults, results: Mapping[int, str] | None
    ) -> ResultsCollected | ResultsTooLarge:
        """`results` by the index of the child; None: they are too large to be read."""
        ref = question.job_id, question.task_id
        if results is not None:
            texts = [results.get(index, "") for index in range(question.count)]
            whole = orjson.dumps(texts).decode()
            if len(whole) <= MOST_OF_RESULTS:
                return ResultsCollected(*ref, ListText(whole))
        return ResultsTooLarge(*ref, _TOO_LARGE)

    def _made(
        self,
        plan: PlannedTask,
        source: TaskSource,
        rendering: Rendering,
        secrets: Mapping[str, str],
        now: datetime,
    ) -> Planned:
        task = source.task
        if task.parallel is not None:
            return composites.parallel(plan, source, task.parallel)
        if task.each is not None:
            scope = self._opened(source.scope)
            made = composites.each(plan, task.each, scope, rendering)
            return self._closed(made, source, rendering.taint)
        if task.subjob is not None:
            return composites.subjob(plan, source, task.subjob, rendering, secrets, now)
        return Planned(task=plan)

    def _closed(self, planned: Planned, source: TaskSource, taint: SecretTaint) -> Planned:
        """With the scopes that hold a secret, or something made of one, sealed."""
        if not taint.redactor or planned.offspring is None:
            return planned
        items = source.task.each.items if source.task.each else ()
        made_of_secrets = isinstance(items, str) and taint.reads_secrets(as_template(items))
        is_all_secret = made_of_secrets or _is_sealed(source.scope)
        redact = taint.redactor.value
        scopes = [
            {_SEALED: self._sealer.seal(dict(scope))}
            if scope is not None and (is_all_secret or redact(scope) != scope)
            else scope
            for scope in planned.offspring.scopes
        ]
        return replace(planned, offspring=replace(planned.offspring, scopes=scopes))

    def _opened(self, scope: Scope | None) -> dict[str, object]:
        """The variables of a scope in clear. Raises SealingError."""
        if scope is None:
            return {}
        if _is_sealed(scope):
            return self._sealer.unseal(str(scope[_SEALED]))
        return dict(scope)

    def _sealed(self, plan: PlannedTask, secrets: Collection[str]) -> PlannedTask:
        if not secrets:
            return plan
        redactor = Redactor(secrets)
        shown = redactor.value(dict(plan.definition))
        hidden = {key: value for key, value in plan.definition.items() if shown[key] != value}
        if not hidden:
            return plan
        sealed = self._sealer.seal({"definition": hidden, "secrets": sorted(secrets)})
        return replace(
            plan,
            name=redactor.text(plan.name),
            var=plan.var and redactor.text(plan.var),
            definition=shown,
            sealed=sealed,
        )


def _is_sealed(scope: Scope | None) -> bool:
    return scope is not None and isinstance(scope.get(_SEALED), str)


def plan_failed(source: TaskSource, error: str) -> TaskPlanFailed:
    """Shown as it came, its queue left at the default."""
    task = source.task
    plan = PlannedTask(
        name=task.name or "",
        queue=DEFAULT_TASK_QUEUE,
        definition=encode(task),
        kind=kind_of(task),
        allow_failure=task.allow_failure,
    )
    return TaskPlanFailed(source.ref, plan, error)


def _with_defaults(task: TaskDefinition, defaults: Defaults | None) -> TaskDefinition:
    if defaults is None or kind_of(task) is not TaskKind.TASK:
        return task
    return changed(
        task,
        retry=task.retry or defaults.retry,
        limits=task.limits or defaults.limits,
        timeout=task.timeout or defaults.timeout,
        queue=task.queue or defaults.queue,
        priority=task.priority or defaults.priority,
    )


def _read(variable: str | ListText) -> object:
    return orjson.loads(str(variable)) if isinstance(variable, ListText) else variable


def _names(
    job: JobSource, secrets: Mapping[str, str], variables: Mapping[str, str]
) -> dict[str, object]:
    return {
        "inputs": TextMap(all_inputs(job.inputs, secrets)),
        "secrets": TextMap(secrets),
        "tasks": TextMap({name: _read(value) for name, value in variables.items()}),
        "job": TextMap(id=job.job_id, name=job.name),
    }
