"""A job with very many active tasks is cancelled at once, and its tasks some at a time."""

from collections import Counter
from typing import Any

import pytest

from services.coordinator.handlers import on_completions
from shared.lifecycle import Decision, Ignored, JobCancelled, JobRestarted, TaskClaimed, TaskFailed
from shared.planning import budgets
from tests.support.family_invariants import check_invariants
from tests.support.jobs.batcher import LEASE
from tests.support.jobs.families import NODE, Fails, Play, Row, Stays, Verdict
from tests.support.jobs.subjobs import later
from tests.unit.test_decide_cancelling import STILL_CANCELLING

MOST = 20
SHELL = {"run": "true"}
ACTIVE = {"PENDING", "SCHEDULED", "RUNNING"}


@pytest.fixture(autouse=True)
def few_in_a_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "MOST_CANCELLED", MOST)


def families(outer: int, inner: int) -> dict[str, Any]:
    leaves = {"list": f"sequence(0, {inner})", "task": {**SHELL, "name": "leaf"}}
    middle = {"name": "middle", "each": leaves}
    return {"name": "outer", "each": {"list": f"sequence(0, {outer})", "task": middle}}


async def states(play: Play, job_id: str) -> Counter[str]:
    rows = await play.rig.pool.fetch("SELECT state FROM tasks WHERE job_id = $1", job_id)
    return Counter(row["state"] for row in rows)


async def active(play: Play, job_id: str) -> int:
    return sum(count for state, count in (await states(play, job_id)).items() if state in ACTIVE)


async def next_portion(play: Play) -> bool:
    """Deliver what the job has said to itself, and none of what comes of that."""
    messages = await play.subjob_signals()
    failures = await on_completions(play.rig.batcher, play.rig.pool, messages)
    assert not any(failures)
    return bool(messages)


async def test_each_transaction_cancels_no_more_than_so_many_and_at_last_all_are(
    play: Play,
) -> None:
    # Given a job of some hundred active tasks
    job_id = await play.submit_tasks(families(9, 20))
    await play.deliver()
    before = await active(play, job_id)
    assert before == 1 + 9 + 180
    # When it is cancelled
    await play.happen(JobCancelled(job_id))
    # Then the job is at once, and its tasks some at a time
    assert await play.state(job_id) == "CANCELLED"
    portions = [before - (left := await active(play, job_id))]
    while await next_portion(play):
        await check_invariants(play.rig.pool)
        portions.append(left - (left := await active(play, job_id)))
    assert max(portions) == MOST
    assert (await states(play, job_id)).keys() == {"CANCELLED"}


async def test_children_that_never_began_are_cancelled_some_at_a_time(play: Play) -> None:
    made_of = {"list": "sequence(0, 900)", "concurrency": 1, "task": {**SHELL, "name": "leaf"}}
    job_id = await play.submit_tasks({"name": "e", "each": made_of})
    await play.happen(JobCancelled(job_id))
    assert (await states(play, job_id))["CREATED"] == 899 - 10 * MOST
    await play.deliver()
    assert (await states(play, job_id)).keys() == {"CANCELLED"}


async def test_what_a_lost_message_leaves_active_is_found_by_the_scheduler(play: Play) -> None:
    job_id = await play.submit_tasks(families(3, 20))
    await play.happen(JobCancelled(job_id))
    assert await play.subjob_signals()  # taken, and lost
    assert await active(play, job_id)
    [_] = await later(play)
    await play.deliver()
    assert (await states(play, job_id)).keys() == {"CANCELLED"}
    assert not await later(play)


async def test_what_workers_say_meanwhile_changes_nothing(play: Play) -> None:
    # Given a cancelled job with tasks that run and others that wait, all still active
    job_id = await play.submit_tasks(families(3, 20))
    await play.run_round(stay, limit=40)
    await play.happen(JobCancelled(job_id))
    rows = [dict(row) for row in await play.rig.pool.fetch(LEFT, job_id)]
    running = [row for row in rows if row["state"] == "RUNNING"]
    waiting = [row for row in rows if row["state"] == "SCHEDULED"]
    assert running
    assert waiting
    # When workers claim the one and report the other
    reports = [TaskFailed(job_id, row["id"], row["dispatch"], NODE, "boom") for row in running]
    claims = [TaskClaimed(job_id, row["id"], row["dispatch"], NODE, LEASE) for row in waiting]
    outcomes = await play.happen(*reports, *claims)
    # Then nothing comes of it
    assert all(isinstance(outcome, Ignored) for outcome in outcomes)
    await play.deliver()
    assert (await states(play, job_id)).keys() == {"CANCELLED"}


LEFT = (
    "SELECT * FROM tasks WHERE job_id = $1 AND kind = 'task' AND state IN ('SCHEDULED', 'RUNNING')"
)


def stay(_: Row) -> Verdict:
    return Stays()


async def test_a_job_is_restarted_only_when_all_of_its_tasks_are_cancelled(play: Play) -> None:
    job_id = await play.submit_tasks(families(3, 20))
    await play.happen(JobCancelled(job_id))
    # When it is restarted while some are active
    assert await play.happen(JobRestarted(job_id)) == [STILL_CANCELLING]
    assert await play.state(job_id) == "CANCELLED"
    # Then it is not, until none is
    await play.deliver()
    [restarted] = await play.happen(JobRestarted(job_id))
    assert isinstance(restarted, Decision)
    await check_invariants(play.rig.pool)
    await play.run()
    assert await play.state(job_id) == "COMPLETED"


async def test_what_is_left_of_a_failed_family_is_cancelled_beside_a_job_that_goes_on(
    play: Play,
) -> None:
    # Given a family that may fail, and one of its tasks fails
    failing = {**families(3, 20), "allowFailure": True}
    job_id = await play.submit_tasks(failing, {**SHELL, "name": "next"})
    await play.deliver()
    await play.run_round(lambda _: Fails(), limit=1)
    # Then the job goes on, and in the end nothing of the family is active
    await check_invariants(play.rig.pool)
    assert (await play.task(job_id, "outer"))["state"] == "FAILED"
    await play.run()
    assert await play.state(job_id) == "COMPLETED"
    assert await active(play, job_id) == 0
