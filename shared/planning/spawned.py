"""The children of a spawn: what their expressions read, and what each is told."""

import orjson

from shared.definition import (
    SPAWN_DIRECTORIES,
    TEMPORARY_EXIT_CODE,
    Execution,
    Retry,
    Spawn,
    Spawning,
    TaskDefinition,
    changed,
)
from shared.lifecycle import Scope, Task
from shared.messages import Spawned
from shared.planning.placed import as_written
from shared.planning.scopes import is_sealed, opened_scope, sealed_scope
from shared.process.sealing import Sealer

_RETRY = Retry(limit=2, on=(TEMPORARY_EXIT_CODE, "lost"))
_PARAMETERS = "{{ toJSON(item.value) }}"


def first_item(outer: Scope) -> Scope:
    """The variables of the first child; `outer` are those around the spawn, in clear."""
    return _item(outer, 0, 0, {}, creator="")


def _item(outer: Scope, index: int, sequence: int, parameters: object, creator: object) -> Scope:
    item = {
        "index": str(index),
        "sequence": str(sequence),
        "value": parameters,
        "creator": creator,
    }
    return {**outer, "item": item}


def spawned_scope(creator: Task, index: int, spawned: Spawned, sealer: Sealer) -> Scope:
    """The variables of a child at `index` that the child `creator` has made; secret if those of
    that are, or its parameters. Raises SealingError."""
    text = sealer.open_text(spawned.parameters)
    outer = opened_scope(creator.scope, sealer)
    scope = _item(outer, index, spawned.sequence, orjson.loads(text), str(creator.child_index))
    is_secret = text != spawned.parameters or is_sealed(creator.scope)
    return sealed_scope(scope, sealer) if is_secret else scope


def spawned_task(spawn: Spawn, child: Task) -> TaskDefinition:
    """As it was submitted, under the name that its creator has given it. One that is placed is an
    execution of the spawn, for which no number says which part of how many it is."""
    task = spawn.task
    placement = task.placement
    return changed(
        task,
        name=as_written(child.plan.name) or task.name,
        retry=task.retry or _RETRY,
        directories={**task.directories, **SPAWN_DIRECTORIES},
        execution=placement and Execution(type=placement.type, index=0, count=1),
        spawning=Spawning(
            sequence=child.sequence or 0,
            index=child.child_index or 0,
            parameters=_PARAMETERS,
            explicit_success=spawn.explicit_success,
        ),
    )
