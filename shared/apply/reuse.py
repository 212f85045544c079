"""Submissions that are answered with a job that does the same work, instead of a new one.

Those jobs that are on their way are locked with all others of the transaction, before anything is
judged: a submission that joins one and a cancel of the last that it goes on for come one after the
other. One that came to be on its way in between, by a restart, is looked for again.

Of several in one transaction that would each make a job, the first does; the others are asked for
again, and find it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.apply.transaction import Rows, Transaction
from shared.lifecycle import Ignored
from shared.lifecycle.replacing import replace
from shared.planning.kept import kept_job
from shared.planning.new_job import NewJob
from shared.planning.reuse import Verdict

COMES_LATER = Ignored("a job of the same work is made in the same transaction")
JUST_RESTARTED = Ignored("the job that does the same work was just restarted")


@dataclass(frozen=True, slots=True)
class Reused(Ignored):
    """`job_id` does the same work."""

    job_id: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdicts by the id of the new job; those that come `later` have none, but a reason."""

    verdicts: Mapping[str, Verdict]
    later: Mapping[str, Ignored] = field(default_factory=dict)

    @property
    def not_made(self) -> dict[str, Ignored]:
        reused = {
            id_: Reused("another job does the same work", job_id=verdict.job_id)
            for id_, verdict in self.verdicts.items()
            if verdict.job_id is not None
        }
        return {**reused, **self.later}


NOTHING_ASKED = Judged({})


async def joinable(rows: Rows, new_jobs: Sequence[NewJob]) -> Collection[str]:
    """The jobs that `new_jobs` may join: to be locked."""
    wanted = [new.reuse for new in new_jobs if new.reuse is not None]
    return await rows.lock_alike(wanted) if wanted else ()


async def judge_all(
    rows: Rows, new_jobs: Sequence[NewJob], locked: Collection[str], now: datetime
) -> Judged:
    """Those of `new_jobs` that ask for it, one after the other; they join only jobs that are
    `locked`. Their keys stand for what they are answered with."""
    asked = [(new, new.reuse) for new in new_jobs if new.reuse is not None]
    if not asked:
        return NOTHING_ASKED
    verdicts: dict[str, Verdict] = {}
    later: dict[str, Ignored] = {}
    made: set[str] = set()
    for new, wanted in asked:
        if not made.isdisjoint(wanted.digests):
            later[new.job.id] = COMES_LATER
            continue
        verdict = await rows.judge(wanted, now)
        if verdict.is_joined and verdict.job_id not in locked:
            later[new.job.id] = JUST_RESTARTED
            continue
        verdicts[new.job.id] = verdict
        if verdict.job_id is None:
            made.add(wanted.fingerprint.digest)
        elif new.key:
            await rows.move_key(new.key, verdict.job_id)
    for key in [new.key for new in new_jobs if new.key and new.job.id in later]:
        await rows.forget_key(key)
    judged = Judged(verdicts, later)
    if unnamed := [new.job.id for new in new_jobs if new.named and new.job.id in judged.not_made]:
        await rows.forget_names(unnamed)
    return judged


async def keep_verdicts(
    transaction: Transaction,
    judged: Judged,
    new_jobs: Sequence[NewJob],
    refused: Mapping[str, Ignored],
) -> None:
    """Of all but those that are `refused` for another reason."""
    for new in new_jobs:
        verdict = judged.verdicts.get(new.job.id)
        if verdict is not None and new.job.id not in refused:
            await transaction.rows.store_verdict(new, verdict)
            if verdict.job_id is not None:
                await _answer_with(transaction, verdict.job_id, new, is_joined=verdict.is_joined)


async def _answer_with(
    transaction: Transaction, job_id: str, new: NewJob, *, is_joined: bool
) -> None:
    """Its webhooks are called for the job from now on, or told that it has completed."""
    rows, workspace = transaction.rows, transaction.workspace
    has_webhooks = bool(new.definition.webhooks)
    kept, sealed = kept_job(new, transaction.planner.sealer) if has_webhooks else (new, None)
    if is_joined:
        await rows.join(job_id, kept, sealed)
        if has_webhooks:
            workspace.jobs[job_id] = replace(workspace.jobs[job_id], has_webhooks=True)
    elif has_webhooks:
        await rows.add_end_event(job_id, kept, sealed)
        workspace.has_late_webhooks = True
