"""What becomes of a task that is made of others: its children, or the job it stands for."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.expressions import has_expression
from shared.lifecycle import Offspring, Parent, Planned, PlannedTask, Scope, SubJob, derived_id
from shared.store.hiding import OF_TASKS
from shared.store.rendering import Names, PlanError, rendered, value_of
from shared.store.submission import OWN_SECRETS_OF_PARENT, subjob_of
from shared.store.templates import TaskJson, TaskSource

_DEFAULT_VARIABLE = "item"


def parallel(plan: PlannedTask, source: TaskSource) -> Planned:
    made_of = source.task["parallel"]
    scopes = [source.scope] * len(made_of["tasks"])
    required = _required(made_of, len(scopes))
    return Planned(task=plan, offspring=Offspring(scopes=scopes, required=required))


def each(plan: PlannedTask, source: TaskSource, outer: Scope, names: Names) -> Planned:
    """One child for each item; `outer` is the task's own scope in clear. Raises PlanError."""
    made_of = source.task["each"]
    items = _items(made_of["list"], names)
    variable = made_of.get("var") or _DEFAULT_VARIABLE
    scopes: list[Scope | None] = [
        {**outer, variable: {"index": str(place), "value": item}}
        for place, item in enumerate(items)
    ]
    offspring = Offspring(
        scopes=scopes,
        concurrency=made_of.get("concurrency") or 0,
        required=_required(made_of, len(scopes)),
    )
    return Planned(task=plan, offspring=offspring)


def child_task(parent: TaskJson, place: int) -> TaskJson:
    """The child at `place` as it was submitted."""
    if made_of := parent.get("each"):
        return made_of["task"]  # type: ignore[no-any-return] # the job language says what it is
    return parent["parallel"]["tasks"][place]  # type: ignore[no-any-return] # as above


def subjob(
    plan: PlannedTask,
    source: TaskSource,
    names: Names,
    secrets: Mapping[str, str],
    now: datetime,
) -> Planned:
    """The job, evaluated with what its parent knows. Raises PlanError."""
    spec = _rendered_subjob(source.task["subjob"], names)
    detached = bool(spec.get("detached"))
    parent = Parent(job_id=source.job.job_id, task_id=source.task_id, dispatch=1)
    inherited = {
        f"{OWN_SECRETS_OF_PARENT}{place}": value
        for place, value in enumerate(sorted(set(secrets.values())))
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
    return Planned(task=plan, subjob=SubJob(job=new.job, submission=new, is_detached=detached))


def _items(list_: object, names: Names) -> Sequence[object]:
    items = value_of("each.list", list_, names) if isinstance(list_, str) else list_
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


def _required(made_of: Mapping[str, Any], total: int) -> int | None:
    """`minSuccess` as a number of children: a share is rounded up."""
    least = made_of.get("minSuccess")
    if least is None:
        return None
    if isinstance(least, str) and least.endswith("%"):
        return math.ceil(total * float(least[:-1]) / 100)
    return min(int(least), total)


def _rendered_subjob(spec: Mapping[str, Any], names: Names) -> dict[str, Any]:
    done = dict(spec)
    for key in ("name", "description"):
        if spec.get(key):
            done[key] = rendered(f"subjob.{key}", spec[key], names)
    if spec.get("inputs"):
        done["inputs"] = {
            k: _input(f"subjob.inputs.{k}", v, names) for k, v in spec["inputs"].items()
        }
    if spec.get("secrets"):
        done["secrets"] = {
            k: rendered(f"subjob.secrets.{k}", v or "", names) for k, v in spec["secrets"].items()
        }
    if spec.get("webhooks"):
        done["webhooks"] = [
            _webhook(f"subjob.webhooks[{i}]", w, names) for i, w in enumerate(spec["webhooks"])
        ]
    return done


def _input(field: str, value: object, names: Names) -> object:
    """A list or mapping stays one; what is single becomes a text, as everywhere in a template."""
    if not isinstance(value, str) or not has_expression(value):
        return value
    if value.startswith("{{") and value.endswith("}}") and value.count("{{") == 1:
        found = value_of(field, value, names)
        if isinstance(found, list | dict):
            return found
    return rendered(field, value, names)


def _webhook(field: str, webhook: Mapping[str, Any], names: Names) -> dict[str, Any]:
    done = {**webhook, "url": rendered(f"{field}.url", webhook["url"], names)}
    if headers := webhook.get("headers"):
        done["headers"] = {
            k: rendered(f"{field}.headers.{k}", v or "", names) for k, v in headers.items()
        }
    return done
