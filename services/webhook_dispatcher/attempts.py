"""One attempt to deliver: the request as it is sent, and what follows from the answer."""

import random
import time
from collections.abc import Mapping

import structlog
from yarl import URL

from services.webhook_dispatcher.client import Client, Failure, Timeouts
from services.webhook_dispatcher.metrics import DispatcherMetrics
from services.webhook_dispatcher.outcomes import Outcome
from services.webhook_dispatcher.requests import InvalidHeader, headers_of, opened
from services.webhook_dispatcher.settings import WebhookSettings
from services.webhook_dispatcher.store.deliveries import Delivery
from shared.expressions import ExpressionError
from shared.process.sealing import Sealer, SealingError
from shared.process.signing import read_secrets, signature
from shared.tracing.protocol import Facts, Tracing, job_context, to_traceparent

log = structlog.get_logger(__name__)


class Attempts:
    def __init__(
        self,
        client: Client,
        sealer: Sealer,
        settings: WebhookSettings,
        metrics: DispatcherMetrics,
        tracing: Tracing,
    ) -> None:
        self._client = client
        self._sealer = sealer
        self._plan = settings.retry_plan
        self._timeouts = Timeouts(settings.connect_timeout_seconds, settings.timeout_seconds)
        self._keys = read_secrets(settings.signing_secret.get_secret_value())
        self._metrics = metrics
        self._tracing = tracing

    async def make(self, delivery: Delivery) -> Outcome:
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
            log.error("webhook_given_up", **named(delivery), error=failure.error)
            self._metrics.given_up.inc()
            return Outcome(delivery.id)
        log.warning("webhook_failed", **named(delivery), error=failure.error, retry_in=str(delay))
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
        return await self._client.post(delivery.url, delivery.body, headers, self._timeouts)


def named(delivery: Delivery) -> dict[str, object]:
    """For the log. The host alone of the URL, since the rest of it may be a secret."""
    return {
        "job": delivery.job_id,
        "delivery": delivery.id,
        "host": _host(delivery.url),
        "attempt": delivery.attempts,
    }


def _host(url: str) -> str:
    """ "" where there is none: the call then says what is wrong with the URL."""
    try:
        return URL(url).host or ""
    except ValueError:
        return ""
