"""New versions of jobs with placed tasks on a real database, while they run and afterwards."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.apply.apply import Outcome, Work
from shared.definition import TaskDefinition, changed
from shared.files.names import task_prefix
from shared.lifecycle import Decision, Ignored, JobCancelled, JobRestarted, JobUpdated
from shared.messages import Claim, Finished
from shared.planning.submission import new_job
from tests.support.jobs.artifacts import KEEPING, artifact, ref, report, scheduled
from tests.support.jobs.batcher import Rig, batcher_rig
from tests.support.jobs.definitions import TaskLike, job_definition
from tests.support.jobs.placed import Fleet, placed

AFTER = TaskDefinition(name="after", run="true")


@pytest.fixture
async def fleet(postgres_dsn: str) -> AsyncIterator[Fleet]:
    async with batcher_rig(postgres_dsn) as rig:
        yield Fleet(rig)


async def update(rig: Rig, job_id: str, *tasks: TaskLike, **event: Any) -> Outcome:
    new = new_job(job_definition(tasks), job_id, datetime.now(UTC), created_by="ada")
    return await rig.batcher.perform_one(Work(JobUpdated(job_id, **event), new_version=new))


def states(rows: list[dict[str, Any]]) -> list[tuple[int, str]]:
    return [(row["child_index"], row["state"]) for row in rows]


async def test_a_service_is_given_more_and_fewer_executions_without_restarting_the_others(
    fleet: Fleet,
) -> None:
    job_id = await fleet.rig.submit([placed("service", 2)])
    first, _ = await fleet.start(job_id)
    assert isinstance(await update(fleet.rig, job_id, placed("service", 3)), Decision)
    assert states(await fleet.executions(job_id)) == [
        (0, "RUNNING"),
        (1, "RUNNING"),
        (2, "PENDING"),
    ]
    await fleet.start(job_id)
    await update(fleet.rig, job_id, placed("service", 1))
    recalled = await fleet.executions(job_id, "RUNNING")
    assert [row["recall"] for row in recalled] == [None, "scale", "scale"]
    await fleet.give_back(recalled[1])
    await update(fleet.rig, job_id, placed("service", 2))
    assert (1, "PENDING") in states(await fleet.executions(job_id, "PENDING"))
    await fleet.give_back(recalled[2])
    active = await fleet.executions(job_id, "RUNNING", "PENDING")
    assert [row["child_index"] for row in active] == [0, 1]
    parent = await fleet.parent(job_id)
    assert parent["spec_version"] == first["spec_version"] == 1
    assert (parent["children"]["total"], parent["children"]["begun"]) == (2, 2)
    assert (await fleet.rig.job(job_id))["spec_version"] == 4


async def test_executions_are_outdated_by_what_their_program_sees_and_made_anew_one_by_one(
    fleet: Fleet,
) -> None:
    job_id = await fleet.rig.submit([placed("service", 2)])
    old, _ = await fleet.start(job_id)
    assert isinstance(
        await update(fleet.rig, job_id, placed("service", 2, env={"A": "b"})), Decision
    )
    assert (await fleet.parent(job_id))["spec_version"] == 2
    await fleet.recall(old, "update")
    await fleet.give_back(old)
    new = (await fleet.start(job_id))[0]
    assert (new["child_index"], new["attempt"], new["spec_version"]) == (0, 1, 2)
    assert new["definition"]["env"] == {"A": "b"}
    parent = await fleet.parent(job_id)
    assert parent["children"] == {**parent["children"], "begun": 2, "ended": 0, "running": 2}


async def test_what_has_begun_without_a_placement_can_not_change(fleet: Fleet) -> None:
    job_id = await fleet.rig.submit([placed("service"), AFTER])
    await fleet.start(job_id)
    other = changed(AFTER, run="false")
    for tasks, reason in (
        ([placed("service"), other], "task 2 (after) has begun, and has no placement"),
        ([placed("batch"), AFTER], "the type of its placement can't change from service"),
        ([placed("service")], "task 2 (after) has begun: it can't be removed"),
    ):
        outcome = await update(fleet.rig, job_id, *tasks)
        assert isinstance(outcome, Ignored)
        assert reason in outcome.reason
    stale = await update(fleet.rig, job_id, placed("service", 2), AFTER, base_version=7)
    assert stale == Ignored("job is at version 1, not 7")
    await update(fleet.rig, job_id, placed("service"), AFTER, other)
    await fleet.rig.run_current(job_id)
    await fleet.rig.run_current(job_id)
    assert (await fleet.rig.job(job_id))["state"] == "COMPLETED"


async def test_a_batch_that_differs_begins_again_and_a_final_job_begins_anew(fleet: Fleet) -> None:
    job_id = await fleet.rig.submit([placed(count=2)])
    [done, _] = await fleet.start(job_id)
    await fleet.succeed(done)
    await update(fleet.rig, job_id, placed(count=3))
    assert len(await fleet.executions(job_id, "CANCELLED")) == 1
    for row in await fleet.start(job_id):
        await fleet.succeed(row)
    assert (await fleet.rig.job(job_id))["state"] == "COMPLETED"
    await update(fleet.rig, job_id, placed(count=1))
    job = await fleet.rig.job(job_id)
    assert (job["state"], job["spec_version"], job["progress"]) == ("SCHEDULED", 3, 0.0)
    [row] = await fleet.start(job_id)
    await fleet.succeed(row)
    assert (await fleet.rig.job(job_id))["state"] == "COMPLETED"


async def test_a_job_that_begins_anew_finds_nothing_of_what_its_last_run_has_left(
    fleet: Fleet,
) -> None:
    rig, made = fleet.rig, changed(KEEPING, name="make", var="made", needs=())
    job_id = await rig.submit([made, changed(AFTER, needs=("make",))])
    [task] = await scheduled(rig, job_id)
    await report(rig, claims=[Claim(**ref(task))])
    done = Finished(**ref(task), result="old", artifacts=[artifact(task)])
    await report(rig, finished=[done])
    await rig.run_current(job_id)
    assert (await rig.job(job_id))["state"] == "COMPLETED"
    reading = {"name": "make", "run": "true", "needs": [], "env": {"A": "{{ tasks.made }}"}}
    assert isinstance(await update(rig, job_id, reading, changed(AFTER, needs=("make",))), Decision)
    job, removed = await rig.job(job_id), task_prefix(job_id, task["id"])
    assert (job["kept_bytes"], job["restarts"]) == (0, 1)
    for table in ("job_variables", "artifacts"):
        assert not await rig.pool.fetch(f"SELECT * FROM {table} WHERE job_id = $1", job_id)
    due = await rig.pool.fetch("SELECT prefix FROM object_removals WHERE due_at <= now()")
    assert removed in {row["prefix"] for row in due}
    graph = await rig.pool.fetch(
        "SELECT is_done, waiting_for FROM job_tasks WHERE job_id = $1 ORDER BY position", job_id
    )
    assert [tuple(row) for row in graph] == [(False, 0), (False, 1)]
    [again] = await scheduled(rig, job_id)
    assert again["definition"]["env"] == {"A": ""}


async def test_a_graph_goes_on_with_the_tasks_that_a_new_version_adds(fleet: Fleet) -> None:
    first = changed(AFTER, name="first", needs=())
    job_id = await fleet.rig.submit([first])
    assert isinstance(
        await update(fleet.rig, job_id, first, changed(AFTER, name="second", needs=())), Decision
    )
    waiting = [row["name"] for row in await fleet.rig.tasks(job_id) if row["state"] == "SCHEDULED"]
    assert waiting == ["first", "second"]


async def test_a_restarted_job_has_its_service_back_and_does_not_count_it_twice(
    fleet: Fleet,
) -> None:
    job_id = await fleet.rig.submit([placed("service"), AFTER])
    await fleet.start(job_id)
    await fleet.rig.happen(JobCancelled(job_id))
    await fleet.rig.happen(JobRestarted(job_id))
    assert len(await fleet.start(job_id)) == 1
    await fleet.rig.run_current(job_id)
    job = await fleet.rig.job(job_id)
    assert (job["state"], job["kept_running"]) == ("COMPLETED", 1)
    assert not await fleet.executions(job_id, "RUNNING", "PENDING", "SCHEDULED")
