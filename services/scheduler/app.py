"""A scheduler: its doors, wired."""

import asyncio
from collections.abc import Sequence

from services.scheduler.heartbeats import Heartbeats
from services.scheduler.liveness import LivenessGuard
from services.scheduler.loops import RetentionLoops, TaskLoops
from services.scheduler.metrics import SchedulerMetrics
from services.scheduler.schedules import ScheduleLoop
from services.scheduler.settings import SchedulerSettings
from shared.apply.batcher import Batcher
from shared.broker import Broker
from shared.broker.consuming import BatchConsumer
from shared.messages import Heartbeat
from shared.messages.queues import HEARTBEATS
from shared.planning.planner import Planner
from shared.postgres.pool import Pool
from shared.process.clock import monotonic_boottime
from shared.process.loops import Round, every
from shared.process.metrics import Metrics
from shared.process.run import Stop
from shared.process.sealing import Sealer
from shared.store.outbox_metrics import watch_outbox
from shared.tracing.protocol import OFF, Tracing
from shared.wiring.resources import UNAVAILABLE


async def run(
    settings: SchedulerSettings,
    broker: Broker,
    pool: Pool,
    stop: Stop,
    metrics: Metrics | None = None,
    tracing: Tracing = OFF,
    *,
    predecessors: Sequence[str] | None = None,
) -> None:
    """Serve until `stop`.

    `predecessors` are for a process that has everything to itself: workers before it, all dead,
    nothing of them runs any more, and the broker has lost all messages with them.
    """
    metrics = metrics or Metrics()
    liveness = LivenessGuard(settings.schedule.liveness_grace_seconds, monotonic_boottime)
    sealer = Sealer(settings.encryption.keys)
    seen = SchedulerMetrics(metrics, liveness)
    async with Batcher(pool, broker, Planner(sealer), metrics, tracing) as batcher:
        tasks = TaskLoops(batcher, pool, broker, liveness, settings.schedule, seen)
        schedules = ScheduleLoop(pool, batcher.outbox, sealer, settings.schedule)
        retention = RetentionLoops(pool, settings.retention)
        heartbeats = Heartbeats(batcher, pool, liveness, seen)
        consumer = BatchConsumer(
            broker, HEARTBEATS, Heartbeat, heartbeats.on_heartbeats, UNAVAILABLE
        )
        if predecessors is not None:
            await tasks.resend_all()  # first: what is dispatched anew is sent with that
            await tasks.take_over(predecessors)
        often: list[Round] = [
            tasks.send_due_retries,
            tasks.end_timed_out_tasks,
            tasks.expire_leases,
            schedules.fire_due_schedule,
            batcher.outbox.relay_round,
        ]
        seldom: list[Round] = [tasks.resend_missing, tasks.mend_subjobs, retention.delete_expired]
        async with asyncio.TaskGroup() as group:
            consuming = group.create_task(consumer.run())
            group.create_task(watch_outbox(pool, metrics, stop))
            for rounds, seconds in (
                (often, settings.schedule.round_seconds),
                (seldom, settings.retention.round_seconds),
            ):
                for do_round in rounds:
                    group.create_task(
                        every(
                            do_round, interval_seconds=seconds, stop=stop, unavailable=UNAVAILABLE
                        )
                    )
            await stop.wait()
            consuming.cancel()
