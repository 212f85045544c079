"""What becomes of a composite task: its children, or the job it stands for."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from shared.definition import (
    Composite,
    Each,
    Parallel,
    Source,
    Spawn,
    Stages,
    SubJobDefinition,
    TaskDefinition,
    Webhook,
    changed,
    encode,
)
from shared.expressions import has_expression
from shared.jobspec.limits import MAX_DESCRIPTION, MAX_NAME
from shared.jobspec.partition.stages import ASSEMBLE, PARAMS, TASK_DIR, staged
from shared.lifecycle import (
    Offspring,
    Parent,
    Planned,
    PlannedTask,
    Scope,
    SpawnRules,
    SubJob,
    Task,
    derived_id,
)
from shared.planning.budgets import MOST_OF_SCOPES, SizeBudget, TooLarge
from shared.planning.new_job import NewJob
from shared.planning.placed import execution_of
from shared.planning.rendering import PlanError, Rendering
from shared.planning.secrets import OF_TASKS, hidden_values
from shared.planning.spawned import first_item, spawned_task
from shared.planning.subjob_webhooks import webhooks_given
from shared.planning.submission import OWN_SECRETS_OF_PARENT, subjob_of
from shared.planning.taking import CannotTake, Files, chunks_of
from shared.planning.templates import TaskSource

_DEFAULT_VARIABLE = "item"
_PARTITIONED = "partition"
_RESULT_OF_ASSEMBLE = f'{{{{ tasks.{ASSEMBLE} ?? "" }}}}'


def parallel(plan: PlannedTask, source: TaskSource, parallel: Parallel) -> Planned:
    scopes = [source.scope] * len(parallel.tasks)
    _check_size("parallel.tasks", scopes)
    required = _required(parallel, len(scopes))
    offspring = Offspring(scopes=scopes, required=required, finishes=parallel.finishes)
    return Planned(task=plan, offspring=offspring)


def each(plan: PlannedTask, each: Each, outer: Scope, rendering: Rendering) -> Planned:
    """One child for each item; `outer` is the task's own scope in clear. Raises PlanError."""
    items = _items(each.items, rendering)
    variable = each.var or _DEFAULT_VARIABLE
    scopes: list[Scope | None] = [
        {**outer, variable: {"index": str(index), "value": item}}
        for index, item in enumerate(items)
    ]
    _check_size("each.list", scopes)
    return _repeated(plan, each, scopes)


def each_chunk(
    plan: PlannedTask,
    source: TaskSource,
    each: Each,
    outer: Scope,
    rendering: Rendering,
    files: Files,
) -> Planned:
    """One child for each chunk; `outer` as in `each`. Raises PlanError."""
    try:
        count = chunks_of(rendering.text("each.chunks", each.chunks or ""), source.job, files)
    except CannotTake as error:
        raise PlanError(f"each.chunks: {error}") from None
    if each.most_chunks is not None:
        count = min(count, each.most_chunks)
    if not count and each.needs_chunks:
        raise PlanError("no_chunks: there is no chunk to run the task for")
    variable, total = each.var or _DEFAULT_VARIABLE, str(count)
    scopes: list[Scope | None] = [
        {**outer, variable: {"index": str(index), "value": index, "count": total}}
        for index in range(count)
    ]
    _check_size("each.chunks", scopes)
    return _repeated(plan, each, scopes)


def _repeated(plan: PlannedTask, each: Each, scopes: list[Scope | None]) -> Planned:
    offspring = Offspring(
        scopes=scopes,
        concurrency=each.concurrency,
        required=_required(each, len(scopes)),
        finishes=each.finishes,
    )
    return Planned(task=plan, offspring=offspring)


def spawn(plan: PlannedTask, spawn: Spawn, outer: Scope) -> Planned:
    """The first child; `outer` as in `each`."""
    rules = SpawnRules(most=spawn.max_tasks, has_barrier=spawn.has_barrier)
    scopes = [first_item(outer)]
    offspring = Offspring(scopes=scopes, concurrency=spawn.concurrency, spawns=rules)
    return Planned(task=plan, offspring=offspring)


def child_task(parent: TaskDefinition, child: Task) -> TaskDefinition:
    """The child as it was submitted."""
    child_index = child.child_index or 0
    if parent.spawn is not None:
        return spawned_task(parent.spawn, child)
    if parent.placement is not None:
        return execution_of(parent, parent.placement, child_index)
    if parent.each is not None:
        task = parent.each.task
        if parent.each.chunks is None:
            return task
        chunk = Source(artifact=parent.each.chunks, target=TASK_DIR, chunk=child_index)
        return changed(task, sources=(chunk, *task.sources))
    assert parent.parallel is not None  # noqa: S101 - for the type checker: others have no children
    return parent.parallel.tasks[child_index]


def subjob(
    plan: PlannedTask,
    source: TaskSource,
    subjob: SubJobDefinition,
    rendering: Rendering,
    secrets: Mapping[str, str],
    now: datetime,
) -> Planned:
    """The job, evaluated with what its parent knows. Raises PlanError."""
    rendering = rendering.of_job()
    evaluated = webhooks_given(_rendered_subjob(subjob, rendering), rendering, secrets)
    # What this language hid in the parent's secrets (a registry's password) is read by that name.
    inherited = {name: value for name, value in secrets.items() if name.startswith(OF_TASKS)}
    new = _subjob_of(evaluated, source, inherited | _unnamed(secrets, rendering), now)
    shown = changed(  # on the task that stands for it
        subjob,
        name=evaluated.name,
        description=evaluated.description,
        inputs=evaluated.inputs,
    )
    return Planned(
        task=replace(plan, definition={**plan.definition, "subjob": encode(shown)}),
        subjob=SubJob(job=new.job, submission=new, is_detached=subjob.detached),
    )


def partition(
    plan: PlannedTask,
    source: TaskSource,
    stages: Stages,
    rendering: Rendering,
    secrets: Mapping[str, str],
    now: datetime,
    webhooks: Sequence[Webhook],
) -> Planned:
    """The job of the three stages, which read the inputs and secrets of the job around them, and
    whose phases `webhooks` of that are told. Raises PlanError."""
    rendering = rendering.of_job()
    params = {
        field: rendering.json(f"partition.params.{name}", getattr(stages, field))
        for field, name in PARAMS.items()
    }
    definition = SubJobDefinition(
        name=plan.name or _PARTITIONED,
        tasks=staged(changed(stages, **params)),
        inputs=dict(source.job.inputs),
        defaults=source.job.defaults,
        output=_RESULT_OF_ASSEMBLE,
        webhooks=tuple(webhooks),
    )
    inherited = {**secrets, **_unnamed(secrets, rendering)}
    new = _subjob_of(definition, source, inherited, now)
    return Planned(task=plan, subjob=SubJob(job=new.job, submission=new, is_detached=False))


def _unnamed(secrets: Mapping[str, str], rendering: Rendering) -> dict[str, str]:
    """Values that a sub-job must not show, under names that nobody reads."""
    values = sorted({*hidden_values(secrets), *rendering.taint.found})
    return {f"{OWN_SECRETS_OF_PARENT}{number}": value for number, value in enumerate(values)}


def _subjob_of(
    definition: SubJobDefinition, source: TaskSource, inherited: Mapping[str, str], now: datetime
) -> NewJob:
    return subjob_of(
        definition,
        derived_id(source.task_id, "job"),
        now,
        parent=Parent(job_id=source.job.job_id, task_id=source.task_id, dispatch=1),
        inherited=inherited,
        origin=source.job,
    )


def _items(list_: object, rendering: Rendering) -> Sequence[object]:
    items = rendering.value("each.list", list_) if isinstance(list_, str) else list_
    if not isinstance(items, list):
        raise PlanError(f"each.list: must give a list, not {_kind(items)}")
    return items


def _kind(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case str():
            return "a text (fromJSON(…) makes a list of JSON text)"
        case dict():
            return "a mapping"
        case _:
            return repr(value)


def _check_size(field: str, scopes: Sequence[Scope | None]) -> None:
    """Raises PlanError."""
    budget = SizeBudget(MOST_OF_SCOPES)
    try:
        budget.add_all(scopes)
    except TooLarge:
        raise PlanError(
            f"{field}: the variables of its {len(scopes)} tasks are more than "
            f"{budget.most} characters"
        ) from None


def _required(composite: Composite, total: int) -> int | None:
    """The least number of children that must complete: a share is rounded up, and one of those that
    may fail is rounded down."""
    if composite.max_failed is not None:
        return max(total - composite.max_failed, 0)
    if composite.max_failed_percent is not None:
        return total - total * composite.max_failed_percent // 100
    if (percent := composite.min_success_percent) is not None:
        return math.ceil(total * percent / 100)
    return None if composite.min_success is None else min(composite.min_success, total)


def _rendered_subjob(subjob: SubJobDefinition, rendering: Rendering) -> SubJobDefinition:
    name = _short_text("subjob.name", subjob.name, rendering, MAX_NAME)
    description = subjob.description
    if description:
        description = _short_text("subjob.description", description, rendering, MAX_DESCRIPTION)
    inputs = {k: _input(f"subjob.inputs.{k}", v, rendering) for k, v in subjob.inputs.items()}
    secrets = {k: rendering.text(f"subjob.secrets.{k}", v) for k, v in subjob.secrets.items()}
    return changed(
        subjob,
        name=name,
        description=description,
        inputs=inputs,
        secrets=secrets,
    )


def _short_text(field: str, template: str, rendering: Rendering, most: int) -> str:
    text = rendering.text(field, template)
    if len(text) > most:  # as in what a client submits: the search takes no more
        raise PlanError(f"{field}: is evaluated longer than {most} characters")
    return text


def _input(field: str, value: object, rendering: Rendering) -> object:
    """A list or mapping stays one; what is single becomes a text, as everywhere in a template."""
    if not isinstance(value, str) or not has_expression(value):
        return value
    if value.startswith("{{") and value.endswith("}}") and value.count("{{") == 1:
        found = rendering.structure(field, value)
        if found is not None:
            return found
    return rendering.text(field, value)
