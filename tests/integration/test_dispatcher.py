"""The dispatcher: which state changes become calls, and what a call holds."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from services.webhook_dispatcher.settings import WebhookSettings
from shared.lifecycle import TaskClaimed, TaskProgressed
from shared.process.signing import new_secret, read_secrets, signature
from tests.support.jobs.batcher import LEASE, Rig
from tests.support.services.dispatcher import (
    TASK,
    Receiver,
    call_all,
    dispatcher_rig,
    running_receiver,
    store_all,
)
from tests.support.services.hostile_receiver import webhook_library


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with running_receiver() as receiver:
        yield receiver


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with dispatcher_rig(postgres_dsn) as rig:
        yield rig


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


async def test_the_last_progress_is_told_before_the_end(rig: Rig, receiver: Receiver) -> None:
    hook = {"url": receiver.url, "event": "job.Progress"}
    for tasks, told in ([TASK], [100]), ([TASK, TASK], [50, 100]):
        job_id = await rig.submit(tasks, webhooks=[hook])
        for _ in tasks:
            await rig.run_current(job_id)
        await store_all(rig)
        await call_all(rig)
        in_order = sorted(receiver.heard, key=lambda heard: int(heard[0]["conveyor-sequence"]))
        assert [body["progress"] for _, body in in_order] == told
        receiver.heard.clear()


async def test_what_a_webhook_of_a_task_tells_is_all_that_tork_tells(
    rig: Rig, receiver: Receiver
) -> None:
    task = {**TASK, "description": "td", "var": "v", "tags": ["q"]}
    hooks = [
        {"url": receiver.url, "event": "task.StateChange", "if": "task.State == 'COMPLETED'"},
        {"url": receiver.url, "if": "job.State == 'COMPLETED'"},
    ]
    job_id = await rig.submit([task], webhooks=hooks)
    await rig.run_current(job_id)
    await store_all(rig)
    await call_all(rig)
    of_task, of_job = sorted((body for _, body in receiver.heard), key=lambda b: "jobId" not in b)
    expected = {"jobId": job_id, "position": 1, "description": "td", "var": "v", "tags": ["q"]}
    assert expected.items() <= of_task.items()
    assert {"id", "name", "createdAt", "scheduledAt", "startedAt", "completedAt"} <= of_task.keys()
    assert (of_job["position"], of_job["taskCount"]) == (2, 1)
    assert of_job["createdBy"]["username"] == "guest"


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


@pytest.mark.parametrize("format_", ["tork", "standard"])
@pytest.mark.parametrize("has_operators", [False, True])
async def test_a_receiver_verifies_the_secret_of_its_webhook_with_a_library(
    rig: Rig, receiver: Receiver, format_: str, has_operators: bool
) -> None:
    own, operators = new_secret(), new_secret()
    hook = {"url": receiver.url, "if": "job.state == 'PENDING'", "format": format_}
    hooks = [{**hook, "secret": own}, {**hook, "secret": "{{ secrets.s }}"}, hook]
    await rig.submit([TASK], webhooks=hooks, secrets={"s": own})
    await store_all(rig)
    settings = WebhookSettings(signing_secret=SecretStr(operators if has_operators else ""))
    await call_all(rig, settings)
    signed = [call for call in receiver.heard if "webhook-signature" in call[0]]
    assert len(signed) == 2 + has_operators
    for secret, count in (own, 2), (operators, int(has_operators)):
        assert [verifies(secret, *call) for call in signed].count(True) == count


def verifies(secret: str, headers: dict[str, str], body: dict[str, Any]) -> bool:
    library = webhook_library()
    try:
        library.Webhook(secret).verify(orjson.dumps(body), headers)
    except library.WebhookVerificationError:
        return False
    return True


async def test_a_receiver_is_told_who_calls_unless_the_job_says_otherwise(
    rig: Rig, receiver: Receiver
) -> None:
    own = {"url": receiver.url, "headers": {"user-agent": "mine"}}
    await rig.submit([TASK], webhooks=[{"url": receiver.url}, own])
    await store_all(rig)
    await call_all(rig)
    agents = {headers["User-Agent"].split("/")[0] for headers, _ in receiver.heard}
    assert agents == {"Conveyor", "mine"}


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


async def test_blanks_and_line_ends_around_a_header_are_left_out(
    rig: Rig, receiver: Receiver
) -> None:
    headers = {"Authorization": "Bearer {{ secrets.token }}", "X-A": " a\n"}
    hook = {"url": receiver.url, "headers": headers, "if": "job.state == 'PENDING'"}
    await rig.submit([TASK], webhooks=[hook], secrets={"token": "hunter2-hunter2\n"})
    await store_all(rig)
    await call_all(rig)
    heard = receiver.heard[0][0]
    assert (heard["Authorization"], heard["X-A"]) == ("Bearer hunter2-hunter2", "a")


@pytest.mark.parametrize("value", ["{{ int('x') }}", "{{ secrets.lines }}"])
async def test_a_header_that_can_never_be_sent_is_not_tried_again(
    value: str, rig: Rig, receiver: Receiver
) -> None:
    hook = {"url": receiver.url, "headers": {"X": value}}
    await rig.submit([TASK], webhooks=[hook], secrets={"lines": "one\ntwo"})
    await store_all(rig)
    await call_all(rig)
    assert receiver.heard == []
    states = await rig.pool.fetch("SELECT state FROM webhook_deliveries")
    assert {row["state"] for row in states} == {"FAILED"}
