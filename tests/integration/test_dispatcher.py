"""The dispatcher: state changes become calls, stored first and made until they are taken."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import structlog
from aiohttp import web
from pydantic import SecretStr

from services.scheduler.retention import Retention
from services.scheduler.settings import RetentionSettings
from services.webhook_dispatcher.calls import Calls
from services.webhook_dispatcher.client import Client
from services.webhook_dispatcher.events import Events
from services.webhook_dispatcher.requests import read_secrets, signature
from services.webhook_dispatcher.settings import WebhookSettings
from shared.lifecycle import TaskClaimed, TaskProgressed
from shared.messages import WebhooksDue
from shared.messages.queues import EVENTS
from shared.process.sealing import Sealer
from shared.tracing.protocol import OFF, Off, Tracing
from tests.support.jobs.batcher import LEASE, Rig, batcher_rig

TASK = {"name": "build", "run": "true"}


class Receiver:
    """Answers with the statuses it was given, then 200; keeps what it was told."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[int] = []
        self.leads_to = ""
        self.heard: list[tuple[dict[str, str], dict[str, Any]]] = []

    async def on_post(self, request: web.Request) -> web.Response:
        self.heard.append((dict(request.headers), await request.json()))
        status = self.answers.pop(0) if self.answers else 200
        return web.Response(status=status, headers={"Location": self.leads_to})

    async def on_get(self, _: web.Request) -> web.Response:
        return web.Response()

    @property
    def states(self) -> list[str]:
        return [body["state"] for _, body in self.heard]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.on_post)
    app.router.add_get("/hook", receiver.on_get)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield receiver
    await runner.cleanup()


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with batcher_rig(postgres_dsn) as rig:
        # The dispatcher's queue exists before anything happens, as it does in production.
        async with rig.broker.consume(EVENTS, prefetch=1):
            pass
        yield rig


async def store_all(rig: Rig) -> list[WebhooksDue]:
    """Take in what was announced so far."""
    await rig.batcher.outbox.close()
    stats = await rig.broker.queue_stats(EVENTS)
    assert stats is not None
    messages = [m for m in await rig.receive(EVENTS, stats.size) if isinstance(m, WebhooksDue)]
    assert await Events(rig.pool, rig.sealer).on_webhooks_due(messages) == [None] * len(messages)
    return messages


class Traced(Off):
    """Tracing that is on, and samples nothing."""

    is_on = True


async def call_all(
    rig: Rig, settings: WebhookSettings | None = None, tracing: Tracing = OFF
) -> None:
    async with Client() as client:
        settings = settings or WebhookSettings()
        calls = Calls(rig.pool, client, rig.sealer, settings, tracing=tracing)
        while await calls.make_due_calls() == 0:
            pass
        await calls.finish()


async def test_a_receiver_hears_of_each_state_of_the_job(rig: Rig, receiver: Receiver) -> None:
    job_id = await rig.submit([TASK], webhooks=[{"url": receiver.url}], inputs={"n": 1})
    await rig.run_current(job_id)
    await store_all(rig)
    await call_all(rig)
    assert sorted(receiver.states) == ["COMPLETED", "PENDING", "RUNNING", "SCHEDULED"]
    in_order = sorted(receiver.heard, key=lambda heard: int(heard[0]["conveyor-sequence"]))
    assert [b["state"] for _, b in in_order] == ["PENDING", "SCHEDULED", "RUNNING", "COMPLETED"]
    last = in_order[-1][1]
    assert (last["id"], last["name"], last["inputs"], last["progress"]) == (
        job_id,
        "a job",
        {"n": "1"},
        100,
    )


async def test_task_webhooks_hear_of_tasks_alone(rig: Rig, receiver: Receiver) -> None:
    hook = {"url": receiver.url, "event": "task.StateChange"}
    job_id = await rig.submit([TASK], webhooks=[hook])
    await rig.run_current(job_id)
    await store_all(rig)
    await call_all(rig)
    assert sorted(receiver.states) == ["COMPLETED", "RUNNING", "SCHEDULED"]
    assert {body["jobId"] for _, body in receiver.heard} == {job_id}


async def test_progress_is_told_to_those_who_asked_for_it_and_to_nobody_else(
    rig: Rig, receiver: Receiver
) -> None:
    hooks = [{"url": receiver.url, "event": event} for event in ("job.Progress", "task.Progress")]
    job_id = await rig.submit([TASK], webhooks=[{"url": f"{receiver.url}?states"}, *hooks])
    [task] = await rig.tasks(job_id)
    await rig.happen(TaskClaimed(job_id, task["id"], 1, "n1", LEASE))
    await store_all(rig)
    await call_all(rig)
    receiver.heard.clear()
    await rig.happen(TaskProgressed(job_id, task["id"], 1, 40.0))
    await store_all(rig)
    await call_all(rig)
    told = sorted((body["id"], body["progress"]) for _, body in receiver.heard)
    assert told == sorted([(job_id, 40.0), (task["id"], 40.0)])


@pytest.mark.parametrize(
    "condition", ["{{ job.State == 'COMPLETED' }}", "job.state == 'COMPLETED'"]
)
async def test_a_condition_lets_through_what_it_names(
    rig: Rig, receiver: Receiver, condition: str
) -> None:
    job_id = await rig.submit([TASK], webhooks=[{"url": receiver.url, "if": condition}])
    await rig.run_current(job_id)
    await store_all(rig)
    await call_all(rig)
    assert receiver.states == ["COMPLETED"]


async def test_a_task_webhook_reads_its_job_in_its_condition_and_its_headers(
    rig: Rig, receiver: Receiver
) -> None:
    # Given a webhook for tasks whose condition and header speak of the job
    hook = {
        "url": receiver.url,
        "event": "task.StateChange",
        "if": "{{ task.State == 'COMPLETED' && job.Name == 'a job' && job.State != 'FAILED' }}",
        "headers": {"x-job": "{{ job.name }} {{ job.ID }}"},
    }
    # When a task of it runs
    job_id = await rig.submit([TASK], webhooks=[hook])
    await rig.run_current(job_id)
    await store_all(rig)
    await call_all(rig)
    # I expect to hear of its end alone, with the header
    assert receiver.states == ["COMPLETED"]
    assert receiver.heard[0][0]["x-job"] == f"a job {job_id}"


async def test_calls_are_signed_where_the_operator_has_set_a_secret(
    rig: Rig, receiver: Receiver
) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    await rig.submit([TASK], webhooks=[{"url": receiver.url}])
    await store_all(rig)
    await call_all(rig, WebhookSettings(signing_secret=SecretStr(secret)))
    headers, body = receiver.heard[0]
    sent = orjson.dumps(body)
    expected = signature(
        read_secrets(secret), headers["webhook-id"], int(headers["webhook-timestamp"]), sent
    )
    assert headers["webhook-signature"] == expected


async def test_a_slow_receiver_holds_up_nobody_elses_calls(rig: Rig, receiver: Receiver) -> None:
    # Given a receiver that takes a call and doesn't answer it
    taken, answer = asyncio.Event(), asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        taken.set()
        await answer.wait()
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", hang)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slow = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    async with Client() as client:
        calls = Calls(rig.pool, client, rig.sealer, WebhookSettings(concurrency=2))
        # When it has been called
        await rig.submit([TASK], webhooks=[{"url": slow, "if": "job.state == 'PENDING'"}])
        await store_all(rig)
        await calls.make_due_calls()
        await taken.wait()
        # I expect that others are called meanwhile
        await rig.submit([TASK], webhooks=[{"url": receiver.url}])
        await store_all(rig)
        while len(receiver.heard) < 2:
            await calls.make_due_calls()
            await asyncio.sleep(0)
        answer.set()
        await calls.finish()
    await runner.cleanup()


async def test_a_call_begins_as_soon_as_its_change_is_taken_up(
    rig: Rig, receiver: Receiver
) -> None:
    # Given a job whose changes have been announced
    await rig.submit([TASK], webhooks=[{"url": receiver.url, "headers": {"X": "{{ job.name }}"}}])
    await rig.batcher.outbox.close()
    async with Client() as client:
        calls = Calls(rig.pool, client, rig.sealer, WebhookSettings())
        # When they are taken up
        await Events(rig.pool, rig.sealer, calls).take_stored()
        # Then their calls are owed until they have been taken, and made without another look
        owed = "SELECT attempts, next_at > now() AS is_held FROM webhook_deliveries"
        assert [tuple(row) for row in await rig.pool.fetch(owed)] == [(1, True)] * 2
        await calls.finish()
    assert sorted(receiver.states) == ["PENDING", "SCHEDULED"]
    assert {headers["X"] for headers, _ in receiver.heard} == {"a job"}
    assert await rig.pool.fetch(owed) == []


async def test_calls_that_there_is_no_room_for_are_left_to_the_next_round(
    rig: Rig, receiver: Receiver
) -> None:
    await rig.submit([TASK], webhooks=[{"url": receiver.url}])
    await rig.batcher.outbox.close()
    async with Client() as client:
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
    async with Client() as client:
        calls = Calls(rig.pool, client, rig.sealer, WebhookSettings(round_seconds=60))
        await Events(rig.pool, rig.sealer, calls).take_stored()
        await calls.finish()
        assert calls.owed.is_set()
        wait = await calls.make_due_calls()
    assert wait is not None
    assert 0 < wait < 2


async def test_no_call_begins_once_the_dispatcher_stops(rig: Rig, receiver: Receiver) -> None:
    await rig.submit([TASK], webhooks=[{"url": receiver.url}])
    await rig.batcher.outbox.close()
    async with Client() as client:
        calls = Calls(rig.pool, client, rig.sealer, WebhookSettings())
        events = Events(rig.pool, rig.sealer, calls)
        await events.stop()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(events.take_stored(), 0.2)
    # Then another dispatcher finds them at once
    await Events(rig.pool, rig.sealer).take_stored()
    await call_all(rig)
    assert sorted(receiver.states) == ["PENDING", "SCHEDULED"]


async def test_a_receiver_is_told_who_calls_unless_the_job_says_otherwise(
    rig: Rig, receiver: Receiver
) -> None:
    own = {"url": receiver.url, "headers": {"user-agent": "mine"}}
    await rig.submit([TASK], webhooks=[{"url": receiver.url}, own])
    await store_all(rig)
    await call_all(rig)
    agents = {headers["User-Agent"].split("/")[0] for headers, _ in receiver.heard}
    assert agents == {"Conveyor", "mine"}


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


async def test_headers_are_evaluated_and_no_secret_is_stored_for_them(
    rig: Rig, receiver: Receiver
) -> None:
    hook = {"url": receiver.url, "headers": {"Authorization": "Bearer {{ secrets.token }}"}}
    await rig.submit([TASK], webhooks=[hook], secrets={"token": "hunter2-hunter2"})
    await store_all(rig)
    stored = await rig.pool.fetchval("SELECT string_agg(d::text, '') FROM webhook_deliveries d")
    assert "hunter2" not in stored
    await call_all(rig)
    assert receiver.heard[0][0]["Authorization"] == "Bearer hunter2-hunter2"


async def test_headers_may_name_the_job_and_its_state(rig: Rig, receiver: Receiver) -> None:
    hook = {"url": receiver.url, "headers": {"X-What": "{{ job.id }} is {{ job.State }}"}}
    job_id = await rig.submit([TASK], webhooks=[{**hook, "if": "job.state == 'PENDING'"}])
    await store_all(rig)
    await call_all(rig)
    assert receiver.heard[0][0]["X-What"] == f"{job_id} is PENDING"


async def test_a_header_that_can_never_be_evaluated_is_not_tried_again(
    rig: Rig, receiver: Receiver
) -> None:
    await rig.submit([TASK], webhooks=[{"url": receiver.url, "headers": {"X": "{{ int('x') }}"}}])
    await store_all(rig)
    await call_all(rig)
    assert receiver.heard == []
    assert await rig.pool.fetchval("SELECT count(*) FROM webhook_deliveries") == 0


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
    assert await rig.pool.fetchval("SELECT count(*) FROM webhook_deliveries") == 0


@pytest.mark.parametrize("tracing", [OFF, Traced()])
async def test_a_receiver_that_is_not_there_costs_nothing_but_attempts(
    rig: Rig, tracing: Tracing
) -> None:
    hooks = [{"url": url} for url in ("http://127.0.0.1:1/", "not a url", "http://[no address/")]
    await rig.submit([TASK], webhooks=hooks)
    await store_all(rig)
    await asyncio.wait_for(call_all(rig, WebhookSettings(max_attempts=1), tracing), 60)
    assert await rig.pool.fetchval("SELECT count(*) FROM webhook_deliveries") == 0


async def test_a_job_whose_secrets_can_not_be_read_waits_for_the_key_and_holds_up_no_other(
    rig: Rig, receiver: Receiver
) -> None:
    # Given two jobs, and a dispatcher without the key of the second's secret
    hook = {"url": receiver.url, "if": "job.state == 'PENDING'"}
    told = await rig.submit([TASK], webhooks=[hook])
    secret = await rig.submit([TASK], webhooks=[hook], secrets={"token": "hunter2-hunter2"})
    # When it takes up what has changed
    await Events(rig.pool, Sealer()).take_stored()
    # Then the first is told, and the second is told as soon as there is a key
    await call_all(rig)
    assert [body["id"] for _, body in receiver.heard] == [told]
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
    assert await rig.pool.fetchval("SELECT count(*) FROM jobs") == 0


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
