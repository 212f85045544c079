"""What comes of the dispatcher's calls: attempts, states, and the health of endpoints."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import orjson
import pytest

from services.coordinator.store import webhook_deliveries
from services.webhook_dispatcher.calls import Calls
from services.webhook_dispatcher.client import Answer, Client
from services.webhook_dispatcher.following import Following
from services.webhook_dispatcher.outcomes import Outcome, OutcomeWriter
from services.webhook_dispatcher.settings import WebhookSettings
from services.webhook_dispatcher.store import outcomes
from services.webhook_dispatcher.store.deliveries import Delivery
from services.webhook_dispatcher.store.outcomes import Written
from tests.support.jobs.batcher import Rig
from tests.support.services.dispatcher import (
    LOCAL,
    TASK,
    Receiver,
    call_all,
    dispatcher_rig,
    running_receiver,
    store_all,
)
from tests.support.services.sent_bodies import expect_notice_described

IF_PENDING = "job.state == 'PENDING'"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with running_receiver() as receiver:
        yield receiver


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with dispatcher_rig(postgres_dsn) as rig:
        yield rig


async def rows(rig: Rig, query: str, *arguments: object) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await rig.pool.fetch(query, *arguments)]


async def states(rig: Rig) -> list[tuple[Any, ...]]:
    return await rows(rig, "SELECT id, state FROM webhook_deliveries ORDER BY id")


async def make_due(rig: Rig) -> None:
    await rig.pool.execute("UPDATE webhook_deliveries SET next_at = now() WHERE state = 'PENDING'")


async def test_each_attempt_is_kept_without_the_secrets_of_its_request(
    rig: Rig, receiver: Receiver
) -> None:
    # Given a receiver that repeats what it was sent in confidence
    receiver.answers = [503]
    receiver.says = "Bearer hunter2-hunter2 for /hook?key=URLTOKEN"
    hook = {
        "url": f"{receiver.url}?key=URLTOKEN",
        "if": IF_PENDING,
        "headers": {"Authorization": "Bearer {{ secrets.token }}"},
    }
    await rig.submit([TASK], webhooks=[hook], secrets={"token": "hunter2-hunter2"})
    await store_all(rig)
    await call_all(rig)
    await make_due(rig)
    await call_all(rig)
    # Then both attempts are there, without that
    kept = await rows(rig, "SELECT number, status, error, answer FROM webhook_attempts ORDER BY id")
    shown = "[REDACTED] for [REDACTED]"
    assert kept == [(1, 503, "answered 503", shown), (2, 200, None, shown)]
    for sent, answered in await rows(
        rig, "SELECT request_headers, answer_headers FROM webhook_attempts"
    ):
        assert sent["Authorization"] == "[REDACTED]"
        assert sent["webhook-id"] == receiver.heard[0][0]["webhook-id"]
        assert answered["Server"]
    [(is_timed, is_ended)] = await rows(
        rig,
        "SELECT bool_and(duration_ms > 0 AND at < now() AND at > d.created_at),"
        " bool_and(d.ended_at > at) FROM webhook_attempts"
        " JOIN webhook_deliveries d ON d.id = delivery_id",
    )
    assert (is_timed, is_ended) == (True, True)


async def test_an_answer_that_a_killed_dispatcher_did_not_write_down_is_asked_for_again(
    rig: Rig, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.submit([TASK], webhooks=[{"url": receiver.url, "if": IF_PENDING}])
    await store_all(rig)
    with monkeypatch.context() as killed:
        killed.setattr(OutcomeWriter, "write", lambda *_: None)
        await call_all(rig)
    await call_all(rig)
    assert len(receiver.heard) == 1  # while the first may still be at it, nobody else is
    await make_due(rig)
    await call_all(rig)
    assert len({headers["webhook-id"] for headers, _ in receiver.heard}) == 1
    assert await rows(rig, "SELECT number, status FROM webhook_attempts") == [(2, 200)]


@pytest.mark.parametrize("status", [200, 500, 404])
async def test_a_delivery_that_is_resent_during_a_call_is_called_again_unless_that_succeeds(
    rig: Rig, receiver: Receiver, status: int
) -> None:
    # Given a call that waits for its answer
    taken, answer = asyncio.Event(), asyncio.Event()
    post = Client.post

    async def slow(*call: Any) -> Answer:
        taken.set()
        await answer.wait()
        return await post(*call)

    receiver.answers = [status]
    await rig.submit([TASK], webhooks=[{"url": receiver.url, "if": IF_PENDING}])
    await store_all(rig)
    async with Client(LOCAL) as client:
        client.post = slow.__get__(client)  # type: ignore[method-assign]  # for this one alone
        calls = Calls(rig.pool, client, rig.sealer, WebhookSettings())
        await calls.make_due_calls()
        await taken.wait()
        # When its delivery is sent again, and the answer comes
        [(delivery, _)] = await states(rig)
        async with rig.pool.acquire() as connection:
            assert await webhook_deliveries.resend(connection, delivery)
        answer.set()
        await calls.finish()
    # Then it is due at once, with all its repetitions, if it has not arrived
    asked = "SELECT state, attempts, attempts_before, next_at <= now() FROM webhook_deliveries"
    [after] = await rows(rig, asked)
    assert after == (("DELIVERED", 1, 1, False) if status == 200 else ("PENDING", 1, 1, True))
    await call_all(rig)
    assert len(receiver.heard) == (1 if status == 200 else 2)
    assert await states(rig) == [(delivery, "DELIVERED")]


DELIVERY = """
INSERT INTO webhook_deliveries (id, job_id, version, webhook, url, receiver, body, event, state,
    endpoint_id, attempts, attempts_before, next_at, created_at)
VALUES ($1, '', 0, 0, $2, $2, $7, 'endpoint.Test', $3, $4, $5, $6, now(), now())
"""


BODY = {
    "type": "endpoint.Test",
    "timestamp": "2026-01-01T00:00:00Z",
    "data": {"id": "e", "description": ""},
}


async def add(
    rig: Rig,
    delivery_id: str,
    url: str = "",
    state: str = "PENDING",
    endpoint_id: str | None = None,
    attempts: int = 0,
    before: int = 0,
) -> None:
    await rig.pool.execute(
        *(DELIVERY, delivery_id, url, state, endpoint_id, attempts, before, orjson.dumps(BODY))
    )


def outcome(delivery_id: str, state: str, number: int, before: int = 0) -> Written:
    return Written(
        id=delivery_id,
        number=number,
        number_before=before,
        state=state,
        retry_in=timedelta(seconds=30) if state == "PENDING" else None,
        ago=timedelta(seconds=1),
        duration_ms=1.0,
        status=None,
        error=None if state == "DELIVERED" else "e",
        answer=None,
        request_headers=None,
        answer_headers=None,
    )


async def write(rig: Rig, *written: Written) -> None:
    async with rig.pool.acquire() as connection:
        await outcomes.write(connection, written)


@pytest.mark.parametrize(
    ("now", "attempts", "before", "came", "after"),
    [
        ("PENDING", 1, 0, "FAILED", "FAILED"),
        ("PENDING", 1, 0, "DELIVERED", "DELIVERED"),
        ("PENDING", 2, 0, "FAILED", "PENDING"),  # taken by another since
        ("PENDING", 1, 1, "FAILED", "PENDING"),  # resent since
        ("PENDING", 2, 0, "DELIVERED", "DELIVERED"),
        ("FAILED", 1, 0, "DELIVERED", "DELIVERED"),
        ("FAILED", 1, 0, "PENDING", "FAILED"),  # its endpoint was disabled since
        ("DELIVERED", 2, 0, "FAILED", "DELIVERED"),
        ("DELIVERED", 1, 0, "PENDING", "DELIVERED"),
    ],
)
async def test_a_late_outcome_counts_only_if_the_receiver_took_the_call(
    rig: Rig, now: str, attempts: int, before: int, came: str, after: str
) -> None:
    await add(rig, "d", state=now, attempts=attempts, before=before)
    # An outcome of a delivery that was deleted meanwhile is no harm to the others
    await write(rig, outcome("deleted", "FAILED", 1), outcome("d", came, 1))
    assert await states(rig) == [("d", after)]
    assert await rows(rig, "SELECT delivery_id FROM webhook_attempts") == [("d",)]


ENDPOINT = """
INSERT INTO webhook_endpoints (id, url, receiver, events, secrets, retry_on, failing_since,
                               created_at, updated_at)
VALUES ($1, '', 'the receiver', $2, '[]', $3, now() - $4::interval, now(), now())
"""


async def add_endpoint(
    rig: Rig,
    endpoint_id: str,
    events: Sequence[str] = ("job.StateChange",),
    retry_on: Sequence[int] = (),
    failing_for: timedelta | None = None,
) -> None:
    await rig.pool.execute(ENDPOINT, endpoint_id, events, retry_on, failing_for)


async def notices(rig: Rig) -> list[tuple[str, str]]:
    """As they are told: event, and id of the endpoint."""
    found = await rows(rig, "SELECT event, data FROM webhook_notices ORDER BY id")
    for event, data in found:
        expect_notice_described(event, data)
    return [(event, data["id"]) for event, data in found]


HEALTH = """
SELECT disabled_at IS NOT NULL, disabled_reason, failing_since IS NOT NULL,
       failing_told_at IS NOT NULL
FROM webhook_endpoints WHERE id = 'e'
"""
HEALTHY = (False, None, False, False)


async def test_an_endpoint_that_is_gone_is_disabled_and_what_it_is_owed_ends(
    rig: Rig, receiver: Receiver
) -> None:
    # Given an endpoint, another that wants to hear of such things, and one with 410 in `retryOn`
    await add_endpoint(rig, "e")
    await add_endpoint(rig, "watching", ["endpoint.Disabled", "endpoint.Failing"])
    await add_endpoint(rig, "patient", retry_on=[410])
    receiver.answers = [410, 410]
    await add(rig, "1", receiver.url, endpoint_id="e")
    await call_all(rig)
    # Then what comes when it is disabled is not sent
    await add(rig, "2", receiver.url, endpoint_id="e")
    await add(rig, "3", receiver.url, endpoint_id="patient")
    await add(rig, "4", receiver.url, state="PENDING", endpoint_id="e")
    await call_all(rig)
    assert len(receiver.heard) == 2
    assert await rows(rig, HEALTH) == [(True, "the receiver answered 410", True, False)]
    assert await notices(rig) == [("endpoint.Disabled", "e")]
    ended = [("1", "FAILED"), ("2", "FAILED"), ("3", "PENDING"), ("4", "FAILED")]
    assert await states(rig) == ended
    reasons = "SELECT DISTINCT error FROM webhook_attempts WHERE delivery_id IN ('2', '4')"
    assert await rows(rig, reasons) == [("not sent: the endpoint is disabled",)]


async def test_what_an_endpoint_is_owed_ends_when_it_is_disabled(
    rig: Rig, receiver: Receiver
) -> None:
    await add_endpoint(rig, "e")
    await add(rig, "1", receiver.url, endpoint_id="e")
    await add(rig, "2", receiver.url, endpoint_id="e", attempts=3)
    await rig.pool.execute("UPDATE webhook_deliveries SET next_at = 'tomorrow' WHERE id = '2'")
    receiver.answers = [410]
    await call_all(rig)
    assert await states(rig) == [("1", "FAILED"), ("2", "FAILED")]


async def test_an_endpoint_that_only_fails_is_announced_once_and_then_disabled(
    rig: Rig, receiver: Receiver
) -> None:
    await add_endpoint(rig, "e")
    await add_endpoint(rig, "watching", ["endpoint.Disabled", "endpoint.Failing"])
    await add(rig, "1", receiver.url, endpoint_id="e")
    seen = []
    for minutes in (0, 11, 12, 6 * 24 * 60):
        await rig.pool.execute(
            "UPDATE webhook_endpoints SET failing_since = now() - $1::interval"
            " WHERE failing_since IS NOT NULL",
            timedelta(minutes=minutes),
        )
        receiver.answers = [500]
        await make_due(rig)
        await call_all(rig)
        [(is_disabled, _, is_failing, is_told)] = await rows(rig, HEALTH)
        seen.append((is_failing, is_told, is_disabled))
    assert seen == [
        *((True, False, False), (True, True, False)),
        *((True, True, False), (True, True, True)),
    ]
    assert await notices(rig) == [("endpoint.Failing", "e"), ("endpoint.Disabled", "e")]
    assert await states(rig) == [("1", "FAILED")]


async def test_a_success_ends_a_series_of_failures_and_an_unsent_request_is_none(
    rig: Rig, receiver: Receiver
) -> None:
    await add_endpoint(rig, "e", failing_for=timedelta(days=6))
    await add(rig, "1", receiver.url, endpoint_id="e", attempts=4)
    await call_all(rig)
    assert await rows(rig, HEALTH) == [HEALTHY]
    # A secret that this dispatcher can't read says nothing of the endpoint
    await add(rig, "2", "sealed:fernet:nonsense", endpoint_id="e", attempts=4)
    await call_all(rig)
    assert await rows(rig, HEALTH) == [HEALTHY]
    assert await states(rig) == [("1", "DELIVERED"), ("2", "FAILED")]


async def test_a_resent_delivery_wakes_a_dispatcher(rig: Rig) -> None:
    await add(rig, "1", state="FAILED")
    async with rig.pool.acquire() as connection:
        assert not await webhook_deliveries.resend(connection, "never")
        assert await webhook_deliveries.resend(connection, "1")
    owed = asyncio.Event()
    following = Following(rig.pool, rig.sealer, owed)
    await following.take_news()
    assert owed.is_set()
    assert await following.take_news() is None
    assert await states(rig) == [("1", "PENDING")]


@pytest.mark.parametrize(
    ("error", "kept"), [("a\0b\ud800", "a\ufffdb?"), ("x" * 5000, "x" * 1000), (7, None)]
)
async def test_an_outcome_that_can_not_be_written_has_no_other_call_made_again(
    rig: Rig, error: Any, kept: str | None
) -> None:
    # Given what comes together of two calls, one of them odd or even broken
    taken = [Delivery(name, "", 0, 0, "", b"", attempts=1) for name in ("odd", "plain")]
    for delivery in taken:
        await add(rig, delivery.id, attempts=1)
    writer = OutcomeWriter(rig.pool, WebhookSettings().health_rules, asyncio.Event())
    for delivery, answer in zip(taken, (Answer(error=error), Answer(200)), strict=True):
        writer.write(Outcome(delivery, answer, 0.0, 0.1))
    await writer.finish()
    assert await states(rig) == [("odd", "FAILED" if kept else "PENDING"), ("plain", "DELIVERED")]
    errors = await rows(rig, "SELECT error FROM webhook_attempts WHERE delivery_id = 'odd'")
    assert errors == ([(kept,)] if kept else [])
