"""Rows of a job's tasks, and which of them are asked for."""

from datetime import datetime
from typing import Annotated, Literal, get_args

from pydantic import Field

from services.coordinator.api.errors import BadRequest
from services.coordinator.api.replies import Answer
from services.coordinator.api.requests import Query, Search
from services.coordinator.api.tork.schemas.tasks import (
    PhaseName,
    PhaseTiming,
    TaskStateName,
    Waiting,
)
from services.coordinator.api.usage import UsageView
from services.coordinator.store.rows import PageRequest
from services.coordinator.store.task_list import Order

MAX_TASKS_PAGE = 500
TOP_LEVEL = "top"
_ANY_INDEX = -1
_LARGEST_INDEX = 2**31 - 1
_STATES = get_args(TaskStateName)


class TasksQuery(Query):
    """Which of a job's tasks, and in which order."""

    parent: Annotated[
        Search,
        Field(
            description=f"Only the children of the task with this id, or with `{TOP_LEVEL}` only "
            "the tasks of the job's own list, those that have not begun included."
        ),
    ] = ""
    state: Annotated[
        Search, Field(description="Only tasks in one of these states: `FAILED,RUNNING`.")
    ] = ""
    q: Annotated[Search, Field(description="Only tasks with this text in their name.")] = ""
    index: Annotated[
        int,
        Field(
            ge=_ANY_INDEX,
            le=_LARGEST_INDEX,
            description="Only tasks with this index among the children of their parent; -1: any.",
        ),
    ] = _ANY_INDEX
    attempts: Annotated[
        Literal["last", "all"], Field(description="Only the last attempt at each task, or all.")
    ] = "last"
    order: Annotated[
        Order,
        Field(
            description="By their position in the job and their index; what failed first, then "
            "what runs, then what waits; or newest first."
        ),
    ] = "position"
    counts: Annotated[
        bool,
        Field(description="Whether to count the tasks: of 100,000 that takes a tenth of a second."),
    ] = True
    page: Annotated[
        int, Field(description="The page's number, from 1; smaller numbers count as 1.")
    ] = 1
    size: Annotated[int, Field(description="1 to 500 a page; others are brought in range.")] = 100

    def request(self) -> PageRequest:
        return PageRequest.within(self.page, self.size, largest=MAX_TASKS_PAGE)

    def child_index(self) -> int | None:
        return None if self.index == _ANY_INDEX else self.index

    def states(self) -> list[str]:
        """Raises BadRequest."""
        asked = [name.strip().upper() for name in self.state.split(",") if name.strip()]
        if unknown := sorted(set(asked) - set(_STATES)):
            raise BadRequest(f"state: {unknown[0]!r} is not allowed: must be {', '.join(_STATES)}")
        return asked


class ChildCounts(Answer):
    """How far the children of a task are."""

    size: int
    """How many there are."""
    completions: int
    """How many have ended."""
    failures: int | None = None
    """How many of those have failed."""
    running: int | None = None
    """While it runs: about how many of them do."""
    waiting: int | None = None
    """While it runs: about how many of them wait for a worker or for their turn."""


class TaskRow(Answer):
    """An attempt at a task in short; `GET /tasks/{id}` shows all of it. A task of the job's own
    list that has not begun has neither `id` nor `state`."""

    id: str | None = None
    """Of this attempt."""
    name: str | None = None
    """As submitted, its expressions evaluated."""
    kind: Literal["task", "parallel", "each", "spawn", "subjob", "partition", "placed", "execution"]
    """What it is: a `task` is run by a worker of a queue, an `execution` by a node of its own. The
    stages of a `partition` are the tasks of a job of its own, as those of a `subjob`."""
    parent_id: str | None = None
    """The task it is a child of."""
    child_index: int | None = None
    """Its index among its parent's children, counted from 0."""
    sequence: int | None = None
    """Of a child of a `spawn`: which sequence it is in, counted from 0."""
    position: int
    """Its place in the job's task list, counted from 1."""
    state: TaskStateName | None = None
    """`SKIPPED` means that its `if` gave false."""
    attempt: int | None = None
    """Which retry it is, counted from 1; left out of the first attempt."""
    attempts: int | None = None
    """How many attempts at the task there are, if it was tried more than once."""
    queue: str | None = None
    """Which workers get it."""
    node_id: str | None = None
    """The worker that has or had it."""
    node_name: str | None = None
    """The name of that worker."""
    image: str | None = None
    """What it runs in."""
    created_at: datetime | None = None
    """When this attempt was made."""
    scheduled_at: datetime | None = None
    """When it was put on its queue."""
    started_at: datetime | None = None
    """When a worker began to run it."""
    completed_at: datetime | None = None
    """When it was done or skipped."""
    failed_at: datetime | None = None
    """When it failed."""
    progress: float | None = None
    """Percent, 0 to 100; 0 is left out."""
    exit_code: int | None = None
    """What its program returned, once it has ended by itself."""
    failure_cause: str | None = None
    """Why it failed: `exit`, `timeout`, `lost`, `queue` or `other`."""
    error: str | None = None
    """The beginning of why it failed, up to 500 characters."""
    waiting: Waiting | None = None
    """Why it does not run yet."""
    phase: PhaseName | None = None
    """While it runs: the phase that it was in at the last heartbeat of its worker."""
    timings: list[PhaseTiming] | None = None
    """The phases of an attempt that has ended, in order."""
    usage: UsageView | None = None
    """What the attempt held of its worker, once it has ended."""
    children: ChildCounts | None = None
    """How far its children are."""
    subjob_id: str | None = None
    """The job it stands for."""


class TaskPage(Answer):
    """A page of a job's tasks."""

    number: int
    """Which page this is, counted from 1."""
    size: int
    """How many items are on this page."""
    items: list[TaskRow]
    """In the order that was asked for."""
    counts: dict[TaskStateName, int] | None = None
    """How many there are in each state, whatever states were asked for."""
    not_begun: int | None = None
    """How many of the job's own list have not begun."""
    total_items: int | None = None
    """How many items there are on all pages."""
    total_pages: int | None = None
    """How many pages there are."""
