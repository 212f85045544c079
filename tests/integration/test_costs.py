"""Metering, budgets and balances, on a real database."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from services.coordinator.commands import InsufficientBalance
from services.coordinator.schedule_commands import ScheduleCommands, Trigger
from services.coordinator.store.wallet import TopUp, top_up
from shared.apply.apply import BalanceTooLow, Work, apply_within
from shared.lifecycle import (
    Decision,
    Ignored,
    JobReleased,
    JobRestarted,
    JobSubmitted,
    JobUpdated,
    Rates,
    TaskSucceeded,
)
from shared.planning.new_job import IdempotencyKey
from shared.planning.planner import Planner
from shared.planning.submission import new_job, new_job_id
from shared.planning.terms import Terms
from shared.store.wallets import read_wallets
from tests.support.jobs import schedules
from tests.support.jobs.batcher import Rig, batcher_rig
from tests.support.jobs.definitions import job_definition

TASK = {"name": "one", "run": "a", "limits": {"cpus": "2", "memory": "1g"}}
RATES = Rates(cpu_second=Decimal("0.5"), gib_second=Decimal(0), unit="BYC")
TERMS = Terms(rates=RATES, charges=True, grace=timedelta(0))
HOUR_AGO = "UPDATE tasks SET started_at = started_at - interval '1 h' WHERE state = 'RUNNING'"


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with batcher_rig(postgres_dsn, terms=TERMS) as rig:
        yield rig


async def add(rig: Rig, amount: int, owner: str = "ann", reference: str = "first") -> bool:
    async with rig.pool.acquire() as connection:
        return await top_up(connection, TopUp(owner, Decimal(amount), "BYC", reference, None))


async def available(rig: Rig, owner: str = "ann") -> Decimal:
    async with rig.pool.acquire() as connection:
        return (await read_wallets(connection, [owner]))[owner].available


async def payments(rig: Rig) -> list[tuple[str, Decimal]]:
    rows = await rig.pool.fetch(
        "SELECT owner, amount FROM wallet_transactions WHERE kind = 'payment' ORDER BY id"
    )
    return [(row["owner"], row["amount"]) for row in rows]


@pytest.mark.parametrize("at_release", [True, False])
async def test_attempts_are_metered_and_a_job_fails_once_its_budget_is_spent(
    rig: Rig, at_release: bool
) -> None:
    await add(rig, 9000)
    given = {} if at_release else {"budget": "5000"}
    job_id = await rig.submit([TASK, TASK, TASK], is_held=True, created_by="ann", **given)
    await rig.happen(JobReleased(job_id, budget=Decimal(5000) if at_release else None))
    for _ in range(2):
        task = await rig.claim_current(job_id)
        await rig.pool.execute(HOUR_AGO)
        await rig.complete(task)
    job, tasks = await rig.job(job_id), await rig.tasks(job_id)
    assert 7_200_000 <= job["usage"]["run_ms"] < 7_260_000
    assert job["usage"]["cpu_us"] == 2000 * job["usage"]["run_ms"]
    assert job["usage"]["run_ms"] == sum(t["usage"]["run_ms"] for t in tasks if t["usage"])
    assert [task["state"] for task in tasks] == ["COMPLETED", "COMPLETED", "CANCELLED"]
    assert job["state"] == "FAILED"
    assert job["error"].startswith("budget_exceeded: it has cost 72")


async def test_a_job_is_charged_once_in_the_transaction_that_ends_it(rig: Rig) -> None:
    await add(rig, 9000)
    job_id = await rig.submit([TASK], created_by="ann")
    await rig.claim_current(job_id)
    await rig.pool.execute(HOUR_AGO)
    [task] = await rig.tasks(job_id)
    done = Work(TaskSucceeded(job_id, task["id"], task["dispatch"], "n1"))

    # A coordinator that is killed before it commits has charged nothing.
    async with rig.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await apply_within(connection, Planner(rig.sealer, terms=TERMS), [done])
        assert await connection.fetchval("SELECT count(*) FROM wallet_transactions") == 2
        await transaction.rollback()
    assert await payments(rig) == []

    told = await asyncio.gather(*(rig.batcher.perform_one(done) for _ in range(5)))
    assert [isinstance(outcome, Decision) for outcome in told].count(True) == 1
    assert isinstance(await rig.batcher.perform_one(done), Ignored)
    job = await rig.job(job_id)
    assert (job["state"], await payments(rig)) == ("COMPLETED", [("ann", -job["charged"])])
    assert 3600 <= job["charged"] < 3660
    assert await available(rig) == 9000 - job["charged"]


async def test_drafts_hold_what_they_are_thought_to_cost_and_one_too_many_stays_one(
    rig: Rig,
) -> None:
    await add(rig, 100)
    drafts = [await rig.submit([TASK], is_held=True, created_by="ann") for _ in range(2)]
    releases = [JobReleased(job_id, hold=Decimal(60)) for job_id in drafts]
    outcomes = await asyncio.gather(*map(rig.happen, releases))
    [refused] = [outcome for outcome in outcomes if isinstance(outcome, BalanceTooLow)]
    assert refused.reason == "insufficient_balance: 40 BYC are available, and 60 are needed"
    assert sorted([(await rig.job(job_id))["is_held"] for job_id in drafts]) == [False, True]
    assert await available(rig) == 40

    assert await add(rig, 30, reference="second")
    assert await add(rig, 30, reference="second")
    assert not await add(rig, 31, reference="second")
    assert await available(rig) == 70
    late = next(r for r, outcome in zip(releases, outcomes, strict=True) if outcome is refused)
    assert isinstance(await rig.happen(late), Decision)
    assert await available(rig) == 10


async def test_without_a_balance_a_job_is_not_made_and_its_key_stays_free(rig: Rig) -> None:
    definition = job_definition([TASK])
    new = new_job(definition, new_job_id(), datetime.now(UTC), created_by="bob")
    new = replace(new, key=IdempotencyKey("user:bob", "k", b"hash"))
    work = Work(JobSubmitted(new.job), new_job=new)
    assert isinstance(await rig.batcher.perform_one(work), BalanceTooLow)
    await add(rig, 1, "bob")
    assert isinstance(await rig.batcher.perform_one(work), Decision)

    # Nor does one that has ended begin anew, as another version of it
    version = replace(new, key=IdempotencyKey("user:bob", "later", b"hash"))
    again = Work(JobUpdated(new.job.id), new_version=version)
    await rig.pool.execute("UPDATE jobs SET state = 'CANCELLED', cancelled_at = now()")
    await rig.pool.execute("UPDATE wallet_transactions SET amount = 0")
    assert isinstance(await rig.batcher.perform_one(again), BalanceTooLow)
    await add(rig, 1, "bob", "second")
    assert isinstance(await rig.batcher.perform_one(again), Decision)


async def test_who_asks_a_schedule_for_a_job_is_told_that_the_balance_does_not_suffice(
    rig: Rig,
) -> None:
    schedule_id = await schedules.add(rig)
    planner = Planner(rig.sealer, terms=TERMS)
    commands = ScheduleCommands(rig.pool, rig.batcher.outbox, planner)
    with pytest.raises(InsufficientBalance, match="insufficient_balance"):
        await commands.trigger(Trigger(schedule_id))
    assert await schedules.jobs(rig, schedule_id) == []
    await add(rig, 1)
    job_id = await commands.trigger(Trigger(schedule_id))
    assert [job["id"] for job in await schedules.jobs(rig, schedule_id)] == [job_id]


async def test_jobs_still_begin_in_the_time_of_grace_and_not_after_it(postgres_dsn: str) -> None:
    terms = replace(TERMS, grace=timedelta(hours=1))
    async with batcher_rig(postgres_dsn, terms=terms) as rig:
        await add(rig, 10)
        await rig.pool.execute("UPDATE wallet_transactions SET amount = 0")
        draft, later = [await rig.submit([TASK], is_held=True, created_by="ann") for _ in range(2)]
        assert isinstance(await rig.happen(JobReleased(draft)), Decision)
        past = "UPDATE wallets SET short_since = short_since - interval '1 h'"
        await rig.pool.execute(past)
        assert isinstance(await rig.happen(JobReleased(later)), BalanceTooLow)
        await rig.pool.execute("UPDATE jobs SET state = 'CANCELLED' WHERE id = $1", draft)
        assert isinstance(await rig.happen(JobRestarted(draft)), BalanceTooLow)
