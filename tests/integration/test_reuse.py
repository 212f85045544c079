"""Submissions that are answered with a job that does the same work, on a real database."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from services.coordinator.store.deletion import delete_job
from services.scheduler.store.files import unnamed
from services.webhook_dispatcher.events import Events
from shared.apply.apply import Work
from shared.definition import Reuse
from shared.lifecycle import SubmissionWithdrawn, TaskClaimed, TaskSucceeded
from shared.messages import KeptArtifact
from shared.planning.fingerprint import Fingerprint
from shared.planning.reuse import WantedReuse
from shared.store.submissions import JOINABLE, joinable
from tests.support.bacalhau_clients.jobs import JOBS, batch_job, own_id
from tests.support.http.api import YAML
from tests.support.http.authenticated_api import (
    OPERATOR,
    add_user,
)
from tests.support.http.deciding_api import Door, open_door
from tests.support.jobs.batcher import LEASE, Rig, batcher_rig
from tests.support.servers.bulk_rows import bulk_rows, numbers
from tests.support.servers.crowded_tables import explained, nodes_of

pytestmark = pytest.mark.real

JOB = """
name: count
reuse: {more}
inputs: {{size: "{size}"}}
tasks: [{{name: a, run: x, env: {{SIZE: "{{{{ inputs.size }}}}"}}}}]
"""
KEY = {"Idempotency-Key": "order-17"}

# 60 older jobs that do the same work as $1.
OLDER = bulk_rows(
    "jobs",
    numbers(1, 60),
    id="'older' || n",
    created_at="now() - make_interval(days => 1, secs => n)",
    created_by="$1",
)
# The same on their way, as many of them younger.
AROUND = bulk_rows(
    "jobs",
    numbers(1, 120),
    id="'older' || n",
    created_at="now() + make_interval(hours => n - 60)",
)
FINGERPRINTS = """
INSERT INTO job_fingerprints (job_id, fingerprint, owner, parts, created_at)
SELECT j.id, f.fingerprint, coalesce(j.created_by, f.owner), f.parts, j.created_at
FROM jobs j, job_fingerprints f WHERE f.job_id = $1 AND starts_with(j.id, 'older')
"""


def job(size: int = 1, more: str = "true") -> str:
    return JOB.format(size=size, more=more)


@pytest.fixture
async def door(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    async with open_door(postgres_dsn, monkeypatch) as door:
        yield door


async def test_a_hundred_identical_submissions_at_once_make_one_job(door: Door) -> None:
    await door.submit(job(size=2))
    answers = await asyncio.gather(*(door.submit(job()) for _ in range(100)))
    assert len({job_id for job_id, _ in answers}) == 1
    assert [is_reused for _, is_reused in answers].count(False) == 1
    assert await door.rig.pool.fetchval("SELECT count(*) FROM jobs") == 2


async def test_a_completed_job_answers_until_it_is_banned_and_tells_why(door: Door) -> None:
    first, _ = await door.submit(job())
    await door.rig.run_current(first)
    checked = await door.post(job(more="false"), path="/jobs/reuse/check")
    assert (checked[0], checked[1]["jobId"]) == (200, first)
    response = await door.api.raw(
        "POST", "/jobs", data=job().replace("count", "other").encode(), headers=YAML | OPERATOR
    )
    assert response.headers["X-Job-Reused"] == first
    answer = await response.json()
    assert (answer["id"], answer["state"], answer["reused"]) == (first, "COMPLETED", True)

    [again, made] = (await door.reuse_of(first))["submissions"]
    assert (again["reused"], made["reused"]) == (True, False)
    assert [step["left"] for step in again["steps"]] == [1] * 7
    assert made["steps"][0]["left"] == 0

    other, _ = await door.submit(job(size=2))
    [miss] = (await door.reuse_of(other))["submissions"]
    near = {"jobId": first, "differences": ["inputs.size"], "count": 1}
    assert miss["nearestMiss"] == near
    assert (await door.post("", path=f"/jobs/{first}/reuse/ban"))[0] == 200
    shown = await door.reuse_of(first)
    assert shown["bannedAt"]
    assert await door.submit(job()) != (first, True)

    plain, _ = await door.submit(job(more="false"))
    assert await door.reuse_of(plain) == {"submissions": []}
    status, answer = await door.post("", path=f"/jobs/{plain}/reuse/ban")
    assert (status, "without reuse" in answer["message"]) == (400, True)


async def test_a_job_that_failed_changed_or_lost_its_files_is_no_answer(door: Door) -> None:
    for change in (
        "state = 'FAILED', error = 'x', failed_at = now()",
        "is_cancelling = true",
        "spec_version = 2",
        "kept_bytes = 10, state = 'COMPLETED', completed_at = now()",
        "delete_at = now(), state = 'COMPLETED', completed_at = now()",
        "due_at = now() + interval '1 day', state = 'PENDING'",
    ):
        first, _ = await door.submit(job())
        await door.rig.pool.execute(f"UPDATE jobs SET {change} WHERE id = $1", first)
        second, is_reused = await door.submit(job())
        assert (second != first, is_reused) == (True, False), change
        await door.rig.pool.execute("DELETE FROM job_fingerprints")


async def test_a_job_is_found_behind_any_number_of_others_that_are_no_answer(door: Door) -> None:
    pool = door.rig.pool
    first, _ = await door.submit(job())
    await door.rig.run_current(first)
    completed = "state = 'COMPLETED', completed_at = created_at"
    for owner, change, more in (
        (None, "state = 'FAILED', error = 'x', failed_at = now()", "true"),
        ("bob~1", completed, "true"),
        (None, completed, "{maxAge: 1h}"),
    ):
        await pool.execute(OLDER, owner)
        await pool.execute(FINGERPRINTS, first)
        await pool.execute(f"UPDATE jobs SET {change} WHERE starts_with(id, 'older')")
        assert await door.submit(job(more=more)) == (first, True), change
        await pool.execute("DELETE FROM jobs WHERE starts_with(id, 'older')")


async def test_a_job_that_failed_may_be_the_answer_when_it_was_restarted(door: Door) -> None:
    first, _ = await door.submit(job())
    for change, is_out in (
        ("state = 'FAILED', error = 'x', failed_at = now()", True),
        ("state = 'RUNNING', error = NULL, failed_at = NULL", False),
        ("state = 'CANCELLED'", True),
    ):
        await door.rig.pool.execute(f"UPDATE jobs SET {change} WHERE id = $1", first)
        assert await door.rig.pool.fetchval("SELECT is_out FROM job_fingerprints") is is_out


async def test_completed_jobs_with_different_results_or_files_are_no_answer(door: Door) -> None:
    first, _ = await door.submit(job(more="{nondeterministic: true}"))
    second, _ = await door.submit(job())
    assert second != first  # it said that it is not to be reused
    await door.rig.pool.execute("UPDATE job_fingerprints SET chance = '{}'")
    for job_id, result in ((first, "1"), (second, "2")):
        await door.rig.pool.execute(
            "UPDATE jobs SET state = 'COMPLETED', completed_at = now(), result = $2 WHERE id = $1",
            job_id,
            result,
        )
    assert await door.submit(job(more="{onOutputConflict: oldest}")) == (first, True)
    third, is_reused = await door.submit(job())
    assert (third in (first, second), is_reused) == (False, False)


async def test_whose_jobs_are_reused_is_what_the_submission_says(door: Door) -> None:
    ann, bob = [await add_user(door.api, name) for name in ("ann", "bob")]
    open_, private = job(), job(size=2) + "permissions: [{user: ann}]\n"
    readable = "{scope: readable}"
    ids = {}
    for text in (open_, private):
        ids[text], _ = await door.submit(text, ann)
        as_bob = text.replace("true", readable, 1)
        assert (await door.submit(as_bob, bob))[0] != ids[text], "it has not ended"
        await door.rig.pool.execute("DELETE FROM job_fingerprints WHERE job_id <> $1", ids[text])
        await door.rig.run_current(ids[text])
        mine, is_reused = await door.submit(text, bob)
        assert (mine != ids[text], is_reused) == (True, False), "it is not his"
        await door.rig.pool.execute("DELETE FROM job_fingerprints WHERE job_id = $1", mine)
        found = await door.submit(as_bob, bob)
        assert (found == (ids[text], True)) is (text == open_), "he may see one of the two"
        await door.rig.pool.execute("DELETE FROM job_fingerprints")


async def test_a_key_or_a_submit_id_stands_for_the_job_that_answered(door: Door) -> None:
    first, _ = await door.submit(job())
    named = job() + "submitId: order-17\n"
    assert await door.submit(named) == (first, True)
    assert await door.submit(named, {**OPERATOR, **KEY}) == (first, False)
    await door.rig.pool.execute("DELETE FROM job_fingerprints")
    assert await door.submit(named) == (first, False)
    status, answer = await door.post(named + "# other\n")
    assert (status, "order-17" in answer["message"]) == (409, True)
    status, answer = await door.post(named, {**OPERATOR, "Idempotency-Key": "order-18"})
    assert (status, answer["message"].partition(":")[0]) == (400, "submitId")


def hook(name: str) -> str:
    """A job with a webhook whose secret is its own."""
    secret = "whsec_" + name * 32
    return job() + f"submitId: {name}\nwebhooks: [{{url: 'https://{name}', secret: {secret}}}]\n"


async def called(door: Door) -> list[tuple[str, str]]:
    """Who is called from now on, and with which state of the job."""
    await Events(door.rig.pool, door.rig.sealer).take_stored()
    query = "DELETE FROM webhook_deliveries RETURNING url, body, version, webhook"
    rows = await door.rig.pool.fetch(query)
    rows.sort(key=lambda row: (row["version"], row["webhook"]))
    open_text = door.rig.sealer.open_text
    states = [json.loads(open_text(row["body"].decode()))["state"] for row in rows]
    urls = [open_text(row["url"]).removeprefix("https://") for row in rows]
    return list(zip(urls, states, strict=True))


async def cancel(door: Door, job_id: str, submission_id: str) -> int:
    body = {"submissionId": submission_id, "reason": "enough"}
    status, _ = await door.api.answer("PUT", f"/jobs/{job_id}/cancel", json=body, headers=OPERATOR)
    return status


async def test_the_webhooks_of_all_submissions_are_called_and_of_a_late_one_once(
    door: Door,
) -> None:
    first, _ = await door.submit(hook("a"))
    await called(door)
    assert await door.submit(hook("b")) == (first, True)
    await door.rig.run_current(first)
    ends = [("a", "COMPLETED"), ("b", "COMPLETED")]
    assert [one for one in await called(door) if one in ends] == ends
    assert await door.submit(hook("c")) == (first, True)
    assert await door.submit(hook("c")) == (first, False)
    assert await called(door) == [("c", "COMPLETED")]


async def test_a_job_is_stopped_when_the_last_of_its_submissions_is_taken_back(door: Door) -> None:
    first, _ = await door.submit(hook("a"))
    _, answer = await door.post(job())
    assert (answer["id"], answer["submissionId"] != first) == (first, True)
    assert await door.submit(hook("b")) == (first, True)
    await called(door)
    assert await cancel(door, first, "nobody") == 400
    for id_ in ("a", "a", answer["submissionId"]):
        assert await cancel(door, first, id_) == 200
        assert (await door.rig.job(first))["state"] == "SCHEDULED"
    shown = (await door.reuse_of(first))["submissions"]
    ids = {one["submissionId"] for one in shown if "detachedAt" in one}
    assert ids == {"a", answer["submissionId"]}
    assert [await cancel(door, first, "b") for _ in range(2)] == [200, 200]
    assert await called(door) == [("b", "CANCELLED")]
    ended = await door.rig.job(first)
    assert (ended["state"], ended["cancel_reason"]) == ("CANCELLED", "enough")


async def test_a_submission_counts_that_comes_again_or_that_an_older_version_stored(
    door: Door,
) -> None:
    first, _ = await door.submit(hook("a"))
    await door.rig.pool.execute("DELETE FROM job_submissions")  # nor did a version before them
    for _ in range(2):
        assert await door.submit(hook("b")) == (first, True)
        assert await cancel(door, first, "b") == 200
        assert (await door.rig.job(first))["state"] == "SCHEDULED"
        await door.rig.pool.execute("DELETE FROM idempotency_keys")
    assert await door.submit(hook("b")) == (first, True)
    await called(door)
    assert await cancel(door, first, first) == 200
    assert (await door.rig.job(first))["state"] == "SCHEDULED"
    assert await cancel(door, first, "b") == 200
    assert await called(door) == [("b", "CANCELLED")]


async def test_any_number_of_jobs_of_one_submission_hide_none_of_another(door: Door) -> None:
    alike, other = [(await door.submit(job(size)))[0] for size in (1, 2)]
    changed, _ = await door.submit(job(3))
    pool, wanted = door.rig.pool, []
    await pool.execute("UPDATE jobs SET spec_version = 2 WHERE id = $1", changed)
    await pool.execute(AROUND)
    await pool.execute(FINGERPRINTS, alike)
    for job_id in (alike, other, changed):
        query = "SELECT fingerprint, owner FROM job_fingerprints WHERE job_id = $1"
        digest, owner = await pool.fetchrow(query, job_id)
        fingerprint = Fingerprint(digest, {})
        wanted.append(WantedReuse(rules=Reuse(), fingerprint=fingerprint, owner=owner))
    async with pool.acquire() as connection:
        found = set(await joinable(connection, wanted))
        assert (other in found, changed in found) == (True, False)
        unreadable = replace(wanted[1], readers=["user:eve"])
        await pool.execute("UPDATE jobs SET readers = '{user:ann}'")
        assert await joinable(connection, [unreadable]) == []
        asked = {"digests": wanted[0].digests, "owner": wanted[0].owner, "readers": None}
        plan = await explained(connection, JOINABLE, ([asked], ["NONE"]))
        looked_at = [step for step in nodes_of(plan) if step.get("Alias", "").startswith("f")]
        assert 0 < sum(step["Actual Rows"] for step in looked_at) < 60  # of 120


async def test_a_submission_joins_before_the_last_is_taken_back_or_makes_a_job(door: Door) -> None:
    """Asked for at once by two coordinators: whoever waits for the row of the job is the later."""
    async with batcher_rig(door.dsn) as other:
        for _ in range(10):
            first, _ = await door.submit(job() + "submitId: one\n")
            withdrawn = SubmissionWithdrawn(first, "one")
            (second, joined), _ = await asyncio.gather(door.submit(job()), other.happen(withdrawn))
            states = {id_: (await door.rig.job(id_))["state"] for id_ in (first, second)}
            assert joined is (second == first)
            assert states[second] == "SCHEDULED"
            await door.rig.pool.execute("DELETE FROM jobs")
            await door.rig.pool.execute("DELETE FROM idempotency_keys")


def each(*items: int) -> list[dict[str, Any]]:
    child = {"run": "x", "reuse": True, "var": "n", "env": {"N": "{{ item.value }}"}}
    return [{"name": "all", "each": {"list": list(items), "task": child}}]


async def run_all(rig: Rig, job_id: str, kept: bytes = b"") -> int:
    """What waits for a worker completes, with its own `N` as result; how many they were."""
    waiting = [t for t in await rig.tasks(job_id) if t["state"] == "SCHEDULED"]
    for task in waiting:
        await rig.happen(TaskClaimed(job_id, task["id"], task["dispatch"], "n1", LEASE))
        result = task["definition"].get("env", {}).get("N")
        done = TaskSucceeded(job_id, task["id"], task["dispatch"], "n1", result)
        files = [an_artifact(job_id, task["id"], kept)] if kept else []
        await rig.batcher.perform_one(Work(done, kept=files))
    return len(waiting)


def an_artifact(job_id: str, task_id: str, content: bytes) -> KeptArtifact:
    return KeptArtifact(
        name="out",
        object=f"{job_id}/{task_id}/0.1/out",
        file_name="out",
        size=len(content),
        sha256="sum",
    )


async def test_an_each_that_is_submitted_again_runs_only_what_changed(door: Door) -> None:
    rig = door.rig
    first = await rig.submit(each(*range(300)))
    while await run_all(rig, first):
        pass
    second = await rig.submit(each(*range(1, 301)))
    while await run_all(rig, second):
        pass
    assert (await rig.job(second))["state"] == "COMPLETED"
    children = [t for t in await rig.tasks(second) if t["parent_id"]]
    [ran] = [t for t in children if t["reused_from"] is None]
    assert ran["result"] == "300"
    results = {t["child_index"]: t["result"] for t in children}
    assert results == {n: str(n + 1) for n in range(300)}
    reused = next(t for t in children if t["reused_from"])
    shown = await door.api.get(f"/tasks/{reused['id']}", headers=OPERATOR)
    assert (shown["reusedFrom"], "usage" in shown) == (reused["reused_from"], False)
    before = next(t for t in await rig.tasks(first) if t["child_index"] == 299)
    shown = await door.api.get(f"/tasks/{ran['id']}", headers=OPERATOR)
    assert shown["reuseMiss"] == {
        "reason": "different",
        "message": "the nearest task differs in env.N",
        "taskId": before["id"],
        "differences": ["env.N"],
        "count": 1,
    }
    assert {t["reuse_miss"]["reason"] for t in await rig.tasks(first) if t["parent_id"]} == {"new"}
    assert (await rig.job(second))["usage"]["attempts"] == 1
    for item, reason in ((1, "new"), (2, "different")):  # nothing of the others is near to Bob's
        of_bob = await rig.submit(each(item), created_by="bob~1")
        assert await run_all(rig, of_bob) == 1
        [child] = [t for t in await rig.tasks(of_bob) if t["parent_id"]]
        assert child["reuse_miss"]["reason"] == reason


async def test_tasks_of_a_job_that_is_banned_are_not_reused(door: Door) -> None:
    same = job().replace("run: x", "run: x, reuse: true")
    first, _ = await door.submit(same)
    await door.rig.run_current(first)
    [done] = await door.rig.tasks(first)
    assert (await door.post("", path=f"/jobs/{first}/reuse/ban"))[0] == 200
    second, _ = await door.submit(same)
    [task] = await door.rig.tasks(second)
    shown = await door.api.get(f"/tasks/{task['id']}", headers=OPERATOR)
    assert (shown["state"], shown.get("reusedFrom")) == ("SCHEDULED", None)
    assert shown["reuseMiss"] == {
        "reason": "banned",
        "message": "the job of the earlier task was banned from reuse",
        "taskId": done["id"],
    }


async def end_with(rig: Rig, job_id: str, digest: str) -> None:
    """Its task has run the image with that digest."""
    task = await rig.claim_current(job_id)
    more: dict[str, Any] = {"result": "1", "image_digest": digest}
    await rig.happen(TaskSucceeded(job_id, task["id"], task["dispatch"], "n1", **more))


async def test_what_ran_an_image_whose_name_stands_for_another_now_is_no_answer(
    door: Door,
) -> None:
    of_image = job().replace("run: x", "run: x, image: a, reuse: true")
    first, _ = await door.submit(of_image)
    await end_with(door.rig, first, "sha256:1")
    assert await door.submit(of_image) == (first, True)
    other = await door.rig.submit([{"name": "b", "run": "y", "image": "a"}])
    await end_with(door.rig, other, "sha256:2")
    second, is_reused = await door.submit(of_image)
    assert (second != first, is_reused) == (True, False)
    [made] = (await door.reuse_of(second))["submissions"]
    assert [step["left"] for step in made["steps"]] == [1, 1, 1, 1, 1, 1, 0]
    [task], [before] = [await door.rig.tasks(job_id) for job_id in (second, first)]
    assert task["reuse_miss"] == {"reason": "image", "task_id": before["id"]}
    await end_with(door.rig, second, "sha256:2")
    assert (await door.submit(of_image))[0] == second


async def test_reused_artifacts_outlive_the_job_that_kept_them_and_go_with_the_last(
    door: Door,
) -> None:
    rig = door.rig
    artifacts = [{"name": "out", "path": "o"}]
    keeping = [{"name": "a", "run": "x", "reuse": True, "artifacts": artifacts}]
    first = await rig.submit(keeping)
    assert await run_all(rig, first, b"content") == 1
    second = [await rig.submit(keeping) for _ in range(2)]
    jobs = [await rig.job(job_id) for job_id in second]
    assert [(j["state"], j["kept_bytes"]) for j in jobs] == [("COMPLETED", 7)] * 2
    [name] = {r["object"] for r in await rig.pool.fetch("SELECT object FROM artifacts")}
    async with rig.pool.acquire() as connection:
        for job_id in (first, *second):
            assert await unnamed(connection, first, [name]) == []
            assert await delete_job(connection, job_id)
        assert await unnamed(connection, first, [name]) == [name]
        due = await connection.fetch("SELECT prefix FROM object_removals")
    assert name in {row["prefix"] for row in due}
    kept = await rig.submit(keeping)
    assert await run_all(rig, kept, b"content") == 1
    await rig.pool.execute("DELETE FROM artifacts")
    [lost], [task] = await rig.tasks(kept), await rig.tasks(await rig.submit(keeping))
    assert task["reuse_miss"] == {"reason": "files", "task_id": lost["id"]}


async def put_bacalhau(door: Door, **fields: Any) -> tuple[str, list[str]]:
    body = {"Job": batch_job(**{"Meta": {"conveyor.reuse": "1h"}, **fields})}
    status, answer = await door.api.answer("PUT", JOBS, json=body, headers=OPERATOR)
    assert status == 200, answer
    return answer["JobID"], answer["Warnings"]


async def test_a_job_of_bacalhau_is_answered_with_an_earlier_one_of_its_namespace(
    door: Door,
) -> None:
    first, warnings = await put_bacalhau(door, name="one")
    assert warnings == []
    done = "UPDATE jobs SET state = 'COMPLETED', completed_at = now() WHERE id = $1"
    await door.rig.pool.execute(done, own_id(first))
    answer = f"job {first} does the same work and is reused (conveyor.reuse)"
    assert await put_bacalhau(door, name="two", Count=1) == (first, [answer])
    assert (await door.api.answer("GET", f"{JOBS}/two", headers=OPERATOR))[0] == 404
    others: list[dict[str, Any]] = [{"Namespace": "n"}, {"Count": 2}, {"Meta": {}}]
    for other in others:
        job_id, warnings = await put_bacalhau(door, **other)
        assert (job_id != first, warnings) == (True, [])
    status, refusal = await door.api.answer(
        "PUT", JOBS, json={"Job": batch_job("one", Meta={"conveyor.reuse": "1h"})}, headers=OPERATOR
    )
    assert (status, refusal["Message"].split(".")[0]) == (
        409,
        "no changes detected for new job spec",
    )
    later = "UPDATE jobs SET completed_at = now() - interval '61 minutes' WHERE id = $1"
    await door.rig.pool.execute(later, own_id(first))
    assert (await put_bacalhau(door))[0] != first
