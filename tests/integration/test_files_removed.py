"""Objects that no row names any more are removed, whatever crashes, and no others."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from conveyor.extensions.files import FilesError, FileStore, ObjectRefused, StoreUnavailable
from services.coordinator.store import deletion
from services.scheduler.files import FileLoops
from services.scheduler.metrics import SchedulerMetrics
from services.scheduler.retention import Retention
from services.scheduler.settings import RetentionSettings
from services.scheduler.store import files
from shared.files.names import dispatch_prefix, job_prefix, upload_object
from shared.files.streams import of_bytes
from shared.lifecycle import JobCancelled, JobRestarted
from shared.postgres.pool import acquired
from shared.process.metrics import Metrics
from tests.support.files.failing_store import FailingStore
from tests.support.files.stores import Place
from tests.support.jobs.artifacts import KEEPING, artifact, end, scheduled
from tests.support.jobs.batcher import Rig, batcher_rig
from tests.support.services.scheduler import no_grace

OTHERS = ("0f/t/0.1/out", "conveyor", "uploadsx/1")


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with batcher_rig(postgres_dsn) as rig:
        yield rig


@pytest.fixture
async def store(tmp_path: Path) -> FailingStore:
    store = FailingStore(tmp_path)
    await store.fill(*OTHERS)
    return store


def loops_of(rig: Rig, store: FileStore, **settings: Any) -> FileLoops:
    metrics = SchedulerMetrics(Metrics(), no_grace())
    return FileLoops(rig.pool, store, RetentionSettings(**settings), metrics)


async def later(rig: Rig, **time: float) -> None:
    """So much time passes for all that is to be removed."""
    await rig.pool.execute(
        "UPDATE object_removals SET due_at = due_at - $1::interval,"
        " created_at = created_at - $1::interval",
        timedelta(**time),
    )


async def run_rounds(loops: FileLoops) -> float | None:
    """Until nothing is due, or it is to be waited; what the last said."""
    while (delay := await loops.remove_objects()) == 0:
        pass
    return delay


async def keep(rig: Rig, store: FailingStore, *beside: str) -> tuple[str, str]:
    """A job that has ended with an artifact, and what else its attempt has written."""
    job_id = await rig.submit([KEEPING])
    [task] = await scheduled(rig, job_id)
    kept = artifact(task)
    prefix = dispatch_prefix(job_id, task["id"], 0, 1)
    await store.fill(kept.object, f"{kept.object}.index", *(f"{prefix}{name}" for name in beside))
    await end(rig, task, kept)
    return job_id, kept.object


async def delete_by_client(rig: Rig, job_id: str) -> None:
    async with acquired(rig.pool) as connection:
        assert await deletion.delete_job(connection, job_id)


async def delete_expired(rig: Rig, job_id: str) -> None:
    await rig.pool.execute("UPDATE jobs SET delete_at = now() - interval '1 s'")
    await Retention(rig.pool, RetentionSettings()).delete_expired()


async def delete_old(rig: Rig, job_id: str) -> None:
    await rig.pool.execute("UPDATE jobs SET created_at = now() - interval '366 days'")
    await Retention(rig.pool, RetentionSettings()).delete_old()


async def count(rig: Rig, table: str) -> int:
    return int(await rig.pool.fetchval(f"SELECT count(*) FROM {table}"))


@pytest.mark.parametrize("delete", [delete_by_client, delete_expired, delete_old])
async def test_the_objects_of_a_deleted_job_go_and_those_that_come_late_too(
    rig: Rig, store: FailingStore, delete: Any
) -> None:
    job_id, kept = await keep(rig, store, "half")
    await delete(rig, job_id)
    assert await count(rig, "artifacts") == 0
    loops = loops_of(rig, store)
    assert await run_rounds(loops) is None
    assert await store.names() == sorted(OTHERS)
    await store.fill(kept)  # by a worker that was cut off
    assert await run_rounds(loops) is None
    assert kept in await store.names()
    await later(rig, days=1)
    assert await run_rounds(loops) is None
    assert await store.names() == sorted(OTHERS)
    assert await count(rig, "object_removals") == 0


async def test_the_objects_of_a_deleted_job_go_from_every_store(rig: Rig, place: Place) -> None:
    job_id = await rig.submit([KEEPING])
    await rig.happen(JobCancelled(job_id))
    await delete_by_client(rig, job_id)
    kept = place.open()
    try:
        for name in (OTHERS[0], *(f"{job_prefix(job_id)}t/0.1/{number}" for number in range(5))):
            await kept.put(name, of_bytes(b"content"))
        assert await run_rounds(loops_of(rig, kept)) is None
        assert [info.name async for info in kept.list_objects("")] == [OTHERS[0]]
        assert await kept.sweep(datetime.now(UTC)) == 0
    finally:
        await kept.close()


async def test_what_an_ended_job_has_kept_stays_and_what_it_never_reported_goes(
    rig: Rig, store: FailingStore
) -> None:
    job_id, kept = await keep(rig, store, "lost", "lost.index", "out2")
    loops = loops_of(rig, store)
    await run_rounds(loops)
    assert len(await store.names(job_prefix(job_id))) == 5
    await later(rig, hours=1)
    await run_rounds(loops)
    assert await store.names(job_prefix(job_id)) == [kept, f"{kept}.index"]


async def test_nothing_of_an_active_job_goes_before_it_ends_again(
    rig: Rig, store: FailingStore
) -> None:
    job_id = await rig.submit([KEEPING])
    await rig.happen(JobCancelled(job_id))
    await rig.happen(JobRestarted(job_id))
    [task] = await scheduled(rig, job_id)
    kept = artifact(task)
    await store.fill(kept.object)  # not reported yet
    loops = loops_of(rig, store)
    await later(rig, hours=1)
    await run_rounds(loops)
    assert await store.names(job_prefix(job_id)) == [kept.object]
    await end(rig, task, kept)
    await later(rig, days=2)
    await run_rounds(loops)
    assert await store.names(job_prefix(job_id)) == [kept.object]
    assert await count(rig, "object_removals") == 0


async def test_the_objects_of_a_repeated_attempt_go(rig: Rig, store: FailingStore) -> None:
    job_id = await rig.submit([KEEPING])
    [first] = await scheduled(rig, job_id)
    await store.fill(artifact(first).object)
    await end(rig, first, artifact(first), error="boom")
    await rig.happen(JobRestarted(job_id))
    [second] = await scheduled(rig, job_id)
    await store.fill(artifact(second).object)
    await end(rig, second, artifact(second))
    await run_rounds(loops_of(rig, store))
    assert await store.names(job_prefix(job_id)) == [artifact(second).object]


@pytest.mark.parametrize(
    ("error", "pauses"),
    [(StoreUnavailable("away"), [2, 4, 8]), (ObjectRefused("denied"), [None, None, None])],
)
async def test_a_store_that_fails_is_asked_again_more_and_more_seldom(
    rig: Rig, store: FailingStore, error: FilesError, pauses: list[float | None]
) -> None:
    job_id, _ = await keep(rig, store)
    await delete_by_client(rig, job_id)
    store.error = error
    loops = loops_of(rig, store)
    for pause in pauses:
        await later(rig, hours=1)
        delay = await loops.remove_objects()
        assert delay == (pause or 0)
    due_at = await rig.pool.fetchval("SELECT due_at > now() FROM object_removals")
    assert due_at
    store.error = None
    await later(rig, hours=1)
    assert await run_rounds(loops) is None
    assert await store.names() == sorted(OTHERS)


async def test_a_removal_is_one_schedulers_until_its_claim_is_over(
    rig: Rig, store: FailingStore
) -> None:
    for _ in range(3):
        await delete_by_client(rig, (await keep(rig, store))[0])
    async with acquired(rig.pool) as one, acquired(rig.pool) as two:
        first, second = await asyncio.gather(files.claim(one, 2), files.claim(two, 2))
        assert len({claimed.prefix for claimed in (*first, *second)}) == 3
        assert await files.claim(one, 3) == []
    # Both were killed, one of them when the objects were gone and the row was not.
    for name in await store.names(first[0].prefix):
        await store.delete(name)
    await later(rig, seconds=files.CLAIM_SECONDS)
    assert await run_rounds(loops_of(rig, store)) is None
    assert await store.names() == sorted(OTHERS)


async def test_many_objects_go_a_part_each_round(
    rig: Rig, store: FailingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.scheduler.files._MOST_OBJECTS", 10)
    monkeypatch.setattr("services.scheduler.files._PAGE", 4)
    job_id, _ = await keep(rig, store, *map(str, range(40)))
    await delete_by_client(rig, job_id)
    loops = loops_of(rig, store)
    assert await loops.remove_objects() == 0
    assert 0 < len(await store.names(job_prefix(job_id))) < 40
    assert await run_rounds(loops) is None
    assert await store.names(job_prefix(job_id)) == []


async def test_the_sweep_takes_unused_uploads_and_what_crashes_have_left(
    rig: Rig, store: FailingStore, tmp_path: Path
) -> None:
    ids = {name: f"{number:032x}" for number, name in enumerate(("used", "unused", "new", "lost"))}
    objects = {name: upload_object(id_) for name, id_ in ids.items()}
    young = upload_object("f" * 32)
    await store.fill(*objects.values(), young, "conveyor-checks/1")
    await rig.pool.executemany(
        "INSERT INTO uploads (id, name, object, size, sha256, created_at)"
        " VALUES ($1, 'x', $2, 7, '', now() - $3::interval)",
        [
            ("of a key", objects["used"], timedelta(days=2)),
            (ids["unused"], objects["unused"], timedelta(days=2)),
            (ids["new"], objects["new"], timedelta(hours=23)),
        ],
    )
    await rig.pool.execute("INSERT INTO upload_uses VALUES ('of a key', 'a job')")
    (tmp_path / "partial" / "half").write_bytes(b"half a put")
    old = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    for path in (*(tmp_path / "contents").iterdir(), tmp_path / "partial" / "half"):
        os.utime(path, (old, old))
    await store.fill(young)
    loops = loops_of(rig, store)
    await loops.sweep_store()  # not yet
    assert len(await store.names("uploads/")) == 5
    await rig.pool.execute("UPDATE file_sweeps SET began_at = now() - interval '1 hour'")
    await asyncio.gather(loops.sweep_store(), loops_of(rig, store).sweep_store())
    assert await run_rounds(loops) is None
    assert await store.names("uploads/") == sorted((objects["used"], objects["new"], young))
    assert await store.names("conveyor-checks/") == []
    assert list((tmp_path / "partial").iterdir()) == []
    assert await count(rig, "uploads") == 2
    assert store.asked == 3  # one of the two has swept


BUCKET = """
WITH named AS (
    INSERT INTO job_identities (job_id, namespace, name, language)
    VALUES ($1, 'bytenite', $1, 'bytenite')
)
INSERT INTO job_versions (job_id, version, definition, document, reason)
VALUES ($1, 1, '{}', jsonb_build_object('dataDestination',
        jsonb_build_object('dataSourceDescriptor', $2::text)), 'submitted')
"""


async def test_what_went_to_a_temporary_bucket_is_removed_after_its_time(
    rig: Rig, store: FailingStore
) -> None:
    loops = loops_of(rig, store, sweep_seconds=0.001)
    kept = []
    for destination, hours in (("bucket", 49), ("bucket", 47), ("s3", 49)):
        job_id, name = await keep(rig, store)
        kept.append(name)
        await rig.pool.execute(BUCKET, job_id, destination)
        await rig.pool.execute(
            "UPDATE jobs SET completed_at = now() - $2::interval WHERE id = $1",
            job_id,
            timedelta(hours=hours),
        )
    await loops.sweep_store()
    await run_rounds(loops)
    left = {info.name async for info in store.list_objects("")}
    assert [name in left for name in kept] == [False, True, True]
