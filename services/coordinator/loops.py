"""The time door: what a coordinator does again and again as time passes."""

import asyncio

from shared.apply.batcher import Batcher
from shared.postgres.pool import Pool
from shared.process.loops import every
from shared.process.metrics import Metrics
from shared.process.run import Stop
from shared.store.outbox_metrics import watch_outbox
from shared.wiring.resources import UNAVAILABLE

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
