"""Metering, budgets and balances, on a real database."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import pytest

from shared.lifecycle import JobReleased, Rates
from shared.planning.terms import Terms
from tests.support.jobs.batcher import Rig, batcher_rig

TASK = {"name": "one", "run": "a", "limits": {"cpus": "2", "memory": "1g"}}
RATES = Rates(cpu_second=Decimal("0.5"), gib_second=Decimal(0), unit="BYC")
TERMS = Terms(rates=RATES, charges=True, grace=timedelta(0))
HOUR_AGO = "UPDATE tasks SET started_at = started_at - interval '1 h' WHERE state = 'RUNNING'"


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with batcher_rig(postgres_dsn, terms=TERMS) as rig:
        yield rig


async def test_attempts_are_metered_and_a_job_fails_once_its_budget_is_spent(rig: Rig) -> None:
    job_id = await rig.submit([TASK, TASK, TASK], is_held=True, created_by="ann")
    await rig.happen(JobReleased(job_id, budget=Decimal(5000)))
    for _ in range(2):
        await rig.claim_current(job_id)
        await rig.pool.execute(HOUR_AGO)
        await rig.complete_running(job_id)
    job, tasks = await rig.job(job_id), await rig.tasks(job_id)
    assert 7_200_000 <= job["usage"]["run_ms"] < 7_260_000
    assert job["usage"]["cpu_us"] == 2000 * job["usage"]["run_ms"]
    assert job["usage"]["run_ms"] == sum(t["usage"]["run_ms"] for t in tasks if t["usage"])
    assert [task["state"] for task in tasks] == ["COMPLETED", "COMPLETED", "CANCELLED"]
    assert job["state"] == "FAILED"
    assert job["error"].startswith("budget_exceeded: it has cost 72")
