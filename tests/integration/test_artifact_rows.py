"""Artifacts as rows: written with the end of the attempt that kept them, replaced by the next."""

from collections.abc import AsyncIterator

import pytest

from shared.definition import Each, Retry, TaskDefinition
from shared.files.names import dispatch_prefix, job_prefix, task_prefix
from shared.lifecycle import JobCancelled, JobRestarted, LeaseExpired
from shared.messages import Claim, Finished, KeptArtifact, Returned, RunTask
from tests.support.jobs.artifacts import KEEPING, Row, artifact, end, ref, report, scheduled
from tests.support.jobs.batcher import Rig, batcher_rig

QUOTA = 1000


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with batcher_rig(postgres_dsn, most_kept_bytes=QUOTA) as rig:
        yield rig


def retried(limit: int = 1) -> TaskDefinition:
    retry = Retry(limit=limit, initial_delay=None)
    return TaskDefinition(
        name="build", run="make", artifacts=KEEPING.artifacts, retry=retry, allow_failure=False
    )


async def rows(rig: Rig, job_id: str) -> list[Row]:
    found = await rig.pool.fetch(
        "SELECT * FROM artifacts WHERE job_id = $1 ORDER BY created_at, name", job_id
    )
    return [dict(row) for row in found]


async def removals(rig: Rig) -> set[str]:
    due = await rig.pool.fetch("SELECT prefix FROM object_removals WHERE due_at <= now()")
    return {row["prefix"] for row in due}


async def kept_bytes(rig: Rig, job_id: str) -> int:
    return int((await rig.job(job_id))["kept_bytes"])


async def retry_now(rig: Rig, job_id: str) -> Row:
    """The next attempt, without its wait."""
    await rig.pool.execute(
        "UPDATE tasks SET state = 'SCHEDULED', due_at = NULL, scheduled_at = now()"
        " WHERE job_id = $1 AND state = 'PENDING'",
        job_id,
    )
    [task] = await scheduled(rig, job_id)
    return task


async def test_an_attempt_and_what_it_kept_become_visible_at_once_and_once(rig: Rig) -> None:
    job_id = await rig.submit([KEEPING])
    [task] = await scheduled(rig, job_id)
    kept = [artifact(task), artifact(task, 20, "report").model_copy(update={"files": 3})]
    await end(rig, task, *kept)
    for _ in range(2):
        found = await rows(rig, job_id)
        assert [
            KeptArtifact(**{f: row[f] for f in KeptArtifact.model_fields}) for row in found
        ] == (kept)
        assert [(row["task_id"], row["attempt"]) for row in found] == [(task["id"], 0)] * 2
        assert await kept_bytes(rig, job_id) == 30
        await report(rig, finished=[Finished(**ref(task), artifacts=[artifact(task, 5, "new")])])
    assert (await rig.job(job_id))["state"] == "COMPLETED"


async def test_a_late_result_of_an_old_dispatch_keeps_nothing_and_its_objects_go(rig: Rig) -> None:
    job_id = await rig.submit([KEEPING])
    [old] = await scheduled(rig, job_id)
    await report(rig, claims=[Claim(**ref(old))])
    await report(rig, returned=[Returned(**ref(old))])
    [new] = await scheduled(rig, job_id)
    await report(rig, "n2", claims=[Claim(**ref(new))])
    await report(rig, finished=[Finished(**ref(old), artifacts=[artifact(old)])])
    assert await rows(rig, job_id) == []
    assert await removals(rig) == {dispatch_prefix(job_id, old["id"], 0, 1)}
    await report(rig, "n2", finished=[Finished(**ref(new), artifacts=[artifact(new)])])
    assert [row["object"] for row in await rows(rig, job_id)] == [artifact(new).object]


async def test_what_comes_after_a_task_was_ended_keeps_nothing(rig: Rig) -> None:
    job_id = await rig.submit([KEEPING])
    [task] = await scheduled(rig, job_id)
    await report(rig, claims=[Claim(**ref(task))])
    await rig.happen(JobCancelled(job_id))
    late = Finished(**ref(task), error="stopped", log_parts=1, artifacts=[artifact(task)])
    await report(rig, finished=[late])
    [ended] = await rig.tasks(job_id)
    assert (ended["state"], ended["log_parts"]) == ("CANCELLED", 1)
    assert await rows(rig, job_id) == []


async def test_the_last_attempt_that_kept_anything_counts_and_earlier_ones_go(rig: Rig) -> None:
    job_id = await rig.submit([retried(2)])
    [first] = await scheduled(rig, job_id)
    await end(rig, first, artifact(first, 600), error="boom")
    assert [row["attempt"] for row in await rows(rig, job_id)] == [0]
    second = await retry_now(rig, job_id)
    await end(rig, second, error="boom")  # it kept nothing
    assert [row["attempt"] for row in await rows(rig, job_id)] == [0]
    third = await retry_now(rig, job_id)
    await end(rig, third, artifact(third, 700))  # in place of the 600
    assert [(row["attempt"], row["size"]) for row in await rows(rig, job_id)] == [(2, 700)]
    assert await kept_bytes(rig, job_id) == 700
    assert await removals(rig) == {task_prefix(job_id, first["id"])}


async def test_a_restart_replaces_what_it_runs_again_and_keeps_the_rest(rig: Rig) -> None:
    each = TaskDefinition(name="all", each=Each(items=[1, 2], task=KEEPING))
    job_id = await rig.submit([KEEPING, each])
    [before] = await scheduled(rig, job_id)
    await end(rig, before, artifact(before, 1))
    one, two = await scheduled(rig, job_id)
    await end(rig, one, artifact(one, 2))
    await end(rig, two, artifact(two, 3), error="boom")
    assert (await rig.job(job_id))["state"] == "FAILED"
    await rig.happen(JobRestarted(job_id))
    [again] = await scheduled(rig, job_id)
    assert again["id"] != two["id"]
    assert len(await rows(rig, job_id)) == 3
    await end(rig, again, artifact(again, 4))
    sizes = {row["task_id"]: row["size"] for row in await rows(rig, job_id)}
    assert sizes == {before["id"]: 1, one["id"]: 2, again["id"]: 4}
    assert await kept_bytes(rig, job_id) == 7
    assert await removals(rig) == {task_prefix(job_id, two["id"])}
    assert (await rig.job(job_id))["state"] == "COMPLETED"


async def test_a_job_keeps_no_more_than_its_quota_whichever_ends_first(rig: Rig) -> None:
    each = TaskDefinition(name="all", each=Each(items=[1, 2, 3], task=retried(0)))
    job_id = await rig.submit([each])
    messages = await rig.receive("default", 3)
    assert {m.files_left_bytes for m in messages if isinstance(m, RunTask)} == {QUOTA}
    one, two, three = await scheduled(rig, job_id)
    await end(rig, one, artifact(one, 900))
    await end(rig, two, artifact(two, 100))  # all of it
    await end(rig, three, artifact(three, 1))
    [failed] = [task for task in await rig.tasks(job_id) if task["id"] == three["id"]]
    error = (
        "the job would keep more bytes of files than it may (CONVEYOR_FILES_JOB_BYTES): "
        "1,001, and at most 1,000"
    )
    assert (failed["state"], failed["error"]) == ("FAILED", error)
    assert (await rig.job(job_id))["error"] == error
    assert {row["task_id"] for row in await rows(rig, job_id)} == {one["id"], two["id"]}
    assert await removals(rig) == {dispatch_prefix(job_id, three["id"], 0, 1)}


async def test_a_task_is_told_how_much_is_left_for_it(rig: Rig) -> None:
    job_id = await rig.submit([KEEPING, KEEPING])
    [first] = await scheduled(rig, job_id)
    await end(rig, first, artifact(first, 400))
    left = [m.files_left_bytes for m in await rig.receive("default", 2) if isinstance(m, RunTask)]
    assert left == [1000, 600]


async def test_a_failure_beyond_the_quota_stays_that_failure_and_keeps_nothing(rig: Rig) -> None:
    job_id = await rig.submit([KEEPING])
    [task] = await scheduled(rig, job_id)
    await end(rig, task, artifact(task, QUOTA + 1), error="boom")
    assert (await rig.job(job_id))["error"] == "boom"
    assert await rows(rig, job_id) == []
    assert await removals(rig) == {dispatch_prefix(job_id, task["id"], 0, 1)}


async def test_only_jobs_that_may_keep_files_are_looked_through_at_their_end(rig: Rig) -> None:
    keeping, other = await rig.submit([KEEPING]), await rig.submit([{"name": "x", "run": "true"}])
    for job_id in (keeping, other):
        await rig.happen(JobCancelled(job_id))
    found = await rig.pool.fetch("SELECT prefix, due_at > now() AS is_later FROM object_removals")
    assert [tuple(row) for row in found] == [(job_prefix(keeping), True)]


async def test_a_lost_dispatch_leaves_its_objects_to_be_removed(rig: Rig) -> None:
    job_id = await rig.submit([KEEPING])
    [task] = await scheduled(rig, job_id)
    await report(rig, claims=[Claim(**ref(task))])
    await rig.pool.execute("UPDATE tasks SET lease_expires_at = now() - interval '1 s'")
    await rig.happen(LeaseExpired(job_id, task["id"], 1))
    assert await removals(rig) == {dispatch_prefix(job_id, task["id"], 0, 1)}
