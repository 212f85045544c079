"""The rounds of a scheduler, each to be run by hand, and what workers tell it."""

from collections.abc import Mapping
from datetime import timedelta

from services.scheduler.due_times import DueTimes
from services.scheduler.liveness import LivenessGuard
from services.scheduler.loops import Performer, TaskLoops
from services.scheduler.lost_workers import LostWorkers
from services.scheduler.metrics import SchedulerMetrics
from services.scheduler.placement import PlacementRounds
from services.scheduler.settings import PlacementSettings, ScheduleSettings
from services.worker.heartbeats import started_now
from shared.lifecycle import TaskClaimed
from shared.messages import Heartbeat, TaskRef
from shared.process.metrics import Metrics
from tests.support.jobs.batcher import LEASE, Rig

TASK = {"name": "build", "run": "true"}


OVERDUE = timedelta(seconds=-1)


def no_grace() -> LivenessGuard:
    return LivenessGuard(0, lambda: 0.0)


def task_loops(rig: Rig, **settings_: float) -> TaskLoops:
    settings = ScheduleSettings(timeout_grace_seconds=0.001, **settings_)
    performer = Performer(rig.batcher, rig.broker, SchedulerMetrics(Metrics(), no_grace()))
    return TaskLoops(rig.pool, rig.broker, performer, DueTimes(rig.pool, no_grace()), settings)


def lost_workers(rig: Rig, liveness: LivenessGuard | None = None) -> LostWorkers:
    liveness = liveness or no_grace()
    metrics = SchedulerMetrics(Metrics(), liveness)
    performer = Performer(rig.batcher, rig.broker, metrics)
    due_times = DueTimes(rig.pool, liveness)
    return LostWorkers(rig.pool, rig.batcher.outbox, performer, due_times, liveness, metrics)


def placement_rounds(rig: Rig, **settings_: float) -> PlacementRounds:
    metrics = SchedulerMetrics(Metrics(), no_grace())
    performer = Performer(rig.batcher, rig.broker, metrics)
    return PlacementRounds(rig.pool, performer, PlacementSettings(**settings_), metrics)


async def claimed(
    rig: Rig, task: Mapping[str, object], lease: timedelta = LEASE
) -> tuple[str, str]:
    job_id = await rig.submit([dict(task)])
    [row] = await rig.tasks(job_id)
    await rig.happen(TaskClaimed(job_id, row["id"], 1, "n1", lease))
    return job_id, row["id"]


def heartbeat(*tasks: TaskRef, leaving: bool = False) -> Heartbeat:
    return Heartbeat(
        node_id="n1",
        name="one",
        hostname="host",
        port=8004,
        version="0.1.0",
        started_at=started_now(),
        cpu_percent=1.5,
        queue="default:4",
        lease_seconds=30,
        leaving=leaving,
        tasks=list(tasks),
    )


GONE = heartbeat(leaving=True).model_copy(update={"node_id": "gone"})
