"""What becomes of a composite task: its children, or the job it stands for."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.expressions import has_expression
from shared.jobspec.fields import MAX_DESCRIPTION, MAX_NAME
from shared.lifecycle import Offspring, Parent, Planned, PlannedTask, Scope, SubJob, derived_id
from shared.planning.extract_secrets import OF_TASKS
from shared.planning.rendering import PlanError, Rendering
from shared.planning.size_budget import MOST_OF_SCOPES, SizeBudget, TooLarge
from shared.planning.submission import OWN_SECRETS_OF_PARENT, subjob_of
from shared.planning.templates import TaskJson, TaskSource

_DEFAULT_VARIABLE = "item"
_SHOWN_EVALUATED = ("name", "description", "inputs")
"""Of a sub-job, on the task that stands for it."""


def parallel(plan: PlannedTask, source: TaskSource) -> Planned:
    made_of = source.task["parallel"]
    scopes = [source.scope] * len(made_of["tasks"])
    _check_bulk("parallel.tasks", scopes)
    required = _required(made_of, len(scopes))
    return Planned(task=plan, offspring=Offspring(scopes=scopes, required=required))


def each(plan: PlannedTask, source: TaskSource, outer: Scope, rendering: Rendering) -> Planned:
    """One child for each item; `outer` is the task's own scope in clear. Raises PlanError."""
    made_of = source.task["each"]
    items = _items(made_of["list"], rendering)
    variable = made_of.get("var") or _DEFAULT_VARIABLE
    scopes: list[Scope | None] = [
        {**outer, variable: {"index": str(place), "value": item}}
        for place, item in enumerate(items)
    ]
    _check_bulk("each.list", scopes)
    offspring = Offspring(
        scopes=scopes,
        concurrency=made_of.get("concurrency") or 0,
        required=_required(made_of, len(scopes)),
    )
    return Planned(task=plan, offspring=offspring)


def child_task(parent: TaskJson, child_index: int) -> TaskJson:
    """The child at `child_index` as it was submitted."""
    if made_of := parent.get("each"):
        return made_of["task"]  # type: ignore[no-any-return] # the job language says what it is
    return parent["parallel"]["tasks"][child_index]  # type: ignore[no-any-return] # as above


def subjob(
    plan: PlannedTask,
    source: TaskSource,
    rendering: Rendering,
    secrets: Mapping[str, str],
    now: datetime,
) -> Planned:
    """The job, evaluated with what its parent knows. Raises PlanError."""
    spec = _rendered_subjob(source.task["subjob"], rendering.of_job())
    detached = bool(spec.get("detached"))
    parent = Parent(job_id=source.job.job_id, task_id=source.task_id, dispatch=1)
    inherited = {
        f"{OWN_SECRETS_OF_PARENT}{place}": value
        for place, value in enumerate(sorted({*secrets.values(), *rendering.derived.found}))
    }
    # What this language hid in the parent's secrets (a registry's password) is read by that name.
    inherited |= {name: value for name, value in secrets.items() if name.startswith(OF_TASKS)}
    new = subjob_of(
        spec,
        derived_id(source.task_id, "job"),
        now,
        parent=parent,
        is_detached=detached,
        inherited=inherited,
        origin=source.job,
    )
    shown = {**source.task["subjob"], **{k: spec[k] for k in _SHOWN_EVALUATED if k in spec}}
    return Planned(
        task=replace(plan, definition={**plan.definition, "subjob": shown}),
        subjob=SubJob(job=new.job, submission=new, is_detached=detached),
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


def _check_bulk(field: str, scopes: Sequence[Scope | None]) -> None:
    """Raises PlanError."""
    bulk = SizeBudget(MOST_OF_SCOPES)
    try:
        bulk.add_all(scopes)
    except TooLarge:
        raise PlanError(
            f"{field}: the variables of its {len(scopes)} tasks are more than "
            f"{bulk.most} characters"
        ) from None


def _required(made_of: Mapping[str, Any], total: int) -> int | None:
    """`minSuccess` as a number of children: a share is rounded up."""
    least = made_of.get("minSuccess")
    if least is None:
        return None
    if isinstance(least, str) and least.endswith("%"):
        return math.ceil(total * float(least[:-1]) / 100)
    return min(int(least), total)


def _rendered_subjob(spec: Mapping[str, Any], rendering: Rendering) -> dict[str, Any]:
    done = dict(spec)
    for key, most in (("name", MAX_NAME), ("description", MAX_DESCRIPTION)):
        if spec.get(key):
            done[key] = rendering.text(f"subjob.{key}", spec[key])
            if len(done[key]) > most:  # as in what a client submits: the search takes no more
                raise PlanError(f"subjob.{key}: is evaluated longer than {most} characters")
    if spec.get("inputs"):
        done["inputs"] = {
            k: _input(f"subjob.inputs.{k}", v, rendering) for k, v in spec["inputs"].items()
        }
    if spec.get("secrets"):
        done["secrets"] = {
            k: rendering.text(f"subjob.secrets.{k}", v or "") for k, v in spec["secrets"].items()
        }
    if spec.get("webhooks"):
        done["webhooks"] = [
            _webhook(f"subjob.webhooks[{i}]", w, rendering) for i, w in enumerate(spec["webhooks"])
        ]
    return done


def _input(field: str, value: object, rendering: Rendering) -> object:
    """A list or mapping stays one; what is single becomes a text, as everywhere in a template."""
    if not isinstance(value, str) or not has_expression(value):
        return value
    if value.startswith("{{") and value.endswith("}}") and value.count("{{") == 1:
        found = rendering.structure(field, value)
        if found is not None:
            return found
    return rendering.text(field, value)


def _webhook(field: str, webhook: Mapping[str, Any], rendering: Rendering) -> dict[str, Any]:
    done = {**webhook, "url": rendering.text(f"{field}.url", webhook["url"])}
    if headers := webhook.get("headers"):
        done["headers"] = {
            k: rendering.text(f"{field}.headers.{k}", v or "") for k, v in headers.items()
        }
    return done
