"""Whether the balance of who pays for it lets a job begin.

Asked of what a client submits, releases, restarts or replaces when it has ended, and of jobs of
schedules that a client asks for. A sub-job is part of the job it belongs to; a schedule goes on,
and its jobs are charged: nobody is there to be told.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, Protocol

from shared.apply.transaction import Rows
from shared.apply.workspace import Workspace
from shared.lifecycle import NOTHING, Event, Ignored, JobReleased, JobRestarted, JobUpdated
from shared.planning.new_job import NewJob
from shared.planning.terms import NOBODY, Terms


@dataclass(frozen=True, slots=True)
class BalanceTooLow(Ignored):
    """The job must not begin. The reason is for who wants it to."""


class Asked(Protocol):
    """A `Work`."""

    @property
    def event(self) -> Event: ...
    @property
    def new_job(self) -> NewJob | None: ...
    @property
    def is_requested(self) -> bool: ...


class _Beginning(NamedTuple):
    job_id: str
    payer: str
    needed: Decimal


async def not_admitted(
    rows: Rows, workspace: Workspace, terms: Terms, batch: Sequence[Asked]
) -> dict[str, BalanceTooLow]:
    """By the id of the job. Of several of one owner, the first come first."""
    if not terms.charges:
        return {}
    beginning = list(_beginning(workspace, batch))
    if not beginning:
        return {}
    wallets = dict(await rows.lock_wallets({each.payer for each in beginning}))
    refused: dict[str, BalanceTooLow] = {}
    short: set[str] = set()
    for each in beginning:
        wallet = wallets[each.payer]
        if not wallet.suffices(each.needed):
            short.add(each.payer)
            if not terms.is_in_grace(wallet, workspace.now):
                refused[each.job_id] = BalanceTooLow(terms.refusal(wallet, each.needed))
                continue
        wallets[each.payer] = wallet.less(each.needed)
    await rows.mark_short(wallets.keys(), short)
    return refused


def _beginning(workspace: Workspace, batch: Iterable[Asked]) -> Iterable[_Beginning]:
    for work in batch:
        event, new = work.event, work.new_job
        is_awaited = new is not None and (new.schedule_id is None or work.is_requested)
        if new is not None and is_awaited and not new.job.is_held:
            yield _Beginning(new.job.id, new.created_by or NOBODY, NOTHING)
        elif isinstance(event, JobReleased | JobRestarted | JobUpdated):
            job = workspace.jobs.get(event.job_id)
            if job is None or job.payer is None:
                continue
            if not isinstance(event, JobReleased):
                if job.state.is_final:
                    yield _Beginning(job.id, job.payer, NOTHING)
            elif job.is_held:
                yield _Beginning(job.id, job.payer, event.hold or NOTHING)
