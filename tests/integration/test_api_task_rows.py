"""GET /jobs/{id}/tasks: the tasks of a job in short, page by page."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from services.coordinator.store import task_list
from shared.lifecycle import Children, TaskKind, TaskState, Usage
from shared.postgres.pool import acquired
from shared.store.writing import Writes, write
from tests.support.http.api import Api, api_on, task_row

pytestmark = pytest.mark.real

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
JOB = """
name: x
secrets: {key: hush}
tasks:
- {name: a, image: "alpine:3"}
- {name: many, each: {list: "{{ sequence(0, 5) }}", task: {name: child, run: x}}}
- {name: last, queue: slow}
"""


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


async def add(api: Api, job_id: str, name: str, **changes: Any) -> None:
    """An attempt of the job."""
    kind = changes.pop("kind", TaskKind.TASK)
    task = task_row(job_id, {"name": name, "image": f"{name}:1"}, **changes)
    at = NOW + timedelta(seconds=task.attempt)
    made = replace(task, plan=replace(task.plan, kind=kind), created_at=at)
    async with acquired(api.pool) as connection:
        await write(connection, Writes(new_tasks=[made]))


@pytest.fixture
async def job_id(api: Api) -> str:
    """Its second task has five children: one failed and was tried again, one failed for good."""
    job_id: str = (await api.submit(JOB))["id"]
    await api.set_job(job_id, state="RUNNING", position=2)
    done = {"state": TaskState.COMPLETED, "completed_at": NOW}
    failed = {"state": TaskState.FAILED, "failed_at": NOW, "error": "no hush here", "exit_code": 7}
    usage = Usage(attempts=1, run_ms=1500, cpu_us=3_000_000, memory_mib_ms=1_536_000)
    await add(api, job_id, "a", id="a", usage=usage, **done)
    counts = Children(total=5, required=5, begun=4, ended=3, failed=1)
    family = {"id": "many", "kind": TaskKind.EACH, "children": counts, "position": 2}
    await add(api, job_id, "many", state=TaskState.RUNNING, started_at=NOW, **family)
    child = {"parent_id": "many", "position": 2}
    await add(api, job_id, "zero", id="c0", child_index=0, **child, **done)
    await add(api, job_id, "one", id="c1", child_index=1, **child, **failed)
    await add(api, job_id, "one", id="c1again", child_index=1, attempt=1, **child, **done)
    await add(api, job_id, "two hush", id="c2", child_index=2, **child, **done)
    await add(api, job_id, "three", id="c3", child_index=3, **child, **failed)
    await add(api, job_id, "four", id="c4", child_index=4, state=TaskState.CREATED, **child)
    return job_id


async def ids(api: Api, job_id: str, **query: str) -> list[str]:
    page = await api.get(f"/jobs/{job_id}/tasks", params=query)
    return [row.get("id", row.get("name")) for row in page["items"]]


async def test_a_task_that_begins_meanwhile_is_shown_once(
    api: Api, job_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    not_begun = task_list._not_begun

    async def after_it_has_begun(*asked: Any) -> Any:
        await add(api, job_id, "last", id="last", position=3)
        return await not_begun(*asked)

    monkeypatch.setattr(task_list, "_not_begun", after_it_has_begun)
    assert await ids(api, job_id, parent="top") == ["a", "many", "last"]


async def test_the_jobs_own_list_is_shown_with_what_has_not_begun(api: Api, job_id: str) -> None:
    page = await api.get(f"/jobs/{job_id}/tasks", params={"parent": "top"})
    first, family, last = page["items"]
    assert first.items() >= {"name": "a", "kind": "task", "image": "a:1", "position": 1}.items()
    assert first["usage"] == (await api.get("/tasks/a"))["usage"]
    assert first["usage"] == {"runSeconds": 1.5, "cpuSeconds": 3.0, "memoryGibSeconds": 1.5}
    assert family["children"] == {
        "size": 5, "completions": 3, "failures": 1, "running": 1, "waiting": 1,
    }  # fmt: skip
    assert last == {"name": "last", "kind": "task", "position": 3, "queue": "slow"}
    assert page["counts"] == {"COMPLETED": 1, "RUNNING": 1}
    assert (page["notBegun"], page["totalItems"], page["totalPages"]) == (1, 3, 1)
    assert await ids(api, job_id, parent="top", size="2", page="2") == ["last"]


async def test_children_are_shown_by_their_last_attempts_and_counted(api: Api, job_id: str) -> None:
    page = await api.get(f"/jobs/{job_id}/tasks", params={"parent": "many"})
    assert [row["id"] for row in page["items"]] == ["c0", "c1again", "c2", "c3", "c4"]
    again, failed, waits = page["items"][1], page["items"][3], page["items"][4]
    assert (again["attempt"], again["attempts"]) == (1, 2)
    assert (failed["exitCode"], failed["error"]) == (7, "no [REDACTED] here")
    assert waits["waiting"]["reason"] == "turn"
    assert page["counts"] == {"COMPLETED": 3, "FAILED": 1, "CREATED": 1}


async def test_tasks_are_found_by_state_name_index_and_attempt(api: Api, job_id: str) -> None:
    failed_first = {"parent": "many", "order": "failed-first"}
    assert await ids(api, job_id, **failed_first) == ["c3", "c4", "c0", "c1again", "c2"]
    assert await ids(api, job_id, **failed_first, size="2", page="2") == ["c0", "c1again"]
    assert await ids(api, job_id, **failed_first, attempts="all", size="3") == ["c1", "c3", "c4"]
    assert await ids(api, job_id, parent="many", state="failed,CREATED") == ["c3", "c4"]
    assert await ids(api, job_id, parent="many", attempts="all", index="1") == ["c1", "c1again"]
    assert await ids(api, job_id, parent="many", q="HRE") == ["c3"]
    assert await ids(api, job_id, parent="many", size="2", page="2") == ["c2", "c3"]
    assert await ids(api, job_id, q="%") == []
    assert await ids(api, job_id, order="newest", size="1") == ["c1again"]
    assert len(await ids(api, job_id)) == 7


async def test_a_search_for_a_name_finds_nothing_by_what_is_secret(api: Api, job_id: str) -> None:
    assert await ids(api, job_id, q="two") == []


async def test_counts_are_left_out_when_they_are_not_asked_for(api: Api, job_id: str) -> None:
    page = await api.get(f"/jobs/{job_id}/tasks", params={"parent": "many", "counts": "false"})
    assert page.keys() == {"number", "size", "items"}


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ({"parent": "elsewhere"}, 404, "the job has no task 'elsewhere'"),
        ({"state": "LOST"}, 400, "state: 'LOST' is not allowed: must be CREATED"),
        ({"order": "x"}, 400, "order: "),
    ],
)
async def test_a_mistake_is_named(
    api: Api, job_id: str, query: dict[str, str], status: int, message: str
) -> None:
    got, answer = await api.answer("GET", f"/jobs/{job_id}/tasks", params=query)
    assert got == status
    assert message in answer["message"]


async def test_placed_tasks_are_counted_by_what_runs_of_them(api: Api, job_id: str) -> None:
    for running in (2, 0):
        children = Children(total=3, required=3, begun=1, waiting=1, running=running)
        family = {"kind": TaskKind.PLACED, "children": children, "position": 3}
        name = f"web{running}"
        await add(api, job_id, name, id=name, state=TaskState.RUNNING, started_at=NOW, **family)
    rows = (await api.get(f"/jobs/{job_id}/tasks", params={"q": "web"}))["items"]
    assert sorted((row["children"] for row in rows), key=len) == [
        {"size": 3, "completions": 0},
        {"size": 3, "completions": 0, "running": 2, "waiting": 1},
    ]


async def test_the_details_of_a_summary_say_where_the_job_failed(api: Api, job_id: str) -> None:
    async with acquired(api.pool) as connection:
        await connection.execute(
            "UPDATE tasks SET state = 'FAILED', error = 'x', failed_at = now() WHERE id = 'many'"
        )
    await api.set_job(job_id, state="FAILED", error="x")
    header = await api.get(f"/jobs/{job_id}/summary", params={"details": "true"})
    assert header["failure"] == {
        "taskId": "c3", "name": "three", "parentId": "many", "parentName": "many",
        "childIndex": 3, "error": "no [REDACTED] here", "exitCode": 7,
    }  # fmt: skip
    assert "failure" not in await api.get(f"/jobs/{job_id}/summary")


@pytest.mark.parametrize(
    ("tasks", "branches", "versions"),
    [
        ("{name: a, run: x}, {name: b, run: x}", False, False),
        ("{name: a, run: x}, {name: b, run: x, needs: []}", True, False),
        ("{name: a, parallel: {tasks: [{run: x}]}}", True, False),
        ("{name: a, run: x, placement: {type: service}}", True, True),
    ],
)
async def test_the_details_of_a_summary_say_what_the_job_has(
    api: Api, tasks: str, branches: bool, versions: bool
) -> None:
    job = await api.submit(f"name: x\nconcurrency: 2\nstartRate: 10/m\ntasks: [{tasks}]")
    header = await api.get(f"/jobs/{job['id']}/summary", params={"details": "true"})
    assert (header["hasBranches"], header["hasVersions"]) == (branches, versions)
    assert (header["concurrency"], header["startRate"]) == (2, "10/m")
    assert header["hasServices"] is False  # of which none runs yet
    async with acquired(api.pool) as connection:
        await connection.execute("UPDATE jobs SET kept_running = 1 WHERE id = $1", job["id"])
    header = await api.get(f"/jobs/{job['id']}/summary", params={"details": "true"})
    assert header["hasServices"] is True


async def test_the_details_of_a_summary_name_the_jobs_it_is_part_of(api: Api, job_id: str) -> None:
    outer: str = (await api.submit(JOB))["id"]
    async with acquired(api.pool) as connection:
        await connection.execute(
            "UPDATE jobs SET parent_job_id = $2, parent_task_id = 'o1' WHERE id = $1", job_id, outer
        )
    header = await api.get(f"/jobs/{job_id}/summary", params={"details": "true"})
    assert header["parents"] == [{"id": outer, "name": "x", "taskId": "o1"}]


_HELD = {"attempts": 1, "run_ms": 1500, "cpu_us": 3_000_000, "memory_mib_ms": 1_536_000}
_PRICES = {"cpu_second": "0.5", "gib_second": "0", "gpu_second": "0", "unit": "BYC"}


async def test_a_job_tells_what_its_sub_jobs_have_held_and_theirs(api: Api) -> None:
    family = [
        (await api.submit("name: x\ntasks: [{name: a, parallel: {tasks: [{run: x}]}}]"))["id"]
        for _ in range(3)
    ]
    for outer, inner in pairwise(family):
        for task_id in (f"{inner} failed", f"{inner} again"):
            await add(api, outer, "a", id=task_id, subjob_id=inner)
    async with acquired(api.pool) as connection:
        await connection.execute("UPDATE jobs SET usage = $1, rates = $2", _HELD, _PRICES)
        await connection.execute(
            "UPDATE jobs SET state = 'COMPLETED', completed_at = now() WHERE id = $1", family[0]
        )
    held = {"runSeconds": 3.0, "cpuSeconds": 6.0, "memoryGibSeconds": 3.0}
    told = {**held, "amount": "3", "unit": "BYC"}
    assert (await api.get(f"/jobs/{family[0]}"))["subJobsUsage"] == told
    header = await api.get(f"/jobs/{family[0]}/summary", params={"details": "true"})
    assert header["subJobsUsage"] == told
    assert "subJobsUsage" not in await api.get(f"/jobs/{family[2]}")


async def test_a_job_is_shown_without_its_tasks(api: Api, job_id: str) -> None:
    job = await api.get(f"/jobs/{job_id}", params={"tasks": "false"})
    assert (job["tasks"], job["execution"], job["access"]) == ([], [], "operate")
    assert job["context"]["secrets"] == {"key": "[REDACTED]"}
