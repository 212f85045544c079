"""`dryRun`: all of a submission is checked, and nothing is stored."""

from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from shared.files.directory.store import DirectoryStore
from tests.support.http.api import YAML, Api, api_on

pytestmark = pytest.mark.real

JOB = b"name: pay\ntags: [x]\ninputs: {n: 1}\ntasks: [{name: a, run: x}, {name: b, run: x}]\n"
SCHEDULE = b"\nschedule: {cron: '0 0 1 1 *'}\n"
SCHEDULED = JOB + SCHEDULE
WITH_FILE = (
    b"name: f\nuploads:\n  data: %s\n"
    b"tasks:\n- {name: a, image: i, sources: [{upload: data, target: /in/x}]}\n"
)
KEY = {"Idempotency-Key": "order-17"}
BROKEN = [
    (b"name: x\ntasks: []", 2, "tasks"),
    (
        b"name: x\ntasks: [{name: a, run: x}]\npermissions:\n- user: nobody",
        4,
        "permissions[0].user",
    ),
    (b"name: x\noutput: '{{ nothing. }}'\ntasks: [{name: a, run: x}]", 2, "output"),
    (WITH_FILE % b"cafe", 3, "uploads.data"),
]


@pytest.fixture
async def api(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn, files=DirectoryStore(tmp_path)) as running:
        yield running


async def post(api: Api, path: str, body: bytes, **headers: str) -> tuple[int, Any]:
    return await api.answer("POST", path, data=body, headers={**YAML, **headers})


async def stored(api: Api) -> tuple[int, int]:
    jobs, schedules = await api.get("/jobs"), await api.get("/scheduled-jobs")
    return jobs["totalItems"], schedules["totalItems"]


async def test_a_dry_run_says_what_would_be_created_with_warnings_and_creates_nothing(
    api: Api,
) -> None:
    status, answer = await post(api, "/jobs?dryRun=true", JOB + b"wait: {timeout: 1h}\n")

    assert status == 200
    warnings = answer.pop("warnings")
    assert answer == {
        "dryRun": True,
        "name": "pay",
        "tags": ["x"],
        "inputs": {"n": "1"},
        "taskCount": 2,
    }
    assert [(w["line"], w["field"]) for w in warnings] == [(4, "tasks[0].queue")]
    assert await stored(api) == (0, 0)


async def test_a_dry_run_of_a_scheduled_job_says_when_it_would_create_its_first_job(
    api: Api,
) -> None:
    status, answer = await post(api, "/scheduled-jobs?dryRun=true", SCHEDULED)

    assert (status, answer["taskCount"], answer["nextAt"][4:]) == (200, 2, "-01-01T00:00:00Z")
    assert await stored(api) == (0, 0)


async def test_a_dry_run_finds_all_that_a_submission_would_at_its_line(api: Api) -> None:
    for body, line, field in BROKEN:
        for path, text in (("/jobs", body), ("/scheduled-jobs", body + SCHEDULE)):
            status, answer = await post(api, f"{path}?dryRun=true", text)
            found = answer["errors"][0]
            assert (status, found["field"], found["line"]) == (400, field, line), answer
    assert await stored(api) == (0, 0)


async def test_a_dry_run_uses_no_upload(api: Api) -> None:
    _, sent = await api.answer("POST", "/uploads?name=x.csv", data=BytesIO(b"x"))
    status, answer = await post(api, "/jobs?dryRun=true", WITH_FILE % sent["id"].encode())
    assert status == 200, answer
    assert (await api.get(f"/uploads/{sent['id']}"))["used"] is False


async def test_a_dry_run_uses_no_idempotency_key(api: Api) -> None:
    await post(api, "/jobs?dryRun=true", JOB, **KEY)
    await post(api, "/jobs?dryRun=true", WITH_FILE % b"cafe", **KEY)
    assert (await post(api, "/jobs", JOB, **KEY))[0] == 200
    assert await stored(api) == (1, 0)


async def test_strict_refuses_warnings_in_a_dry_run_too(api: Api) -> None:
    status, answer = await post(api, "/jobs?dryRun=true&strict=true", JOB)
    assert (status, answer["errors"][0]["field"]) == (400, "tasks[0].queue")


async def test_a_dry_run_of_an_edit_leaves_the_schedule_as_it_is(api: Api) -> None:
    _, made = await post(api, "/scheduled-jobs", SCHEDULED)
    path = f"/scheduled-jobs/{made['id']}?dryRun=true"

    status, answer = await api.answer("PATCH", path, json={"name": "other"})
    assert (status, answer["dryRun"], answer["name"]) == (200, True, "other")
    never = {"schedule": {"cron": "0 0 31 2 *"}}
    assert (await api.answer("PATCH", path, json=never))[0] == 400
    missing = {"uploads": {"a": "cafe"}}
    assert (await api.answer("PATCH", path, json=missing))[0] == 400

    now = await api.get(f"/scheduled-jobs/{made['id']}")
    assert (now["name"], now["version"]) == ("pay", 1)
