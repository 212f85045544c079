"""What outlives tasks on a worker: who finds which directory, and when it vanishes."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conveyor.extensions.tasks import Place
from services.worker.files.execution import TaskFiles
from services.worker.files.task_caches import TaskCaches
from shared.definition import SHARED_CACHE, USER_CACHE, TaskDefinition
from shared.files.no_store import NoStore
from shared.lifecycle import TaskPlanned
from shared.planning.planner import Planner
from shared.planning.templates import JobSource, TaskSource
from shared.process.sealing import Sealer
from tests.support.files.filed import Filed
from tests.support.files.services import file_services

MEGABYTE = 1_000_000
BOTH = {"SHARED_CACHE_DIR": SHARED_CACHE, "USER_CACHE_DIR": USER_CACHE}


def opened(folder: Path, most_bytes: int = 100 * MEGABYTE) -> TaskCaches:
    caches = TaskCaches(folder / "caches", most_bytes)
    caches.open()
    return caches


async def directory_of(caches: TaskCaches, owner: str) -> Path:
    used = await caches.acquire([USER_CACHE], owner)
    await caches.release(used)
    [place] = used.places
    assert place.bind is not None
    return Path(place.bind)


def planned_owner(created_by: str | None) -> object:
    job = JobSource(
        job_id="j",
        name="j",
        inputs={},
        sealed=None,
        defaults=None,
        output=None,
        created_by=created_by,
    )
    task = TaskDefinition(name="t", run="true", directories=BOTH)
    source = TaskSource(job=job, position=1, task=task, task_id="t", scope=None)
    answer = Planner(Sealer(())).plan(source, {}, {}, datetime.now(UTC))
    assert isinstance(answer, TaskPlanned)
    return answer.planned.task.definition["cache_owner"]


def test_the_owner_of_a_cache_is_who_created_the_job() -> None:
    assert (planned_owner("ann"), planned_owner(None)) == ("ann", "")


async def test_tasks_of_one_owner_find_the_same_directory_and_no_others_do(tmp_path: Path) -> None:
    first, second = opened(tmp_path), opened(tmp_path)
    ann = await directory_of(first, "ann")
    (ann / "model").write_text("weights")
    assert (await directory_of(second, "ann") / "model").read_text() == "weights"
    hostile = ["bob", "", "../ann", "ann/", "a\0nn"]
    found = {await directory_of(first, owner) for owner in hostile}
    assert len(found) == len(hostile)
    assert ann not in found
    assert {path.parent.parent for path in found} == {ann.parent.parent}


async def test_who_knows_an_owner_can_not_tell_the_path_of_the_cache(tmp_path: Path) -> None:
    ann = await directory_of(opened(tmp_path), "ann")
    elsewhere = await directory_of(opened(tmp_path / "other"), "ann")
    assert ann.parent.name != elsewhere.parent.name
    assert ann.parent.parent.stat().st_mode & 0o777 == 0o711
    assert (tmp_path / "caches" / "key").stat().st_mode & 0o777 == 0o600


async def test_the_longest_unused_is_evicted_as_a_whole_and_what_is_in_use_is_not(
    tmp_path: Path,
) -> None:
    caches = opened(tmp_path)
    held = await caches.acquire([USER_CACHE], "held")
    kept = {owner: await directory_of(caches, owner) for owner in ("old", "new")}
    for path in (*kept.values(), Path(held.places[0].bind or "")):
        (path / "deep").mkdir()
        (path / "deep" / "file").write_bytes(bytes(MEGABYTE))
    opened(tmp_path, 5 * MEGABYTE // 2)
    assert [path.exists() for path in kept.values()] == [False, True]
    opened(tmp_path, 0)
    assert not kept["new"].parent.exists()
    assert Path(held.places[0].bind or "").exists()
    await caches.release(held)
    assert (await directory_of(caches, "old")).exists()  # it begins anew


async def test_a_task_finds_its_caches_and_holds_them_until_it_has_ended(tmp_path: Path) -> None:
    services = replace(file_services(tmp_path, NoStore()), task_caches=opened(tmp_path))
    filed = Filed(services, TaskFiles(cache_owner="ann"), directories=BOTH)
    await filed.run()
    shared = str((tmp_path / "caches" / "shared").resolve())
    ann = str(await directory_of(services.task_caches, "ann"))
    assert filed.inner.places == (
        Place(target=SHARED_CACHE, read_only=True, bind=shared, is_linked=True),
        Place(target=USER_CACHE, bind=ann),
    )
    assert "bring" not in "".join(filed.inner.asked)
    Path(ann, "left").write_bytes(b"by the task")
    opened(tmp_path, 0)
    assert not Path(ann).exists()


def test_a_worker_without_caches_does_not_name_them() -> None:
    assert TaskCaches().offered({**BOTH, "TASK_DIR": "/tork/data/task"}, "ann") == {
        "TASK_DIR": "/tork/data/task"
    }


async def test_of_an_owner_that_is_not_told_there_is_no_cache(tmp_path: Path) -> None:
    assert list(opened(tmp_path).offered(BOTH, None)) == ["SHARED_CACHE_DIR"]


def test_a_directory_that_others_may_change_is_refused(tmp_path: Path) -> None:
    (tmp_path / "caches").mkdir()
    (tmp_path / "caches").chmod(0o777)
    with pytest.raises(PermissionError, match="this worker's user alone"):
        opened(tmp_path)
