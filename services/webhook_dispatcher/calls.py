"""The time door: due deliveries are called, and called again later when that fails.

At least once: a delivery is forgotten only after the receiver answered with a 2xx.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import aiohttp
import structlog

from services.webhook_dispatcher.headers import headers_of
from services.webhook_dispatcher.settings import WebhookSettings
from services.webhook_dispatcher.store import deliveries
from services.webhook_dispatcher.store.deliveries import Delivery
from shared.expressions import ExpressionError
from shared.postgres.pool import Pool, acquired
from shared.process.sealing import Sealer, SealingError

log = structlog.get_logger(__name__)

_FIRST_DELAY_SECONDS = 1.0
_LONGEST_DELAY_SECONDS = 3600.0


class Calls:
    def __init__(
        self,
        pool: Pool,
        session: aiohttp.ClientSession,
        sealer: Sealer,
        settings: WebhookSettings,
    ) -> None:
        self._pool = pool
        self._session = session
        self._sealer = sealer
        self._settings = settings

    async def make_due_calls(self) -> float | None:
        """One round: take what is due, call all at once; 0 when there may be more."""
        hold = timedelta(seconds=self._settings.timeout_seconds + 30)
        async with acquired(self._pool) as connection:
            due = await deliveries.take_due(connection, hold, self._settings.concurrency)
            sources = await deliveries.header_sources(connection, due) if due else {}
        await asyncio.gather(*(self._deliver(d, sources.get((d.job_id, d.webhook))) for d in due))
        return 0.0 if due else None

    async def _deliver(self, delivery: Delivery, source: Mapping[str, Any] | None) -> None:
        failure: str | None
        try:
            headers = headers_of(delivery, source, self._sealer)
        except (ExpressionError, SealingError) as error:
            failure, is_hopeless = f"headers: {error}", True  # another try gives the same
        else:
            failure, is_hopeless = await self._call(delivery, headers), False
        async with acquired(self._pool) as connection:
            if failure is None:
                await deliveries.done(connection, delivery.id)
            elif is_hopeless or delivery.attempts >= self._settings.max_attempts:
                log.error("webhook given up", **_keys(delivery), error=failure)
                await deliveries.done(connection, delivery.id)
            else:
                delay = retry_delay(delivery.attempts)
                log.warning("webhook failed", **_keys(delivery), error=failure, retry_in=str(delay))
                await deliveries.later(connection, delivery.id, delay)

    async def _call(self, delivery: Delivery, headers: Mapping[str, str]) -> str | None:
        """What went wrong, or None when the receiver took it."""
        timeout = aiohttp.ClientTimeout(total=self._settings.timeout_seconds)
        try:
            async with self._session.post(
                delivery.url, data=delivery.body, headers=headers, timeout=timeout
            ) as answer:
                return None if answer.status < 300 else f"answered {answer.status}"
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            # ValueError: a URL that only the client library finds fault with.
            return str(error) or type(error).__name__


def retry_delay(attempts: int) -> timedelta:
    """1 s after the first failure, doubled each time, an hour at most."""
    return timedelta(
        # The exponent is bounded so that many attempts can't overflow a float.
        seconds=min(_FIRST_DELAY_SECONDS * 2 ** min(attempts - 1, 32), _LONGEST_DELAY_SECONDS)
    )


def _keys(delivery: Delivery) -> dict[str, object]:
    return {"job": delivery.job_id, "delivery": delivery.id, "attempt": delivery.attempts}
