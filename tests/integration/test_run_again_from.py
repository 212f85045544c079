"""A job that has ended begins again at one of its tasks, on a real database."""

from pathlib import Path
from typing import Any

import pytest

from conveyor import AsyncClient, Rejected
from shared.lifecycle import JobRestarted
from tests.support.family_invariants import check_invariants
from tests.support.jobs.families import Fails, Play, Row, Verdict
from tests.support.services.dev import running_dev

SHELL = {"run": "true"}


class Worker:
    """What ran, in order; `bad` fails whenever it does."""

    def __init__(self, *bad: str) -> None:
        self.bad = set(bad)
        self.ran: list[str] = []

    def __call__(self, row: Row) -> Verdict:
        self.ran.append(row["name"])
        return Fails() if row["name"] in self.bad else row["name"]


async def again(play: Play, job_id: str, worker: Worker, position: int) -> list[str]:
    before = len(worker.ran)
    await play.happen(JobRestarted(job_id, position))
    await check_invariants(play.rig.pool)
    await play.run(worker)
    assert await play.state(job_id) == "COMPLETED"
    return worker.ran[before:]


async def test_of_a_list_the_task_and_all_after_it_run_again(play: Play) -> None:
    each = {"list": ["c1", "c2"], "task": {**SHELL, "name": "{{ item.value }}"}}
    tasks: list[dict[str, Any]] = [
        {"name": "a", "var": "a", **SHELL},
        {"name": "b", "var": "b", **SHELL},
        {"name": "c", "var": "c", "each": each},
        {"name": "d", **SHELL},
    ]
    job_id, worker = await play.submit_tasks(*tasks), Worker()
    await play.run(worker)
    assert await again(play, job_id, worker, 3) == ["c1", "c2", "d"]
    assert await again(play, job_id, worker, 2) == ["b", "c1", "c2", "d"]
    variables = await play.rig.pool.fetch(
        "SELECT name FROM job_variables WHERE job_id = $1", job_id
    )
    assert sorted(row["name"] for row in variables) == ["a", "b", "c"]


async def test_of_a_graph_the_task_and_all_that_need_it_run_again(play: Play) -> None:
    tasks: list[dict[str, Any]] = [
        {"name": "a", "needs": [], **SHELL},
        {"name": "b", "needs": [], **SHELL},
        {"name": "c", "needs": ["a"], **SHELL},
        {"name": "d", "needs": ["c", "b"], **SHELL},
    ]
    job_id, worker = await play.submit_tasks(*tasks), Worker("d")
    await play.run(worker)
    assert await play.state(job_id) == "FAILED"
    worker.bad.clear()
    assert await again(play, job_id, worker, 3) == ["c", "d"]
    assert await again(play, job_id, worker, 1) == ["a", "c", "d"]
    assert await again(play, job_id, worker, 2) == ["b", "d"]


JOB = """
name: again
tasks:
  - {name: count, var: n, run: 'printf 1 > "$TORK_OUTPUT"'}
  - name: show {{ job.name }}
    var: shown
    env: {N: "{{ tasks.n }}"}
    run: printf "$N" > "$TORK_OUTPUT"
output: tasks.shown
"""


async def test_by_the_api_the_task_is_named_as_written_as_evaluated_or_by_its_position(
    tmp_path: Path,
) -> None:
    async with running_dev(tmp_path) as url, AsyncClient(url) as client:
        job = await client.submit(JOB)
        await client.wait(job.id)
        for task in ("show {{ job.name }}", "show again", 2):
            await client.restart(job.id, from_task=task)
            again = await client.wait(job.id)
            assert again.result == "1"
        names = [attempt.name for attempt in again.execution or []]
        assert names == ["count", *["show again"] * 4]
        with pytest.raises(Rejected, match="from: the job has no task 'other'"):
            await client.restart(job.id, from_task="other")
        with pytest.raises(Rejected, match="the job has no task 3: it has 2"):
            await client.restart(job.id, from_task=3)
        with pytest.raises(Rejected, match="only a job that is FAILED or CANCELLED"):
            await client.restart(job.id)
