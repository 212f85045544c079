"""ByteNite's API of jobs on a whole Conveyor: drafts, edits, lists, and what is refused."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from services.dev.settings import IsolatedDevSettings
from services.worker.settings import WorkSettings
from shared.jobspec.bytenite.phases import ORDER, Phase
from shared.process.settings.blocks import CostSettings
from tests.support.bytenite import (
    BYPASS,
    CUSTOMER,
    UPPER,
    Client,
    app,
    database_of,
    register,
    template,
)
from tests.support.services.dev import running_dev

WALLET = "/v1/wallet"
TOP_UP = {"owner": "guest", "amount": "100000.5", "reference": "first"}

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(tmp_path_factory.mktemp("dev"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def session(data_dir: Path) -> AsyncIterator[ClientSession]:
    cost = CostSettings(price_per_cpu_second="1.5", wallet=True)
    worker = WorkSettings(queues="default:8", labels="region=eu")
    lasting = {"task_cache_dir": str(data_dir / "task-cache")}
    files = IsolatedDevSettings().files.model_copy(update=lasting)
    async with (
        running_dev(data_dir, cost=cost, worker=worker, files=files) as url,
        ClientSession(url) as session,
    ):
        await Client(session, WALLET).ok("POST /top_up", TOP_UP)
        await register(data_dir, "app", app())
        await register(data_dir, "template", template())
        yield session


@pytest.fixture
def jobs(session: ClientSession) -> Client:
    return Client(session)


async def test_a_draft_is_created_edited_renamed_listed_and_deleted(jobs: Client) -> None:
    made = (await jobs.ok("POST /jobs", {"templateId": "upper", "name": "one"}))["job"]
    path = f"/jobs/{made['id']}"
    assert (made["state"], made["appId"]) == ("JOB_STATE_NEW", "upper@1.0")
    assert list(made["stateTimestamps"]) == ["JOB_STATE_NEW"]

    await jobs.ok(f"PATCH {path}/datasource", {"dataSource": BYPASS, "dataDestination": BYPASS})
    await jobs.ok(f"PATCH {path}/params", {"app": {"width": 1}})
    await jobs.ok(f"PATCH {path}/params", {"params": {"assembler": {"name": "all.txt"}}})
    await jobs.ok(f"PATCH {path}/jobname", {"name": "two"})
    await jobs.ok(f"PATCH {path}/configs", {"taskTimeout": 60})
    await jobs.ok(f"PATCH {path}/configs", {"config": {"jobTimeout": "600"}})
    job = (await jobs.ok(f"GET {path}"))["job"]

    assert (job["name"], job["dataSource"]) == ("two", {**BYPASS, "params": {}})
    assert job["params"]["app"] == {"width": 1}
    assert job["params"]["assembler"] == {"name": "all.txt"}
    assert (job["config"]["taskTimeout"], job["config"]["jobTimeout"]) == (60, 600)

    deleted = (await jobs.ok(f"DELETE {path}"))["job"]
    assert deleted["deletedAt"] == (await jobs.ok(f"GET {path}"))["job"]["deletedAt"]
    assert made["id"] not in [job["id"] for job in (await jobs.ok("GET /jobs"))["data"]]
    assert (await jobs.refused(f"POST {path}/run"))[0] == 409


async def test_a_job_with_the_id_of_a_draft_changes_it(jobs: Client) -> None:
    await jobs.ok("POST /jobs", {"jobId": "mine", "templateId": "upper", "name": "one"})
    again = {"jobId": "mine", "templateId": "upper", "description": "of mine"}
    job = (await jobs.ok("POST /jobs", again))["job"]

    assert (job["id"], job["name"], job["description"]) == ("mine", "one", "of mine")
    assert await jobs.ok("POST /jobs/mine/abort") == {"ok": True}
    assert (await jobs.refused("GET /jobs/mine"))[:2] == (404, "not_found")


async def test_a_draft_is_replaced_whole_by_our_api_in_its_language_and_who_may_see_it_stays(
    jobs: Client, session: ClientSession, data_dir: Path
) -> None:
    made = (await jobs.ok("POST /jobs", {"templateId": "upper", "name": "one"}))["job"]
    path, ours = f"/jobs/{made['id']}", Client(session, "")
    body = {"templateId": "upper", "name": "two", "params": {"app": {"width": 3}}}
    async with database_of(data_dir) as database:
        shared = "SELECT permissions, readers FROM jobs WHERE id = $1"
        await database.execute(
            "UPDATE jobs SET permissions = $2, readers = '{view:role:admin}' WHERE id = $1",
            made["id"],
            [{"role": "admin", "access": "view"}],
        )
        before = await database.fetchrow(shared, made["id"])
        assert (await ours.ok(f"PUT {path}", body))["version"] == 2
        assert await database.fetchrow(shared, made["id"]) == before
    job = (await jobs.ok(f"GET {path}"))["job"]
    assert (job["state"], job["name"], job["params"]["app"]) == (
        "JOB_STATE_NEW",
        "two",
        {"width": 3},
    )
    for query, other, status, told in (
        ("", body, 409, "nothing differs from version 2"),
        ("?language=tork", {"name": "x", "tasks": []}, 409, "this is a job of bytenite"),
        ("", {"templateId": "upper", "params": 3}, 400, "params"),
    ):
        found, answer = await ours.call(f"PUT {path}{query}", other)
        assert (found, told in str(answer)) == (status, True), answer
    await jobs.ok(f"DELETE {path}")


async def test_all_that_is_wrong_is_told_by_field_and_the_draft_stays(jobs: Client) -> None:
    wrong = {"templateId": "upper", "priority": "HUGE", "config": {"taskTimeout": "x"}}
    assert await jobs.refused("POST /jobs", wrong) == (
        422, "validation_failed", ["config.taskTimeout", "priority"],
    )  # fmt: skip
    assert (await jobs.refused("POST /jobs", {"templateId": "none"}))[2] == ["templateId"]
    assert (await jobs.refused("POST /jobs", [1]))[:2] == (400, "malformed_body")

    await jobs.ok("POST /jobs", {"jobId": "bad", "templateId": "upper"})
    edit = {"partitioner": {"linesPerChunk": 0}}
    field = "params.partitioner.linesPerChunk"
    assert (await jobs.refused("PATCH /jobs/bad/params", edit))[2] == [field]
    assert await jobs.refused("POST /jobs/bad/run") == (422, "validation_failed", ["dataSource"])
    assert (await jobs.ok("GET /jobs/bad"))["job"]["state"] == "JOB_STATE_NEW"
    backwards = {"dataDestination": {"dataSourceDescriptor": "url"}}
    assert await jobs.refused("PATCH /jobs/bad/datasource", backwards) == (
        422, "wrong_direction", ["dataDestination.dataSourceDescriptor"],
    )  # fmt: skip


async def test_parameters_that_break_the_schema_of_an_app_are_told_by_their_paths(
    jobs: Client, data_dir: Path
) -> None:
    size = {"type": "object", "properties": {"width": {"type": "integer", "minimum": 1}}}
    sizes = {"type": "array", "items": size}
    schema = {"type": "object", "required": ["codec"], "properties": {"sizes": sizes}}
    await register(data_dir, "app", app(name="strict"), schema=schema)
    await register(data_dir, "template", template(id="strict", app="strict"))
    await jobs.ok("POST /jobs", {"jobId": "strict", "templateId": "strict", "dataSource": BYPASS})

    edit = {"app": {"sizes": [{"width": 1}, {"width": 0}, {"width": "x"}]}}
    assert await jobs.refused("PATCH /jobs/strict/params", edit) == (
        422, "validation_failed", ["params.app.sizes[1].width", "params.app.sizes[2].width"],
    )  # fmt: skip
    assert (await jobs.refused("POST /jobs/strict/run"))[2] == ["params.app.codec"]


async def test_keys_in_a_data_source_are_never_shown(jobs: Client) -> None:
    params = {
        "bucketName": "bucket",
        "name": "a.bin",
        "accessKey": "AK",
        "secretKey": "very-secret",
    }
    source = {"dataSourceDescriptor": "s3", "params": params}
    made = await jobs.ok("POST /jobs", {"templateId": "upper", "dataSource": source})
    await jobs.ok(f"PATCH /jobs/{made['job']['id']}/jobname", {"name": "other"})

    shown = await jobs.ok(f"GET /jobs/{made['job']['id']}")
    assert "secretId" in shown["job"]["dataSource"]["params"]
    assert "very-secret" not in str(shown)


async def test_lists_have_pages_an_order_and_filters(jobs: Client, session: ClientSession) -> None:
    for name in ("list-b", "list-a", "list-c"):
        await jobs.ok("POST /jobs", {"templateId": "upper@1", "name": name})
    asked = {"name": "LIST-", "templateId": "upper@1", "orderBy": "name desc"}
    page = {"pagination": {"limit": 2, "offset": "1"}}
    found = await Client(session, CUSTOMER).ok("POST /jobs/filter", {**asked, **page})

    assert [job["name"] for job in found["data"]] == ["list-b", "list-a"]
    assert found["pagination"] == {
        "total": 3, "offset": 1, "hasPrevious": True, "hasNext": False,
    }  # fmt: skip
    newest = await jobs.ok("GET /jobs?pagination.limit=1")
    assert [job["name"] for job in newest["data"]] == ["list-c"]
    assert (await jobs.refused("GET /jobs?orderBy=colour"))[:2] == (400, "bad_order")


async def test_a_job_runs_through_all_its_phases_and_leaves_results(
    jobs: Client, session: ClientSession
) -> None:
    made = {
        "templateId": "upper",
        "dataSource": {"dataSourceDescriptor": "inline", "params": {"text": "one\ntwo\nthree\n"}},
        "dataDestination": BYPASS,
        "config": {"reuse": True},
    }
    await jobs.ok("POST /jobs", {"jobId": "whole", **made})
    await jobs.ok("POST /jobs/whole/run", {"taskTimeout": 60})
    assert (await jobs.refused("POST /jobs/whole/run"))[:2] == (409, "job_already_started")

    states = [
        event["data"]["state"] async for event in jobs.events("whole") if event["event"] == "job"
    ]
    assert states == [phase for phase in ORDER if phase is not Phase.FAILED]
    job = (await jobs.ok("GET /jobs/whole"))["job"]
    assert list(job["stateTimestamps"]) == states
    assert job["numChunks"] == 3
    (result,) = (await jobs.ok("GET /jobs/whole/results"))["results"]
    async with session.get(result["link"]) as response:
        assert await response.text() == "ONE\nTWO\nTHREE\n"

    # With a key it runs once, at whatever moment it is asked for again
    key, same = {"Idempotency-Key": "same"}, {"jobId": "same", **made, "run": True}
    await asyncio.gather(*(jobs.ok("POST /jobs", same, **key) for _ in range(4)))
    assert (await jobs.ended("same"))["state"] == Phase.COMPLETE
    assert (await jobs.ok("POST /jobs", same, **key))["job"]["state"] == Phase.COMPLETE
    assert (await jobs.refused("POST /jobs", same))[0] == 409
    chunks = [(await jobs.ok(f"GET /jobs/{id_}/chunks"))["chunks"] for id_ in ("whole", "same")]
    assert [one.get("reusedFrom") for one in chunks[1]] == [one["taskId"] for one in chunks[0]]
    tasks = (await jobs.ok("GET /jobs/same/tasks"))["tasks"]
    assert [task["service"] for task in tasks if not task.get("reusedFrom")] == ["deliverer"]
    (result,) = (await jobs.ok("GET /jobs/same/results"))["results"]
    async with session.get(result["link"]) as response:
        assert await response.text() == "ONE\nTWO\nTHREE\n"


async def test_a_failed_chunk_is_tolerated_or_run_again_alone(jobs: Client, data_dir: Path) -> None:
    cached = 'test -d "$SHARED_CACHE_DIR" && echo "$CHUNK_INDEX" >> "$USER_CACHE_DIR/seen"'
    script = f'{cached} && {{ test "$CHUNK_INDEX" != 1 || test -e {data_dir}/mended; }} && {UPPER}'
    await register(data_dir, "app", app(script, name="fragile"))
    await register(data_dir, "template", template(id="fragile", app="fragile"))
    text = {"dataSourceDescriptor": "inline", "params": {"text": "one\ntwo\nthree\n"}}
    made = {"templateId": "fragile", "dataSource": text, "run": True}

    await jobs.ok("POST /jobs", {"jobId": "some", "tolerance": {"maxFailedChunks": 1}, **made})
    await jobs.ok("POST /jobs", {"jobId": "all", "onChunkFailure": "finish_then_fail", **made})
    some, failed = await jobs.ended("some"), await jobs.ended("all")

    # What tasks leave in the cache of their owner is there for those that follow
    (seen,) = data_dir.glob("task-cache/users/*/files/seen")
    assert sorted(set(seen.read_text().split())) == ["0", "1", "2"]
    assert some["state"] == Phase.COMPLETE
    assert some["chunks"] == {"total": 3, "done": 3, "failed": 1}
    assert some["warnings"] == ["1 of 3 chunks failed and were tolerated"]
    assert (failed["failedPhase"], failed["errorCode"]) == (Phase.PARTITIONED, "chunks_failed")
    (data_dir / "mended").touch()
    before = (await jobs.ok("GET /jobs/some/chunks"))["chunks"]
    await jobs.ok("POST /jobs/some/retry", {"onlyFailedChunks": True})
    mended = await jobs.ended("some")
    assert (mended["state"], mended["chunks"]) == (
        Phase.COMPLETE,
        {"total": 3, "done": 3, "failed": 0},
    )
    after = (await jobs.ok("GET /jobs/some/chunks"))["chunks"]
    assert [a["taskId"] == b["taskId"] for a, b in zip(after, before, strict=True)] == [
        True, False, True,
    ]  # fmt: skip
    assert (await jobs.refused("POST /jobs/some/retry", {"onlyFailedChunks": True}))[0] == 409

    await jobs.ok("POST /jobs/all/retry", {"phase": Phase.PARTITIONED})
    assert (await jobs.ended("all"))["state"] == Phase.COMPLETE
    chunks = (await jobs.ok("GET /jobs/all/chunks"))["chunks"]
    assert [chunk["state"] for chunk in chunks] == ["Completed"] * 3
    assert [chunk["startedAt"] > failed["endedAt"] for chunk in chunks] == [False, True, False]

    assert (await jobs.refused("POST /jobs/all/retry"))[:2] == (409, "invalid_state")
    await jobs.ok("POST /jobs/all/retry", {"phase": Phase.MERGING})
    assert (await jobs.ended("all"))["state"] == Phase.COMPLETE
    kept = (await jobs.ok("GET /jobs/all/chunks"))["chunks"]
    assert [chunk["taskId"] for chunk in kept] == [chunk["taskId"] for chunk in chunks]
    await jobs.ok("POST /jobs/all/retry", {"onlyFailedChunks": False})
    job = await jobs.ended("all")
    assert (job["state"], job["chunks"]["done"]) == (Phase.COMPLETE, 3)
    anew = (await jobs.ok("GET /jobs/all/chunks"))["chunks"]
    assert min(c["startedAt"] for c in anew) > max(c["endedAt"] for c in chunks)


async def test_chunks_run_on_nodes_of_their_regions(jobs: Client) -> None:
    text = {"dataSourceDescriptor": "inline", "params": {"text": "one\ntwo\n"}}
    made = {"templateId": "upper", "dataSource": text, "run": True}
    await jobs.ok("POST /jobs", {"jobId": "there", **made, "regions": {"whitelist": ["eu"]}})
    await jobs.ok("POST /jobs", {"jobId": "away", **made, "regions": {"blacklist": ["eu"]}})

    there = await jobs.ended("there")
    assert (there["state"], there["chunks"]["done"]) == (Phase.COMPLETE, 2)
    async for event in jobs.events("away"):
        if event["data"]["state"] == Phase.PARTITIONED:
            break
    assert (await jobs.ok("GET /jobs/away"))["job"]["state"] == Phase.PARTITIONED
    await jobs.ok("POST /jobs/away/abort")
    assert (await jobs.ended("away"))["errorCode"] == "aborted"


async def test_a_test_job_runs_its_first_chunk_alone(jobs: Client) -> None:
    text = {"dataSourceDescriptor": "inline", "params": {"text": "one\ntwo\nthree\n"}}
    made = {"jobId": "tried", "templateId": "upper", "dataSource": text}
    await jobs.ok("POST /jobs", {**made, "config": {"isTestJob": True}, "run": True})

    job = await jobs.ended("tried")
    assert (job["state"], job["numChunks"]) == (Phase.COMPLETE, 1)
    assert (await jobs.ok("GET /jobs/templates"))["templates"]


async def test_a_file_that_was_sent_to_its_temporary_link_is_worked_on(
    jobs: Client, session: ClientSession
) -> None:
    source = {"dataSourceDescriptor": "file", "params": {"name": "words.txt"}}
    made = {"templateId": "upper", "dataSource": source}
    bucket = {"dataSourceDescriptor": "bucket"}
    await jobs.ok("POST /jobs", {"jobId": "sent", **made, "dataDestination": bucket})
    link = (await jobs.ok("GET /jobs/sent"))["job"]["dataSource"]["params"]["tempUrl"]
    for act in ("PATCH /jobs/sent/uploadcompleted", "POST /jobs/sent/run"):
        assert (await jobs.refused(act))[:2] == (409, "upload_missing")

    async with session.put(link, data=b"one\ntwo\n") as response:
        assert response.status == 200
    await jobs.ok("PATCH /jobs/sent/uploadcompleted")
    await jobs.ok("POST /jobs/sent/run")
    assert [e async for e in jobs.events("sent")][-1]["data"]["state"] == "JOB_STATE_COMPLETE"

    shown = (await jobs.ok("GET /jobs/sent"))["job"]
    assert "tempUrl" not in shown["dataSource"]["params"]
    (result,) = (await jobs.ok("GET /jobs/sent/results"))["results"]
    async with session.get(result["link"]) as response:
        assert await response.text() == "ONE\nTWO\n"
    kept = datetime.fromisoformat(result["expiresAt"]) - datetime.fromisoformat(shown["endedAt"])
    assert kept == timedelta(hours=48)
    async with session.get(result["link"].replace("ends=", "ends=1")) as response:
        assert response.status == 403


async def test_a_job_is_estimated_held_and_paid_for_and_is_not_run_without_a_balance(
    jobs: Client, session: ClientSession
) -> None:
    wallet = Client(session, WALLET)
    made = {"templateId": "upper", "dataSource": BYPASS, "dataDestination": BYPASS}
    await jobs.ok("POST /jobs", {"jobId": "dear", "budget": "1000000", **made})
    assert (await jobs.refused("POST /jobs/dear/run"))[:2] == (402, "insufficient_balance")
    assert (await jobs.ok("GET /jobs/dear"))["job"]["state"] == Phase.NEW

    before = (await wallet.ok("GET /balance"))["totalBalance"]
    await jobs.ok("POST /jobs", {"jobId": "paid", "budget": 1000, "run": True, **made})
    job = await jobs.ended("paid")
    assert (job["state"], job["budget"]) == (Phase.COMPLETE, "1000")
    assert job["paymentAmount"] > 0
    balance = await wallet.ok("GET /balance")
    assert balance["availableBalance"] == balance["totalBalance"]
    assert before - balance["totalBalance"] == pytest.approx(job["paymentAmount"])

    listed = await wallet.ok("GET /transactions?pagination.limit=1")
    [payment] = listed["data"]
    assert (payment["jobId"], payment["templateId"]) == ("paid", "upper@1.0")
    assert payment["amount"] == pytest.approx(job["paymentAmount"])
    assert payment["balance"] == pytest.approx(balance["totalBalance"])
    async with session.get(f"{WALLET}/transactions/csv") as response:
        assert (await response.text()).count("\r\n") == listed["pagination"]["total"] + 1

    estimation = (await jobs.ok("GET /jobs/estimation/dear"))["estimation"]
    assert estimation["runs"] >= 1
    assert estimation["totalEstimation"] > 0
    assert int((await jobs.ok("GET /jobs/dear"))["job"]["numUnitsEstimation"]) >= 1
    assert (await wallet.refused("POST /top_up", {**TOP_UP, "amount": 1}))[0] == 409
    assert (await wallet.refused("POST /top_up", {**TOP_UP, "amount": "x"}))[2] == ["amount"]
