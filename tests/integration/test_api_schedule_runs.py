"""Jobs of a schedule that are made by request, and what became of its firings."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.coordinator.store import schedules
from tests.support.http.api import JSON, Api, api_on

pytestmark = pytest.mark.real

TASK = {"name": "a", "run": "true", "env": {"AT": "{{ schedule.scheduledAt }}"}}
YEARLY = {"cron": "@yearly"}


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


async def add(api: Api, overlap: str = "allow", **fields: Any) -> str:
    """The path of a new scheduled job."""
    job = {"name": "x", "tasks": [TASK], "schedule": YEARLY, **fields}
    status, summary = await api.answer("POST", "/scheduled-jobs", json=job)
    assert status == 200, summary
    # As an edit does: not every policy of the store is one of the language yet
    await api.pool.execute(
        "UPDATE schedules SET overlap = $2 WHERE id = $1", summary["id"], overlap
    )
    return f"/scheduled-jobs/{summary['id']}"


async def trigger(api: Api, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    return await api.answer("POST", f"{path}/trigger", json=body, headers=headers)


async def states(api: Api) -> list[str]:
    return [row["state"] for row in await api.pool.fetch("SELECT state FROM jobs ORDER BY id")]


async def test_a_trigger_creates_a_job_of_the_schedule_at_once(api: Api) -> None:
    path = await add(api, secrets={"key": "hunter22"})
    before = await api.get(path)
    status, run = await trigger(api, path)
    assert (status, run["kind"], run["state"]) == (200, "TRIGGERED", "FIRED")
    job = await api.get(f"/jobs/{run['jobId']}")
    assert job["schedule"] == {
        "id": before["id"],
        "cron": "@yearly",
        "scheduledAt": run["scheduledAt"],
    }
    assert (job["state"], job["secrets"]) == ("SCHEDULED", {"key": "[REDACTED]"})
    [task] = job["execution"]
    assert task["env"]["AT"] == run["scheduledAt"][:19] + "Z"
    after = await api.get(path)
    assert (after["nextAt"], after["lastJobId"]) == (before["nextAt"], run["jobId"])
    runs = await api.get(f"{path}/runs")
    assert (runs["items"], runs["next"]) == ([run], after["next"])
    assert "next" not in await api.get(f"{path}/runs?page=2")


async def test_a_trigger_takes_inputs_for_its_own_job(api: Api) -> None:
    task = TASK | {"env": {"N": "{{ inputs.n }}", "M": "{{ inputs.m }}"}}
    path = await add(api, "bufferOne", tasks=[task], inputs={"n": "1", "m": "1"})
    # What breaks a rule of submissions, or is no input of it, is refused
    for inputs, reason in (({"x": "1"}, "no such input"), ("n", "inputs")):
        status, answer = await trigger(api, path, {"inputs": inputs})
        assert (status, reason in answer["message"]) == (400, True), answer
    # When it is triggered with one of its inputs
    status, run = await trigger(api, path, {"inputs": {"n": 3}})
    assert status == 200, run
    # Then this job has it, and the schedule stays as it is
    [shown] = (await api.get(f"/jobs/{run['jobId']}"))["execution"]
    assert shown["env"] == {"N": "3", "M": "1"}
    assert (await api.get(path))["inputs"] == {"n": "1", "m": "1"}
    # And inputs are not forgotten by a job that would wait for it
    status, answer = await trigger(api, path, {"inputs": {"n": "4"}})
    assert (status, "takes no inputs" in answer["message"]) == (409, True)


async def test_a_paused_schedule_can_be_triggered(api: Api) -> None:
    path = await add(api)
    await api.answer("PUT", f"{path}/pause")
    assert (await trigger(api, path))[0] == 200
    assert (await api.get(path))["state"] == "PAUSED"


async def test_a_trigger_that_is_sent_again_creates_no_second_job(api: Api) -> None:
    path = await add(api)
    key = {"Idempotency-Key": "k1"}
    answers = [await trigger(api, path, {}, **key) for _ in range(2)]
    answers += await asyncio.gather(*(trigger(api, path, {}, **key) for _ in range(3)))
    assert [status for status, _ in answers] == [200] * 5
    assert len({run["jobId"] for _, run in answers}) == 1
    assert len(await states(api)) == 1
    status, answer = await trigger(api, path, {"overlap": "allow"}, **key)
    assert (status, "already used, with another body" in answer["message"]) == (409, True)


@pytest.mark.parametrize(
    ("overlap", "body", "status", "state", "jobs"),
    [
        ("allow", None, 200, "FIRED", ["SCHEDULED", "SCHEDULED"]),
        ("skip", None, 409, None, ["SCHEDULED"]),
        ("skip", {"overlap": "allow"}, 200, "FIRED", ["SCHEDULED", "SCHEDULED"]),
        ("bufferOne", None, 200, "HELD", ["SCHEDULED"]),
        ("bufferAll", None, 200, "HELD", ["SCHEDULED"]),
        ("cancelOther", None, 200, "FIRED", ["CANCELLED", "SCHEDULED"]),
        ("allow", {"overlap": "skip"}, 409, None, ["SCHEDULED"]),
    ],
)
async def test_what_a_trigger_does_beside_a_job_that_is_not_final(
    api: Api, overlap: str, body: Any, status: int, state: str | None, jobs: list[str]
) -> None:
    path = await add(api, overlap)
    assert (await trigger(api, path))[1]["state"] == "FIRED"
    answered, run = await trigger(api, path, body)
    assert (answered, run.get("state")) == (status, state), run
    assert sorted(await states(api)) == jobs
    if state == "HELD":
        assert "jobId" not in run
        [held] = await api.pool.fetchval("SELECT held FROM schedules")
        assert f"{held:%Y-%m-%dT%H:%M:%S}" == run["scheduledAt"][:19]


async def test_a_job_that_comes_while_a_trigger_waits_for_its_turn_is_cancelled_too(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await add(api, "cancelOther")
    take_turns, late = schedules.take_turns, 0

    async def miss(*given: Any) -> set[str]:
        nonlocal late
        late -= 1
        return set() if late >= 0 else await take_turns(*given)

    assert (await trigger(api, path))[0] == 200
    monkeypatch.setattr(schedules, "take_turns", miss)
    late = 1
    assert (await trigger(api, path))[0] == 200
    assert sorted(await states(api)) == ["CANCELLED", "SCHEDULED"]
    late = 1000
    status, answer = await trigger(api, path)
    assert (status, answer["message"]) == (
        503,
        "its other jobs have changed at every look, try again later",
    )
    assert sorted(await states(api)) == ["CANCELLED", "SCHEDULED"]


async def test_a_full_buffer_refuses_a_trigger(api: Api) -> None:
    path = await add(api, "bufferOne")
    assert [(await trigger(api, path))[0] for _ in range(3)] == [200, 200, 409]
    _, answer = await trigger(api, path)
    assert answer["message"] == "overlap is bufferOne, and 1 firings of it already wait"


async def test_two_triggers_at_once_overlap_no_more_than_two_in_turn(api: Api) -> None:
    path = await add(api, "skip")
    answers = await asyncio.gather(*(trigger(api, path) for _ in range(4)))
    assert sorted(status for status, _ in answers) == [200, 409, 409, 409]
    assert len(await states(api)) == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"overlap": "queue"}', "overlap: \"queue\" is not allowed: must be 'allow', 'skip'"),
        (b'{"at": "now"}', "at: unknown field"),
        (b"[]", "the body must be a mapping of fields"),
    ],
)
async def test_a_trigger_with_what_it_can_not_read_is_refused(
    api: Api, body: bytes, message: str
) -> None:
    path = await add(api)
    status, answer = await api.answer("POST", f"{path}/trigger", data=body, headers=JSON)
    assert (status, message in answer["message"]) == (400, True), answer
    assert await states(api) == []


async def test_a_schedule_whose_secrets_can_not_be_read_is_not_triggered(api: Api) -> None:
    path = await add(api, secrets={"key": "hunter22"})
    await api.pool.execute("UPDATE schedules SET sealed = 'fernet:x'")
    status, answer = await trigger(api, path)
    assert status == 409
    assert answer["message"].startswith("secrets: none of the keys that are set")


async def test_runs_are_listed_newest_first_by_page_and_by_state(api: Api) -> None:
    path = await add(api)
    await api.pool.execute(
        "INSERT INTO schedule_runs (schedule_id, kind, state, scheduled_at, until, reason)"
        " SELECT $1, 'SCHEDULED', 'SKIPPED', at, at + interval '1 h', 'overlap is skip'"
        " FROM generate_series(now() - interval '3 days', now(), '1 day') AS at",
        path.removeprefix("/scheduled-jobs/"),
    )
    _, fired = await trigger(api, path)
    runs = await api.get(f"{path}/runs?size=2")
    assert (runs["totalItems"], runs["totalPages"]) == (5, 3)
    assert runs["items"][0] == fired | {"jobState": "SCHEDULED"}
    assert runs["items"][1]["reason"] == "overlap is skip"
    assert runs["items"][1]["until"] > runs["items"][1]["scheduledAt"]
    assert (await api.get(f"{path}/runs?state=FIRED"))["items"] == [runs["items"][0]]
    await api.pool.execute("DELETE FROM jobs")
    [run] = (await api.get(f"{path}/runs?state=FIRED"))["items"]
    assert (run["jobId"], run.get("jobState")) == (fired["jobId"], None)
    status, answer = await api.answer("GET", f"{path}/runs?state=lost")
    rule = 'state: "lost" is not allowed: must be FIRED, SKIPPED or HELD'
    assert (status, answer["message"]) == (400, rule)
