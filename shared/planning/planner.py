"""Makes a task ready to begin: job defaults applied, expressions evaluated, secrets sealed.

What came from a secret leaves this module only encrypted: see `kept`. With a key, results and
variables of a job with secrets are sealed as a whole.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import orjson

from shared.definition import USER_CACHE, Defaults, TaskDefinition, changed, encode
from shared.expressions import Allowance, TextMap, as_template
from shared.jobspec.partition.stages import with_sources
from shared.lifecycle import (
    CollectResults,
    ListText,
    OutputEvaluated,
    OutputFailed,
    Planned,
    PlannedTask,
    ResultsCollected,
    ResultsTooLarge,
    TaskKind,
    TaskPlanFailed,
    TaskPlanned,
    TaskSkipped,
)
from shared.messages.queues import DEFAULT_TASK_QUEUE
from shared.planning import composites
from shared.planning.budgets import MOST_OF_RESULTS, MOST_STEPS
from shared.planning.disclosure import opened_webhook
from shared.planning.file_fields import has_files
from shared.planning.fingerprint import task_fingerprint
from shared.planning.images import KnownImages
from shared.planning.kept import closed, kept_plan
from shared.planning.placed import is_kept_running, is_placed, placed, takes_default_limits
from shared.planning.rendering import (
    PlanError,
    Rendering,
    kind_of,
    planned_task,
    refuse_broken_files,
    refuse_empty_images,
    rendered_task,
)
from shared.planning.scopes import is_sealed, opened_scope
from shared.planning.secrets import SecretTaint, all_inputs, hidden_values
from shared.planning.taking import NO_FILES, CannotTake, Files, Wanted, wanted_by, with_taken
from shared.planning.templates import JobSource, TaskSource
from shared.planning.terms import FREE, Terms
from shared.process.sealing import Sealer, SealingError

_TOO_LARGE = (
    f"result_too_large: the results of its children are more than {MOST_OF_RESULTS:,} characters "
    "together"
)

Answer = TaskPlanned | TaskPlanFailed | TaskSkipped


def _schedule(job: JobSource) -> TextMap:
    """Empty texts in a job that was run again, and was made by no schedule."""
    at = f"{job.schedule_at:%Y-%m-%dT%H:%M:%SZ}" if job.schedule_at else ""
    return TextMap(id=job.schedule_id or "", scheduledAt=at)


class Planner:
    """`most_kept_bytes` is what a job may keep in the store of files; None: as much as it likes."""

    def __init__(
        self, sealer: Sealer, most_kept_bytes: int | None = None, terms: Terms = FREE
    ) -> None:
        self._sealer = sealer
        self.most_kept_bytes = most_kept_bytes
        self.images = KnownImages()
        self.terms = terms

    @property
    def sealer(self) -> Sealer:
        return self._sealer

    def plan(
        self,
        source: TaskSource,
        variables: Mapping[str, str],
        secrets: Mapping[str, str],
        now: datetime,
        derived: set[str] | None = None,
        allowance: Allowance | None = None,
        files: Files = NO_FILES,
    ) -> Answer:
        """The task of `source`, evaluated with `variables` as `tasks`, as they are kept, and with
        `files`, what its sources stand for.

        What it makes of secrets is added to `derived`; its expressions take from `allowance`.
        """
        allowance = allowance or Allowance(MOST_STEPS)
        try:
            scope = opened_scope(source.scope, self._sealer)
            names = self._names(source.job, secrets, variables) | scope
        except SealingError as error:
            return plan_failed(source, str(error))
        taint = SecretTaint(secrets, names, tuple(scope) if is_sealed(source.scope) else ())
        try:
            rendering = Rendering(names, taint, allowance)
            return self._planned(source, rendering, secrets, now, files)
        except PlanError as error:
            return self._failed(source, taint.redacted(str(error)), secrets)
        finally:
            if derived is not None:
                derived |= taint.found

    def _failed(self, source: TaskSource, error: str, secrets: Mapping[str, str]) -> TaskPlanFailed:
        event = plan_failed(source, error)
        plan = kept_plan(event.plan, hidden_values(secrets), self._sealer, of_job=bool(secrets))
        return replace(event, plan=plan)

    def _planned(
        self,
        source: TaskSource,
        rendering: Rendering,
        secrets: Mapping[str, str],
        now: datetime,
        files: Files,
    ) -> TaskPlanned | TaskSkipped:
        """Raises PlanError."""
        task = _with_defaults(source.task, source.job.defaults)
        rendered = rendered_task(task, rendering)
        if not rendering.is_wanted(task):
            hidden = (*hidden_values(secrets), *rendering.taint.found)
            skipped = kept_plan(planned_task(rendered), hidden, self._sealer, of_job=bool(secrets))
            return TaskSkipped(source.ref, skipped)
        refuse_empty_images(rendered)
        is_run = kind_of(rendered) is TaskKind.TASK
        if (is_run or rendered.partition) and has_files(rendered):
            rendered = _with_files(rendered, source.job, files)
        if USER_CACHE in rendered.directories.values():
            rendered = changed(rendered, cache_owner=source.job.created_by or "")
        plan = planned_task(rendered)
        # What a task of a spawn makes is no part of what is kept of it.
        is_reusable = is_run and plan.placement is None and rendered.spawning is None
        if rendered.reuse and is_reusable:
            plan = replace(plan, fingerprint=task_fingerprint(rendered, self._sealer.keyed_hash))
        if is_placed(rendered) and rendered.placement is not None:
            planned = placed(plan, rendered.placement, source.scope)
        elif rendered.partition is not None:
            stages = with_sources(rendered.partition, rendered.sources)
            told = [opened_webhook(self._sealer, one) for one in source.job.phase_webhooks]
            planned = composites.partition(plan, source, stages, rendering, secrets, now, told)
        else:
            planned = self._made(plan, source, rendering, secrets, now, files)
        hidden = (*hidden_values(secrets), *rendering.taint.found)
        planned = replace(
            planned, task=kept_plan(planned.task, hidden, self._sealer, of_job=bool(secrets))
        )
        return TaskPlanned(source.ref, replace(planned, spec_version=source.spec_version))

    def wanted_files(
        self, source: TaskSource, variables: Mapping[str, str], secrets: Mapping[str, str]
    ) -> set[Wanted]:
        """What its sources stand for. What fails here fails again when it is planned."""
        try:
            scope = opened_scope(source.scope, self._sealer)
            names = self._names(source.job, secrets, variables) | scope
            rendering = Rendering(names, SecretTaint(secrets, names), Allowance(MOST_STEPS))
            return wanted_by(source.task, source.job, lambda text: rendering.text("", text))
        except (SealingError, PlanError):
            return set()

    def output(
        self, job: JobSource, variables: Mapping[str, str], secrets: Mapping[str, str]
    ) -> OutputEvaluated | OutputFailed:
        """The job's result, evaluated with all that its tasks have left.

        What it makes of secrets is left out: it is kept, and told, in clear. A secret itself is
        known by its value wherever it is shown.
        """
        try:
            names = self._names(job, secrets, variables)
        except SealingError as error:
            return OutputFailed(job.job_id, str(error))
        taint = SecretTaint(secrets, names)
        try:
            rendering = Rendering(names, taint, Allowance(MOST_STEPS))
            result = rendering.text("output", as_template(job.output or ""))
        except PlanError as error:
            return OutputFailed(job.job_id, taint.redacted(str(error)))
        kept = self._sealer.kept_text(taint.left_out(result), is_secret=bool(secrets))
        return OutputEvaluated(job.job_id, kept)

    def _names(
        self, job: JobSource, secrets: Mapping[str, str], variables: Mapping[str, str]
    ) -> dict[str, object]:
        """What expressions read. Raises SealingError."""
        return {
            "inputs": TextMap(all_inputs(job.inputs, secrets)),
            "secrets": TextMap(secrets),
            "tasks": TextMap({name: self._read(value) for name, value in variables.items()}),
            "job": TextMap(id=job.job_id, name=job.name),
            "schedule": _schedule(job),
        }

    def collected(
        self, question: CollectResults, results: Mapping[int, str] | None
    ) -> ResultsCollected | ResultsTooLarge:
        """`results` by the index of the child; None: they are too large to be read."""
        ref = question.job_id, question.task_id
        if results is None:
            return ResultsTooLarge(*ref, _TOO_LARGE)
        try:
            opened = {index: self._sealer.open_text(text) for index, text in results.items()}
        except SealingError as error:
            return ResultsTooLarge(*ref, f"secrets: {error}")
        if question.by_sequence:
            listed = [text for text in opened.values() if text]
        else:
            listed = [opened.get(n, "") for n in range(question.count)]
        whole = orjson.dumps(listed).decode()
        if len(whole) > MOST_OF_RESULTS:
            return ResultsTooLarge(*ref, _TOO_LARGE)
        kept = self._sealer.kept_text(whole, is_secret=opened != results)
        return ResultsCollected(*ref, ListText(kept))

    def _read(self, variable: str | ListText) -> object:
        """Raises SealingError."""
        text = self._sealer.open_text(str(variable))
        return orjson.loads(text) if isinstance(variable, ListText) else text

    def _made(
        self,
        plan: PlannedTask,
        source: TaskSource,
        rendering: Rendering,
        secrets: Mapping[str, str],
        now: datetime,
        files: Files,
    ) -> Planned:
        task = source.task
        if task.parallel is not None:
            return composites.parallel(plan, source, task.parallel)
        if task.each is not None:
            scope = opened_scope(source.scope, self._sealer)
            if task.each.chunks is not None:
                made = composites.each_chunk(plan, source, task.each, scope, rendering, files)
            else:
                made = composites.each(plan, task.each, scope, rendering)
            return closed(made, source, rendering.taint, self._sealer)
        if task.spawn is not None:
            scope = opened_scope(source.scope, self._sealer)
            return closed(
                composites.spawn(plan, task.spawn, scope), source, rendering.taint, self._sealer
            )
        if task.subjob is not None:
            return composites.subjob(plan, source, task.subjob, rendering, secrets, now)
        return Planned(task=plan)


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


def _with_files(task: TaskDefinition, job: JobSource, files: Files) -> TaskDefinition:
    """Raises PlanError."""
    refuse_broken_files(task)
    try:
        return with_taken(task, job, files)
    except CannotTake as error:
        raise PlanError(str(error)) from None


_OF_THOSE_THAT_RUN = (TaskKind.TASK, TaskKind.PLACED)


def _with_defaults(task: TaskDefinition, defaults: Defaults | None) -> TaskDefinition:
    """An execution has those of the task that is made of it, unless a spawn makes it; what is kept
    running has no time-out and is restarted by rules of its own."""
    kind = kind_of(task)
    has_them = task.execution is not None and task.spawning is None
    if defaults is None or kind not in _OF_THOSE_THAT_RUN or has_them:
        return task
    ends = not is_kept_running(task)
    return changed(
        task,
        retry=task.retry or (defaults.retry if ends else None),
        limits=task.limits or (defaults.limits if takes_default_limits(task) else None),
        timeout=task.timeout or (defaults.timeout if ends else None),
        queue=task.queue or (defaults.queue if task.placement is None else None),
        priority=task.priority or defaults.priority,
    )
