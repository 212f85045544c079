"""Jobs whose tasks say what they need, on a real database."""

from typing import Any

from shared.lifecycle import JobCancelled, JobRestarted, TaskClaimed, TaskFailed, TaskSucceeded
from tests.support.jobs.batcher import LEASE
from tests.support.jobs.families import STAYS, Fails, Play, Row, Verdict


def task(name: str, *needs: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "run": "true", "needs": list(needs), **fields}


def barrier(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "run": "true", **fields}


DIAMOND = [task("top"), task("left", "top"), task("right", "top"), task("end", "left", "right")]


async def waiting(play: Play) -> list[str]:
    return sorted(row["name"] for row in await play.waiting())


async def test_in_a_diamond_both_sides_run_at_once_and_the_end_waits_for_both(play: Play) -> None:
    job_id = await play.submit_tasks(*DIAMOND)
    assert await waiting(play) == ["top"]
    await play.run_round()
    assert await waiting(play) == ["left", "right"]
    await play.rig.pool.execute("UPDATE tasks SET queue = 'aside' WHERE name = 'right'")
    await play.run_round(lambda row: None if row["name"] == "left" else STAYS)
    assert await waiting(play) == []
    right = await play.task(job_id, "right")
    await play.happen(TaskSucceeded(job_id, right["id"], 1, "n1"))
    assert await waiting(play) == ["end"]
    await play.run()
    job = await play.rig.job(job_id)
    assert (job["state"], job["position"], job["progress"]) == ("COMPLETED", 4, 100)


async def test_both_sides_of_a_diamond_may_end_in_one_transaction(play: Play) -> None:
    job_id = await play.submit_tasks(*DIAMOND)
    rounds = await play.run()
    assert rounds == 3
    assert await play.state(job_id) == "COMPLETED"


async def test_a_task_without_needs_waits_for_all_before_it(play: Play) -> None:
    job_id = await play.submit_tasks(
        task("a"), task("b"), barrier("c"), task("d", "a"), barrier("e")
    )
    assert await waiting(play) == ["a", "b"]
    await play.run_round(lambda row: None if row["name"] == "a" else STAYS)
    assert await waiting(play) == ["d"]
    b = await play.task(job_id, "b")
    await play.happen(TaskSucceeded(job_id, b["id"], 1, "n1"))
    assert await waiting(play) == ["c", "d"]
    await play.run_round()
    assert await waiting(play) == ["e"]
    await play.run()
    assert await play.state(job_id) == "COMPLETED"


async def test_tasks_may_be_listed_before_those_they_need(play: Play) -> None:
    await play.submit_tasks(task("last", "first"), task("first"))
    ran: list[str] = []
    await play.run(lambda row: ran.append(row["name"]))
    assert ran == ["first", "last"]


async def test_what_waits_for_a_skipped_task_goes_on(play: Play) -> None:
    skipped = {"if": "{{ false }}"}
    job_id = await play.submit_tasks(
        task("a", **skipped), task("b", "a", **skipped), task("c", "a", "b"), task("d", **skipped)
    )
    assert await waiting(play) == ["c"]
    await play.run()
    assert await play.state(job_id) == "COMPLETED"


async def test_a_graph_whose_tasks_are_all_skipped_completes_at_once(play: Play) -> None:
    skipped = {"if": "{{ false }}"}
    job_id = await play.submit_tasks(task("a", **skipped), task("b", "a", **skipped))
    assert await play.state(job_id) == "COMPLETED"


async def test_a_failure_in_a_graph_stops_what_runs_beside_it(play: Play) -> None:
    job_id = await play.submit_tasks(task("a"), task("b"), task("c", "a"))
    await play.run_round(lambda row: Fails("boom") if row["name"] == "b" else STAYS)
    job = await play.rig.job(job_id)
    assert (job["state"], job["error"]) == ("FAILED", "boom")
    assert {row["name"]: row["state"] for row in await play.rig.tasks(job_id)} == {
        "a": "CANCELLED",
        "b": "FAILED",
    }


async def test_what_waits_for_a_task_that_may_fail_goes_on(play: Play) -> None:
    job_id = await play.submit_tasks(task("a", allowFailure=True), task("b", "a"))
    await play.run(lambda row: Fails() if row["name"] == "a" else None)
    assert (await play.task(job_id, "b"))["state"] == "COMPLETED"
    assert await play.state(job_id) == "COMPLETED"


async def test_a_restart_runs_only_what_is_not_done(play: Play) -> None:
    job_id = await play.submit_tasks(*DIAMOND)
    await play.run(lambda row: Fails() if row["name"] == "right" else None)
    assert await play.state(job_id) == "FAILED"
    await play.happen(JobRestarted(job_id))
    ran: list[str] = []
    await play.run(lambda row: ran.append(row["name"]))
    assert ran == ["right", "end"]
    assert (await play.rig.job(job_id))["progress"] == 100


async def test_a_task_that_ended_in_the_transaction_of_a_failure_and_restart_is_not_run_again(
    play: Play,
) -> None:
    job_id = await play.submit_tasks(task("a"), task("b"), task("c", "a"))
    a, b = [(job_id, row["id"], 1, "n1") for row in await play.waiting()]
    await play.happen(TaskClaimed(*a, LEASE), TaskClaimed(*b, LEASE))
    await play.happen(TaskSucceeded(*a), TaskFailed(*b, "boom"), JobRestarted(job_id))
    ran: list[str] = []
    await play.run(lambda row: ran.append(row["name"]))
    assert sorted(ran) == ["b", "c"]
    assert (await play.rig.job(job_id))["position"] == 3


async def test_a_restart_after_a_failed_output_evaluates_it_again(play: Play) -> None:
    job_id = await play.submit_tasks(task("a"), task("b"), output="{{ int('x') }}")
    await play.run()
    assert await play.state(job_id) == "FAILED"
    await play.rig.pool.execute("UPDATE jobs SET output = 'job.name'")
    await play.happen(JobRestarted(job_id))
    assert (await play.rig.job(job_id))["result"] == "a job"


async def test_families_and_sub_jobs_can_stand_in_a_graph(play: Play) -> None:
    each = {"list": [1, 2], "task": {"name": "e{{ item.value }}", "run": "true"}}
    sub = {"name": "sub", "tasks": [task("x"), task("y", "x")]}
    job_id = await play.submit_tasks(
        {"name": "each", "needs": [], "each": each},
        {"name": "sub", "needs": [], "subjob": sub},
        task("end", "each", "sub"),
    )
    assert await waiting(play) == ["e1", "e2", "x"]
    ran: list[str] = []

    def fails_once(row: Row) -> Verdict:
        ran.append(row["name"])
        return Fails() if row["name"] == "e2" and ran.count("e2") == 1 else None

    await play.run(fails_once)
    assert await play.state(job_id) == "FAILED"
    await play.happen(JobRestarted(job_id))
    await play.run(fails_once)
    assert await play.state(job_id) == "COMPLETED"
    assert (ran.count("e1"), ran.count("e2"), ran.count("end")) == (1, 2, 1)


async def test_a_cancelled_graph_can_be_restarted(play: Play) -> None:
    job_id = await play.submit_tasks(*DIAMOND)
    await play.run_round()
    await play.happen(JobCancelled(job_id))
    assert await waiting(play) == []
    await play.happen(JobRestarted(job_id))
    assert await waiting(play) == ["left", "right"]
    await play.run()
    assert await play.state(job_id) == "COMPLETED"


async def test_events_after_the_jobs_end_in_the_same_transaction_are_passed_over(
    play: Play,
) -> None:
    job_id = await play.submit_tasks(task("a"), task("b"))
    a, b = [(job_id, row["id"], 1, "n1") for row in await play.waiting()]
    await play.happen(TaskClaimed(*a, LEASE), TaskClaimed(*b, LEASE))
    commits = "SELECT count(DISTINCT txid) FROM job_events"
    before = await play.rig.pool.fetchval(commits)
    await play.happen(TaskFailed(*a, "first"), TaskFailed(*b, "second"))
    assert (await play.rig.job(job_id))["error"] == "first"
    assert await play.rig.pool.fetchval(commits) == before + 1  # the batch went through as a whole
