"""What came of calls, written to the rows of deliveries and of endpoints."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from services.webhook_dispatcher.bodies import time_text
from services.webhook_dispatcher.client import Answer
from services.webhook_dispatcher.health import EndpointFailure, Health, HealthRules, after_failure
from services.webhook_dispatcher.receivers import Ending
from services.webhook_dispatcher.retries import ending_of
from services.webhook_dispatcher.store import lines
from services.webhook_dispatcher.store import outcomes as store
from services.webhook_dispatcher.store.deliveries import Delivery
from services.webhook_dispatcher.store.outcomes import Endpoint, Written
from shared.broker.backoff import Backoff
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import Connection, Pool, acquired
from shared.store.notices import Notice, add_notices

log = structlog.get_logger(__name__)

_ACCOUNT_SECONDS = 20.0
"""How long it is tried while the database is away: else calls would be made again, and only when
their hold is over."""


DELIVERED, FAILED, PENDING = "DELIVERED", "FAILED", "PENDING"
"""The states of a delivery."""

_GONE = 410
_LONGEST_ERROR = 1000


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of an attempt for `delivery` that began at `began` (of the monotonic clock): it is due again
    after `retry_in`, or never (None). If not `is_sent`, it didn't get to the receiver, and says
    nothing of it. `headers` are those of the request as they may be kept."""

    delivery: Delivery
    answer: Answer
    began: float
    seconds: float
    retry_in: timedelta | None = None
    is_sent: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> str:
        if self.answer.error is None:
            return DELIVERED
        return FAILED if self.retry_in is None else PENDING

    @property
    def ending(self) -> Ending:
        answer = self.answer
        if not self.is_sent or (answer.status is None and answer.is_hopeless):
            return Ending.UNSENT
        return Ending.ANSWERED if answer.error is None else ending_of(answer.status)

    @property
    def endpoint(self) -> str | None:
        """Whose health it tells of."""
        endpoint = self.delivery.endpoint
        return endpoint.id if endpoint and self.is_sent else None


class OutcomeWriter:
    """Writes what came of calls together: what ends while a statement runs goes with the next."""

    def __init__(self, pool: Pool, rules: HealthRules, owed: asyncio.Event) -> None:
        """`owed` is set when a call is to be made again."""
        self._pool = pool
        self._rules = rules
        self._owed = owed
        self._line: list[Outcome] = []
        self._writing: asyncio.Task[None] | None = None

    def write(self, outcome: Outcome) -> None:
        """In the background."""
        self._line.append(outcome)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())

    async def finish(self) -> None:
        if self._writing is not None:
            await self._writing

    async def _write_all(self) -> None:
        while self._line:
            outcomes, self._line = self._line, []
            try:
                await self._write_surely(outcomes)
            except DatabaseUnavailable as error:  # they are due again when their hold is over
                ids = [outcome.delivery.id for outcome in outcomes]
                log.warning("webhook_outcomes_unrecorded", deliveries=ids, error=str(error))
            except Exception:  # noqa: BLE001 - of one; it must not have all calls made again
                await self._write_apart(outcomes)

    async def _write_apart(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            try:
                await self._write_surely([outcome])
            except Exception:  # as above
                log.exception("webhook_outcomes_unrecorded", deliveries=[outcome.delivery.id])

    async def _write_surely(self, outcomes: list[Outcome]) -> None:
        give_up_at = time.monotonic() + _ACCOUNT_SECONDS
        backoff = Backoff()
        while True:
            try:
                return await self._write(outcomes)
            except DatabaseUnavailable:
                if time.monotonic() > give_up_at:
                    raise
                await backoff.wait()

    async def _write(self, outcomes: list[Outcome]) -> None:
        async with acquired(self._pool) as connection:
            if any(outcome.endpoint for outcome in outcomes):
                async with connection.transaction():
                    await store.write(connection, [_written(outcome) for outcome in outcomes])
                    await self._write_health(connection, outcomes)
            else:
                await store.write(connection, [_written(outcome) for outcome in outcomes])
            # Apart: it locks other rows. Lost, those are due when they are put off to.
            ended = [o.delivery for o in outcomes if o.delivery.is_ordered and o.state != PENDING]
            if ended:
                await lines.follow(connection, ended)
                self._owed.set()
        if any(outcome.state == PENDING for outcome in outcomes):
            self._owed.set()

    async def _write_health(self, connection: Connection, outcomes: list[Outcome]) -> None:
        took = {o.endpoint for o in outcomes if o.endpoint and o.state == DELIVERED}
        failures = {
            o.endpoint: _failure(o)
            for o in sorted(outcomes, key=_is_gone)
            if o.endpoint and o.endpoint not in took
        }
        if took:
            await store.endpoints_took(connection, took)
        if not failures:
            return
        endpoints = await store.lock_endpoints(connection, failures)
        health = {
            each.id: after_failure(each.health, failures[each.id], self._rules, each.now)
            for each in endpoints
        }
        await store.endpoints_failed(connection, health)
        news = [_news(each, health[each.id], failures[each.id]) for each in endpoints]
        await add_notices(connection, [notice for notice in news if notice])


def _written(outcome: Outcome) -> Written:
    answer, delivery = outcome.answer, outcome.delivery
    return Written(
        id=delivery.id,
        number=delivery.attempts,
        number_before=delivery.attempts_before,
        state=outcome.state,
        retry_in=outcome.retry_in,
        ago=timedelta(seconds=time.monotonic() - outcome.began),
        duration_ms=outcome.seconds * 1000,
        status=answer.status,
        error=answer.error and _kept(answer.error)[:_LONGEST_ERROR],
        answer=_kept(answer.head) or None,
        request_headers=_kept_headers(outcome.headers),
        answer_headers=_kept_headers(answer.headers),
    )


def _kept(text: str) -> str:
    """As text that Postgres takes: errors may quote what a receiver sends."""
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")


def _kept_headers(headers: Mapping[str, str]) -> dict[str, str] | None:
    return {_kept(name): _kept(value) for name, value in headers.items()} or None


def _is_gone(outcome: Outcome) -> bool:
    return outcome.answer.status == _GONE and outcome.state == FAILED


def _failure(outcome: Outcome) -> EndpointFailure:
    delivery = outcome.delivery
    is_repeated = delivery.attempts - delivery.attempts_before > 1
    return EndpointFailure(
        outcome.answer.error or "",
        is_lasting=is_repeated or outcome.state == FAILED,
        is_gone=_is_gone(outcome),
    )


def _news(endpoint: Endpoint, health: Health, failure: EndpointFailure) -> Notice | None:
    """What is announced of `endpoint` now that it has this `health`; mostly nothing."""
    data: dict[str, object] = {
        "id": endpoint.id,
        "description": endpoint.description,
        "receiver": endpoint.receiver,
        "failingSince": health.failing_since and time_text(health.failing_since),
    }
    if reason := health.disabled_reason:
        log.error("webhook_endpoint_disabled", endpoint=endpoint.id, reason=reason)
        data |= {"disabledAt": time_text(endpoint.now), "disabledReason": reason}
        return Notice(event="endpoint.Disabled", data=data, readers=endpoint.readers)
    if health.failing_told_at == endpoint.health.failing_told_at:
        return None
    log.warning("webhook_endpoint_failing", endpoint=endpoint.id, error=failure.error)
    data["error"] = failure.error
    return Notice(event="endpoint.Failing", data=data, readers=endpoint.readers)
