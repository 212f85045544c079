"""What an answerer works with: the rows, values and limits of one transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.apply.workspace import Workspace
from shared.lifecycle import BeginChildren, CancelTasks, PlanDependents, Task, TaskPosition
from shared.messages import Spawned
from shared.planning.budgets import TransactionBudget
from shared.planning.new_job import IdempotencyKey, NamedDocument, NewJob
from shared.planning.planner import Planner
from shared.planning.reuse import Verdict, WantedReuse
from shared.planning.taking import Found, Wanted
from shared.planning.templates import JobSource, TaskSource, Variables, WantedVariable
from shared.planning.terms import Wallet
from shared.planning.updating import StoredVersion
from shared.store.artifacts import Replaced
from shared.store.family_rows import ExecutionState, NextSequence, Reopened
from shared.store.missed_tasks import MissedTask, NearTask
from shared.store.outbox import OutboxRow
from shared.store.reported_ends import ReportedEnd
from shared.store.reused_tasks import DoneTask, WantedTask
from shared.store.slot_counts import SlotCount
from shared.store.transaction_rows import Locked, Rewound
from shared.store.uploads import WantedUploads
from shared.store.writing import Writes

Dispatch = tuple[str, int]
"""A task's id, and the number of one sending of it."""


class Rows(Protocol):
    """Answers about the rows of jobs and tasks, each for all that a batch asks at once.

    What a batch has decided but not written is not seen: `Workspace` has it, and where a question
    must see it the answerer writes first.
    """

    async def lock(self, job_ids: Collection[str], task_ids: Collection[str]) -> Locked:
        """The jobs and tasks, and all that these tasks are part of; comes first. Waits for all
        other transactions that change these jobs."""

    async def store_keys(self, keys: Mapping[str, IdempotencyKey]) -> set[str]:
        """Those of the new jobs whose key was used before."""

    async def forget_key(self, key: IdempotencyKey) -> None:
        """Nothing was made with it after all."""

    async def move_key(self, key: IdempotencyKey, made_id: str) -> None:
        """Another id stands for what was made with it."""

    async def lock_alike(self, wanted: Sequence[WantedReuse]) -> Collection[str]:
        """Comes before `lock`. Waits for all other transactions that look for what does the same
        work as these; the jobs that they may join, which are to be locked."""

    async def judge(self, wanted: WantedReuse, now: datetime) -> Verdict:
        """Whether there is a job that does the same work, among those that have rows."""

    async def store_verdict(self, new: NewJob, verdict: Verdict) -> None:
        """Why the submission was answered so, to be read with the job that it was answered with."""

    async def join(self, job_id: str, new: NewJob, sealed: str | None) -> None:
        """The job goes on for `new` too; its secrets are `sealed`."""

    async def add_end_event(self, job_id: str, new: NewJob, sealed: str | None) -> None:
        """The job has completed: the webhooks of `new` are called, as those of the job were."""

    async def withdraw(self, job_id: str, submission_id: str) -> bool:
        """The job does not go on for it any more, unless for no other: whether it does for any."""

    async def store_names(self, named: Mapping[str, NamedDocument]) -> set[str]:
        """Those of the new jobs whose name another job has."""

    async def forget_names(self, job_ids: list[str]) -> None:
        """Of new jobs that are not made after all."""

    async def unusable_uploads(self, wanted: Sequence[WantedUploads]) -> Mapping[str, list[str]]:
        """By the id of the new job, the names of those uploads that it may not use."""

    async def lock_wallets(self, owners: Collection[str]) -> Mapping[str, Wallet]:
        """Waits for all other transactions that admit jobs of these owners."""

    async def mark_short(self, owners: Collection[str], short: Collection[str]) -> None:
        """Of `owners`, the balance of those that are `short` did not suffice."""

    async def replaced_by(self, task_ids: Collection[str]) -> Mapping[str, Replaced]:
        """What earlier attempts at the same tasks have kept, by the id of the later one."""

    async def spawned_by(
        self, dispatches: Collection[Dispatch]
    ) -> Mapping[Dispatch, Sequence[Spawned]]:
        """The tasks that these have made by requests, in their order."""

    async def reported_ends(
        self, dispatches: Collection[Dispatch]
    ) -> Mapping[Dispatch, ReportedEnd]:
        """What these have reported of their ends by requests, of those that have."""

    async def load_definitions(self, partial: Collection[Task]) -> dict[str, Task]:
        """The whole of these tasks, by id."""

    async def next_created(
        self, wanted: Sequence[BeginChildren], known: Collection[str]
    ) -> list[Task]:
        """The next children to begin, in their order; none of `known`, which have been taken."""

    async def next_sequences(self, parents: Collection[str]) -> Mapping[str, NextSequence]:
        """The lowest of the sequences whose children are to begin, by parent."""

    async def next_held_back(self, counts: Mapping[str, int], timed: Collection[str]) -> list[Task]:
        """So many tasks of each of the jobs, by id, that its limits hold back, those of the highest
        priority first, and then in their order; none of `timed`, which wait for their time."""

    async def count_slots(self, job_ids: Collection[str]) -> Mapping[str, SlotCount]:
        """What counts for the limits of those of the jobs of which something is active or held
        back."""

    async def cancel_created(self, wanted: Sequence[CancelTasks], limit: int) -> int:
        """Cancel up to `limit` tasks that never began; how many it were. Nobody has heard of these,
        so nobody hears of their end."""

    async def lock_active(self, wanted: Sequence[CancelTasks], limit: int) -> list[Task]:
        """Up to `limit` tasks that have begun and are not final."""

    async def lock_waiting(self, job_ids: Collection[str], limit: int) -> list[Task]:
        """Up to `limit` tasks that wait, to be tried again or for a worker or a node, with another
        priority than their job's: those that have waited longest."""

    async def unfinished_at(
        self, positions: Sequence[TaskPosition], in_part: Collection[str]
    ) -> list[Task]:
        """Composites that failed or were cancelled at these positions: a restart reopens them. Of
        jobs `in_part` also those that succeeded in spite of failed children."""

    async def reopen_children(self, parents: Sequence[Task]) -> Reopened:
        """Make the children that did not succeed wait for their turn again."""

    async def kept_to_reopen(self, job_ids: Collection[str]) -> list[Task]:
        """Services and daemons that count as done in these jobs, which were restarted."""

    async def placed_at(self, positions: Sequence[TaskPosition]) -> list[Task]:
        """The placed tasks that run at these positions of jobs' own lists."""

    async def executions_of(self, parents: Collection[str]) -> dict[str, list[ExecutionState]]:
        """The last execution of each index, by the id of the placed task."""

    async def lock_tasks(self, ids: Collection[str]) -> list[Task]: ...

    async def load_version(self, job_id: str) -> StoredVersion | None:
        """What the job is made from; None of one that has no row."""

    async def forget_run(self, job_id: str) -> list[str]:
        """Remove the variables and artifacts of a job that begins anew; the ids of the attempts
        that had kept some."""

    async def rewind(self, job_id: str, position: int, *, only_failed: bool) -> Rewound:
        """Forget that the task there and all that follow it were done; with `only_failed` what the
        children of that task left stays. In a graph where it is not, nothing is forgotten."""

    async def ready(self, job_ids: Collection[str]) -> list[TaskPosition]:
        """All tasks of these graphs that wait for no other and are not done."""

    async def release(self, ended: Sequence[PlanDependents]) -> list[TaskPosition]:
        """The tasks of graphs that waited for these alone; these are marked as done."""

    async def load_tasks(
        self, positions: Sequence[TaskPosition], restarts: Mapping[str, int]
    ) -> list[TaskSource]:
        """The tasks at these positions as submitted; `restarts` of each job."""

    async def load_jobs(self, ids: Collection[str]) -> dict[str, JobSource]: ...

    async def load_variables(self, wanted: Collection[WantedVariable]) -> Variables:
        """Those that the expressions of `sources` name."""

    async def load_files(self, wanted: Collection[Wanted]) -> dict[Wanted, Found]:
        """What sources of tasks stand for: all of `wanted`."""

    async def reusable_tasks(self, wanted: Collection[WantedTask]) -> dict[WantedTask, DoneTask]:
        """Completed tasks that did the same work, with all that they have kept. None of them is
        deleted before the transaction ends."""

    async def nearest_tasks(self, missed: Collection[MissedTask]) -> dict[str, NearTask]:
        """What these, which run, come nearest to, by their ids."""

    async def results_of_children(
        self, parents: Collection[str]
    ) -> dict[str, Mapping[int, str] | None]:
        """By parent, the results of its children by index, in the order of their sequences; None:
        they are too large to be read.
        One that did not complete, or left nothing, is not there."""

    async def write(self, writes: Writes) -> list[OutboxRow]:
        """Write all of it; the outbox rows as they must now be sent."""


@dataclass(frozen=True, slots=True)
class Transaction:
    rows: Rows
    workspace: Workspace
    planner: Planner
    budget: TransactionBudget

    async def write_so_far(self) -> None:
        """For statements that look at many rows at once: they must see what was decided of them."""
        await self.rows.write(self.workspace.take_changes())
