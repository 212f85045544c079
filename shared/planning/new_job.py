"""A job as it enters the store: the core's value, what is only kept, and the graph of its tasks."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from shared.definition import Encoded, JobDefinition, has_placement
from shared.lifecycle import Job
from shared.planning.reuse import WantedReuse

Needs = Mapping[int, Sequence[int]]
"""For each position those it waits for."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """`identity` gave `key`; the same key of somebody else is another. `body_hash` tells apart
    what was submitted with it."""

    identity: str
    key: str
    body_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedDocument:
    """A submission in another `language`, `document` as that spells it. Its `name` is that of one
    job within its `namespace`."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    document: Mapping[str, object]
    language: Literal["bacalhau", "bytenite", "arvados"] = "bacalhau"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """`definition` holds no secret but in its `secrets`, which are sealed when it is stored.

    `schedule_at` is when the schedule that made it was due.
    `readers` are those who may see the job, as `user:name` and `role:slug`; empty means everybody.
    `parent_task_id` made it, whether or not it waits for it. `needs` tells for each task's position
    which it waits for, if the job is a graph. With a `key` that was used before it is not made.
    `tasks` are those of the definition as they are stored, None for as they are. `size` is that of
    the submission in bytes, None where that is not known. It may use the uploads of its creator,
    and those that the job `lender_id` uses, which it was made from. `named` is what clients of
    another language call it: with a name that another job has it is not made. `reason` is why there
    is this version of it. `template` is what it was made of, as name@major.minor. With `reuse`
    it is not made where another job does the same work. `client` is the program it was submitted
    with, `key_name` what the API key is called.
    `job` is PENDING; its `task_count`, `has_output`, `is_graph` and `auto_delete_after` agree with
    the rest.
    """

    job: Job
    definition: JobDefinition
    created_by: str | None = None
    readers: Sequence[str] = ()
    schedule_id: str | None = None
    schedule_at: datetime | None = None
    parent_job_id: str | None = None
    parent_task_id: str | None = None
    needs: Needs | None = None
    key: IdempotencyKey | None = None
    tasks: Sequence[Encoded] | None = None
    size: int | None = None
    lender_id: str | None = None
    named: NamedDocument | None = None
    reason: str = "submitted"
    template: str | None = None
    reuse: WantedReuse | None = None
    client: str | None = None
    key_name: str | None = None

    @property
    def submission_id(self) -> str:
        """That of `reuse`: what is repeated with one key is one submission."""
        return self.key.key if self.key else self.job.id

    @property
    def keeps_versions(self) -> bool:
        """Whether what was submitted is kept, for it can be replaced."""
        is_replaced = self.named is not None or self.definition.hold
        return is_replaced or any(map(has_placement, self.definition.tasks))


_FEW_BYTES = 16_384


def are_small(jobs: Iterable[NewJob]) -> bool:
    """Whether all of them together are written in a moment, and need no thread."""
    left = _FEW_BYTES
    for new in jobs:
        left -= _FEW_BYTES + 1 if new.size is None else new.size
        if left < 0:
            return False
    return True


@dataclass(slots=True)
class NewGraph:
    """As `job_tasks` and `job_needs` will have it once the job has rows."""

    needs: Needs
    waiting_for: dict[int, int]
    dependents: Mapping[int, Sequence[int]]
    done: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, needs: Needs) -> "NewGraph":
        dependents: defaultdict[int, list[int]] = defaultdict(list)
        for position, needed in needs.items():
            for other in needed:
                dependents[other].append(position)
        return cls(needs, {p: len(needed) for p, needed in needs.items()}, dependents)

    def ready(self) -> list[int]:
        return [p for p, count in self.waiting_for.items() if not count and p not in self.done]

    def end(self, position: int) -> Iterator[int]:
        """`position` is done; those that waited for it alone."""
        self.done.add(position)
        for dependent in self.dependents.get(position, ()):
            self.waiting_for[dependent] -= 1
            if not self.waiting_for[dependent]:
                yield dependent

    def following(self, position: int) -> set[int]:
        """The task there, if it is done, and all that need it."""
        found = {position} & self.done
        left = list(found)
        while left:
            new = set(self.dependents.get(left.pop(), ())) - found
            found |= new
            left += new
        return found

    def undo(self, positions: Collection[int]) -> int:
        """These are to run again; how many of them were done."""
        undone = len(self.done.intersection(positions))
        self.done.difference_update(positions)
        for position in positions:
            self.waiting_for[position] = len(set(self.needs.get(position, ())) - self.done)
        return undone

    def edges(self) -> Iterator[tuple[int, int]]:
        """Each (needed, position)."""
        return ((needed, position) for position, all_ in self.needs.items() for needed in all_)


@dataclass(slots=True)
class UnsavedJob:
    """A job that has no row yet, as it is stored."""

    new: NewJob
    sealed: str | None
    graph: NewGraph | None
