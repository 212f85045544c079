"""The frozen values the core decides over: a job, a task, a task that is about to be made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from shared.lifecycle.costs import NOTHING, Rates, Usage
from shared.lifecycle.locks import JobLock
from shared.lifecycle.policies import PlacementRules, RetryPolicy
from shared.lifecycle.slots import Slots
from shared.lifecycle.states import JobState, TaskKind, TaskState

Scope = Mapping[str, object]

Timings = Sequence[tuple[str, int, int]] | None
"""Of each phase of an attempt its name, when it began after the attempt's start, and how long it
took, in milliseconds. The core hands them on unread."""


class ListText(str):
    """A JSON list of texts: expressions read it as a list."""

    __slots__ = ()


_MOST_AT_ONCE = 200
_FEW_WAITING = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTask:
    """One entry of a job's task list, defaults applied and expressions evaluated.

    `definition` is the task as the job language spells it; the core hands it on unread. What the
    core itself needs stands beside it. `sealed` is the encrypted form of whatever in the
    definition was made from a secret. `resources` is what it holds of its node while it runs:
    `millicpus`, bytes of `memory` and `disk`, `gpus`. `placement` is that of a placed task and of
    its executions. With a `fingerprint` it may end as a task that had the same; `reuse_miss` tells
    why it does not, and is handed on unread as well.
    """

    name: str
    queue: str
    priority: int = 0
    timeout: timedelta | None = None
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    var: str | None = None
    definition: Mapping[str, object] = field(default_factory=dict)
    sealed: str | None = None
    kind: TaskKind = TaskKind.TASK
    allow_failure: bool = False
    queue_timeout: timedelta | None = None
    resources: Mapping[str, int] | None = None
    placement: PlacementRules | None = None
    fingerprint: str | None = None
    reuse_miss: Mapping[str, object] | None = None

    @property
    def is_execution(self) -> bool:
        """A worker runs it, on the node that it is placed on."""
        return self.placement is not None and self.kind is TaskKind.TASK

    @property
    def is_in_gang(self) -> bool:
        """An execution that may have to begin with others."""
        return self.is_execution and self.placement is not None and self.placement.is_gang

    @property
    def is_kept_running(self) -> bool:
        return self.placement is not None and self.placement.type.is_kept_running


NOT_PLANNED = PlannedTask(name="", queue="")
"""Of a task that waits for its turn among its siblings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """The task of another job that waits for the end of a sub-job, and as which dispatch of it.

    `dispatch` 0: the sub-job was restarted by itself, and nobody waits until the parent is as well.
    """

    job_id: str
    task_id: str
    dispatch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job's moving part. What was submitted stays in its row and is not needed to decide.

    `position` is the 1-based place of the current task, 0 before the first; in a graph of tasks
    (`is_graph`), where several may be current, it is the number of those that are done. `version`
    numbers the changes of the job and its tasks, in the order they were decided. `timeout` counts
    from the moment its first task runs, `run_started_at`, which a restart sets anew. `parent` waits
    for its end. While `is_cancelling`, tasks of it may be active although the job, or what they are
    part of, has ended: they are cancelled in transactions to come. `keeps_files`: any of its tasks
    may keep artifacts; `kept_bytes` is how much they are together. `spec_version` numbers the
    versions of what was submitted, from 1. `kept_running` of its tasks are services and
    daemons that count as done: when all others are, so is the job, and these are stopped.

    Nothing of it begins while it `is_held`, before it is released, nor before `start_at`; `due_at`
    is that time while it waits for nothing else. It fails at `must_end_at`, whatever it does;
    `deadline_at` is the moment when it, or its time-out, is over.

    `usage` is of all its attempts that have ended, those before a restart included, and `rates` are
    the prices of that. It fails once it has cost its `budget`. When it has ended, the balance of
    its `payer` (None: nobody's) is charged for what it was not yet `charged`; before, `hold` of
    that balance is kept for it. Who has its `lock` alone may change what it does, until it ends.
    With a `priority` of its own, all that begins of it has that.
    `slots` are its limits on how many tasks are active and start, if it has any.
    """

    id: str
    state: JobState
    task_count: int
    created_at: datetime
    position: int = 0
    progress: float = 0.0
    version: int = 0
    restarts: int = 0
    is_cancelling: bool = False
    is_held: bool = False
    has_output: bool = False
    has_webhooks: bool = False
    is_graph: bool = False
    keeps_files: bool = False
    kept_bytes: int = 0
    spec_version: int = 1
    kept_running: int = 0
    schedule_id: str | None = None
    parent: Parent | None = None
    timeout: timedelta | None = None
    start_at: datetime | None = None
    due_at: datetime | None = None
    must_end_at: datetime | None = None
    deadline_at: datetime | None = None
    auto_delete_after: timedelta | None = None
    started_at: datetime | None = None
    run_started_at: datetime | None = None
    completed_at: datetime | None = None
    failed_at: datetime | None = None
    cancelled_at: datetime | None = None
    cancelled_by: str | None = None
    cancelled_by_client: str | None = None
    cancel_reason: str | None = None
    delete_at: datetime | None = None
    result: str | None = None
    error: str | None = None
    usage: Usage | None = None
    rates: Rates | None = None
    budget: Decimal | None = None
    payer: str | None = None
    hold: Decimal | None = None
    charged: Decimal = NOTHING
    lock: JobLock | None = None
    priority: int | None = None
    slots: Slots | None = None

    @property
    def cost(self) -> Decimal:
        """Of all that has ended of it."""
        return self.rates.price(self.usage) if self.rates else NOTHING

    @property
    def has_spent_its_budget(self) -> bool:
        return self.budget is not None and self.cost >= self.budget

    @property
    def has_entered(self) -> bool:
        """Its tasks may begin."""
        return not self.is_held and self.due_at is None

    def must_end_after(self, now: datetime) -> datetime | None:
        """`must_end_at` if it is still to come: a restart goes past it."""
        return self.must_end_at if self.must_end_at is not None and self.must_end_at > now else None

    def slots_to_fill(self, now: datetime) -> int:
        """None while some that are held back may be of a family that has ended, and are still to be
        cancelled."""
        if self.slots is None or self.state.is_final or self.is_cancelling:
            return 0
        return self.slots.to_fill(now)

    def progress_of(self, done: int) -> float:
        """Its progress when `done` of its tasks are done and no other has begun."""
        return round(done / self.task_count * 100, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Children:
    """Counts, so that nobody ever has to look at all of them.

    `begun` have left CREATED, `ended` are final with no retry to come, `failed` of those count as
    failures. `required` must succeed; where it `finishes`, all have ended before it fails.
    `concurrency` is how many may be active, 0 for any number.
    `waiting` is about how many wait for a worker: a hint that only steers `free_slots`. `running`
    of a service or daemon are running now. Of a spawn, there may be at most `most`; with a barrier
    only the first `opened` may begin, which are all up to that `sequence`.
    """

    total: int
    required: int
    concurrency: int = 0
    begun: int = 0
    waiting: int = 0
    ended: int = 0
    failed: int = 0
    running: int = 0
    finishes: bool = False
    most: int = 0
    opened: int | None = None
    sequence: int = 0

    @property
    def active(self) -> int:
        return self.begun - self.ended

    @property
    def all_ended(self) -> bool:
        return self.ended == self.total

    @property
    def is_sequence_over(self) -> bool:
        """All that may begin have ended, and others wait behind the barrier."""
        return self.opened is not None and self.ended == self.opened < self.total

    @property
    def can_succeed(self) -> bool:
        return self.total - self.failed >= self.required

    @property
    def free_slots(self) -> int:
        """How many more should begin now.

        Not all at once even without a limit: ten thousand would be planned in one transaction and
        fill the queue, while a few more than the workers claim serve them as well. The rest begins
        as these are claimed.
        """
        left = (self.total if self.opened is None else self.opened) - self.begun
        if self.concurrency:
            left = min(left, self.concurrency - self.active)
        if min(self.waiting, self.active) >= _FEW_WAITING:
            return 0
        return max(min(left, _MOST_AT_ONCE), 0)

    @property
    def executions_to_plan(self) -> int:
        """How many should begin now of a placed task: all, a transaction after the other, as those
        that wait for a node fill no queue."""
        return max(min(self.total - self.begun, _MOST_AT_ONCE), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One attempt at one task: a retry is a new `Task` with `attempt` one higher.

    `dispatch` counts how often this attempt was sent to a worker; only a report that names the
    current dispatch and its node counts. `lost` counts the dispatches whose worker vanished,
    `engine_rejections` those that an engine gave back though it is well otherwise;
    `last_return_reason` is what an engine said when a worker last handed the task back.
    `failure_cause` is why it failed, as in `Failure`; None of a task that was never sent, or has
    children. `log_parts` is how many log parts its last dispatch has, so that a reader knows the
    log's end.
    `deadline_at` is the end of its time in the queue while it is SCHEDULED, of its time-out while
    it is RUNNING, of the wait for the rest of its log once it is CANCELLED. `child_index` counts
    the children of `parent_id` from 0; `scope` has a child's variables of the each tasks around
    it, which the core hands on unread.

    An execution of a placed task has the `node_id` of its node from the moment it is SCHEDULED to
    it; `pinned_to` is the only node it may have. `recall` says why its worker was asked to let go
    of it: the execution is no failure then. `retries_from` is the attempt from which retries count.
    `spec_version` is the version of the job it was planned from; of a placed task, the one from
    which its executions are made. `usage` is known once the attempt has ended that a worker ran. A
    child of a spawn has a `sequence`; while it RUNs, its program may show the token with that
    `token_digest`. While the limits of its job hold it back it `is_held_back`
    and PENDING, with a `due_at` where it waits for a time.
    """

    id: str
    job_id: str
    position: int
    plan: PlannedTask
    state: TaskState
    created_at: datetime
    attempt: int = 0
    dispatch: int = 1
    lost: int = 0
    engine_rejections: int = 0
    last_return_reason: str | None = None
    progress: float = 0.0
    node_id: str | None = None
    due_at: datetime | None = None
    lease_expires_at: datetime | None = None
    deadline_at: datetime | None = None
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    failed_at: datetime | None = None
    result: str | None = None
    error: str | None = None
    log_parts: int | None = None
    exit_code: int | None = None
    failure_cause: str | None = None
    parent_id: str | None = None
    child_index: int | None = None
    scope: Scope | None = None
    children: Children | None = None
    subjob_id: str | None = None
    pinned_to: str | None = None
    recall: str | None = None
    retries_from: int = 0
    spec_version: int = 1
    timings: Timings = None
    image_digest: str | None = None
    usage: Usage | None = None
    reused_from: str | None = None
    sequence: int | None = None
    token_digest: str | None = None
    is_held_back: bool = False

    @property
    def has_slot(self) -> bool:
        """It is active, as far as the limits of its job go."""
        if self.plan.kind is not TaskKind.TASK:
            return False
        if self.state is TaskState.PENDING:
            waits_for_a_node = self.plan.is_execution and self.due_at is None
            return waits_for_a_node and not self.is_held_back and not self.plan.is_in_gang
        return self.state in (TaskState.SCHEDULED, TaskState.RUNNING)
