"""GET /scheduled-jobs/upcoming, and what the list of scheduled jobs tells of their last runs."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.http.api import Api, api_on
from tests.support.http.authenticated_api import PROTECTED, add_user

pytestmark = pytest.mark.real

WEEK = "since=2030-01-07T00:00:00Z&before=2030-01-14T00:00:00Z"

FILL = """
INSERT INTO schedules (id, state, cron, timezone, overlap, catch_up, rules, spec, readers,
                       created_at, next_at, look_at)
SELECT 's' || n, 'ACTIVE', n % 60 || ' ' || n % 24 || ' * * *', 'Europe/Berlin', 'allow', 'one',
       '{}', jsonb_build_object('name', 'report ' || n), '{}', now(),
       now() + interval '1 h', now() + interval '1 h'
FROM generate_series(1, $1::int) AS n
"""


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


async def add(
    api: Api, name: str, *, headers: Any = None, more: Any = None, **schedule: Any
) -> str:
    body = {"name": name, "tasks": [{"name": "a", "run": "true"}], "schedule": schedule}
    status, shown = await api.answer(
        "POST", "/scheduled-jobs", json=body | (more or {}), headers=headers
    )
    assert status == 200, shown
    return str(shown["id"])


def times(schedule: Any) -> list[str]:
    return [firing["scheduledAt"][5:16] for firing in schedule["firings"]]


async def test_the_times_of_all_active_schedules_in_a_window_are_listed(api: Api) -> None:
    daily = await add(api, "daily", cron="0 9 * * 1-2", timezone="Europe/Berlin")
    often = await add(api, "often", cron="* * * * *")
    once = await add(api, "once", at="2030-01-08T00:00:00Z")
    paused = await add(api, "paused", cron="0 0 * * *")
    await api.answer("PUT", f"/scheduled-jobs/{paused}/pause")
    await add(api, "later", at="2031-01-01T00:00:00Z")
    found = await api.get(f"/scheduled-jobs/upcoming?{WEEK}&each=2")
    assert [one["id"] for one in found["schedules"]] == [often, daily, once]
    assert [times(one) for one in found["schedules"]] == [
        ["01-07T00:00", "01-07T00:01"],
        ["01-07T08:00", "01-08T08:00"],
        ["01-08T00:00"],
    ]
    assert [one["hasMore"] for one in found["schedules"]] == [True, False, False]
    assert found["hasMore"] is False


async def test_the_last_runs_of_a_limited_number_end_in_the_window(api: Api) -> None:
    await add(api, "thrice", interval="24h", startAt="2030-01-05T12:00:00Z", maxRuns=3)
    found = await api.get(f"/scheduled-jobs/upcoming?{WEEK}")
    assert [times(one) for one in found["schedules"]] == [["01-07T12:00"]]


async def test_by_default_the_window_is_a_week_from_now(api: Api) -> None:
    await add(api, "hourly", cron="@hourly")
    found = await api.get("/scheduled-jobs/upcoming?each=1000")
    assert len(found["schedules"][0]["firings"]) == 7 * 24


async def test_what_one_may_not_see_is_in_no_calendar(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn, auth=PROTECTED) as api:
        ann, bob = await add_user(api, "ann"), await add_user(api, "bob")
        shared = {"permissions": [{"user": "bob", "access": "view"}]}
        await add(
            api, "private", headers=ann, more={"permissions": [{"user": "ann"}]}, cron="@daily"
        )
        await add(api, "shared", headers=ann, more=shared, cron="@daily")
        seen = []
        for headers in (ann, bob):
            _, found = await api.answer("GET", "/scheduled-jobs/upcoming", headers=headers)
            _, listed = await api.answer("GET", "/scheduled-jobs", headers=headers)
            names = sorted(one["name"] for one in found["schedules"])
            seen.append((names, [(one["name"], one["access"]) for one in listed["items"]]))
    assert seen == [
        (["private", "shared"], [("shared", "operate"), ("private", "operate")]),
        (["shared"], [("shared", "view")]),
    ]


@pytest.mark.parametrize(
    "query",
    [
        "since=tomorrow",
        "before=2030-01-01",
        "since=2030-01-02T00:00:00Z&before=2030-01-01T00:00:00Z",
        "since=2030-01-01T00:00:00Z&before=2031-01-01T00:00:00Z",
        "each=0",
        "each=1001",
    ],
)
async def test_a_window_that_is_none_is_refused(api: Api, query: str) -> None:
    status, body = await api.answer("GET", f"/scheduled-jobs/upcoming?{query}")
    assert status == 400
    assert body["message"].startswith(("since: ", "before: ", "each: "))


async def test_the_list_and_the_schedule_tell_the_last_run(api: Api) -> None:
    schedule_id = await add(api, "x", cron="@daily")
    await add(api, "never", cron="@daily")
    job_id = (await api.submit("name: x\ntasks: [{name: a}]"))["id"]
    await api.pool.execute(
        "INSERT INTO schedule_runs (schedule_id, kind, state, scheduled_at, job_id)"
        " VALUES ($1, 'SCHEDULED', 'FIRED', '2026-01-01Z', 'gone'),"
        "        ($1, 'SCHEDULED', 'FIRED', '2026-01-02Z', $2)",
        schedule_id,
        job_id,
    )
    never, listed = (await api.get("/scheduled-jobs"))["items"]
    whole = await api.get(f"/scheduled-jobs/{schedule_id}")
    assert listed["lastRun"] == whole["lastRun"]
    assert (
        listed["lastRun"] | {"jobId": job_id, "jobState": "PENDING", "state": "FIRED"}
        == (listed["lastRun"])
    )
    assert listed["lastRun"]["scheduledAt"] == "2026-01-02T00:00:00Z"
    assert "lastRun" not in never


async def test_scheduled_jobs_are_found_by_name_and_state(api: Api) -> None:
    one = await add(api, "Night report", cron="@daily")
    other = await add(api, "100% backup", cron="@daily")
    await api.answer("PUT", f"/scheduled-jobs/{other}/pause")
    expected = {
        "q=night": [one],
        "q=%25": [other],
        "state=PAUSED": [other],
        "q=report&state=ENDED": [],
    }
    for query, ids in expected.items():
        page = await api.get(f"/scheduled-jobs?{query}")
        assert ([item["id"] for item in page["items"]], page["totalItems"]) == (ids, len(ids))


async def test_the_calendar_of_ten_thousand_schedules_is_there_within_seconds(api: Api) -> None:
    await api.pool.execute(FILL, 10_000)
    began = time.process_time()
    found = await api.get("/scheduled-jobs/upcoming")
    seconds = time.process_time() - began
    assert (len(found["schedules"]), found["hasMore"]) == (5000, True)
    assert sum(len(one["firings"]) for one in found["schedules"]) == 5000
    assert seconds < 30
