"""The time door: due deliveries are called, and called again later when that fails.

At least once: a delivery is forgotten only after the receiver answered with a 2xx.
"""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog
from yarl import URL

from services.webhook_dispatcher.client import Client, Failure, Timeouts
from services.webhook_dispatcher.metrics import DispatcherMetrics
from services.webhook_dispatcher.outcomes import ACCOUNT_SECONDS, Outcome, OutcomeWriter
from services.webhook_dispatcher.requests import (
    InvalidHeader,
    headers_of,
    opened,
)
from services.webhook_dispatcher.settings import WebhookSettings
from services.webhook_dispatcher.store import deliveries
from services.webhook_dispatcher.store.deliveries import Delivery
from shared.expressions import ExpressionError
from shared.postgres.pool import Pool, acquired
from shared.process.metrics import Metrics
from shared.process.sealing import Sealer, SealingError
from shared.process.signing import read_secrets, signature
from shared.tracing.protocol import OFF, Facts, Tracing, job_context, to_traceparent

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
        self._tracing = tracing
        self._pool = pool
        self._client = client
        self._sealer = sealer
        self._settings = settings
        self._plan = settings.retry_plan
        self._metrics = metrics or DispatcherMetrics(Metrics())
        self._keys = read_secrets(settings.signing_secret.get_secret_value())
        self.owed = asyncio.Event()
        """Set when `make_due_calls` may find something sooner than it has said."""
        self._outcomes = OutcomeWriter(pool, self.owed)
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
                outcome = await self._deliver(delivery)
        except Exception:  # a defect: it must be seen, and the call is due again after its hold
            log.exception("webhook_call_failed", **_named(delivery))
        else:
            self._outcomes.write(outcome)

    async def _deliver(self, delivery: Delivery) -> Outcome:
        failure: Failure | None
        try:
            delivery = opened(delivery, self._sealer)
            headers = headers_of(delivery, self._sealer) | self._signed(delivery)
        except (ExpressionError, InvalidHeader, SealingError) as error:
            failure = Failure(f"headers: {error}", is_hopeless=True)  # another try gives the same
        else:
            with self._metrics.call_seconds.time():
                failure = await self._call_traced(delivery, headers)
        return self._outcome(delivery, failure)

    def _outcome(self, delivery: Delivery, failure: Failure | None) -> Outcome:
        if failure is None:
            self._metrics.delivered.inc()
            return Outcome(delivery.id)
        chance = random.random()  # noqa: S311 - spreads load, hides nothing
        delay = self._plan.delay(delivery.attempts, failure.retry_after, chance)
        if failure.is_hopeless or delay is None:
            log.error("webhook_given_up", **_named(delivery), error=failure.error)
            self._metrics.given_up.inc()
            return Outcome(delivery.id)
        log.warning("webhook_failed", **_named(delivery), error=failure.error, retry_in=str(delay))
        self._metrics.failed.inc()
        return Outcome(delivery.id, delay)

    def _signed(self, delivery: Delivery) -> dict[str, str]:
        if not self._keys:
            return {}
        timestamp = int(time.time())
        return {
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(self._keys, delivery.id, timestamp, delivery.body),
        }

    async def _call_traced(self, delivery: Delivery, headers: Mapping[str, str]) -> Failure | None:
        if not self._tracing.is_on:
            return await self._post(delivery, headers)
        facts: Facts = {
            "conveyor.job.id": delivery.job_id,
            "conveyor.webhook.id": delivery.id,
            "conveyor.webhook.attempt": delivery.attempts,
            "server.address": _host(delivery.url),
        }
        with self._tracing.span("webhook", job_context(delivery.job_id), "client", facts) as span:
            # What the job's author has set goes before.
            given = {"traceparent": to_traceparent(span.context)} if span else {}
            failure = await self._post(delivery, {**given, **headers})
            if span and failure is not None:
                span.fail()
            return failure

    async def _post(self, delivery: Delivery, headers: Mapping[str, str]) -> Failure | None:
        settings = self._settings
        timeouts = Timeouts(settings.connect_timeout_seconds, settings.timeout_seconds)
        return await self._client.post(delivery.url, delivery.body, headers, timeouts)


def _host(url: str) -> str:
    """ "" where there is none: the call then says what is wrong with the URL."""
    try:
        return URL(url).host or ""
    except ValueError:
        return ""


def _named(delivery: Delivery) -> dict[str, object]:
    """The host alone of the URL, since the rest of it may be a secret."""
    return {
        "job": delivery.job_id,
        "delivery": delivery.id,
        "host": _host(delivery.url),
        "attempt": delivery.attempts,
    }
