"""What a round of firings reads of the schedules that it has taken, and what it writes of them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.scheduler.firing import Around, Firing
from services.scheduler.store import schedule_runs, schedules
from services.scheduler.store.schedule_runs import BY_RULES, Run
from services.scheduler.store.schedules import End, TakenSchedule
from shared.jobspec.overlap import Overlap
from shared.postgres.pool import Connection
from shared.store.notices import Notice, add_notices, notice_of_firing


@dataclass(frozen=True, slots=True)
class Seen:
    """`around` by the schedule's id; `kinds` of the firings that wait, by schedule and time."""

    around: Mapping[str, Around]
    ends: Sequence[End]
    kinds: Mapping[tuple[str, datetime], str]


async def look_around(connection: Connection, taken: Sequence[TakenSchedule]) -> Seen:
    """Once the schedules are locked: a job that ends after that calls for another look."""
    exclusive = [each.id for each in taken if each.overlap != Overlap.ALLOW or each.held]
    active = await schedules.active_jobs(connection, exclusive)
    ends = await schedules.ends(connection, [each.id for each in taken])
    holding = [each for each in taken if each.held]
    kinds = await schedule_runs.kinds_of_held(connection, [each.id for each in holding])
    around = {
        each.id: Around(
            active.get(each.id, ()),
            [end.state for end in ends if end.schedule_id == each.id],
            {at for at in each.held if kinds.get((each.id, at), BY_RULES) == BY_RULES},
        )
        for each in taken
        if each.held or each.id in active or any(end.schedule_id == each.id for end in ends)
    }
    return Seen(around, ends, kinds)


async def write_down(
    connection: Connection, firings: Sequence[Firing], seen: Seen, there: Collection[str]
) -> None:
    """`there` are jobs that were made before."""
    await schedules.move_on(connection, [firing.move for firing in firings])
    await schedule_runs.delete_held(
        connection,
        [(f.taken.id, at) for f in firings for at in f.taken.held if at not in f.move.held],
    )
    runs = [run for firing in firings for run in _runs(firing, seen) if run.job_id not in there]
    await schedule_runs.add(connection, runs)
    names = {firing.taken.id: firing.taken for firing in firings}
    notices = [_notice(run, names[run.schedule_id]) for run in runs if run.state != "HELD"]
    await add_notices(connection, notices)


def _runs(firing: Firing, seen: Seen) -> Iterator[Run]:
    id_ = firing.taken.id
    for skip in firing.skips:
        until = skip.last if skip.last > skip.first else None
        yield Run(id_, BY_RULES, "SKIPPED", skip.first, until, skip.why)
    for at, new in zip(firing.times, firing.jobs, strict=True):
        kind = seen.kinds.get((id_, at), BY_RULES)
        yield Run(id_, kind, "FIRED", at, job_id=new.job.id)
    for at in firing.held:
        yield Run(id_, BY_RULES, "HELD", at)


def _notice(run: Run, schedule: TakenSchedule) -> Notice:
    return notice_of_firing(
        schedule,
        "schedule.Fired" if run.state == "FIRED" else "schedule.Skipped",
        scheduledAt=run.scheduled_at,
        until=run.until,
        reason=run.reason,
        jobId=run.job_id,
    )
