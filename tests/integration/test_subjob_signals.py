"""Jobs within jobs when the messages between them come late, twice or not at all."""

from typing import Any

import pytest

from services.coordinator.handlers import on_completions
from services.scheduler.store.retention import delete_expired_jobs
from shared.lifecycle import JobCancelled, JobRestarted, TaskClaimed, TaskFailed
from shared.messages import SubJobSignals
from shared.postgres.pool import acquired
from tests.support.jobs.batcher import LEASE
from tests.support.jobs.families import Fails, Play
from tests.support.jobs.subjobs import child, later, made_of_job

SHELL = {"run": "true"}


async def fail(play: Play, task: dict[str, Any]) -> None:
    ref = (task["job_id"], task["id"], 1, "n1")
    await play.happen(TaskClaimed(*ref, LEASE), TaskFailed(*ref, "boom"))


async def test_a_lost_message_that_cancels_is_made_up_for(play: Play) -> None:
    job_id = await play.submit_tasks(made_of_job())
    await play.happen(JobCancelled(job_id))
    assert await play.subjob_signals()  # taken, and lost
    await later(play)
    assert (await child(play, job_id))["state"] == "CANCELLED"


@pytest.mark.parametrize("ends", [None, Fails()])
async def test_a_lost_message_of_a_sub_jobs_end_is_made_up_for(
    play: Play, ends: Fails | None
) -> None:
    job_id = await play.submit_tasks(made_of_job())
    sub = await child(play, job_id)
    task = await play.task(sub["id"], "inside")
    await play.rig.run_current(sub["id"]) if ends is None else await fail(play, task)
    assert await play.subjob_signals()  # taken, and lost
    assert await play.state(job_id) == "RUNNING"
    await later(play)
    assert await play.state(job_id) == ("FAILED" if ends else "COMPLETED")
    assert await later(play) == []


async def test_a_sub_job_that_was_deleted_fails_the_task_that_waits_for_it(play: Play) -> None:
    job_id = await play.submit_tasks(made_of_job())
    sub = await child(play, job_id)
    await play.rig.pool.execute("DELETE FROM jobs WHERE id = $1", sub["id"])
    await later(play)
    assert (await play.rig.job(job_id))["error"] == f"sub-job {sub['id']} is gone"


async def test_a_sub_job_is_not_deleted_before_its_parent_has_heard_of_its_end(
    play: Play,
) -> None:
    job_id = await play.submit_tasks(made_of_job(autoDelete={"after": "1s"}))
    sub = await child(play, job_id)
    await play.rig.run_current(sub["id"])
    assert await play.subjob_signals()  # taken, and lost
    await play.rig.pool.execute(
        "UPDATE jobs SET delete_at = now() - interval '1 hour' WHERE delete_at IS NOT NULL"
    )
    async with acquired(play.rig.pool) as connection:
        assert await delete_expired_jobs(connection) == 0
        await later(play)
        assert await delete_expired_jobs(connection) == 1
    assert await play.state(job_id) == "COMPLETED"


async def test_a_lost_message_that_resumes_is_made_up_for(play: Play) -> None:
    job_id = await play.submit_tasks(made_of_job())
    await play.run(lambda _: Fails())
    await play.happen(JobRestarted(job_id))
    assert await play.subjob_signals()  # taken, and lost
    await later(play)
    await play.run()
    assert await play.state(job_id) == "COMPLETED"


async def test_a_sub_job_that_completed_unheard_is_not_run_again_by_a_restart(play: Play) -> None:
    job_id = await play.submit_tasks(
        made_of_job(),
        {**SHELL, "name": "breaks", "needs": []},
        {**SHELL, "name": "after"},
    )
    sub = await child(play, job_id)
    [inside] = await play.rig.tasks(sub["id"])
    # Given a sub-job that completes while its parent fails for another reason
    await play.rig.run_current(sub["id"])
    await fail(play, await play.task(job_id, "breaks"))
    await play.deliver()
    assert await play.state(job_id) == "FAILED"
    # When the parent is restarted, then the sub-job's result counts
    await play.happen(JobRestarted(job_id))
    ran: list[str] = []
    await play.run(lambda row: ran.append(row["name"]))
    assert ran == ["breaks", "after"]
    assert [row["id"] for row in await play.rig.tasks(sub["id"])] == [inside["id"]]
    assert await play.state(job_id) == "COMPLETED"


async def test_a_late_cancel_of_a_sub_job_does_not_reach_it_once_its_parent_goes_on(
    play: Play,
) -> None:
    job_id = await play.submit_tasks(made_of_job())
    await play.happen(JobCancelled(job_id))
    late = await play.subjob_signals()
    await play.happen(JobRestarted(job_id))
    await play.deliver()
    await on_completions(play.rig.batcher, play.rig.pool, late)
    await play.run()
    assert await play.state(job_id) == "COMPLETED"


async def test_messages_between_jobs_that_come_twice_change_nothing(play: Play) -> None:
    job_id = await play.submit_tasks(made_of_job(), {**SHELL, "name": "after"})
    seen: list[SubJobSignals] = []
    await play.happen(JobCancelled(job_id))
    for event in (JobRestarted(job_id), JobCancelled(job_id), JobRestarted(job_id)):
        messages = await play.subjob_signals()
        seen += [m for m in messages if isinstance(m, SubJobSignals)]
        await on_completions(play.rig.batcher, play.rig.pool, messages)
        await on_completions(play.rig.batcher, play.rig.pool, seen)
        await play.happen(event)
    await play.run()
    await on_completions(play.rig.batcher, play.rig.pool, seen)
    assert await play.state(job_id) == "COMPLETED"
    assert (await child(play, job_id))["state"] == "COMPLETED"


async def test_a_sub_job_restarted_by_itself_runs_on_and_its_parent_can_follow(
    play: Play,
) -> None:
    job_id = await play.submit_tasks(made_of_job())
    await play.run(lambda _: Fails())
    sub = await child(play, job_id)
    await play.happen(JobRestarted(sub["id"]))
    assert await later(play) == []
    await play.run()
    assert await play.state(sub["id"]) == "COMPLETED"
    assert await play.state(job_id) == "FAILED"
    await play.happen(JobRestarted(job_id))
    await play.run()
    assert await play.state(job_id) == "COMPLETED"
