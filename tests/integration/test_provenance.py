"""GET /jobs/{id}/provenance: who has made the files of a job, from what, where and for whom."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prov.model import ProvDocument

from conveyor import AsyncClient
from services.coordinator.store.provenance import history
from shared.definition import Source, TakenArtifact, TakenChild, TaskDefinition
from shared.files.directory.store import DirectoryStore
from shared.lifecycle import Task
from shared.postgres.pool import acquired
from tests.support.files.kept import keep_file
from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import PROTECTED, add_key, submit

pytestmark = pytest.mark.real

HAS_RUN = "UPDATE tasks SET started_at = now(), completed_at = now(), state = 'COMPLETED'"
PUBLISHED = "UPDATE artifacts SET published = '{s3://shop/out.bin}' WHERE task_id = $1"


@pytest.fixture
async def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


@pytest.fixture
async def api(postgres_dsn: str, store: DirectoryStore) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn, files=store) as running:
        yield running


async def ran(api: Api, job: str, *sources: Source, name: str = "t") -> Task:
    """The one attempt of a job, which has run with these files."""
    job_id = (await api.submit(job))["id"]
    definition = TaskDefinition(name=name, image="alpine:3", sources=sources)
    task = await api.add_task(job_id, definition, id=f"of-{job_id}")
    async with acquired(api.pool) as connection:
        await connection.execute(f"{HAS_RUN} WHERE id = $1", task.id)
    return task


async def told(api: Api, job_id: str) -> ProvDocument:
    """As it is read by a client of ours, and then by one of the standard's."""
    async with AsyncClient(f"http://127.0.0.1:{api.client.port}") as client:
        answer = await client.provenance(job_id)
    return ProvDocument.deserialize(content=json.dumps(answer.raw), format="json")


def relations(told: ProvDocument, kind: str) -> set[tuple[str, ...]]:
    """The identifiers of what is related, without what they start with."""
    return {
        tuple(str(value).removeprefix("conveyor:") for _, value in record.formal_attributes[:2])
        for record in told.get_records()
        if record.get_type().localpart == kind
    }


async def test_each_file_leads_to_what_made_it_and_what_that_used(
    api: Api, store: DirectoryStore
) -> None:
    maker = await ran(api, "{name: earlier, tasks: [{name: t}]}", name="measure")
    digest = await keep_file(api.pool, store, maker, "data", b"123")
    made = f"{maker.job_id}/{maker.id}/0.1/data"
    taken = TakenArtifact(object=made, file_name="data", size=3, sha256=digest)
    child = TakenChild(index=0, task_id="x", state="COMPLETED", artifact=taken)
    sources = (
        Source(target="one", artifact="t.data", taken=taken),
        Source(target="all", artifact="m", children=(child,)),
        Source(target="web", url="https://hush.example/x", sha256="ab"),
        Source(target="text", inline="hush"),
    )
    user = await ran(api, "{name: j, secrets: {key: hush}, tasks: [{name: t}]}", *sources)
    await keep_file(api.pool, store, user, "out", b"4567", "out.bin")
    async with acquired(api.pool) as connection:
        await connection.execute(PUBLISHED, user.id)

    found = await told(api, user.job_id)

    out = f"object/{user.job_id}/{user.id}/0.1/out"
    task, job = f"task/{user.id}", f"job/{user.job_id}"
    assert relations(found, "Generation") == {
        (out, task),
        (f"object/{made}", f"task/{maker.id}"),
    }
    used = {entity for by, entity in relations(found, "Usage") if by == task}
    assert used >= {f"object/{made}", "place/https%3A//%5BREDACTED%5D.example/x"}
    assert len(used) == 4  # the image and the text besides
    assert relations(found, "Communication") == {
        (task, job),
        (f"task/{maker.id}", f"job/{maker.job_id}"),
    }
    assert (job, "user/guest") in relations(found, "Association")
    assert relations(found, "Alternate") == {("place/s3%3A//shop/out.bin", out)}
    [told_of_job] = found.get_record(f"conveyor:{job}")
    facts = {str(name): value for name, value in told_of_job.attributes}
    assert str(facts["conveyor:client"]).startswith("Python/")
    assert "conveyor:key" not in facts
    [kept] = found.get_record(f"conveyor:{out}")
    assert {str(name): value for name, value in kept.attributes}.items() >= {
        "prov:label": "out",
        "conveyor:fileName": "out.bin",
        "conveyor:size": 4,
    }.items()
    assert "hush" not in str(found.serialize())


async def test_a_job_keeps_the_name_of_the_key_that_it_was_submitted_with(
    postgres_dsn: str,
) -> None:
    async with api_on(postgres_dsn, auth=PROTECTED) as api:
        key = await add_key(api, "submit", name="nightly build")
        job = await submit(api, key, "{name: j, tasks: [{name: t}]}")
        async with acquired(api.pool) as connection:
            [told_of] = (await history(connection, job["id"], None)).jobs
        assert told_of.key_name == "nightly build"


async def test_what_others_have_made_is_told_to_those_who_may_see_it(
    api: Api, store: DirectoryStore
) -> None:
    maker = await ran(api, "{name: theirs, tasks: [{name: t}]}")
    digest = await keep_file(api.pool, store, maker, "data", b"123")
    taken = TakenArtifact(
        object=f"{maker.job_id}/{maker.id}/0.1/data", file_name="d", size=3, sha256=digest
    )
    user = await ran(api, "{name: j, tasks: [{name: t}]}", Source(target="d", taken=taken))
    async with acquired(api.pool) as connection:
        await connection.execute(
            "UPDATE jobs SET readers = '{user:bob}' WHERE id = $1", maker.job_id
        )
        for reader, makers in (("user:eve", []), ("user:bob", [maker.id])):
            told = await history(connection, user.job_id, [reader])
            assert [row.id for row in told.makers] == makers


async def test_sub_jobs_are_told_with_the_task_that_they_stand_for(api: Api) -> None:
    inner = await ran(api, "{name: inner, tasks: [{name: t}]}")
    outer = await ran(api, "{name: outer, tasks: [{name: t}]}")
    async with acquired(api.pool) as connection:
        await connection.execute(
            "UPDATE tasks SET subjob_id = $2 WHERE id = $1", outer.id, inner.job_id
        )
        await connection.execute(
            "UPDATE jobs SET parent_job_id = $2, parent_task_id = $3 WHERE id = $1",
            *(inner.job_id, outer.job_id, outer.id),
        )
    found = await told(api, outer.job_id)
    assert (f"job/{inner.job_id}", f"task/{outer.id}") in relations(found, "Communication")
    assert (f"task/{inner.id}", f"job/{inner.job_id}") in relations(found, "Communication")
