"""The dispatcher: calls are stored first, and made until they are taken."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import structlog

from services.scheduler.retention import Retention
from services.scheduler.settings import RetentionSettings
from services.webhook_dispatcher.calls import Calls
from services.webhook_dispatcher.client import Client
from services.webhook_dispatcher.events import Events
from services.webhook_dispatcher.settings import WebhookSettings
from shared.messages.queues import EVENTS
from shared.process.sealing import Sealer, generate_key
from shared.tracing.protocol import OFF, Tracing
from tests.support.jobs.batcher import Rig
from tests.support.services.dispatcher import (
    LOCAL,
    TASK,
    Receiver,
    Traced,
    call_all,
    dispatcher_rig,
    running_receiver,
    store_all,
)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with running_receiver() as receiver:
        yield receiver


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with dispatcher_rig(postgres_dsn) as rig:
        yield rig


async def states(rig: Rig) -> list[str]:
    """Of all deliveries."""
    return [row["state"] for row in await rig.pool.fetch("SELECT state FROM webhook_deliveries")]


async def test_a_call_begins_as_soon_as_its_change_is_taken_up(
    rig: Rig, receiver: Receiver
) -> None:
    # Given a receiver that has answered, and another job whose changes have been announced
    hook = {"url": receiver.url, "headers": {"X": "{{ job.name }}"}}
    async with Client(LOCAL) as client:
        calls = Calls(rig.pool, client, rig.sealer, WebhookSettings())
        events = Events(rig.pool, rig.sealer, calls)
        await rig.submit([TASK], webhooks=[{**hook, "if": "job.state == 'PENDING'"}])
        await events.take_stored()
        await calls.finish()
        receiver.heard.clear()
        job_id = await rig.submit([TASK], webhooks=[hook])
        # When they are taken up
        await events.take_stored()
        # Then their calls are owed until they have been taken, and made without another look
        owed = f"""SELECT attempts, next_at > now() AS is_held FROM webhook_deliveries
                   WHERE job_id = '{job_id}'"""
        assert [tuple(row) for row in await rig.pool.fetch(owed)] == [(1, True)] * 2
        await calls.finish()
    assert sorted(receiver.states) == ["PENDING", "SCHEDULED"]
    assert {headers["X"] for headers, _ in receiver.heard} == {"a job"}
    assert [tuple(row) for row in await rig.pool.fetch(owed)] == [(1, True)] * 2
    assert await states(rig) == ["DELIVERED"] * 3


async def test_calls_that_there_is_no_room_for_are_left_to_the_next_round(
    rig: Rig, receiver: Receiver
) -> None:
    await rig.submit([TASK], webhooks=[{"url": receiver.url}])
    await rig.batcher.outbox.close()
    async with Client(LOCAL) as client:
        calls = Calls(rig.pool, client, rig.sealer, WebhookSettings(concurrency=1))
        await Events(rig.pool, rig.sealer, calls).take_stored()
        await calls.finish()
        assert receiver.states == ["PENDING"]
        assert calls.owed.is_set()
        await calls.make_due_calls()
        await calls.finish()
    assert receiver.states == ["PENDING", "SCHEDULED"]


async def test_a_failed_call_has_the_next_round_begin_when_it_is_due_again(
    rig: Rig, receiver: Receiver
) -> None:
    receiver.answers = [500]
    hook = {"url": receiver.url, "if": "job.state == 'PENDING'"}
    await rig.submit([TASK], webhooks=[hook])
    await rig.batcher.outbox.close()
    async with Client(LOCAL) as client:
        calls = Calls(rig.pool, client, rig.sealer, WebhookSettings(round_seconds=60))
        await Events(rig.pool, rig.sealer, calls).take_stored()
        await calls.finish()
        assert calls.owed.is_set()
        wait = await calls.make_due_calls()
    assert wait is not None
    assert 0 < wait <= 6


async def test_no_call_begins_once_the_dispatcher_stops(rig: Rig, receiver: Receiver) -> None:
    await rig.submit([TASK], webhooks=[{"url": receiver.url}])
    await rig.batcher.outbox.close()
    async with Client(LOCAL) as client:
        calls = Calls(rig.pool, client, rig.sealer, WebhookSettings())
        events = Events(rig.pool, rig.sealer, calls)
        await events.stop()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(events.take_stored(), 0.2)
    # Then another dispatcher finds them at once
    await Events(rig.pool, rig.sealer).take_stored()
    await call_all(rig)
    assert sorted(receiver.states) == ["PENDING", "SCHEDULED"]


async def test_the_log_names_the_host_that_did_not_take_a_call_and_not_its_path(
    rig: Rig, receiver: Receiver
) -> None:
    receiver.answers = [500]
    hook = {"url": f"{receiver.url}?key=hunter2", "if": "job.state == 'PENDING'"}
    await rig.submit([TASK], webhooks=[hook])
    await store_all(rig)
    with structlog.testing.capture_logs() as lines:
        await call_all(rig)
    [failed] = [line for line in lines if line["event"] == "webhook_failed"]
    assert (failed["host"], failed["error"]) == ("127.0.0.1", "answered 500")
    assert "hunter2" not in str(lines)


async def test_an_answer_that_leads_elsewhere_is_no_yes(rig: Rig, receiver: Receiver) -> None:
    receiver.answers, receiver.leads_to = [301], "/hook"
    hook = {"url": receiver.url, "if": "job.state == 'PENDING'"}
    await rig.submit([TASK], webhooks=[hook])
    await store_all(rig)
    await call_all(rig)
    assert await rig.pool.fetchval("SELECT attempts FROM webhook_deliveries") == 1


async def test_a_change_that_is_announced_twice_is_one_delivery_with_one_id(
    rig: Rig, receiver: Receiver
) -> None:
    await rig.submit([TASK], webhooks=[{"url": receiver.url}])
    messages = await store_all(rig)
    await Events(rig.pool, rig.sealer).on_webhooks_due(messages)
    await call_all(rig)
    ids = [headers["webhook-id"] for headers, _ in receiver.heard]
    assert len(ids) == len(set(ids)) == 2


async def test_a_failed_call_is_made_again_with_the_same_id(rig: Rig, receiver: Receiver) -> None:
    receiver.answers = [500]
    hook = {"url": receiver.url, "if": "job.state == 'PENDING'"}
    await rig.submit([TASK], webhooks=[hook])
    await store_all(rig)
    await call_all(rig)
    assert await rig.pool.fetchval("SELECT attempts FROM webhook_deliveries") == 1
    await rig.pool.execute("UPDATE webhook_deliveries SET next_at = now()")
    await call_all(rig)
    first, second = (headers["webhook-id"] for headers, _ in receiver.heard)
    assert first == second
    assert await states(rig) == ["DELIVERED"]


@pytest.mark.parametrize("tracing", [OFF, Traced()])
async def test_a_receiver_that_is_not_there_costs_nothing_but_attempts(
    rig: Rig, tracing: Tracing
) -> None:
    hooks = [{"url": url} for url in ("http://127.0.0.1:1/", "not a url", "http://[no address/")]
    await rig.submit([TASK], webhooks=hooks)
    await store_all(rig)
    await asyncio.wait_for(call_all(rig, WebhookSettings(retry_delays=""), tracing), 60)
    assert await states(rig) == ["FAILED"] * 6


async def test_a_job_whose_secrets_can_not_be_read_waits_for_the_key_and_holds_up_no_other(
    rig: Rig, receiver: Receiver
) -> None:
    # Given two jobs, and a dispatcher without the key of the second's secret
    hook = {"url": receiver.url, "if": "job.state == 'PENDING'"}
    told = await rig.submit([TASK], webhooks=[hook])
    secret = await rig.submit([TASK], webhooks=[hook], secrets={"token": "hunter2-hunter2"})
    sealed = await rig.pool.fetchval("SELECT sealed FROM jobs WHERE id = $1", secret)
    resealed = Sealer([generate_key()]).seal(rig.sealer.unseal(sealed))
    await rig.pool.execute("UPDATE jobs SET sealed = $2 WHERE id = $1", secret, resealed)
    # When it takes up what has changed
    await Events(rig.pool, rig.sealer).take_stored()
    # Then the first is told, and the second is told as soon as there is a key
    await call_all(rig)
    assert [body["id"] for _, body in receiver.heard] == [told]
    await rig.pool.execute("UPDATE jobs SET sealed = $2 WHERE id = $1", secret, sealed)
    await rig.pool.execute("UPDATE webhook_events SET due_at = now()")
    await Events(rig.pool, rig.sealer).take_stored()
    await call_all(rig)
    assert [body["id"] for _, body in receiver.heard] == [told, secret]


async def test_a_webhook_is_called_though_its_message_is_lost(rig: Rig, receiver: Receiver) -> None:
    # Given changes of a job whose messages RabbitMQ has lost
    await rig.submit([TASK], webhooks=[{"url": receiver.url}])
    await rig.batcher.outbox.close()
    await rig.receive(EVENTS)
    # When the dispatcher looks for what there is, and looks again
    events = Events(rig.pool, rig.sealer)
    await events.take_stored()
    await events.take_stored()
    await call_all(rig)
    # Then each is told, and told once
    assert receiver.states == ["PENDING", "SCHEDULED"]


async def test_a_job_is_not_deleted_before_its_webhooks_are_told(
    rig: Rig, receiver: Receiver
) -> None:
    # Given a completed job that is to be deleted at once
    job_id = await rig.submit([TASK], webhooks=[{"url": receiver.url}])
    await rig.run_current(job_id)
    await rig.pool.execute("UPDATE jobs SET delete_at = now() - interval '1 s'")
    retention = Retention(rig.pool, RetentionSettings())
    # When its time has come before its webhooks are told
    await retention.delete_expired()
    await store_all(rig)
    await retention.delete_expired()
    # Then it is still there, until they are
    assert await rig.job(job_id)
    await call_all(rig)
    assert receiver.states[-1] == "COMPLETED"
    await retention.delete_expired()
    for table in ("jobs", "webhook_deliveries", "webhook_attempts"):
        assert await rig.pool.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_a_change_that_can_not_be_read_does_not_hold_up_the_webhooks_of_others(
    rig: Rig, receiver: Receiver
) -> None:
    await rig.pool.execute(
        "INSERT INTO webhook_events (job_id, changes) VALUES ('x', $1)", [{"nonsense": 1}]
    )
    await rig.submit([TASK], webhooks=[{"url": receiver.url}])
    await store_all(rig)
    await call_all(rig)
    assert receiver.states[:1] == ["PENDING"]
    left = await rig.pool.fetch("SELECT due_at > now() AS later FROM webhook_events")
    assert [row["later"] for row in left] == [True]


async def test_webhooks_with_costly_expressions_do_not_hold_up_those_of_others(rig: Rig) -> None:
    costly = "count(1..45000, # % 7 == 3) > 0"  # takes all that one expression may, and fails
    hooks = [{"url": "http://costly.example", "if": costly}] * 20
    for _ in range(5):
        await rig.submit([TASK], webhooks=hooks)
    job_id = await rig.submit([TASK], webhooks=[{"url": "http://other.example"}])
    events = Events(rig.pool, rig.sealer)
    assert await events.take_stored() is not None  # a part of them: the database waits for no more
    assert await rig.pool.fetchval("SELECT count(*) FROM webhook_deliveries") == 0
    await events.on_webhooks_due([])
    assert await rig.pool.fetchval("SELECT job_id FROM webhook_deliveries") == job_id
