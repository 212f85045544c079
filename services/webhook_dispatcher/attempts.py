"""One attempt to deliver: the request as it is sent, and what follows from the answer."""

import random
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog
from yarl import URL

from services.webhook_dispatcher.answers import (
    answered_headers,
    redacted_head,
    redactor_for,
    sent_headers,
)
from services.webhook_dispatcher.client import Answer, Client, Timeouts
from services.webhook_dispatcher.metrics import DispatcherMetrics
from services.webhook_dispatcher.outcomes import Outcome
from services.webhook_dispatcher.requests import headers_of, keys_of, opened, secrets_in
from services.webhook_dispatcher.retries import is_retried
from services.webhook_dispatcher.settings import WebhookSettings
from services.webhook_dispatcher.store.deliveries import Delivery
from services.webhook_dispatcher.targets import Unsendable
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
        began = time.monotonic()
        if delivery.endpoint and delivery.endpoint.is_disabled:
            return self._unsent(delivery, began, "not sent: the endpoint is disabled")
        try:
            delivery = opened(delivery, self._sealer)
            headers = headers_of(delivery, self._sealer) | self._signed(delivery)
        except (Unsendable, SealingError) as error:
            # Another try gives the same.
            return self._unsent(delivery, began, str(error))
        with self._metrics.call_seconds.time():
            answer = await self._call_traced(delivery, headers)
        outcome = self._outcome(delivery, began, self._shown(delivery, headers, answer))
        return replace(outcome, headers=sent_headers(headers))

    def _unsent(self, delivery: Delivery, began: float, error: str) -> Outcome:
        answer = self._shown(delivery, {}, Answer(error=error, is_hopeless=True))
        return replace(self._outcome(delivery, began, answer), is_sent=False)

    def _shown(self, delivery: Delivery, headers: Mapping[str, str], answer: Answer) -> Answer:
        """As it may be kept and logged."""
        if not (answer.head or answer.error or answer.headers):
            return answer
        redactor = redactor_for(delivery.url, headers, secrets_in(delivery, self._sealer))
        return replace(
            answer,
            head=redacted_head(redactor, answer.head, is_whole=answer.is_whole),
            error=answer.error and redactor.text(answer.error),
            headers=answered_headers(redactor, answer.headers),
        )

    def _outcome(self, delivery: Delivery, began: float, answer: Answer) -> Outcome:
        outcome = Outcome(delivery, answer, began, time.monotonic() - began)
        if answer.error is None:
            self._metrics.delivered.inc()
            return outcome
        delay = self._delay(delivery, answer)
        if delay is None:
            log.error("webhook_given_up", **named(delivery), error=answer.error)
            self._metrics.given_up.inc()
            return outcome
        log.warning("webhook_failed", **named(delivery), error=answer.error, retry_in=str(delay))
        self._metrics.failed.inc()
        return replace(outcome, retry_in=delay)

    def _delay(self, delivery: Delivery, answer: Answer) -> timedelta | None:
        """Until it is called again; None: never."""
        also = delivery.endpoint.retry_on if delivery.endpoint else ()
        is_final = answer.status is not None and not is_retried(answer.status, also)
        if answer.is_hopeless or is_final:
            return None
        failures = delivery.attempts - delivery.attempts_before
        chance = random.random()  # noqa: S311 - spreads load, hides nothing
        return self._plan.delay(failures, answer.retry_after, chance)

    def _signed(self, delivery: Delivery) -> dict[str, str]:
        """Raises SealingError."""
        now = datetime.now(UTC)
        keys = keys_of(delivery, self._sealer, self._keys, now)
        if not keys:
            return {}
        timestamp = int(now.timestamp())
        return {
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(keys, delivery.id, timestamp, delivery.body),
        }

    async def _call_traced(self, delivery: Delivery, headers: Mapping[str, str]) -> Answer:
        if not self._tracing.is_on:
            return await self._post(delivery, headers)
        facts: Facts = {
            "conveyor.job.id": delivery.job_id,
            "conveyor.webhook.id": delivery.id,
            "conveyor.webhook.attempt": delivery.attempts,
            "server.address": _host(delivery.url),
        }
        context = job_context(delivery.job_id or delivery.id)
        with self._tracing.span("webhook", context, "client", facts) as span:
            # What the job's author has set goes before.
            given = {"traceparent": to_traceparent(span.context)} if span else {}
            answer = await self._post(delivery, {**given, **headers})
            if span and answer.error is not None:
                span.fail()
            return answer

    async def _post(self, delivery: Delivery, headers: Mapping[str, str]) -> Answer:
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
