"""`apply`: the only code that changes a job or a task.

One transaction for a whole batch: lock what the events name, decide in memory, write the new
values and each message beside them, commit.

Some commands are questions, such as `PlanTask` (what is the next task?). They never leave the
transaction: the answerer of that kind reads what it needs and answers with an event
(`TaskPlanned`), which is decided like any other and may ask again. So a task that ends and the
message that starts the next one are committed together.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from shared.apply.admission import BalanceTooLow, not_admitted
from shared.apply.answers import Answers
from shared.apply.artifacts import earlier_attempts, end_attempt
from shared.apply.reuse import Judged, Reused, joinable, judge_all, keep_verdicts
from shared.apply.spawned import (
    as_reported,
    made_by_requests,
    made_of,
    reported_by_requests,
    with_spawned,
)
from shared.apply.transaction import Rows, Transaction
from shared.apply.versions import update_job
from shared.apply.workspace import Decide, Outcome, Workspace
from shared.lifecycle import (
    Command,
    Event,
    Ignored,
    JobReleased,
    JobRestarted,
    JobSubmitted,
    JobUpdated,
    SubJobEnded,
    SubJobResumed,
    TaskEvent,
    decide,
)
from shared.messages import KeptArtifact, LogPart, Spawned
from shared.planning.budgets import TooMuchAtOnce, TransactionBudget
from shared.planning.kept import kept_job
from shared.planning.new_job import NewJob, are_small
from shared.planning.planner import Planner
from shared.planning.secrets import hidden_values, with_derived
from shared.postgres.errors import translated_errors
from shared.postgres.pool import Connection
from shared.process.garbage import in_thread
from shared.process.sealing import Sealer, SealingError
from shared.store.outbox import OutboxRow
from shared.store.transaction_rows import TransactionRows
from shared.store.uploads import wanted_by

__all__ = [
    "ALREADY_SUBMITTED",
    "NAME_TAKEN",
    "Applied",
    "BalanceTooLow",
    "NotAdmitted",
    "Outcome",
    "Reused",
    "UploadsRefused",
    "Work",
    "apply",
    "apply_to_rows",
    "apply_within",
]

ALREADY_SUBMITTED = Ignored("its idempotency key was used before")
NAME_TAKEN = Ignored("another job has its name")


_FEW = 50
"""Tasks that others have made: their variables are made at once, those of more in a thread."""


@dataclass(frozen=True, slots=True)
class UploadsRefused(Ignored):
    """The new job may not use those of its uploads that are named."""

    names: Sequence[str] = ()


class NotAdmitted(Exception):
    """A job may not begin for want of money; the text says how much there is."""


@dataclass(frozen=True, slots=True)
class Work:
    """One event, with what must be stored in the same transaction.

    `new_job` belongs to `JobSubmitted`, `new_version` to `JobUpdated`: what was submitted as a new
    job with the id of the one it is a version of. A new job of a schedule that `is_requested` is
    not made by its times. `logs` is the end of a finished task's log, `kept` what it has kept,
    `spawned` the tasks it has made.
    """

    event: Event
    new_job: NewJob | None = None
    new_version: NewJob | None = None
    is_requested: bool = False
    logs: Sequence[LogPart] = ()
    kept: Sequence[KeptArtifact] = ()
    spawned: Sequence[Spawned] = ()


class Applied(NamedTuple):
    """The outcome of each event, the messages to send now, and the commands they were made of. The
    `images` by name, which are stored with them."""

    outcomes: list[Outcome]
    rows: list[OutboxRow]
    commands: list[Command]
    images: Mapping[str, str]


async def apply(
    connection: Connection, planner: Planner, batch: Sequence[Work], sent: list[int]
) -> Applied:
    """Apply `batch` in one transaction.

    `sent` are outbox rows that the broker has confirmed: they are deleted on the way. Raises
    DatabaseUnavailable, TooMuchAtOnce, and then nothing of the batch has happened.
    """
    budget = TransactionBudget(is_shared=len(batch) > 1)
    with translated_errors():
        async with connection.transaction():
            applied = await apply_to_rows(
                TransactionRows(connection, planner.sealer),
                planner,
                batch,
                sent=sent,
                budget=budget,
            )
    planner.images.add(applied.images)
    return applied


async def apply_within(
    connection: Connection, planner: Planner, batch: Sequence[Work]
) -> list[OutboxRow]:
    """Apply `batch` in the transaction of `connection`, which is the caller's: the messages to send
    once it is committed. Raises DatabaseUnavailable, NotAdmitted."""
    try:
        done = [await apply(connection, planner, batch, [])]
    except TooMuchAtOnce:  # one after the other, still in one transaction
        done = [await apply(connection, planner, [work], []) for work in batch]
    for outcome in (outcome for applied in done for outcome in applied.outcomes):
        if isinstance(outcome, BalanceTooLow):
            raise NotAdmitted(outcome.reason)
    return [row for applied in done for row in applied.rows]


async def apply_to_rows(
    rows: Rows,
    planner: Planner,
    batch: Sequence[Work],
    *,
    sent: list[int],
    budget: TransactionBudget,
    decide: Decide = decide,
) -> Applied:
    """What `apply` does within its transaction."""
    events = [work.event for work in batch if not isinstance(work.event, JobSubmitted)]
    joinable_jobs = await joinable(rows, _new_jobs(batch))
    workspace = await _load(rows, planner, events, joinable_jobs, decide)
    made = await made_by_requests(rows, workspace.tasks, events)
    if made:
        batch = [replace(w, spawned=[*made_of(w.event, made), *w.spawned]) for w in batch]
    if reported := await reported_by_requests(rows, workspace.tasks, events):
        batch = [replace(w, event=as_reported(w.event, reported)) for w in batch]
    await _adopt_secrets(rows, planner.sealer, workspace, events)
    refused = await _refused(rows, batch)
    judged = await _judged(rows, batch, refused, workspace)
    refused |= judged.not_made
    too_low = await _too_low(rows, workspace, planner, batch, refused)
    transaction = Transaction(rows, workspace, planner, budget)
    await keep_verdicts(transaction, judged, _new_jobs(batch), too_low)
    workspace.earlier = await earlier_attempts(rows, workspace, [w.event for w in batch if w.kept])
    answers = Answers(transaction)
    outcomes: list[Outcome] = []
    for group in _groups(batch):
        await answers.give()
        if group and (version := group[0].new_version) is not None:
            updated = _updated(transaction, group[0].event, version, refused, too_low)
            outcomes.append(await updated)
            answers.forget(version.job.id)
        else:
            outcomes += await _performed(transaction, group, refused | too_low)
    await answers.give()
    workspace.fail_overspent()
    await answers.give()
    writes = await workspace.finish()
    writes.sent = sent
    writes.log_parts = [part for work in batch for part in work.logs]
    to_send = await rows.write(writes)
    await workspace.forget_all(writes)
    return Applied(outcomes, to_send, workspace.commands, workspace.ran_images)


_GOING_ON = (JobRestarted, SubJobResumed)
"""What has a job go on from where it is: all that came before in the same batch must be settled.
Else a child that was still to begin when its job was cancelled would begin beside the same child
that the restart has found."""


def _groups(batch: Sequence[Work]) -> Iterator[list[Work]]:
    """A new version comes alone."""
    group: list[Work] = []
    for work in batch:
        if (
            isinstance(work.event, _GOING_ON)
            or work.new_version
            or (group and group[0].new_version)
        ):
            yield group
            group = []
        group.append(work)
    yield group


async def _updated(
    transaction: Transaction,
    event: Event,
    version: NewJob,
    refused: Mapping[str, Ignored],
    too_low: Mapping[str, BalanceTooLow],
) -> Outcome:
    if version.job.id in refused:
        return refused[version.job.id]
    assert isinstance(event, JobUpdated)  # noqa: S101 - for the type checker
    rows, job_id, key = transaction.rows, version.job.id, version.key
    if key is not None and await rows.store_keys({job_id: key}):
        return ALREADY_SUBMITTED
    outcome = too_low.get(job_id) or await update_job(transaction, event, version)
    if key is not None and isinstance(outcome, Ignored):
        await rows.forget_key(key)
    return outcome


async def _performed(
    transaction: Transaction, group: Sequence[Work], refused: Mapping[str, Ignored]
) -> list[Outcome]:
    """A new job may be half a megabyte of tasks, which are sealed one by one."""

    def perform() -> list[Outcome]:
        return [_perform(transaction, work, refused) for work in group]

    spawned = sum(len(work.spawned) for work in group)
    is_quick = spawned <= _FEW and are_small(work.new_job for work in group if work.new_job)
    return perform() if is_quick else await in_thread(perform)


def _perform(transaction: Transaction, work: Work, refused: Mapping[str, Ignored]) -> Outcome:
    workspace = transaction.workspace
    if work.spawned:
        work = replace(work, event=with_spawned(transaction, work.event, work.spawned))
    if work.kept:
        return end_attempt(workspace, work.event, work.kept)
    if work.new_job is None:
        begins = isinstance(work.event, JobReleased | JobRestarted)
        too_low = refused.get(work.event.job_id) if begins else None
        return too_low or workspace.apply_event(work.event)
    if work.new_job.job.id in refused:
        return refused[work.new_job.job.id]
    return workspace.submit(work.new_job)


def _new_jobs(batch: Iterable[Work]) -> list[NewJob]:
    return [work.new_job for work in batch if work.new_job is not None]


async def _judged(
    rows: Rows, batch: Iterable[Work], refused: Mapping[str, Ignored], workspace: Workspace
) -> Judged:
    asked = [new for new in _new_jobs(batch) if new.job.id not in refused]
    return await judge_all(rows, asked, workspace.jobs, workspace.now)


async def _refused(rows: Rows, batch: Iterable[Work]) -> dict[str, Ignored]:
    """The new jobs of `batch` that must not be made, by id."""
    new_jobs = _new_jobs(batch)
    versions = [work.new_version for work in batch if work.new_version is not None]
    wanted = [wanted_by(new) for new in (*new_jobs, *versions) if new.definition.uploads]
    unusable = await rows.unusable_uploads(wanted) if wanted else {}
    # The name and the key of what is not made stay free.
    usable = [new for new in new_jobs if new.job.id not in unusable]
    named = {new.job.id: new.named for new in usable if new.named}
    taken = await rows.store_names(named) if named else set()
    keys = {new.job.id: new.key for new in usable if new.key and new.job.id not in taken}
    repeated = await rows.store_keys(keys)
    if unnamed := list(repeated & named.keys()):
        await rows.forget_names(unnamed)
    refused: dict[str, Ignored] = dict.fromkeys(taken, NAME_TAKEN)
    refused |= dict.fromkeys(repeated, ALREADY_SUBMITTED)
    return refused | {
        job_id: UploadsRefused("it may not use its uploads", names=names)
        for job_id, names in unusable.items()
    }


async def _too_low(
    rows: Rows,
    workspace: Workspace,
    planner: Planner,
    batch: Sequence[Work],
    refused: Mapping[str, Ignored],
) -> dict[str, BalanceTooLow]:
    """The jobs that must not begin for want of money, by id."""
    asked = [work for work in batch if not (work.new_job and work.new_job.job.id in refused)]
    too_low = await not_admitted(rows, workspace, planner.terms, asked)
    for new in (new for new in _new_jobs(asked) if new.job.id in too_low):
        if new.named:
            await rows.forget_names([new.job.id])
        if new.key:
            await rows.forget_key(new.key)
    return too_low


async def _adopt_secrets(
    rows: Rows, sealer: Sealer, workspace: Workspace, events: Iterable[Event]
) -> None:
    """What a sub-job was not to show, its parent must not show of its result either."""
    parents = {
        subjob_id: event.job_id
        for event in events
        if isinstance(event, SubJobEnded) and event.result
        if (task := workspace.tasks.get(event.task_id)) and (subjob_id := task.subjob_id)
    }
    jobs = await rows.load_jobs({*parents, *parents.values()}) if parents else {}
    for subjob_id, parent_id in parents.items():
        if not {subjob_id, parent_id} <= jobs.keys() or jobs[subjob_id].sealed is None:
            continue
        sealed = workspace.resealed.get(parent_id, jobs[parent_id].sealed)
        with suppress(SealingError):  # then nothing of either is shown
            secrets = sealer.secrets_in(sealed)
            known = with_derived(secrets, hidden_values(sealer.secrets_in(jobs[subjob_id].sealed)))
            if len(known) > len(secrets):
                workspace.reseal(parent_id, sealer.seal({"secrets": known}))


async def _load(
    rows: Rows,
    planner: Planner,
    events: Sequence[Event],
    joinable_jobs: Iterable[str],
    decide: Decide,
) -> Workspace:
    job_ids = {event.job_id for event in events}.union(joinable_jobs)
    task_ids = {event.task_id for event in events if isinstance(event, TaskEvent)}
    locked = await rows.lock(job_ids, task_ids)
    return Workspace(
        now=locked.now,
        jobs=locked.jobs,
        tasks=locked.partial | locked.tasks,
        partial=locked.partial.keys(),
        kept=partial(kept_job, sealer=planner.sealer),
        decide=decide,
        terms=planner.terms,
        most_kept_bytes=planner.most_kept_bytes,
        images=planner.images,
    )
