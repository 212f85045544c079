"""A coordinator: its doors, wired, and the order in which they open and close."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog

from services.coordinator.api.application import make_application
from services.coordinator.api.connections import listening
from services.coordinator.commands import JobCommands
from services.coordinator.dead_letters import DeadLetters
from services.coordinator.handlers import on_completions, on_telemetry
from services.coordinator.live.follower import Live
from services.coordinator.node_commands import NodeCommands
from services.coordinator.ports import ApiPorts
from services.coordinator.schedule_commands import ScheduleCommands
from services.coordinator.settings import CoordinatorSettings, HttpSettings
from services.coordinator.startup_warnings import (
    warn_of_short_password,
    warn_of_unencrypted_secrets,
    warn_without_admin,
)
from services.coordinator.store.connected import connected
from services.coordinator.store.one_job import final_jobs
from services.coordinator.waiting import FinalJobs
from shared.apply.batcher import Batcher
from shared.broker.consuming import BatchConsumer
from shared.messages import Reports, SubJobSignals, Telemetry
from shared.messages.queues import COMPLETIONS, TELEMETRY
from shared.planning.planner import Planner
from shared.planning.terms import terms_of
from shared.postgres.pool import Pool
from shared.process.loops import every
from shared.process.metrics import Metrics
from shared.process.run import Stop
from shared.process.sealing import Sealer
from shared.store.outbox import watch_outbox
from shared.wiring import UNAVAILABLE, Checks, Resources, watched

log = structlog.get_logger(__name__)


async def run(settings: CoordinatorSettings, resources: Resources, stop: Stop) -> None:
    """Serve until `stop`; requests and messages that have begun are finished."""
    pool, metrics = resources.pool, resources.metrics
    sealer = Sealer(settings.encryption.keys)
    warn_of_unencrypted_secrets(sealer)
    warn_of_short_password(settings.auth)
    terms = terms_of(settings.cost)
    planner = Planner(sealer, resources.files_settings.most_job_bytes, terms)
    live, tracing = Live(pool, metrics), resources.tracing
    async with (
        Batcher(pool, resources.broker, planner, metrics, tracing, live.look) as batcher,
        watched(resources, stop) as checks,
    ):
        ports = _ports(batcher, resources, planner, checks, live)
        async with asyncio.TaskGroup() as group, _serving(ports, settings.http):
            beside = [group.create_task(one.run()) for one in _consumers(batcher, resources)]
            beside.append(group.create_task(warn_without_admin(settings.auth, pool)))
            await run_loops(batcher, pool, metrics, stop)
            for task in beside:
                task.cancel()


def _consumers(batcher: Batcher, resources: Resources) -> list[BatchConsumer[Any]]:
    """The messages door."""
    broker, pool = resources.broker, resources.pool
    completions = partial(on_completions, batcher, pool)
    telemetry = partial(on_telemetry, batcher, pool)
    return [
        BatchConsumer(broker, COMPLETIONS, (Reports, SubJobSignals), completions, UNAVAILABLE),
        BatchConsumer(broker, TELEMETRY, Telemetry, telemetry, UNAVAILABLE),
    ]


def _ports(
    batcher: Batcher, resources: Resources, planner: Planner, checks: Checks, live: Live
) -> ApiPorts:
    """What the HTTP door needs."""
    pool, metrics, files = resources.pool, resources.metrics, resources.files_settings
    return ApiPorts(
        commands=JobCommands(batcher, pool, metrics),
        schedules=ScheduleCommands(pool, batcher.outbox, planner),
        nodes=NodeCommands(pool, batcher.outbox),
        pool=pool,
        final_jobs=FinalJobs(lambda ids: connected(pool, final_jobs, ids)),
        live=live,
        broker=resources.broker,
        dead_letters=DeadLetters(resources.broker),
        sealer=planner.sealer,
        terms=planner.terms,
        metrics=metrics,
        tracing=resources.tracing,
        health_checks=checks,
        files=resources.files if files.is_on else None,
        links=files.links if files.directory else None,
        files_settings=files,
    )


@asynccontextmanager
async def _serving(ports: ApiPorts, settings: HttpSettings) -> AsyncIterator[None]:
    """The API while the context lasts. Raises OSError when its address can't be had."""
    app = make_application(ports, settings)
    async with listening(app, settings.api, ports.metrics):
        log.info("api_started", address=settings.api.address, authentication=settings.auth.type)
        yield


_RELAY_SECONDS = 1.0


async def run_loops(batcher: Batcher, pool: Pool, metrics: Metrics, stop: Stop) -> None:
    """Send what others have left in the outbox, and look at how much that is, until `stop`."""
    relay = every(
        batcher.outbox.relay_round,
        interval_seconds=_RELAY_SECONDS,
        stop=stop,
        name="relay_outbox",
        unavailable=UNAVAILABLE,
    )
    await asyncio.gather(relay, watch_outbox(pool, metrics, stop))
