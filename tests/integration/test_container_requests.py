"""Requests for containers and the jobs that they share, on a real database."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from shared.apply.apply import Work
from shared.jobspec.problems import InvalidJob, Problem
from shared.lifecycle import JobSubmitted
from shared.planning.readers import EVERYBODY_ROLE, view_only
from shared.postgres.errors import DatabaseUnavailable
from tests.support.http.authenticated_api import OPERATOR, Headers, add_user
from tests.support.http.deciding_api import Door, open_door

pytestmark = pytest.mark.real

CONTAINER_REQUESTS = "/arvados/v1/container_requests"
WANTED: dict[str, Any] = {
    "container_image": "alpine",
    "command": ["true"],
    "mounts": {"/out": {"kind": "tmp"}},
    "output_path": "/out",
    "runtime_constraints": {"vcpus": 1, "ram": 1 << 26},
    "priority": 500,
}
COMMIT: dict[str, Any] = {"state": "Committed"}


@pytest.fixture
async def door(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    async with open_door(postgres_dsn, monkeypatch) as door:
        yield door


@dataclass
class Requests:
    """For containers, of one user."""

    door: Door
    who: Headers

    async def call(
        self, method: str, uuid: str = "", status: int = 200, **attributes: Any
    ) -> dict[str, Any]:
        path = f"{CONTAINER_REQUESTS}/{uuid}".rstrip("/")
        sent = {"json": {"container_request": attributes}} if attributes else {}
        answer = await self.door.api.answer(method, path, headers=self.who, **sent)
        assert answer[0] == status, answer
        return dict(answer[1])

    async def create(self, **attributes: Any) -> tuple[str, str]:
        """Its uuid, and the id of its job."""
        made = await self.call("POST", **WANTED, **attributes)
        return made["uuid"], await self.job_of(made["uuid"])

    async def job_of(self, uuid: str) -> str:
        query = "SELECT coalesce(job_id, '') FROM container_requests WHERE id = $1"
        return str(await self.door.rig.pool.fetchval(query, uuid))


async def test_a_request_does_not_act_on_the_job_of_somebody_else_that_had_completed(
    door: Door,
) -> None:
    ann, bob = [Requests(door, await add_user(door.api, name)) for name in ("ann", "bob")]
    of_ann, job_id = await ann.create(**COMMIT)
    pool, rig = door.rig.pool, door.rig
    readers = ["user:" + (await rig.job(job_id))["created_by"], view_only(f"role:{EVERYBODY_ROLE}")]
    await pool.execute("UPDATE jobs SET readers = $2 WHERE id = $1", job_id, readers)
    await rig.run_current(job_id)
    of_bob, same = await bob.create(**COMMIT)
    assert same == job_id
    restarted = "state = 'SCHEDULED', completed_at = NULL, is_held = true, priority = 1"
    await pool.execute(f"UPDATE jobs SET {restarted} WHERE id = $1", job_id)
    await bob.call("PUT", of_bob, priority=1000)
    untouched = await rig.job(job_id)
    assert (untouched["priority"], untouched["is_held"]) == (1, True)
    await bob.call("PUT", of_bob, priority=0)
    assert (await rig.job(job_id))["state"] == "SCHEDULED"
    await ann.call("PUT", of_ann, priority=900)
    assert (await rig.job(job_id))["priority"] == 9


async def test_a_request_that_could_not_be_taken_back_can_be_asked_again(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests, perform = Requests(door, OPERATOR), door.api.batcher.perform_one
    ids = [await requests.create(**COMMIT) for _ in range(2)]

    async def unavailable(_: Work) -> object:
        raise DatabaseUnavailable("away")

    for method, attributes in (("PUT", {"priority": 0}), ("DELETE", {})):
        uuid, job_id = ids.pop()
        with monkeypatch.context() as patch:
            patch.setattr(door.api.batcher, "perform_one", unavailable)
            await requests.call(method, uuid, 503, **attributes)
        assert door.api.batcher.perform_one == perform
        await requests.call(method, uuid, **attributes)
    assert (await door.rig.job(job_id))["state"] == "CANCELLED"


async def test_a_request_that_is_committed_names_its_one_job(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Committed by two users, deleted meanwhile or when that was cut off, and refused."""
    ann, bob = [Requests(door, await add_user(door.api, name)) for name in ("ann", "bob")]
    pool, perform = door.rig.pool, door.api.batcher.perform_one
    draft, none = await ann.create()
    assert none == ""
    await asyncio.gather(*(who.call("PUT", draft, **COMMIT) for who in (ann, bob)))
    assert await pool.fetchval("SELECT count(*) FROM jobs") == 1

    async def deleted_meanwhile(work: Work) -> object:
        outcome = await perform(work)
        if isinstance(work.event, JobSubmitted):
            await pool.execute("DELETE FROM container_requests WHERE job_id IS NULL")
        return outcome

    other, _ = await ann.create(name="other", use_existing=False)
    with monkeypatch.context() as patch:
        patch.setattr(door.api.batcher, "perform_one", deleted_meanwhile)
        await ann.call("PUT", other, 404, **COMMIT)
    states = await pool.fetch("SELECT state FROM jobs ORDER BY created_at")
    assert [row["state"] for row in states] == ["SCHEDULED", "CANCELLED"]

    await pool.execute("UPDATE container_requests SET job_id = NULL")  # its commit was cut off
    await ann.call("DELETE", draft)
    assert await pool.fetchval("SELECT count(*) FROM jobs WHERE state = 'CANCELLED'") == 2

    async def refused(_: Work) -> object:
        raise InvalidJob([Problem("x", "is wrong", "1")])

    monkeypatch.setattr(door.api.batcher, "perform_one", refused)
    await ann.call("POST", "", 422, **WANTED, **COMMIT)
    assert await pool.fetchval("SELECT count(*) FROM container_requests") == 0
