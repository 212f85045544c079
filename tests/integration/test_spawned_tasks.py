"""Tasks that make tasks: they begin by sequence, once their creator has succeeded."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from services.coordinator.api.errors import Conflict
from services.coordinator.api.tork.spawned import spawned_for
from services.coordinator.handlers import on_completions
from services.coordinator.store.connected import connected
from services.coordinator.store.task_tokens import MADE, Holder, Made, make_tasks, report_end
from services.coordinator.store.tasks_summary import tasks_summary
from shared.apply.apply import Work
from shared.lifecycle import JobRestarted, RetryDue, TaskClaimed, TaskFailed, TaskSucceeded
from shared.messages import Finished, Reports, Spawned
from shared.planning.new_job import IdempotencyKey
from shared.process.task_tokens import TaskTokens, digest_of_token
from tests.integration.test_families_and_secrets import unsealed
from tests.support.http.authenticated_api import OPERATOR, PROTECTED
from tests.support.jobs.batcher import LEASE
from tests.support.jobs.families import NODE, STAYS, Fails, Makes, Play, Row, Verdict
from tests.support.servers.crowded_tables import blocks_touched, explained
from tests.support.services.dev import running_dev


def spawn(**fields: Any) -> dict[str, Any]:
    task = {"name": "part {{ item.index }}", "run": "x", "env": {"N": "{{ item.value.n }}"}}
    return {"name": "whole", "var": "all", "spawn": {"task": task, **fields}}


def made(sequence: int, n: int, name: str | None = None) -> Spawned:
    return Spawned(sequence=sequence, parameters=orjson.dumps({"n": n}).decode(), name=name)


def spawning(row: Row) -> dict[str, Any]:
    told: dict[str, Any] = row["definition"]["spawning"]
    return told


def maps_and_reduces(row: Row) -> Verdict:
    match row["sequence"]:
        case 0:
            return Makes([made(2, 0, "sum"), *(made(1, n) for n in (1, 2, 3))])
        case 1:
            return f"{row['definition']['env']['N']}!"
        case _:
            return "done"


async def test_children_begin_by_sequence_and_their_results_are_listed_in_that_order(
    play: Play,
) -> None:
    job_id = await play.submit_tasks(spawn(), output="{{ join(tasks.all, ' ') }}")
    seen: list[list[int]] = []

    def behave(row: Row) -> Verdict:
        seen[-1].append(row["sequence"])
        return maps_and_reduces(row)

    seen.append([])
    while await play.run_round(behave):
        seen.append([])

    assert seen == [[0], [1, 1, 1], [2], []]
    job = await play.rig.job(job_id)
    assert (job["state"], job["result"]) == ("COMPLETED", "1! 2! 3! done")
    whole = await play.task(job_id, "whole")
    children = await play.children(whole["id"])
    assert [c["name"] for c in children] == ["part 0", "sum", "part 2", "part 3", "part 4"]
    assert spawning(children[1]) == {
        "sequence": 2,
        "index": 1,
        "parameters": '{\n  "n": 0\n}',
    }
    assert children[0]["definition"]["spawning"]["parameters"] == "{}"


async def test_a_report_that_comes_again_makes_nothing_more_and_a_failed_attempt_none(
    play: Play,
) -> None:
    job_id = await play.submit_tasks(spawn())
    [first] = await _running(play)
    report = Finished(
        job_id=job_id, task_id=first["id"], dispatch=1, result="", spawned=[made(1, 1)]
    )
    reports = Reports(node_id=NODE, lease_seconds=30, finished=[report, report])
    for _ in range(2):
        await on_completions(play.rig.batcher, play.rig.pool, [reports])
    whole = await play.task(job_id, "whole")
    children = await play.children(whole["id"])
    assert [(c["state"], c["sequence"]) for c in children] == [("COMPLETED", 0), ("SCHEDULED", 1)]

    for _ in range(3):  # tries in all
        await play.run(lambda _: Fails(exit_code=111))
        last = (await play.children(whole["id"]))[-1]
        await play.happen(RetryDue(job_id, last["id"]))
    children = await play.children(whole["id"])
    assert [(c["child_index"], c["state"], c["attempt"]) for c in children][1:] == [
        (1, "FAILED", attempt) for attempt in range(3)
    ]


async def test_more_tasks_than_may_be_fail_the_attempt_that_makes_them(play: Play) -> None:
    job_id = await play.submit_tasks(spawn(maxTasks=2))
    await play.run(lambda _: Makes([made(1, 1), made(1, 2)]))
    job = await play.rig.job(job_id)
    assert job["state"] == "FAILED"
    assert job["error"] == (
        "too_many_tasks: with 2 more than the 1 that there are they are over maxTasks, 2"
    )
    assert len(await play.children((await play.task(job_id, "whole"))["id"])) == 1


async def test_variables_that_are_too_much_together_fail_the_attempt(play: Play) -> None:
    inner = {"name": "whole", "spawn": {"task": {"run": "x"}}}
    each = {"list": ["x" * 200_000], "var": "around", "task": inner}
    job_id = await play.submit_tasks({"name": "outer", "each": each})
    await play.run(lambda _: Makes([made(1, n) for n in range(100)]))
    assert (await play.rig.job(job_id))["error"] == (
        "too_many_tasks: the variables of 100 are over 16,777,216 characters"
    )


async def test_a_restart_runs_what_is_left_of_each_sequence_in_its_turn(play: Play) -> None:
    job_id = await play.submit_tasks(spawn(), output="{{ join(tasks.all, ' ') }}")

    def fails_once(row: Row) -> Verdict:
        is_second = row["sequence"] == 1 and row["definition"]["env"]["N"] == "2"
        return Fails() if is_second else maps_and_reduces(row)

    await play.run(fails_once)
    assert await play.state(job_id) == "FAILED"
    await play.happen(JobRestarted(job_id))
    seen: list[int] = []

    def again(row: Row) -> Verdict:
        seen.append(row["sequence"])
        return maps_and_reduces(row)

    await play.run(again)
    assert seen[0] == 1
    assert seen[-1] == 2
    job = await play.rig.job(job_id)
    assert (job["state"], job["result"]) == ("COMPLETED", "1! 2! 3! done")


async def test_parameters_of_a_job_with_secrets_are_kept_sealed(play: Play) -> None:
    job_id = await play.submit_tasks(spawn(), secrets={"token": "hunter2-hunter2"})

    def behave(row: Row) -> Verdict:
        if row["sequence"]:
            return STAYS
        sealed = play.rig.sealer.kept_text('{"n":"of hunter2-hunter2"}', is_secret=True)
        return Makes([Spawned(sequence=1, parameters=sealed)])

    await play.run(behave)
    whole = await play.task(job_id, "whole")
    child = (await play.children(whole["id"]))[1]
    assert "hunter2" not in str(child["scope"]) + str(child["definition"])
    shown = {**child["definition"], **unsealed(play, child["sealed"])}
    assert orjson.loads(shown["spawning"]["parameters"]) == {"n": "of hunter2-hunter2"}
    assert shown["env"]["N"] == "of hunter2-hunter2"


TOKENS = TaskTokens()


async def claimed(play: Play, row: Row) -> str:
    """The token of the attempt."""
    token = TOKENS.of(row["id"], row["dispatch"])
    ref = row["job_id"], row["id"], row["dispatch"], NODE
    await play.happen(TaskClaimed(*ref, LEASE, digest_of_token(token)))
    return token


async def asked(
    play: Play, token: str, *tasks: Spawned, key: IdempotencyKey | None = None
) -> int | None:
    """How many the attempt has made, None if it makes none any more."""

    def given(holder: Holder, made: Made) -> Sequence[Spawned]:
        return tasks

    return await connected(play.rig.pool, make_tasks, token, key, given)


async def test_what_an_attempt_makes_by_requests_is_there_once_it_has_succeeded_and_once(
    play: Play,
) -> None:
    job_id = await play.submit_tasks(spawn())
    # An attempt that fails makes nothing
    [first] = await play.waiting()
    lost = await claimed(play, first)
    assert await asked(play, lost, made(1, 9)) == 1
    await play.happen(TaskFailed(job_id, first["id"], 1, NODE, "x", exit_code=111, cause="exit"))
    assert await asked(play, lost, made(1, 9)) is None
    whole = await play.task(job_id, "whole")
    retry = (await play.children(whole["id"]))[-1]
    await play.happen(RetryDue(job_id, retry["id"]))
    [again] = await play.waiting()
    token = await claimed(play, again)
    assert await asked(play, token.replace(again["id"], first["id"]), made(1, 9)) is None
    once = IdempotencyKey("", "once", b"1")
    for _ in range(2):  # the answer to the first was lost
        assert await asked(play, token, made(1, 1), made(1, 2), key=once) == 2
    other = replace(once, body_hash=b"2")
    anything = spawned_for([{"parameters": {}}], job_id, play.rig.sealer, other)
    with pytest.raises(Conflict, match="already used, with another body"):
        await connected(play.rig.pool, make_tasks, token, other, anything)
    assert await asked(play, token, made(2, 3)) == 3
    assert len(await play.children(whole["id"])) == 2, "there is none before"
    assert await connected(play.rig.pool, tasks_summary, job_id) == (0, 1, 0, 1)
    in_file = Makes([made(1, 4)]).spawned
    done = TaskSucceeded(job_id, again["id"], again["dispatch"], NODE)
    await play.perform(Work(done, spawned=in_file))
    children = await play.children(whole["id"])
    assert [c["sequence"] for c in children if c["child_index"]] == [1, 1, 2, 1]
    assert await connected(play.rig.pool, tasks_summary, job_id) == (4, 0, 1, 1)
    assert await asked(play, token, made(1, 9)) is None
    await play.run(lambda _: None)
    assert await play.state(job_id) == "COMPLETED"


async def test_a_request_for_tasks_costs_the_same_however_many_came_before(play: Play) -> None:
    await play.submit_tasks(spawn())
    [row] = await play.waiting()
    token = await claimed(play, row)
    tasks = [made(1, n) for n in range(5000)]
    for some in (tasks[:2000], tasks[2000:]):
        await asked(play, token, *some, key=IdempotencyKey("", some[0].parameters, b"1"))
    arguments = row["id"], row["dispatch"], tasks[0].parameters, b"2"
    size = sum(len(task.parameters) for task in tasks)
    async with play.rig.pool.acquire() as connection:
        await connection.execute("ANALYZE spawned_tasks")
        assert blocks_touched(await explained(connection, MADE, arguments)) < 20
        assert tuple(await connection.fetchrow(MADE, *arguments)) == (5000, size, True, True)
        # A coordinator of the version before has written the last one
        await connection.execute("UPDATE spawned_tasks SET bytes_so_far = NULL")
        assert tuple(await connection.fetchrow(MADE, *arguments)) == (5000, size, True, True)


async def test_what_an_attempt_reports_of_its_end_counts_when_it_has_succeeded(play: Play) -> None:
    job_id = await play.submit_tasks(spawn(), output="{{ join(tasks.all, ' ') }}")
    [first] = await play.waiting()
    token = await claimed(play, first)
    for reported in ("early", "told", None):  # the last one leaves what there is
        assert await connected(play.rig.pool, report_end, token, reported, None)
    done = TaskSucceeded(job_id, first["id"], 1, NODE, result="of the file")
    await play.perform(Work(done, spawned=[made(1, 1), made(1, 2)]))
    assert not await connected(play.rig.pool, report_end, token, "late", None)
    one, other = await play.waiting()
    assert [row["scope"]["item"]["creator"] for row in (first, one, other)] == ["", "0", "0"]
    await claimed(play, one)
    await play.happen(TaskSucceeded(job_id, one["id"], 1, NODE, result="and the file"))
    whole = await play.task(job_id, "whole")
    results = [child["result"] for child in await play.children(whole["id"])]
    assert results == ["told", "and the file", None]

    token = await claimed(play, other)
    assert await connected(play.rig.pool, report_end, token, "told", True)
    await play.perform(Work(TaskSucceeded(job_id, other["id"], 1, NODE), spawned=[made(1, 9)]))
    job = await play.rig.job(job_id)
    assert (job["state"], job["error"]) == ("FAILED", "its program has reported that it failed")
    assert len(await play.children(whole["id"])) == 3, "a failure makes none"


ASK = """
import json, os, sys, urllib.error, urllib.request

def ask(method, path, body=None):
    headers = {"Authorization": "Bearer " + os.environ["TORK_TASK_TOKEN"]}
    headers["Content-Type"] = "application/json"
    data = None if body is None else json.dumps(body).encode()
    url = os.environ["TORK_API_URL"] + path
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        return urllib.request.urlopen(request).status
    except urllib.error.HTTPError as error:
        return error.code

if os.environ["TORK_SEQUENCE"] == "0":
    own, other = "/jobs/" + os.environ["TORK_JOB_ID"], "/jobs/" + "0" * 32
    new = {"tasks": [{"name": "read", "parameters": {"page": "news"}}]}
    print("its token is", os.environ["TORK_TASK_TOKEN"])
    with open(os.environ["TORK_OUTPUT"], "w") as output:
        print(
            ask("POST", own + "/tasks", new),
            ask("POST", own + "/tasks", {"tasks": [{"sequence": -1}]}),
            ask("GET", own),
            ask("GET", other),
            ask("GET", "/jobs"),
            ask("GET", own + "/log"),
            ask("PUT", own + "/cancel"),
            ask("POST", other + "/tasks", new),
            ask("POST", "/arvados/v1/job_tasks", {"parameters": {}}),
            ask("POST", "/arvados/v1/job_tasks", {"job_uuid": "0" * 32}),
            ask("GET", "/arvados/v1/job_tasks"),
            ask("GET", "/arvados/v1/jobs"),
            ask("GET", "/arvados/v1" + other),
            os.environ["TORK_TASK_TOKEN"],
            file=output,
        )
"""


async def test_a_task_that_runs_has_a_token_for_its_own_job_alone(tmp_path: Path) -> None:
    child = {"name": "start", "run": f"{sys.executable} ask.py", "files": {"ask.py": ASK}}
    job = {"name": "asks", "tasks": [{"name": "all", "var": "all", "spawn": {"task": child}}]}
    async with running_dev(tmp_path, auth=PROTECTED) as url, aiohttp.ClientSession(url) as session:
        body = {**job, "output": "{{ tasks.all[0] }}", "wait": {"timeout": "60s"}}
        async with session.post("/jobs", json=body, headers=OPERATOR) as answer:
            shown = await answer.json()
        assert shown["state"] == "COMPLETED", shown
        assert shown["tasksSummary"] == {"todo": 0, "running": 0, "done": 3, "failed": 0}
        *statuses, token = shown["result"].split()
        assert statuses[:8] == ["200", "400", "200", "403", "403", "403", "403", "403"]
        assert statuses[8:] == ["200", "422", "200", "403", "403"]  # by Arvados' API
        path = f"/jobs/{shown['id']}"
        async with session.get(f"{path}/log?format=text", headers=OPERATOR) as answer:
            log = await answer.text()
        assert "its token is [REDACTED]" in log
        for method, ended in (("GET", path), ("POST", f"{path}/tasks")):
            headers = {"Authorization": f"Bearer {token}"}
            async with session.request(method, ended, headers=headers) as answer:
                assert answer.status == 401
        names = {"names": "read"}
        async with session.get(f"{path}/tasks", params=names, headers=OPERATOR) as answer:
            assert '"read"' in await answer.text()


async def _running(play: Play) -> list[Row]:
    found: list[Row] = []

    def behave(row: Row) -> Verdict:
        found.append(row)
        return STAYS

    await play.run_round(behave)
    return found
