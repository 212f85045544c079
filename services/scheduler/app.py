"""A scheduler: its doors, wired."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from conveyor.extensions.files import FilesError
from services.scheduler.due_times import DueTimes
from services.scheduler.files import FileLoops
from services.scheduler.heartbeats import Heartbeats
from services.scheduler.history import Sampler
from services.scheduler.liveness import LivenessGuard
from services.scheduler.loops import DueWatch, Performer, TaskLoops
from services.scheduler.lost_workers import LostWorkers
from services.scheduler.metrics import SchedulerMetrics
from services.scheduler.placement import PlacementRounds
from services.scheduler.retention import Retention
from services.scheduler.schedules import ScheduleLoop
from services.scheduler.settings import RetentionSettings, SchedulerSettings
from services.scheduler.zones import ZoneWatch
from shared.apply.batcher import Batcher
from shared.broker.consuming import BatchConsumer
from shared.messages import Heartbeat, PlacementDue
from shared.messages.queues import HEARTBEATS, PLACEMENT
from shared.planning.planner import Planner
from shared.planning.terms import terms_of
from shared.process.clock import monotonic_boottime
from shared.process.loops import Round, every
from shared.process.run import Stop
from shared.process.sealing import Sealer
from shared.store.outbox import watch_outbox
from shared.store.samples import THINNED
from shared.wiring import UNAVAILABLE, Resources

_ZONES_SECONDS = 60.0
_SLOTS_SECONDS = 30.0
_UNWATCHED_SECONDS = 15.0
"""How often a round looks for itself, without being told that something is due."""

_LONGEST_SWEEP_LOOK_SECONDS = 60.0
"""How often a scheduler looks whether it is time: another may have swept, and have stopped."""


async def run(
    settings: SchedulerSettings,
    resources: Resources,
    stop: Stop,
    *,
    predecessors: Sequence[str] | None = None,
) -> None:
    """Serve until `stop`.

    `predecessors` are for a process that has everything to itself: workers before it, all dead,
    nothing of them runs any more, and the broker has lost all messages with them.
    """
    broker, pool, metrics = resources.broker, resources.pool, resources.metrics
    liveness = LivenessGuard(settings.schedule.liveness_grace_seconds, monotonic_boottime)
    sealer = Sealer(settings.encryption.keys)
    seen = SchedulerMetrics(metrics, liveness)
    terms = terms_of(settings.cost)
    planner = Planner(sealer, resources.files_settings.most_job_bytes, terms)
    async with Batcher(pool, broker, planner, metrics, resources.tracing) as batcher:
        outbox, performer = batcher.outbox, Performer(batcher, broker, seen)
        due_times = DueTimes(pool, liveness)
        tasks = TaskLoops(pool, broker, performer, due_times, settings.schedule)
        placement = PlacementRounds(pool, performer, settings.placement, seen)
        nodes_changed = placement.due.set
        workers = LostWorkers(pool, outbox, performer, due_times, liveness, seen, nodes_changed)
        schedules = ScheduleLoop(pool, outbox, planner, settings.schedule, seen)
        heartbeats = Heartbeats(
            *(outbox, pool, liveness, seen), manual_approval=settings.nodes.manual_approval
        )
        watch = DueWatch(pool, broker, liveness, settings.schedule)
        retention = Retention(pool, settings.retention, settings.history)
        sampler = Sampler(pool, broker, settings.history)
        consumer = BatchConsumer(
            broker, HEARTBEATS, Heartbeat, heartbeats.on_heartbeats, UNAVAILABLE
        )
        asks = BatchConsumer(
            broker, PLACEMENT, PlacementDue, placement.on_placement_due, UNAVAILABLE
        )
        if predecessors is not None:
            await tasks.resend_all()  # first: what is dispatched anew is sent with that
            await workers.take_over(predecessors)
        round_seconds = settings.schedule.round_seconds
        seldom_seconds = settings.retention.round_seconds
        rounds: list[tuple[Round, float, asyncio.Event | None]] = [
            (watch.look_for_what_is_due, round_seconds, None),
            (outbox.relay_round, _UNWATCHED_SECONDS, watch.events["messages"]),
            (tasks.send_due_retries, _UNWATCHED_SECONDS, watch.events["retries"]),
            (tasks.start_due_jobs, _UNWATCHED_SECONDS, watch.events["starts"]),
            (tasks.end_timed_out_tasks, _UNWATCHED_SECONDS, watch.events["timeouts"]),
            (workers.expire_leases, _UNWATCHED_SECONDS, watch.events["leases"]),
            (schedules.fire_due_schedules, _UNWATCHED_SECONDS, watch.events["schedules"]),
            (tasks.resend_missing, seldom_seconds, None),
            (tasks.mend_subjobs, seldom_seconds, None),
            (tasks.count_slots, _SLOTS_SECONDS, None),
            (schedules.call_holding, seldom_seconds, None),
            (ZoneWatch(pool).take_up_changes, _ZONES_SECONDS, None),
            (placement.place_executions, settings.placement.sweep_seconds, placement.due),
            (retention.delete_expired, seldom_seconds, None),
            (retention.delete_old, 6 * seldom_seconds, None),
            (sampler.take_sample, settings.history.sample_seconds, None),
            (sampler.thin, THINNED.total_seconds(), None),
        ]
        async with asyncio.TaskGroup() as group:
            loop = partial(every, stop=stop, unavailable=UNAVAILABLE)
            beside = [group.create_task(consumer.run()), group.create_task(asks.run())]
            if resources.files_settings.is_on:  # a store may be slow, and is not waited for
                files = FileLoops(
                    pool,
                    resources.files,
                    settings.retention,
                    seen,
                    timedelta(hours=resources.files_settings.bucket_hours),
                )
                file_loop = partial(loop, unavailable=(*UNAVAILABLE, FilesError))
                for do_round, seconds in _file_rounds(files, settings.retention):
                    beside.append(group.create_task(file_loop(do_round, interval_seconds=seconds)))
            group.create_task(watch_outbox(pool, metrics, stop))
            for do_round, seconds, wake in rounds:
                group.create_task(loop(do_round, interval_seconds=seconds, wake=wake))
            await stop.wait()
            for task in beside:
                task.cancel()


def _file_rounds(files: FileLoops, settings: RetentionSettings) -> list[tuple[Round, float]]:
    return [
        (files.remove_objects, settings.round_seconds),
        (files.sweep_store, min(settings.sweep_seconds, _LONGEST_SWEEP_LOOK_SECONDS)),
    ]
