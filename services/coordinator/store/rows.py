"""What the read queries return, typed, and whose eyes they look with.

The fields are the columns, in their order. Rows that come by the thousand are named tuples: made
from a record at a tenth of a dataclass' cost.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Generic, NamedTuple, TypeVar

from pydantic import JsonValue

Readers = Sequence[str] | None
"""Jobs without readers and those with one of these (`user:x`, `view:role:y`) are seen, or acted on;
None means all jobs."""


T = TypeVar("T")

GUEST = "guest"
"""Whose jobs are those that nobody in particular submits."""

_LAST_PAGE = 10**9


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Page `number` (from 1) of `size` items."""

    number: int
    size: int

    @classmethod
    def within(cls, number: int, size: int, *, largest: int) -> "PageRequest":
        """What was asked for, brought back into range as Tork does."""
        return cls(min(max(number, 1), _LAST_PAGE), min(max(size, 1), largest))

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    request: PageRequest
    items: Sequence[T]
    total_items: int

    @property
    def total_pages(self) -> int:
        return -(-self.total_items // self.request.size)


JsonObject = dict[str, JsonValue]


def user_id(identity: str) -> str:
    return hashlib.md5(identity.encode(), usedforsecurity=False).hexdigest()


def shown_user(identity: str | None) -> JsonObject:
    """As the function of the database of this name, without asking it; None is the guest."""
    if identity is None:
        return {"id": user_id(GUEST), "username": GUEST, "name": GUEST.capitalize()}
    username = identity.partition("~")[0]
    return {"id": user_id(identity), "username": username, "name": username}


class SummaryRow(NamedTuple):
    """A job as lists show it. `sealed` holds its secrets, encrypted when a key is set."""

    id: str
    state: str
    name: str
    description: str | None
    tags: Sequence[str]
    inputs: JsonObject
    task_count: int
    position: int
    progress: float
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    failed_at: datetime | None
    result: str | None
    error: str | None
    created_by: JsonObject | None
    parent_id: str | None = None
    sealed: str | None = None
    schedule_id: str | None = None
    schedule_cron: str | None = None
    schedule_at: datetime | None = None
    run_started_at: datetime | None = None
    omitted: Sequence[str] = ()
    readers: Sequence[str] = ()
    template: str | None = None
    usage: Mapping[str, int] | None = None
    rates: Mapping[str, str] | None = None
    cancelled_at: datetime | None = None
    cancelled_by: JsonObject | None = None
    cancelled_by_client: str | None = None
    cancel_reason: str | None = None
    locked_by: JsonObject | None = None
    locked_at: datetime | None = None
    lock_expires_at: datetime | None = None
    priority: int | None = None


LONGEST_LISTED = 8192
"""Bytes of a field in a list of jobs."""
LONGEST_ATTEMPT = 16384
"""Bytes of a field of an attempt, and of a variable, in the answer with its job."""


IS_LOCKED = "coalesce((lock->>'expires_at')::timestamptz > now(), false)"
"""Of a job: its lock has not expired."""


def _summary_columns(inputs: str, result: str, omitted: str) -> str:
    return f"""
id, state, name, description, tags, {inputs} AS inputs, task_count, position, progress, created_at,
started_at, completed_at, failed_at, {result} AS result, error,
shown_user(created_by) AS created_by, parent_task_id AS parent_id, sealed, schedule_id,
schedule_cron(schedule_id) AS schedule_cron, schedule_at, run_started_at, {omitted} AS omitted,
readers, template, usage, rates,
CASE WHEN state = 'CANCELLED' THEN cancelled_at END AS cancelled_at,
CASE WHEN state = 'CANCELLED' AND cancelled_by IS NOT NULL THEN shown_user(cancelled_by) END
    AS cancelled_by,
CASE WHEN state = 'CANCELLED' THEN cancelled_by_client END AS cancelled_by_client,
CASE WHEN state = 'CANCELLED' THEN cancel_reason END AS cancel_reason,
CASE WHEN {IS_LOCKED} THEN shown_user(lock->>'by') END AS locked_by,
CASE WHEN {IS_LOCKED} THEN (lock->>'at')::timestamptz END AS locked_at,
CASE WHEN {IS_LOCKED} THEN (lock->>'expires_at')::timestamptz END AS lock_expires_at, priority
"""


_NONE = "'{}'::text[]"
SUMMARY_COLUMNS = _summary_columns("inputs", "result", _NONE)


def _is_long(column: str, most: int) -> str:
    """What takes less in the table is no hundred times longer, and not worth looking into."""
    return f"(pg_column_size({column}) > {most // 100} AND octet_length({column}::text) > {most})"


_LONG_INPUTS = _is_long("inputs", LONGEST_LISTED)
_LONG_RESULT = _is_long("result", LONGEST_LISTED)
LISTED_COLUMNS = _summary_columns(
    f"CASE WHEN {_LONG_INPUTS} THEN '{{}}' ELSE inputs END",
    f"CASE WHEN {_LONG_RESULT} THEN NULL ELSE result END",
    f"array_remove(ARRAY[CASE WHEN {_LONG_INPUTS} THEN 'inputs' END, "
    f"CASE WHEN {_LONG_RESULT} THEN 'result' END], NULL)",
)
"""As `SUMMARY_COLUMNS`, without what is long: `omitted` names it."""


class JobRow(NamedTuple):
    """A job without its tasks. `variables` are as its tasks have left them; `is_large` when it has
    so many tasks that they are not read at once."""

    summary: SummaryRow
    secret_names: Sequence[str]
    output: str | None
    defaults: JsonObject | None
    webhooks: list[JsonObject]
    auto_delete_after: timedelta | None
    delete_at: datetime | None
    permissions: list[JsonObject]
    timeout: timedelta | None
    uploads: dict[str, str]
    is_held: bool
    start_at: datetime | None
    must_end_at: datetime | None
    budget: Decimal | None
    slots: JsonObject | None
    reuse: JsonObject | None
    variables: Mapping[str, str] | None
    is_large: bool


# What is told of a dispatch counts while that runs.
RUNNING_PHASE = "CASE WHEN state = 'RUNNING' AND phase_dispatch = dispatch THEN phase END"


class TaskRow(NamedTuple):
    """One attempt at one task. `definition` is in the job language, evaluated. A child has the
    task it belongs to, and its index there; a `subjob` task the job that was made; one with
    children their counts (`Children` of the core). `last_return_reason` is why it was last handed
    back."""

    id: str
    job_id: str
    position: int
    state: str
    name: str
    queue: str
    priority: int
    var: str | None
    progress: float
    node_id: str | None
    created_at: datetime
    scheduled_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    failed_at: datetime | None
    result: str | None
    error: str | None
    parent_id: str | None
    last_return_reason: str | None
    engine_rejections: int
    failure_cause: str | None
    reused_from: str | None
    definition: JsonObject
    attempt: int
    exit_code: int | None
    child_index: int | None
    subjob_id: str | None
    children: JsonObject | None
    timings: Sequence[tuple[str, int, int]] | None
    usage: Mapping[str, int] | None = None
    omitted: Sequence[str] = ()
    phase: str | None = None
    sequence: int | None = None
    image_digest: str | None = None
    reuse_miss: JsonObject | None = None


def _task_columns(**instead: str) -> str:
    instead |= {"phase": RUNNING_PHASE}
    return ", ".join(
        f"{instead[name]} AS {name}" if name in instead else name for name in TaskRow._fields
    )


TASK_COLUMNS = _task_columns(omitted=_NONE)

_LONG_ATTEMPT = _is_long("result", LONGEST_ATTEMPT)
_LONG_DEFINITION = _is_long("definition", LONGEST_ATTEMPT)
# What thousands of children have kept makes the sources of a task long, and those alone.
_LONG_SOURCES = f"octet_length((definition - 'sources')::text) <= {LONGEST_ATTEMPT}"
ATTEMPT_COLUMNS = _task_columns(
    result=f"CASE WHEN {_LONG_ATTEMPT} THEN NULL ELSE result END",
    definition=f"CASE WHEN NOT {_LONG_DEFINITION} THEN definition "
    f"WHEN {_LONG_SOURCES} THEN definition - 'sources' ELSE '{{}}' END",
    omitted=f"array_remove(ARRAY[CASE WHEN {_LONG_ATTEMPT} THEN 'result' END, "
    f"CASE WHEN NOT {_LONG_DEFINITION} THEN NULL "
    f"WHEN {_LONG_SOURCES} THEN 'sources' ELSE 'definition' END], NULL)",
)
"""As `TASK_COLUMNS`, without what is long: `omitted` names it."""


@dataclass(frozen=True, slots=True)
class TaskOfJob:
    """A task with what is needed to keep its job's secrets out of the answer."""

    row: TaskRow
    sealed: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    task_id: str
    number: int
    contents: str
    created_at: datetime
    stderr: Sequence[int] | None = None
    """Pairs: the first and the last line, from 1."""
    continues: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    running_jobs: int
    running_tasks: int
    online_nodes: int
    cpu_percent: float  # the mean of the online nodes
