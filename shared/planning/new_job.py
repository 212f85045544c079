"""A job as it enters the store: the core's value, and all that is only kept to be shown or read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.lifecycle import Job
from shared.planning.new_graph import Needs, NewGraph


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """`identity` gave `key`; the same key of somebody else is another. `body_hash` tells apart
    what was submitted with it."""

    identity: str
    key: str
    body_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """`tasks`, `defaults`, `webhooks` and `permissions` are in the job language's JSON form.

    `readers` are those who may see the job, as `user:name` and `role:slug`; empty means everybody.
    `parent_task_id` made it, whether or not it waits for it. `needs` tells for each task's position
    which it waits for, if the job is a graph. With a `key` that was used before it is not made.
    `job` is PENDING; its `task_count`, `has_output`, `is_graph` and `auto_delete_after` agree with
    the rest.
    """

    job: Job
    name: str
    tasks: Sequence[Mapping[str, object]]
    description: str | None = None
    tags: Sequence[str] = ()
    created_by: str | None = None
    inputs: Mapping[str, object] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    output: str | None = None
    defaults: Mapping[str, object] | None = None
    webhooks: Sequence[Mapping[str, object]] = ()
    permissions: Sequence[Mapping[str, object]] = ()
    readers: Sequence[str] = ()
    schedule_id: str | None = None
    parent_job_id: str | None = None
    parent_task_id: str | None = None
    needs: Needs | None = None
    key: IdempotencyKey | None = None


@dataclass(slots=True)
class UnsavedJob:
    """A job that has no row yet, its secrets sealed."""

    new: NewJob
    sealed: str | None
    graph: NewGraph | None
