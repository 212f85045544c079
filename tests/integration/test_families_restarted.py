"""Restarts of jobs with families: only what did not succeed runs again, at any depth."""

from typing import Any

from shared.lifecycle import JobCancelled, JobRestarted
from tests.support.family_invariants import check_invariants
from tests.support.jobs.families import STAYS, Fails, Play, Row, Verdict

SHELL = {"run": "true"}


def each(list_: object, **fields: Any) -> dict[str, Any]:
    return {"list": list_, "task": {**SHELL, "name": "{{ item.value }}"}, **fields}


class Breaking:
    """Some fail the first time; what ran, in order."""

    def __init__(self, *names: str) -> None:
        self.names = set(names)
        self.ran: list[str] = []

    def __call__(self, row: Row) -> Verdict:
        self.ran.append(row["name"])
        if row["name"] in self.names:
            self.names.remove(row["name"])
            return Fails()
        return None


async def restart(play: Play, job_id: str, behave: Breaking) -> list[str]:
    """What runs after a restart."""
    before = len(behave.ran)
    await play.happen(JobRestarted(job_id))
    await check_invariants(play.rig.pool)
    await play.run(behave)
    return behave.ran[before:]


async def test_only_the_children_that_failed_or_never_ran_are_run(play: Play) -> None:
    job_id = await play.submit_tasks({"name": "e", "each": each(list("abcdef"), concurrency=2)})
    behave = Breaking("c")
    await play.run(behave)
    assert await play.state(job_id) == "FAILED"
    assert behave.ran == ["a", "b", "c", "d"]
    assert await restart(play, job_id, behave) == ["c", "d", "e", "f"]  # `d` ended after `c` failed
    job = await play.rig.job(job_id)
    assert (job["state"], job["progress"], job["error"]) == ("COMPLETED", 100, None)


async def test_progress_after_a_restart_counts_what_is_done(play: Play) -> None:
    job_id = await play.submit_tasks(
        {"name": "e", "each": each(list("abcd"), concurrency=1)}, {**SHELL, "name": "z"}
    )
    await play.run(Breaking("c"))
    await play.happen(JobRestarted(job_id))
    assert (await play.task(job_id, "e"))["progress"] == 50
    assert (await play.rig.job(job_id))["progress"] == 25


async def test_families_within_families_go_on_where_they_stopped(play: Play) -> None:
    inner = {"name": "inner{{ a.value }}", "each": each("[a.value + 'x', a.value + 'y']")}
    outer = {"list": ["1", "2", "3"], "var": "a", "concurrency": 2, "task": inner}
    job_id = await play.submit_tasks({"name": "outer", "each": outer})
    behave = Breaking("2y")
    await play.run(behave)
    assert sorted(behave.ran) == ["1x", "1y", "2x", "2y"]
    assert sorted(await restart(play, job_id, behave)) == ["2y", "3x", "3y"]
    assert await play.state(job_id) == "COMPLETED"


async def test_a_job_can_be_restarted_again_and_again(play: Play) -> None:
    inner = {"name": "in{{ a.index }}", "parallel": {"tasks": [{**SHELL, "name": "{{ a.value }}"}]}}
    outer = {"list": list("abcd"), "var": "a", "concurrency": 1, "task": inner}
    job_id = await play.submit_tasks({"name": "outer", "each": outer})
    behave = Breaking("b", "d")
    await play.run(behave)
    assert await restart(play, job_id, behave) == ["b", "c", "d"]
    assert await restart(play, job_id, behave) == ["d"]
    assert await play.state(job_id) == "COMPLETED"


async def test_a_restart_that_is_cancelled_at_once_leaves_everything_to_the_next(
    play: Play,
) -> None:
    job_id = await play.submit_tasks({"name": "e", "each": each(list("abc"), concurrency=1)})
    behave = Breaking("b")
    await play.run(behave)
    await play.happen(JobRestarted(job_id), JobCancelled(job_id))
    await check_invariants(play.rig.pool)
    assert await play.state(job_id) == "CANCELLED"
    assert await restart(play, job_id, behave) == ["b", "c"]
    assert await play.state(job_id) == "COMPLETED"


async def test_cancel_and_restart_in_one_transaction_run_the_rest_at_every_depth(
    play: Play,
) -> None:
    inner = {"name": "inner", "each": each("[a.value]", concurrency=1)}
    outer = {"list": list("ab"), "var": "a", "task": inner}
    job_id = await play.submit_tasks({"name": "outer", "each": outer})
    await play.run_round(lambda row: None if row["name"] == "a" else STAYS)
    await play.happen(JobCancelled(job_id), JobRestarted(job_id))
    await check_invariants(play.rig.pool)
    behave = Breaking()
    await play.run(behave)
    assert behave.ran == ["b"]
    assert await play.state(job_id) == "COMPLETED"


async def test_what_may_fail_is_not_run_again(play: Play) -> None:
    tasks = [{**SHELL, "name": "may", "allowFailure": True}, {**SHELL, "name": "must"}]
    job_id = await play.submit_tasks({"name": "p", "parallel": {"tasks": tasks}})
    behave = Breaking("may", "must")
    await play.run(behave)
    assert await play.state(job_id) == "FAILED"
    assert await restart(play, job_id, behave) == ["must"]
    assert await play.state(job_id) == "COMPLETED"


async def test_a_child_whose_expression_failed_is_planned_again(play: Play) -> None:
    task = {**SHELL, "name": "n", "env": {"N": "{{ int(inputs.n) }}"}}
    job_id = await play.submit_tasks(
        {"name": "p", "parallel": {"tasks": [task]}}, inputs={"n": "x"}
    )
    assert await play.state(job_id) == "FAILED"
    await play.rig.pool.execute('UPDATE jobs SET inputs = \'{"n": "1"}\'')
    assert await restart(play, job_id, Breaking()) == ["n"]
    assert await play.state(job_id) == "COMPLETED"


async def test_a_waiting_retry_of_a_cancelled_child_is_run_anew(play: Play) -> None:
    task = {**SHELL, "name": "n", "retry": {"limit": 1, "initialDelay": "1h"}}
    job_id = await play.submit_tasks({"name": "p", "parallel": {"tasks": [task]}})
    await play.run(Breaking("n"))
    await play.happen(JobCancelled(job_id))
    assert await restart(play, job_id, Breaking()) == ["n"]
    assert await play.state(job_id) == "COMPLETED"


async def test_sub_jobs_in_an_each_go_on_where_they_failed(play: Play) -> None:
    tasks = [{**SHELL, "name": f"{{{{ inputs.i }}}}{place}"} for place in range(2)]
    sub = {"name": "sub", "inputs": {"i": "{{ item.value }}"}, "tasks": tasks}
    made_of = {"list": list("ab"), "task": {"name": "s", "subjob": sub}}
    job_id = await play.submit_tasks({"name": "e", "each": made_of})
    behave = Breaking("b1")
    await play.run(behave)
    assert await play.state(job_id) == "FAILED"
    assert behave.ran == ["a0", "b0", "a1", "b1"]
    assert await restart(play, job_id, behave) == ["b1"]
    assert await play.state(job_id) == "COMPLETED"
    assert await play.rig.pool.fetchval("SELECT count(*) FROM jobs") == 3
