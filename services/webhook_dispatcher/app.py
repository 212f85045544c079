"""A webhook dispatcher: its doors, wired."""

import asyncio
from functools import partial

import structlog

from services.webhook_dispatcher.calls import Calls
from services.webhook_dispatcher.client import Client
from services.webhook_dispatcher.events import Events
from services.webhook_dispatcher.following import IDLE_SECONDS, Following
from services.webhook_dispatcher.listeners import Listening, added_listeners
from services.webhook_dispatcher.metrics import DispatcherMetrics, watch_calls
from services.webhook_dispatcher.settings import DispatcherSettings
from shared.broker.consuming import BatchConsumer
from shared.messages import WebhooksDue
from shared.messages.queues import EVENTS
from shared.process.loops import every
from shared.process.run import Stop
from shared.process.sealing import Sealer
from shared.process.settings.blocks import listed
from shared.wiring import UNAVAILABLE, Resources

log = structlog.get_logger(__name__)

_LISTENING_SECONDS = 0.5
_EXPIRY_SECONDS = 60.0


async def run(settings: DispatcherSettings, resources: Resources, stop: Stop) -> None:
    """Serve until `stop`; calls that have begun are finished.

    Raises ExtensionRejected when an event listener can't be used.
    """
    broker, pool, metrics = resources.broker, resources.pool, resources.metrics
    listeners = added_listeners(listed(settings.listeners.names))
    sealer = Sealer(settings.encryption.keys)
    proxy = settings.webhook.proxy.get_secret_value()
    if settings.webhook.allowed_networks:
        log.info("webhook_networks_allowed", networks=settings.webhook.allowed_networks)
    async with Client(settings.webhook.guard, proxy) as client, asyncio.TaskGroup() as group:
        seen = DispatcherMetrics(metrics)
        calls = Calls(pool, client, sealer, settings.webhook, seen, resources.tracing)
        events = Events(pool, sealer, calls)
        consumer = BatchConsumer(broker, EVENTS, WebhooksDue, events.on_webhooks_due, UNAVAILABLE)
        consuming = group.create_task(consumer.run())
        loop = partial(every, stop=stop, unavailable=UNAVAILABLE)
        round_seconds = settings.webhook.round_seconds
        finding = group.create_task(loop(events.take_stored, interval_seconds=round_seconds))
        following = Following(pool, sealer, calls.owed)
        hearing = group.create_task(loop(following.take_news, interval_seconds=IDLE_SECONDS))
        watching = group.create_task(watch_calls(pool, metrics, calls.receivers, stop))
        expiring = group.create_task(loop(calls.give_up_waiting, interval_seconds=_EXPIRY_SECONDS))
        telling = [
            group.create_task(
                loop(
                    Listening(pool, sealer, name, listener).tell_news,
                    interval_seconds=_LISTENING_SECONDS,
                )
            )
            for name, listener in listeners.items()
        ]
        await loop(calls.make_due_calls, interval_seconds=round_seconds, wake=calls.owed)
        await events.stop()
        for task in (consuming, finding, hearing, watching, expiring, *telling):
            task.cancel()
        await calls.finish()
