"""From rows of tasks and attempts to answers in Tork's shapes."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from typing import Any, Protocol

from pydantic.alias_generators import to_camel

from services.coordinator.api.replies import Fields, set_fields
from services.coordinator.api.tork.definitions import shown_task, shown_without
from services.coordinator.api.tork.task_reuse import shown_miss
from services.coordinator.api.usage import shown_usage
from services.coordinator.node_reasons import NodeReasons
from services.coordinator.store.rows import JsonObject, TaskRow
from services.coordinator.wait_reasons import Waiting
from shared.definition import Encoded
from shared.planning.disclosure import Redacting


def plan_of(columns: tuple[str, ...], first_other: str) -> tuple[str, ...]:
    """The names on the wire of the columns before `first_other`; the rest is shown otherwise."""
    return tuple(map(to_camel, columns[: columns.index(first_other)]))


_TASK = plan_of(TaskRow._fields, "definition")
_shown_evaluated = shown_without(frozenset(_TASK))
"""The definition of an attempt, which has columns for the rest."""


def shown_columns(plan: tuple[str, ...], row: tuple[Any, ...]) -> Fields:
    """The columns of the plan that are not empty."""
    return dict(compress(zip(plan, row, strict=False), row))


def task(row: TaskRow, redact: Redacting, why: Waiting | None = None) -> Fields:
    """`why` it waits, if it does."""
    definition = redact.value(_shown_evaluated(row.definition))
    shown = definition | shown_columns(_TASK, row) | waits(why, redact)
    if row.exit_code is not None:
        shown["exitCode"] = row.exit_code
    if row.child_index is not None:
        shown["childIndex"] = row.child_index
    if row.sequence is not None:
        shown["sequence"] = row.sequence
    if row.timings:
        shown["timings"] = shown_timings(row.timings)
    if row.usage:
        shown["usage"] = shown_usage(row.usage)
    if row.attempt and "retry" in shown:
        shown["retry"] = shown["retry"] | {"attempts": row.attempt}
    if row.children or row.subjob_id:
        shown |= _made_of(definition, row)
    if row.reuse_miss:
        shown["reuseMiss"] = shown_miss(row.reuse_miss, redact)
    if row.omitted:
        shown["omitted"] = row.omitted
    shown |= set_fields({"phase": row.phase, "imageDigest": row.image_digest})
    redact_fields(shown, redact, ("name", "var", "result", "error", "lastReturnReason"))
    round_progress(shown)
    return shown


class AttemptRow(Protocol):
    """A row of an attempt: the values of a plan first, then more."""

    @property
    def child_index(self) -> int | None: ...
    @property
    def exit_code(self) -> int | None: ...
    @property
    def timings(self) -> Sequence[tuple[str, int, int]] | None: ...
    def __iter__(self) -> Iterator[Any]: ...


def attempt_in_short(
    plan: Sequence[str], row: AttemptRow, redact: Redacting, longest_error: int
) -> Fields:
    """What of an attempt is not empty, under the names of `plan`."""
    shown: Fields = dict(compress(zip(plan, row, strict=False), row))
    shown |= {name: redact.value(shown[name]) for name in ("name", "error") if name in shown}
    if "error" in shown:
        shown["error"] = shown["error"][:longest_error]
    if row.child_index is not None:
        shown["childIndex"] = row.child_index
    if row.exit_code is not None:
        shown["exitCode"] = row.exit_code
    if row.timings:
        shown["timings"] = shown_timings(row.timings)
    return shown


_KINDS = (
    ("parallel", "parallel"),
    ("each", "each"),
    ("spawn", "spawn"),
    ("subjob", "subjob"),
    ("partition", "subjob"),
    ("placement", "placed"),
)


def kind_of(task: Mapping[str, Any]) -> str:
    """Of a task as submitted."""
    return next((kind for field, kind in _KINDS if task.get(field)), "task")


def shown_timings(timings: Sequence[tuple[str, int, int]]) -> list[Fields]:
    names = "phase", "startedMs", "durationMs"
    return [dict(zip(names, timing, strict=True)) for timing in timings]


def waits(why: Waiting | None, redact: Redacting) -> Fields:
    """The field `waiting` of what waits."""
    if why is None:
        return {}
    message = redact.value(why.message)
    fields = {"reason": why.reason, "message": message, "until": why.until, "taskId": why.task_id}
    return {"waiting": set_fields(fields)}


def node_reasons(group: NodeReasons, redact: Redacting) -> Fields:
    return {
        "name": redact.value(group.tasks[0].name),
        "taskIds": [task.id for task in group.tasks],
        "message": redact.value(group.message),
        "nodes": [
            {"id": node.node_id, "name": node.name, "reasons": redact.value(node.reasons)}
            for node in group.nodes
        ],
    }


def shown_definition(task: Encoded, redact: Redacting) -> Fields:
    return redact.value(shown_task(task))


def _made_of(definition: Mapping[str, Any], row: TaskRow) -> Fields:
    """What a composite task is made of, with how far that is."""
    made_of: Fields = {}
    if row.children and (each := definition.get("each")):
        made_of["each"] = each | {
            "size": row.children["total"],
            "index": row.children["begun"],
            **_counts(row),
        }
    if row.children and (spawn := definition.get("spawn")):
        made_of["spawn"] = spawn | {"size": row.children["total"], **_counts(row)}
        if row.children.get("opened") is not None:
            made_of["spawn"]["sequence"] = row.children.get("sequence", 0)
    if row.children and (parallel := definition.get("parallel")):
        made_of["parallel"] = parallel | _counts(row)
    if row.children and (placement := definition.get("placement")) is not None:
        made_of["placement"] = placement | _executions(placement, row)
    for kind in ("subjob", "partition"):
        if row.subjob_id and (job := definition.get(kind)):
            made_of[kind] = job | {"id": row.subjob_id}
    return made_of


def _executions(placement: Mapping[str, Any], row: TaskRow) -> Fields:
    """How many of those that end run is nowhere counted."""
    counts: Any = row.children
    counted = _counts(row)
    shown = {"size": counts["total"]} | {
        name: counted[name] for name in ("completions", "failures") if name in counted
    }
    if row.state != "RUNNING" or placement.get("type") not in ("service", "daemon"):
        return shown
    running = counts.get("running", 0)
    return shown | {"running": running, "waiting": max(counts["total"] - running, 0)}


class Family(Protocol):
    """An attempt with children."""

    @property
    def state(self) -> str: ...
    @property
    def children(self) -> JsonObject | None: ...


def child_counts(row: Family, *, is_placed: bool) -> Fields:
    counts: Any = row.children
    shown = {"size": counts["total"]} | _counts(row)
    if is_placed and row.state == "RUNNING":
        # Executions don't begin one after the other: those that run are counted, or nothing is.
        del shown["running"], shown["waiting"]
        if running := counts.get("running"):
            shown |= {"running": running, "waiting": max(counts["total"] - running, 0)}
    return shown


def _counts(row: Family) -> Fields:
    counts: Any = row.children
    total, ended = counts["total"], counts["ended"]
    shown = {"completions": ended} | set_fields({"failures": counts.get("failed")})
    if row.state != "RUNNING":
        return shown
    running = max(counts["begun"] - ended - counts["waiting"], 0)
    return shown | {"running": running, "waiting": total - ended - running}


def redact_fields(shown: Fields, redact: Redacting, names: tuple[str, ...]) -> None:
    shown |= {name: redact.value(shown[name]) for name in names if name in shown}


def round_progress(shown: Fields) -> None:
    """Shares of many children add up to more digits than mean anything."""
    if "progress" in shown and (progress := round(shown.pop("progress"), 2)):
        shown["progress"] = progress
