"""Live events as lists of jobs ask for them: of some types and jobs, the newest now and then."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import PROTECTED, add_user, submit
from tests.support.http.event_streams import (
    EventReader,
    add_event,
    add_part,
    change,
    end_job,
    events_of,
)

pytestmark = pytest.mark.real


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


async def new_job(api: Api, more: str = "") -> str:
    return str((await api.submit(f"name: x\n{more}\ntasks: [{{name: a}}]"))["id"])


async def of_every_kind(api: Api, job_id: str) -> None:
    task = await api.add_task(job_id)
    await add_event(
        api.pool,
        change(job_id, 1),
        change(job_id, 2, task_id="t1"),
        change(job_id, 3, task_id="t1", progress=5, is_progress=True),
        change(job_id, 4, progress=5, is_progress=True),
    )
    await add_part(api.pool, task, 1, "hello\n")
    await add_event(api.pool, change(job_id, 5))


@pytest.mark.parametrize(
    ("types", "versions"),
    [
        ("job", [1, 5]),
        ("task", [2]),
        ("job,progress", [1, 4, 5]),
        ("task,progress", [2, 3]),
        ("progress", [3, 4]),
        ("job,log", [1, None, 5]),
        ("", [1, 2, 3, 4, None, 5]),
    ],
)
async def test_a_stream_has_the_types_of_events_that_are_asked_for(
    api: Api, types: str, versions: list[int | None]
) -> None:
    job_id = await new_job(api)
    async with (
        events_of(api, f"/events?types={types}") as stream,
        events_of(api, f"/jobs/{job_id}/events?types={types}") as of_job,
    ):
        await of_every_kind(api, job_id)
        seen = [event.data.get("version") for event in await stream.take(len(versions))]
        await end_job(api, job_id)
        of_one = [event.data.get("version") for event in await of_job.rest()]
    assert seen == versions
    last = [99] if "job" in types or not types else []
    assert of_one == [*versions, *last, None]


async def test_an_event_within_a_row_can_be_resumed_after_whatever_types_are_asked_for(
    api: Api,
) -> None:
    job_id = await new_job(api)
    await of_every_kind(api, job_id)
    await end_job(api, job_id)
    path = f"/jobs/{job_id}/events?types=job,progress"
    async with events_of(api, path) as stream:
        whole = await stream.rest()
    for place, event in enumerate(whole[:-1], start=1):
        async with events_of(api, path, event.id) as stream:
            assert await stream.rest() == whole[place:]


async def test_only_the_jobs_that_are_asked_for_are_followed(api: Api) -> None:
    one, other, third = [await new_job(api) for _ in range(3)]
    async with events_of(api, f"/events?jobs={one},{third}") as stream:
        for version, job_id in enumerate((one, other, third), start=1):
            await add_event(api.pool, change(job_id, version))
        seen = [event.data["version"] for event in await stream.take(2)]
    assert seen == [1, 3]


async def test_of_what_comes_together_only_the_newest_of_each_job_is_sent(api: Api) -> None:
    one, other = await new_job(api), await new_job(api)
    async with events_of(api, "/events?types=job,progress&every=1s") as stream:
        await add_event(api.pool, change(one, 1, "SCHEDULED"))
        first = await stream.next()
        await add_event(api.pool, change(one, 2), change(one, 3, task_id="t1"))
        await add_event(api.pool, change(other, 1))
        await add_event(api.pool, change(one, 4, progress=50, is_progress=True))
        await add_event(api.pool, change(other, 2, "COMPLETED"), change(other, 3, task_id="t"))
        together = await stream.take(2)
    assert first
    assert first.data["state"] == "SCHEDULED"
    seen = [(event.data["jobId"], event.data["version"]) for event in together]
    assert seen == [(one, 4), (other, 2)]
    # And after the last of them nothing of it comes again
    assert [event.id is not None for event in together] == [False, True]
    async with events_of(api, "/events?every=1s", together[-1].id) as stream:
        await add_event(api.pool, change(other, 4))
        again = await stream.next()
    assert again
    assert again.data["version"] == 4


async def test_the_newest_events_of_one_job_end_with_it(api: Api) -> None:
    job_id = await new_job(api)
    async with events_of(api, f"/jobs/{job_id}/events?every=100ms") as stream:
        await of_every_kind(api, job_id)
        await end_job(api, job_id)
        *events, end = await stream.rest()
    assert (events[-1].data["state"], end.kind) == ("COMPLETED", "end")
    assert "log" not in {event.kind for event in events}


async def test_an_event_of_a_job_tells_what_a_list_shows_of_it(api: Api) -> None:
    async with events_of(api, "/events?types=job&every=1s") as stream:
        job = await api.submit("name: x\ntags: [blue]\ntasks: [{name: a}]")
        await add_event(api.pool, change(job["id"], 1))
        event = await stream.next()
    assert event
    of_list = {name: job[name] for name in ("name", "tags", "createdBy", "createdAt", "taskCount")}
    assert event.data | of_list | {"access": "operate", "jobId": job["id"]} == event.data


async def test_an_event_says_whether_its_reader_may_act_on_the_job(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn, auth=PROTECTED) as api:
        ann, bob = await add_user(api, "ann"), await add_user(api, "bob")
        shared = "permissions: [{user: bob, access: view}]"
        job = await submit(api, ann, f"name: x\n{shared}\ntasks: [{{name: a}}]")
        async with (
            api.client.get("/events?types=job&every=1s", headers=ann) as hers,
            api.client.get("/events?types=job&every=1s", headers=bob) as his,
        ):
            streams = [EventReader(hers), EventReader(his)]
            await add_event(api.pool, change(str(job["id"]), 50))
            events = await asyncio.gather(*(stream.next() for stream in streams))
    assert [event and event.data["access"] for event in events] == ["operate", "view"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("types=jobs", "types: 'jobs'"),
        ("types=log&every=1s", "types: 'log'"),
        ("every=0s", "every: '0s'"),
        ("every=1h", "every: '1h'"),
        ("every=soon", "every: 'soon'"),
        ("jobs=" + ",".join(map(str, range(101))), "jobs: 101 ids"),
    ],
)
async def test_what_can_not_be_asked_for_is_refused_with_the_rule(
    api: Api, query: str, field: str
) -> None:
    status, body = await api.answer("GET", f"/events?{query}")
    assert status == 400
    assert body["message"].startswith(field)
