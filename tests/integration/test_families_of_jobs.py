"""Jobs within jobs on a real database, the messages between them delivered."""

from services.coordinator.commands import JobCommands
from shared.lifecycle import JobCancelled, JobRestarted
from shared.messages import RunTask
from shared.process.metrics import Metrics
from tests.support.jobs.families import STAYS, Fails, Play
from tests.support.jobs.subjobs import child, later, made_of_job

SHELL = {"run": "true"}


async def test_the_output_of_a_sub_job_becomes_its_tasks_result_and_variable(play: Play) -> None:
    inside = {**SHELL, "name": "inside", "var": "x", "env": {"N": "{{ inputs.n }}"}}
    task = made_of_job(inside, inputs={"n": "{{ int(inputs.from) + 1 }}"}, output="{{ tasks.x }}!")
    job_id = await play.submit_tasks(
        {**task, "var": "sub"},
        {**SHELL, "name": "after", "env": {"GOT": "{{ tasks.sub }}"}},
        inputs={"from": 41},
    )
    assert await play.state(job_id) == "RUNNING"
    await play.run_round(lambda row: row["definition"]["env"]["N"])
    assert (await child(play, job_id))["state"] == "COMPLETED"
    assert (await play.task(job_id, "s"))["result"] == "42!"
    assert (await play.task(job_id, "after"))["definition"]["env"] == {"GOT": "42!"}
    await play.run()
    assert await play.state(job_id) == "COMPLETED"


async def test_the_tasks_of_a_sub_job_are_sent_with_the_job_that_it_is_of(play: Play) -> None:
    job_id = await play.submit_tasks(made_of_job(), SHELL | {"name": "after"})
    [message] = await play.rig.receive("default")
    assert isinstance(message, RunTask)
    assert message.origin == job_id
    await play.run_round(lambda _: None)
    await play.run_round(lambda _: None)
    [message] = await play.rig.receive("default")
    assert isinstance(message, RunTask)
    assert (message.job_id, message.origin) == (job_id, None)


async def test_a_detached_sub_job_is_not_waited_for(play: Play) -> None:
    job_id = await play.submit_tasks(made_of_job(detached=True), {**SHELL, "name": "after"})
    assert {row["name"] for row in await play.waiting()} == {"inside", "after"}
    await play.run(lambda row: Fails() if row["name"] == "inside" else None)
    assert await play.state(job_id) == "COMPLETED"
    assert (await child(play, job_id))["state"] == "FAILED"


async def test_a_detached_sub_job_outlives_the_cancelling_of_its_parent(play: Play) -> None:
    job_id = await play.submit_tasks(made_of_job(detached=True), {**SHELL, "name": "after"})
    await play.happen(JobCancelled(job_id))
    await play.deliver()
    assert await later(play) == []
    await play.run()
    assert (await child(play, job_id))["state"] == "COMPLETED"


async def test_each_item_can_have_a_sub_job_of_its_own(play: Play) -> None:
    inner = made_of_job(
        {**SHELL, "name": "inside", "var": "x", "env": {"I": "{{ inputs.i }}"}},
        name="job {{ item.index }}",
        inputs={"i": "{{ item.value }}"},
        output="tasks.x",
    )
    inner |= {"name": "s{{ item.index }}", "var": "r{{ item.index }}"}
    made_of = {"list": ["a", "b", "c"], "concurrency": 2, "task": inner}
    output = "{{ tasks.r0 }}{{ tasks.r1 }}{{ tasks.r2 }}"
    job_id = await play.submit_tasks({"name": "e", "each": made_of}, output=output)
    assert len(await play.waiting()) == 2
    await play.run(lambda row: row["definition"]["env"]["I"])
    job = await play.rig.job(job_id)
    assert (job["state"], job["result"]) == ("COMPLETED", "abc")
    names = await play.rig.pool.fetch("SELECT name FROM jobs WHERE parent_job_id = $1", job_id)
    assert sorted(row["name"] for row in names) == ["job 0", "job 1", "job 2"]


async def test_a_sub_job_that_fails_fails_its_parent_with_its_error(play: Play) -> None:
    job_id = await play.submit_tasks(made_of_job())
    await play.run(lambda _: Fails("exit code 9"))
    sub = await child(play, job_id)
    job = await play.rig.job(job_id)
    assert (job["state"], sub["state"]) == ("FAILED", "FAILED")
    assert job["error"] == f"sub-job {sub['id']} failed: exit code 9"


async def test_a_sub_job_that_is_cancelled_fails_its_parent(play: Play) -> None:
    job_id = await play.submit_tasks(made_of_job())
    sub = await child(play, job_id)
    await play.happen(JobCancelled(sub["id"]))
    await play.deliver()
    assert (await play.rig.job(job_id))["error"] == f"sub-job {sub['id']} was cancelled"


async def test_a_sub_job_that_may_fail_does_not_fail_its_parent(play: Play) -> None:
    job_id = await play.submit_tasks({**made_of_job(), "allowFailure": True})
    await play.run(lambda _: Fails())
    assert await play.state(job_id) == "COMPLETED"


async def test_sub_jobs_follow_the_new_priority_of_the_job_that_waits_for_them(play: Play) -> None:
    inner = {"name": "s", "subjob": {"name": "inner", "tasks": [{**SHELL, "name": "inside"}]}}
    detached = {**made_of_job({**SHELL, "name": "away"}, detached=True), "name": "d"}
    then = {"name": "then", "subjob": {"name": "later", "tasks": [{**SHELL, "name": "last"}]}}
    job_id = await play.submit_tasks(detached, made_of_job(inner), then)
    commands = JobCommands(play.rig.batcher, play.rig.pool, Metrics())
    await commands.prioritize(job_id, 7)
    await commands.prioritize(job_id, 5)
    assert {row["name"]: row["priority"] for row in await play.waiting()} == {
        "away": 0,
        "inside": 5,
    }
    started: dict[str, int] = {}
    await play.run(lambda row: started.update({row["name"]: row["priority"]}))
    assert started == {"away": 0, "inside": 5, "last": 5}


async def test_cancelling_a_job_cancels_its_sub_jobs_at_any_depth(play: Play) -> None:
    job_id = await play.submit_tasks(made_of_job(made_of_job()))
    await play.run_round(lambda _: STAYS)
    await play.happen(JobCancelled(job_id))
    await play.deliver()
    states = await play.rig.pool.fetch("SELECT state FROM jobs UNION ALL SELECT state FROM tasks")
    assert [row["state"] for row in states] == ["CANCELLED"] * 6


async def test_restarting_the_parent_goes_on_with_the_sub_job_where_it_failed(play: Play) -> None:
    inside = [{**SHELL, "name": "one"}, {**SHELL, "name": "two"}]
    job_id = await play.submit_tasks(made_of_job(*inside, timeout="1h"), timeout="1h")
    await play.run(lambda row: Fails() if row["name"] == "two" else None)
    sub = await child(play, job_id)
    await play.happen(JobRestarted(job_id))
    await play.deliver()
    assert (await play.rig.job(job_id))["state"] == "RUNNING"
    assert (await play.rig.job(job_id))["deadline_at"] is not None
    ran: list[str] = []
    await play.run(lambda row: ran.append(row["name"]))
    assert ran == ["two"]
    assert await play.state(job_id) == await play.state(sub["id"]) == "COMPLETED"


async def test_a_sub_job_belongs_to_its_parents_creator_and_readers(play: Play) -> None:
    job_id = await play.rig.submit(
        [made_of_job(made_of_job())], created_by="ann", readers=["user:ann", "role:x"]
    )
    rows = await play.rig.pool.fetch("SELECT created_by, readers FROM jobs")
    assert [(row["created_by"], row["readers"]) for row in rows] == [
        ("ann", ["user:ann", "role:x"])
    ] * 3
    await play.run()
    assert await play.state(job_id) == "COMPLETED"
