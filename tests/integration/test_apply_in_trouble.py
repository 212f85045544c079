"""`apply` when others are in its way: locks, a broker that fails, a key that is missing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.apply.batcher import Batcher
from shared.broker.protocol import BrokerUnavailable, Outgoing
from shared.lifecycle import TaskClaimed
from shared.messages import LogPart, TaskRef
from shared.planning.planner import Planner
from shared.postgres.pool import acquired
from shared.process.sealing import Sealer
from shared.store import outbox
from shared.store.leases import Held, renew
from shared.store.locking import load
from shared.store.writing import Writes, write
from tests.support.eventually import eventually
from tests.support.jobs.batcher import LEASE, Rig, batcher_rig

SHELL = {"name": "build", "run": "true"}


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with batcher_rig(postgres_dsn) as rig:
        yield rig


async def running(rig: Rig) -> TaskRef:
    job_id = await rig.submit([SHELL])
    [task] = await rig.tasks(job_id)
    await rig.happen(TaskClaimed(job_id, task["id"], 1, "n1", LEASE))
    return TaskRef(job_id=job_id, task_id=task["id"], dispatch=1)


async def log_part(rig: Rig, ref: TaskRef) -> LogPart:
    created_at = (await rig.tasks(ref.job_id))[0]["created_at"]
    return LogPart(
        job_id=ref.job_id, task_id=ref.task_id, number=1, contents="x", created_at=created_at
    )


async def test_the_lease_of_a_task_whose_log_is_being_stored_is_renewed(rig: Rig) -> None:
    ref = await running(rig)
    part = await log_part(rig, ref)
    async with acquired(rig.pool) as storing, storing.transaction():
        await write(storing, Writes(log_parts=[part]))
        async with acquired(rig.pool) as connection:
            await renew(connection, [Held(ref, "n1", timedelta(hours=1))])
    [task] = await rig.tasks(ref.job_id)
    assert task["lease_expires_at"] - task["started_at"] > timedelta(minutes=59)


async def test_logs_are_stored_while_their_task_is_being_decided_on(rig: Rig) -> None:
    # Otherwise the two wait for each other as soon as two tasks come in different order.
    ref = await running(rig)
    part = await log_part(rig, ref)
    async with acquired(rig.pool) as deciding, deciding.transaction():
        await load(deciding, [ref.job_id], [ref.task_id])
        async with acquired(rig.pool) as storing, asyncio.timeout(60):
            await write(storing, Writes(log_parts=[part]))
    assert await rig.pool.fetchval("SELECT count(*) FROM task_log_parts") == 1


WAITING = "SELECT pid, backend_xid FROM pg_stat_activity WHERE wait_event = 'advisory'"


async def test_who_waits_for_a_job_reads_what_was_decided_meanwhile_and_has_no_number_yet(
    rig: Rig,
) -> None:
    # Given a transaction that has changed a job and its task, and one that waits for it
    ref = await running(rig)
    async with acquired(rig.pool) as first, acquired(rig.pool) as second, second.transaction():
        async with first.transaction():
            jobs, tasks, decided_at = await load(first, [ref.job_id], [ref.task_id])
            job = replace(jobs[ref.job_id], version=jobs[ref.job_id].version + 1)
            task = replace(tasks[ref.task_id], progress=50.0)
            await write(first, Writes(jobs=[job], tasks=[task]))
            waiting = asyncio.create_task(load(second, [ref.job_id], [ref.task_id]))
            [waits] = await eventually(lambda: rig.pool.fetch(WAITING))
            # Its number comes after the other's commit: the feed is read in that order.
            assert waits["backend_xid"] is None
        # When the first commits, the second goes on from there
        loaded = await waiting
    assert (loaded.jobs[ref.job_id], loaded.tasks[ref.task_id]) == (job, task)
    assert loaded.now > decided_at


async def test_a_relay_that_can_not_send_says_so_instead_of_trying_at_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a broker that is up and takes nothing
    async def refuse(messages: Sequence[Outgoing]) -> None:
        raise BrokerUnavailable("refused")

    monkeypatch.setattr(rig.broker, "publish", refuse)
    await rig.submit([SHELL])
    await rig.batcher.outbox.close()
    # When a relay makes a round, it fails, so that its loop waits longer each time
    with pytest.raises(BrokerUnavailable, match="refused"):
        await rig.batcher.outbox.relay_round()
    # And the messages are free for the next
    free = "SELECT count(*) FROM outbox WHERE claimed_until <= clock_timestamp()"
    assert await rig.pool.fetchval(free) > 0


async def test_rows_stay_with_a_sender_that_waits_long_for_its_confirm(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a broker that takes its time
    monkeypatch.setattr(outbox, "_SAY_AGAIN_SECONDS", 0.01)
    may_go_on = asyncio.Event()

    async def wait(messages: Sequence[Outgoing]) -> None:
        await may_go_on.wait()

    monkeypatch.setattr(rig.broker, "publish", wait)
    await rig.submit([SHELL])
    claimed = "SELECT claimed_until FROM outbox"
    first = await rig.pool.fetchval(claimed)
    # Then the row is claimed again, and again, for as long as that lasts
    for _ in range(2):
        while (now := await rig.pool.fetchval(claimed)) == first:
            pass
        first = now
    may_go_on.set()
    await rig.batcher.outbox.close()
    assert await rig.pool.fetchval(claimed) is None


async def test_a_queue_that_takes_nothing_does_not_hold_up_the_others(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = rig.broker.publish
    sent: list[str] = []

    async def only_default(messages: Sequence[Outgoing]) -> None:
        if any(message.queue == "broken" for message in messages):
            raise BrokerUnavailable("that queue is broken")
        sent.extend(message.queue for message in messages)
        await publish(messages)

    monkeypatch.setattr(rig.broker, "publish", only_default)
    await asyncio.gather(rig.submit([SHELL]), rig.submit([{**SHELL, "queue": "broken"}]))
    await rig.batcher.outbox.close()
    for _ in range(2):
        with pytest.raises(BrokerUnavailable):
            await rig.batcher.outbox.relay_once()
    await rig.batcher.outbox.close()
    assert sent.count("default") == 1
    assert await rig.pool.fetchval("SELECT array_agg(queue) FROM outbox") == ["broken"]


async def test_a_job_whose_secrets_can_not_be_read_fails_and_says_why(rig: Rig) -> None:
    # Given a job with a secret, and a coordinator that was given another key
    task = {**SHELL, "env": {"T": "{{ secrets.t }}"}}
    job_id = await rig.submit([SHELL, task], secrets={"t": "hunter2-hunter2"})
    stranger = Batcher(rig.pool, rig.broker, Planner(Sealer()))
    rig = Rig(rig.pool, rig.broker, stranger, rig.sealer)
    # When it has to make the second task ready
    async with stranger:
        await rig.run_current(job_id)
    # Then the report on the first still counts
    assert [t["state"] for t in await rig.tasks(job_id)] == ["COMPLETED", "FAILED"]
    job = await rig.job(job_id)
    assert job["state"] == "FAILED"
    assert "CONVEYOR_ENCRYPTION_KEY" in job["error"]
