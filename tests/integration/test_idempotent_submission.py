"""Submitting with `Idempotency-Key`: twice is once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from services.scheduler.store.retention import delete_old_idempotency_keys
from shared.planning.new_job import IdempotencyKey
from shared.planning.planner import Planner
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import acquired
from tests.support.http.api import YAML, Api, api_on
from tests.support.http.authenticated_api import OPERATOR, PROTECTED, add_user, hash_cheaply
from tests.support.jobs.batcher import Rig, batcher_rig

pytestmark = pytest.mark.real

JOB = b"name: pay\ntasks: [{name: a}]"
OTHER_JOB = b"name: pay twice\ntasks: [{name: a}]"
WAITING_JOB = JOB + b"\nwait: {timeout: 10s}"
SCHEDULED_JOB = JOB + b"\nschedule: {cron: '0 0 * * *'}"
KEY = {"Idempotency-Key": "order-17"}
OLD = timedelta(hours=1)
TASK = {"name": "build", "run": "true"}
STORED_KEY = IdempotencyKey("user:ann", "order-17", b"hash")


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with batcher_rig(postgres_dsn) as rig:
        yield rig


async def post(
    api: Api, body: bytes, headers: dict[str, str], path: str = "/jobs"
) -> tuple[int, Any]:
    return await api.answer("POST", path, data=body, headers={**YAML, **headers})


async def test_the_same_key_and_body_is_answered_with_the_first_job_as_it_is_by_now(
    api: Api,
) -> None:
    _, first = await post(api, JOB, KEY)
    await api.set_job(first["id"], state="RUNNING", progress=50.0)

    status, again = await post(api, JOB, KEY)

    assert status == 200
    assert (again["id"], again["state"], again["progress"]) == (first["id"], "RUNNING", 50)
    assert (await api.get("/jobs"))["totalItems"] == 1


async def test_without_a_key_or_with_another_every_submission_is_a_job(api: Api) -> None:
    answers = [await post(api, JOB, headers) for headers in ({}, {}, KEY)]
    answers.append(await post(api, JOB, {"Idempotency-Key": "order-18"}))
    assert len({job["id"] for _, job in answers}) == 4


async def test_the_same_key_with_another_body_is_a_conflict_that_names_the_key(api: Api) -> None:
    await post(api, JOB, KEY)
    status, answer = await post(api, OTHER_JOB, KEY)
    assert status == 409
    assert answer["message"] == 'Idempotency-Key: "order-17" was already used, with another body'
    assert (await api.get("/jobs"))["totalItems"] == 1


async def test_a_job_that_breaks_a_rule_uses_no_key_up(api: Api) -> None:
    assert (await post(api, b"name: pay", KEY))[0] == 400
    assert (await post(api, JOB, KEY))[0] == 200


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "clé"])
async def test_a_key_that_breaks_its_rule_is_refused(api: Api, key: str) -> None:
    status, answer = await post(api, JOB, {"Idempotency-Key": key})
    assert status == 400
    assert "must be 1 to 255 visible ASCII characters" in answer["message"]
    assert api.batcher.submitted == []


async def test_a_job_that_asks_to_wait_is_waited_for_again(api: Api) -> None:
    api.batcher.finish_with = "paid"
    _, first = await post(api, WAITING_JOB, KEY)
    _, again = await post(api, WAITING_JOB, KEY)
    assert (again["id"], again["state"], again["result"]) == (first["id"], "COMPLETED", "paid")


async def test_a_job_that_is_deleted_meanwhile_is_not_made_again(api: Api) -> None:
    _, first = await post(api, JOB, KEY)
    async with acquired(api.pool) as connection:
        await connection.execute("DELETE FROM jobs WHERE id = $1", first["id"])
    status, answer = await post(api, JOB, KEY)
    assert status == 409
    assert "its job is deleted" in answer["message"]


async def test_two_users_with_the_same_key_have_a_job_each(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_cheaply(monkeypatch)
    async with api_on(postgres_dsn, auth=PROTECTED) as api:
        ann, bob = await add_user(api, "ann"), await add_user(api, "bob")
        ids = [(await post(api, JOB, {**who, **KEY}))[1]["id"] for who in (ann, bob, OPERATOR)]
        assert len(set(ids)) == 3
        assert (await post(api, JOB, {**bob, **KEY}))[1]["id"] == ids[1]
        assert (await post(api, JOB, {**OPERATOR, **KEY}))[1]["id"] == ids[2]


async def test_a_scheduled_job_is_made_once_too_and_a_key_is_for_one_path(api: Api) -> None:
    _, first = await post(api, SCHEDULED_JOB, KEY, "/scheduled-jobs")
    status, again = await post(api, SCHEDULED_JOB, KEY, "/scheduled-jobs")
    assert (status, again) == (200, first)
    assert (await api.get("/scheduled-jobs"))["totalItems"] == 1
    assert (await post(api, JOB, KEY))[0] == 409


async def test_a_key_is_forgotten_in_time_and_as_good_as_new(api: Api) -> None:
    _, first = await post(api, JOB, KEY)
    async with acquired(api.pool) as connection:
        assert await delete_old_idempotency_keys(connection, OLD) == 0
        await connection.execute("UPDATE idempotency_keys SET created_at = now() - interval '2 h'")
        assert await delete_old_idempotency_keys(connection, OLD) == 1
    _, second = await post(api, JOB, KEY)
    assert second["id"] != first["id"]


async def made(rig: Rig) -> int:
    """Jobs that there are, each with a task that was sent."""
    jobs: int = await rig.pool.fetchval("SELECT count(*) FROM jobs")
    assert await rig.pool.fetchval("SELECT count(*) FROM tasks") == jobs
    stats = await rig.broker.queue_stats("default")
    assert (stats.size if stats else 0) == jobs
    return jobs


async def test_submissions_at_the_same_time_with_the_same_key_make_one_job(rig: Rig) -> None:
    await asyncio.gather(
        *(rig.submit([TASK], key=STORED_KEY) for _ in range(10)), rig.submit([TASK])
    )
    assert await made(rig) == 2


async def test_submissions_to_several_coordinators_with_the_same_keys_make_one_job_each(
    rig: Rig, postgres_dsn: str
) -> None:
    keys = [IdempotencyKey("user:ann", f"order-{n}", b"hash") for n in range(20)]
    async with batcher_rig(postgres_dsn) as other:
        await asyncio.gather(
            *(rig.submit([TASK], key=key) for key in keys),
            *(other.submit([TASK], key=key) for key in reversed(keys)),
        )
    assert await rig.pool.fetchval("SELECT count(*) FROM jobs") == len(keys)
    assert await rig.pool.fetchval(
        "SELECT count(*) FROM idempotency_keys k JOIN jobs j ON j.id = k.made_id"
    ) == len(keys)


async def test_a_submission_that_is_cut_off_before_its_end_leaves_no_key_behind(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given the connection to the database breaks between the key and the job."""
    plan = Planner.plan

    def cut_off(*_: Any) -> Any:
        monkeypatch.setattr(Planner, "plan", plan)
        raise ConnectionResetError

    monkeypatch.setattr(Planner, "plan", cut_off)
    with pytest.raises(DatabaseUnavailable):
        await rig.submit([TASK], key=STORED_KEY)
    assert await made(rig) == 0

    await rig.submit([TASK], key=STORED_KEY)

    assert await made(rig) == 1
