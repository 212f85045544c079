"""The time door: due deliveries are called, and called again later when that fails.

At least once: a delivery ends only after the receiver answered with a 2xx.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog

from services.webhook_dispatcher.attempts import Attempts, named
from services.webhook_dispatcher.client import Client
from services.webhook_dispatcher.metrics import DispatcherMetrics
from services.webhook_dispatcher.outcomes import ACCOUNT_SECONDS, OutcomeWriter
from services.webhook_dispatcher.settings import WebhookSettings
from services.webhook_dispatcher.store import deliveries
from services.webhook_dispatcher.store.deliveries import Delivery
from shared.postgres.pool import Pool, acquired
from shared.process.metrics import Metrics
from shared.process.sealing import Sealer
from shared.tracing.protocol import OFF, Tracing

log = structlog.get_logger(__name__)

_SHORTEST_WAIT_SECONDS = 0.01


class Calls:
    def __init__(
        self,
        pool: Pool,
        client: Client,
        sealer: Sealer,
        settings: WebhookSettings,
        metrics: DispatcherMetrics | None = None,
        tracing: Tracing = OFF,
    ) -> None:
        self._pool = pool
        self._settings = settings
        metrics = metrics or DispatcherMetrics(Metrics())
        self._attempts = Attempts(client, sealer, settings, metrics, tracing)
        self.owed = asyncio.Event()
        """Set when `make_due_calls` may find something sooner than it has said."""
        self._outcomes = OutcomeWriter(pool, settings.health_rules, self.owed)
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._calling: set[asyncio.Task[None]] = set()
        self._is_behind = False
        # For a call that waits for its slot, for the call, and for its outcome.
        self.hold = timedelta(seconds=2 * settings.timeout_seconds + ACCOUNT_SECONDS + 10)

    @property
    def room(self) -> int:
        """How many calls may begin now; none while others have waited for longer."""
        return 0 if self._is_behind else max(0, self._settings.concurrency - len(self._calling))

    def begin(self, taken: Sequence[Delivery]) -> None:
        """They are not waited for, so that a slow receiver holds up nobody else's."""
        # In the order of the changes, so that mostly they arrive in it.
        for delivery in sorted(taken, key=lambda delivery: (delivery.job_id, delivery.version)):
            task = asyncio.create_task(self._deliver_surely(delivery))
            self._calling.add(task)
            task.add_done_callback(self._calling.discard)

    async def make_due_calls(self) -> float | None:
        """One round: as many due calls as there is room for begin; 0 when there may be more, else
        the time until one is due."""
        while (room := self._settings.concurrency - len(self._calling)) <= 0:
            await asyncio.wait(self._calling, return_when=asyncio.FIRST_COMPLETED)
        async with acquired(self._pool) as connection:
            due = await deliveries.take_due(connection, self.hold, room)
            wait = None if due else await deliveries.seconds_to_next(connection)
        self._is_behind = len(due) == room
        self.begin(due)
        if due:
            return 0.0
        round_seconds = self._settings.round_seconds
        return None if wait is None else min(max(wait, _SHORTEST_WAIT_SECONDS), round_seconds)

    async def finish(self) -> None:
        """Wait for the calls that have begun, and until it is written what came of them."""
        await asyncio.gather(*self._calling)
        await self._outcomes.finish()

    async def _deliver_surely(self, delivery: Delivery) -> None:
        try:
            async with self._slots:
                outcome = await self._attempts.make(delivery)
        except Exception:  # a defect: it must be seen, and the call is due again after its hold
            log.exception("webhook_call_failed", **named(delivery))
        else:
            self._outcomes.write(outcome)
