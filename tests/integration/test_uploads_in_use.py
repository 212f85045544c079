"""Uploads: who may use them, and that nobody takes away what a job or schedule uses."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from services.coordinator.commands import JobCommands
from services.coordinator.store import deletion, schedules, uploads
from services.coordinator.store.uploads import NewUpload
from shared.files.names import upload_object
from shared.jobspec.problems import InvalidJob
from shared.lifecycle import JobCancelled
from shared.planning.new_job import IdempotencyKey
from shared.planning.submission import new_job, new_job_id
from shared.postgres.pool import acquired
from shared.process.metrics import Metrics
from shared.store.uploads import WantedUploads, use_uploads
from tests.support.jobs.batcher import Rig, batcher_rig
from tests.support.jobs.definitions import job_definition
from tests.support.jobs.schedules import add as add_schedule
from tests.support.jobs.schedules import loop_of

TASK = {"name": "build", "run": "true"}
NONE_SUCH = "0f" * 16


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with batcher_rig(postgres_dsn) as rig:
        yield rig


async def send(rig: Rig, creator: str | None = "ann") -> str:
    upload_id = uuid.uuid4().hex
    new = NewUpload(upload_id, "x.csv", upload_object(upload_id), 5, "ab" * 32, creator)
    async with acquired(rig.pool) as connection:
        await uploads.add(connection, new)
    return upload_id


async def delete(rig: Rig, upload_id: str) -> bool:
    async with acquired(rig.pool) as connection:
        return await uploads.delete(connection, upload_id)


async def users(rig: Rig) -> set[str]:
    return {row["owner_id"] for row in await rig.pool.fetch("SELECT * FROM upload_uses")}


async def submit(rig: Rig, uploads: dict[str, str], **fields: Any) -> str:
    """As the API does."""
    definition = job_definition([TASK], uploads=uploads)
    new = new_job(definition, new_job_id(), datetime.now(UTC), created_by="ann")
    commands = JobCommands(rig.batcher, rig.pool, Metrics())
    return (await commands.submit(replace(new, **fields))).job_id


async def test_a_job_uses_the_uploads_of_its_creator_and_no_others(rig: Rig) -> None:
    own, of_bob, of_nobody = await send(rig), await send(rig, "bob"), await send(rig, None)
    with pytest.raises(InvalidJob) as refusal:
        await submit(rig, {"a": own, "b": of_bob, "c": of_nobody, "d": NONE_SUCH})
    assert str(refusal.value) == "; ".join(
        f"uploads.{name}: the upload '{id_}' does not exist, or is not yours"
        for name, id_ in (("b", of_bob), ("c", of_nobody), ("d", NONE_SUCH))
    )
    assert await rig.pool.fetchval("SELECT count(*) FROM jobs") == 0
    job_id = await submit(rig, {"a": own, "same": own})
    assert (await rig.job(job_id))["uploads"] == {"a": own, "same": own}
    assert await users(rig) == {job_id}
    assert await submit(rig, {"c": of_nobody}, created_by=None)


async def test_a_refused_job_leaves_its_key_free_and_a_repeated_one_needs_no_upload(
    rig: Rig,
) -> None:
    key = IdempotencyKey("user:ann", "k", b"the same")
    with pytest.raises(InvalidJob):
        await submit(rig, {"a": NONE_SUCH}, key=key)
    job_id = await submit(rig, {"a": await send(rig)}, key=key)
    assert await submit(rig, {"a": NONE_SUCH}, key=key) == job_id


async def test_what_a_job_uses_stays_until_the_job_is_deleted(rig: Rig) -> None:
    upload_id = await send(rig)
    job_id = await submit(rig, {"a": upload_id})
    assert not await delete(rig, upload_id)
    await rig.happen(JobCancelled(job_id))
    assert not await delete(rig, upload_id)
    async with acquired(rig.pool) as connection:
        assert await deletion.delete_job(connection, job_id)
        row = await uploads.one(connection, upload_id, "ann")
    assert row is not None
    assert not row.is_used
    assert await delete(rig, upload_id)
    removals = await rig.pool.fetch("SELECT prefix FROM object_removals")
    assert [row["prefix"] for row in removals] == [upload_object(upload_id)]


async def test_a_schedule_keeps_its_uploads_for_the_jobs_it_makes(rig: Rig) -> None:
    first, second, of_bob = await send(rig), await send(rig), await send(rig, "bob")
    schedule_id = await add_schedule(rig, {"uploads": {"a": first}})
    async with acquired(rig.pool) as connection:
        with pytest.raises(InvalidJob):
            await use_uploads(connection, WantedUploads(schedule_id, {"a": of_bob}, "ann"))
        await use_uploads(connection, WantedUploads(schedule_id, {"a": first}, "ann"))
        await loop_of(rig).fire_due_schedules()
        [job] = await rig.pool.fetch("SELECT id, uploads FROM jobs")
        assert job["uploads"] == {"a": first}
        assert await users(rig) == {schedule_id, job["id"]}
        # An edit, by whoever: what it had it may keep.
        edited = WantedUploads(schedule_id, {"a": second}, "ann", schedule_id)
        await use_uploads(connection, edited)
        assert await schedules.delete(connection, schedule_id)
    assert await users(rig) == {job["id"]}
    assert await delete(rig, second)


async def test_a_job_run_again_by_another_user_has_the_same_uploads(rig: Rig) -> None:
    upload_id = await send(rig)
    first = await submit(rig, {"a": upload_id})
    with pytest.raises(InvalidJob):
        await submit(rig, {"a": upload_id}, created_by="bob")
    again = await submit(rig, {"a": upload_id}, created_by="bob", lender_id=first)
    assert await users(rig) == {first, again}


async def test_a_sub_job_has_the_uploads_of_its_parent(rig: Rig) -> None:
    upload_id = await send(rig)
    subjob = {"name": "part", "subjob": {"name": "part", "tasks": [TASK]}}
    parent = await rig.submit([subjob], uploads={"a": upload_id}, created_by="ann")
    [part] = await rig.pool.fetch("SELECT * FROM jobs WHERE parent_job_id = $1", parent)
    assert part["uploads"] == {"a": upload_id}
    assert await users(rig) == {parent, part["id"]}
