"""Endpoints: which changes they are told of, when, and by whose rights."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
import pytest

from services.coordinator.store import webhook_endpoints
from services.webhook_dispatcher.events import Events
from services.webhook_dispatcher.following import Following
from services.webhook_dispatcher.store import feed
from shared.lifecycle import TaskClaimed, TaskProgressed
from shared.postgres.pool import acquired
from shared.store.notices import Notice, add_notices
from tests.support.http.event_streams import add_event, change
from tests.support.jobs.batcher import LEASE, Rig, batcher_rig
from tests.support.services.dispatcher import TASK
from tests.support.services.endpoints import (
    Told,
    add_endpoint,
    follow,
    take_all,
    told,
)

pytestmark = pytest.mark.real


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with batcher_rig(postgres_dsn) as rig:
        yield rig


async def endpoint(rig: Rig, **fields: Any) -> str:
    return await add_endpoint(rig.pool, rig.sealer, **fields)


async def owed(rig: Rig, endpoint_id: str | None = None) -> list[Told]:
    """To this one, or to all."""
    found = await told(rig.pool, rig.sealer)
    return [each for each in found if endpoint_id in (None, each.endpoint)]


async def states(rig: Rig, endpoint_id: str) -> list[str]:
    return [each.data["state"] for each in await owed(rig, endpoint_id)]


async def run_job(rig: Rig, **fields: Any) -> str:
    job_id = await rig.submit([TASK], **fields)
    await rig.run_current(job_id)
    return job_id


SECRETS = {"key": "hunter2secret"}
OF_A_JOB = ["PENDING", "SCHEDULED", "RUNNING", "COMPLETED"]


async def test_an_endpoint_hears_of_each_state_of_all_jobs_in_the_form_it_asks_for(
    rig: Rig,
) -> None:
    standard = await endpoint(rig)
    tork = await endpoint(rig, format="tork", payload="thin", events=["task.StateChange"])
    jobs = sorted([await run_job(rig, inputs={"n": 1}), await run_job(rig)])
    await follow(rig.pool, rig.sealer)
    assert await states(rig, standard) == OF_A_JOB * 2
    assert sorted({each.job for each in await owed(rig)}) == jobs
    last = [each for each in await owed(rig, standard) if "inputs" in each.data][-1]
    assert (last.body["type"], last.data["name"], last.data["inputs"], last.data["sequence"]) == (
        "job.StateChange",
        "a job",
        {"n": "1"},
        last.version,
    )
    thin = [each.body for each in await owed(rig, tork)]
    assert [body["state"] for body in thin] == ["SCHEDULED", "RUNNING", "COMPLETED"] * 2
    assert {"id", "jobId", "state", "event", "sequence"} == {*thin[0]}


async def test_what_is_told_is_what_the_jobs_own_webhooks_tell(rig: Rig) -> None:
    events = ["job.StateChange", "task.StateChange"]
    hooks = [{"url": "https://ci.example/own", "event": event} for event in events]
    await endpoint(rig, events=events, format="tork")
    task = {**TASK, "description": "td", "var": "v", "tags": ["q"]}
    job_id = await rig.submit([task], webhooks=hooks, secrets=SECRETS)
    following = await follow(rig.pool, rig.sealer)
    own = await own_bodies(rig)
    await rig.run_current(job_id, result="made hunter2secret")
    await take_all(following)
    own |= await own_bodies(rig)
    bodies = {each.version: each.body for each in await owed(rig)}
    assert bodies == own
    assert bodies[max(bodies)].items() >= {"state": "COMPLETED", "event": "job.StateChange"}.items()
    assert any(body.get("result") == "made [REDACTED]" for body in bodies.values())


async def own_bodies(rig: Rig) -> dict[int, Any]:
    """Of what the jobs' own webhooks are told, by version."""
    await Events(rig.pool, rig.sealer).take_stored()
    query = "SELECT version, body FROM webhook_deliveries WHERE endpoint_id IS NULL"
    rows = await rig.pool.fetch(query)
    return {
        row["version"]: orjson.loads(rig.sealer.open_text(row["body"].decode())) for row in rows
    }


async def test_a_filter_and_tags_choose_and_read_no_secrets(rig: Rig) -> None:
    wants: dict[str, dict[str, Any]] = {
        "filter": {"filter": "job.state == 'COMPLETED' && job.Name == 'a job'"},
        "tags": {"tags": ["nightly", "x"]},
        "both": {"tags": ["x"], "filter": "{{ event == 'job.StateChange' }}"},
        "other event": {"filter": "task.state == '' and schedule.id == nil"},
        "secret": {"filter": "job.inputs.note == 'hunter2secret'"},
        "hidden": {"filter": "job.inputs.note == '[REDACTED]'"},
        "failing": {"filter": "job.state + 1 > 2"},
    }
    ids = {name: await endpoint(rig, **fields) for name, fields in wants.items()}
    await run_job(rig, tags=["nightly"], inputs={"note": "hunter2secret"}, secrets=SECRETS)
    await follow(rig.pool, rig.sealer)
    found = {name: await states(rig, id_) for name, id_ in ids.items()}
    assert found == {
        "filter": ["COMPLETED"],
        "tags": OF_A_JOB,
        "both": [],
        "other event": OF_A_JOB,
        "secret": [],
        "hidden": OF_A_JOB,
        "failing": [],
    }


async def test_an_endpoint_hears_what_comes_after_it_was_created_or_enabled(rig: Rig) -> None:
    following = await follow(rig.pool, rig.sealer)
    await run_job(rig)
    early = await endpoint(rig)
    await run_job(rig)
    late, disabled = await endpoint(rig), await endpoint(rig, disabled=True)
    job_id = await rig.submit([TASK])
    await take_all(following)
    assert sorted(await states(rig, early)) == sorted([*OF_A_JOB, "PENDING", "SCHEDULED"])
    assert await states(rig, late) == ["PENDING", "SCHEDULED"]
    await rig.pool.execute(
        "UPDATE webhook_endpoints SET disabled_at = NULL, hears_since = now() WHERE id = $1",
        disabled,
    )
    await rig.run_current(job_id)
    await take_all(following)
    assert await states(rig, disabled) == OF_A_JOB[2:]


async def test_a_dispatcher_that_starts_later_takes_up_what_came_meanwhile(rig: Rig) -> None:
    first = await endpoint(rig)
    await run_job(rig)
    await follow(rig.pool, rig.sealer)
    await run_job(rig)
    await follow(rig.pool, rig.sealer)
    assert await states(rig, first) == OF_A_JOB * 2


async def test_without_endpoints_the_place_in_the_feed_moves_on(rig: Rig) -> None:
    await run_job(rig)
    await follow(rig.pool, rig.sealer)
    rows = (
        "SELECT count(*) FROM job_events e, feed_cursors c WHERE (e.txid, e.seq) > (c.txid, c.seq)"
    )
    assert await rig.pool.fetchval(rows) == 0


OPEN, HERS, VIEWED = "open", "hers", "viewed"
READERS: dict[str, list[str]] = {
    OPEN: [],
    HERS: ["user:ann~1"],
    VIEWED: ["view:role:ops", "user:eve~1"],
}


async def test_an_endpoint_hears_of_the_jobs_that_its_creator_can_read_today(rig: Rig) -> None:
    await rig.pool.execute(
        "INSERT INTO users (username, name, password_hash, identity, disabled) VALUES"
        " ('ann', 'Ann', '', 'ann~1', false), ('bob', 'Bob', '', 'bob~1', false),"
        " ('boss', 'Boss', '', 'boss~1', false), ('gone', 'Gone', '', 'gone~2', false),"
        " ('out', 'Out', '', 'out~1', true)"
    )
    await rig.pool.execute("INSERT INTO roles (slug, name) VALUES ('ops', 'Ops')")
    roles = "INSERT INTO user_roles VALUES ('ann', 'ops'), ('boss', 'admin')"
    await rig.pool.execute(roles)
    await rig.pool.execute(
        "INSERT INTO api_keys (id, name, digest, scopes, expires_at) VALUES"
        " ('k1', 'k', '', '{read,submit}', NULL), ('k2', 'k', '', '{admin}', NULL),"
        " ('k3', 'k', '', '{admin}', now())"
    )
    limited = ["role:public"]
    hearers: dict[str, tuple[str | None, list[str] | None, list[str]]] = {
        "operator": (None, None, [OPEN, HERS, VIEWED]),
        "user": ("ann~1", limited, [OPEN, HERS, VIEWED]),
        "user without role": ("bob~1", limited, [OPEN]),
        "admin": ("boss~1", None, [OPEN, HERS, VIEWED]),
        "key of an admin that is none": ("boss~1", limited, [OPEN]),
        "admin once": ("bob~1", None, [OPEN]),
        "deleted, its name is another's": ("gone~1", limited, []),
        "disabled user": ("out~1", limited, []),
        "key": ("key:k1", limited, [OPEN]),
        "admin key": ("key:k2", None, [OPEN, HERS, VIEWED]),
        "expired key": ("key:k3", None, []),
        "revoked key": ("key:k4", limited, []),
    }
    ids = {
        name: await endpoint(rig, created_by=creator, hears=hears)
        for name, (creator, hears, _) in hearers.items()
    }
    jobs = {
        await rig.submit([TASK], readers=tuple(readers)): name for name, readers in READERS.items()
    }
    await follow(rig.pool, rig.sealer)
    found: dict[str, set[str]] = {name: set() for name in hearers}
    for each in await owed(rig):
        found[next(name for name, id_ in ids.items() if id_ == each.endpoint)].add(jobs[each.job])
    assert found == {name: set(expected) for name, (_, _, expected) in hearers.items()}


async def test_progress_is_told_once_a_second_and_the_latest_wins(rig: Rig) -> None:
    progress = await endpoint(rig, events=["job.Progress", "task.Progress"])
    job_id = await rig.submit([TASK])
    [task] = await rig.tasks(job_id)
    await rig.happen(TaskClaimed(job_id, task["id"], 1, "n1", LEASE))
    began = time.monotonic()
    following = await follow(rig.pool, rig.sealer)
    for percent in range(1, 61):
        await rig.happen(TaskProgressed(job_id, task["id"], 1, float(percent)))
        await take_all(following)
    seconds = time.monotonic() - began
    for event in ("task.Progress", "job.Progress"):
        heard = [each.data["progress"] for each in await owed(rig, progress) if each.event == event]
        assert heard[-1] == 60
        assert heard == sorted(heard)
        assert len(heard) <= seconds + 2
    due = "SELECT max(next_at) - now() FROM webhook_deliveries"
    assert await rig.pool.fetchval(due) <= timedelta(seconds=1)
    # One that is being sent is not replaced: the next second's follows it
    await rig.pool.execute("UPDATE webhook_deliveries SET attempts = 1")
    await rig.happen(TaskProgressed(job_id, task["id"], 1, 61.0))
    await take_all(following)
    assert {each.data["progress"] for each in await owed(rig, progress)} >= {60, 61}


async def test_a_change_that_cannot_be_read_holds_up_no_other(rig: Rig) -> None:
    heard = await endpoint(rig)
    broken = await rig.submit([TASK], secrets=SECRETS)
    sealed = await rig.pool.fetchval("SELECT sealed FROM jobs WHERE id = $1", broken)
    await rig.pool.execute("UPDATE jobs SET sealed = 'damaged' WHERE id = $1", broken)
    await add_event(rig.pool, change(broken, 1000, state="FAILED", error="not a number"))
    job_id = await run_job(rig)
    following = await follow(rig.pool, rig.sealer)
    assert {each.job for each in await owed(rig)} == {job_id}
    # When it can be read again, it is told after all
    await rig.pool.execute("UPDATE jobs SET sealed = $2 WHERE id = $1", broken, sealed)
    await rig.pool.execute("UPDATE webhook_notices SET due_at = now()")
    await take_all(following)
    assert {each.job for each in await owed(rig, heard)} == {job_id, broken}
    assert await rig.pool.fetchval("SELECT count(*) FROM webhook_notices") == 0


async def test_a_filter_that_takes_too_long_disables_its_endpoint(rig: Rig) -> None:
    costly = await endpoint(rig, filter="count(1..20000, # % 7 == 3) > 0")
    witness = await endpoint(rig, events=["endpoint.Disabled"])
    for version in range(1, 101):
        await add_event(rig.pool, change("j", version))
    job_id = await rig.submit([TASK])
    await add_event(rig.pool, *(change(job_id, version) for version in range(100, 120)))
    await follow(rig.pool, rig.sealer)
    reason = "its filter takes too long to evaluate"
    disabled = "SELECT disabled_reason FROM webhook_endpoints WHERE id = $1"
    assert await rig.pool.fetchval(disabled, costly) == reason
    [told_of] = await owed(rig, witness)
    assert (told_of.data["id"], told_of.data["disabledReason"]) == (costly, reason)


async def test_one_dispatcher_follows_at_a_time_and_nothing_is_owed_twice(rig: Rig) -> None:
    heard = await endpoint(rig)
    for _ in range(3):
        await run_job(rig)
    async with acquired(rig.pool) as connection, connection.transaction():
        assert await feed.lock(connection)
        assert await Following(rig.pool, rig.sealer, asyncio.Event()).take_news()
    assert await owed(rig) == []
    await asyncio.gather(*(follow(rig.pool, rig.sealer) for _ in range(3)))
    await follow(rig.pool, rig.sealer)
    assert await states(rig, heard) == OF_A_JOB * 3


async def test_notices_are_told_to_those_who_ask_and_may_know(rig: Rig) -> None:
    events = ["schedule.Fired", "endpoint.Failing"]
    all_of_them = await endpoint(rig, events=events)
    nightly = await endpoint(rig, events=["schedule.Fired"], tags=["nightly"])
    filtered = await endpoint(
        rig, events=events, filter="schedule.name == 'n' or endpoint.id != nil"
    )
    keyed = await endpoint(rig, events=events, created_by="key:k1", hears=["role:public"])
    await rig.pool.execute(
        "INSERT INTO api_keys (id, name, digest, scopes) VALUES ('k1', 'k', '', '{read}')"
    )
    at = {"scheduledAt": "2026-01-01T00:00:00Z"}
    fired: dict[str, object] = {"id": "s", "name": "n", "tags": ["nightly"], **at}
    notices = [
        Notice(event="schedule.Fired", data=fired),
        Notice(event="schedule.Fired", data={"id": "private", **at}, readers=["user:ann~1"]),
        Notice(event="schedule.Skipped", data={"id": "nobody asks"}),
        Notice(event="endpoint.Failing", data={"id": all_of_them}),
        Notice(event="endpoint.Test", data={"id": keyed}, endpoint_id=keyed),
    ]
    async with acquired(rig.pool) as connection:
        await add_notices(connection, notices)
    assert await rig.pool.fetchval("SELECT count(*) FROM webhook_notices") == 4
    await follow(rig.pool, rig.sealer)
    heard = {
        name: sorted((each.event, each.data["id"]) for each in await owed(rig, id_))
        for name, id_ in {
            "all": all_of_them,
            "tag": nightly,
            "some": filtered,
            "key": keyed,
        }.items()
    }
    failing = ("endpoint.Failing", all_of_them)
    assert heard == {
        "all": [("schedule.Fired", "private"), ("schedule.Fired", "s")],
        "tag": [("schedule.Fired", "s")],
        "some": [failing, ("schedule.Fired", "s")],
        "key": [failing, ("endpoint.Test", keyed), ("schedule.Fired", "s")],
    }
    assert (await owed(rig, nightly))[0].body.keys() == {"type", "timestamp", "data"}
    assert "sequence" not in (await owed(rig, nightly))[0].data


async def test_the_deliveries_of_a_deleted_endpoint_end(rig: Rig) -> None:
    kept, deleted = await endpoint(rig), await endpoint(rig)
    await run_job(rig)
    following = await follow(rig.pool, rig.sealer)
    async with acquired(rig.pool) as connection:
        assert await webhook_endpoints.delete(connection, deleted)
    await run_job(rig)
    await take_all(following)
    assert {each.endpoint for each in await owed(rig)} == {kept}
