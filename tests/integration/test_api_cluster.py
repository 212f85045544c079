"""Queues, nodes, health, metrics and the odd request over HTTP."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import pytest

from services.coordinator.settings import EndpointSettings
from shared.broker.protocol import Outgoing
from shared.lifecycle import TaskState
from shared.postgres.pool import acquired
from tests.support.http.api import Api, api_on

pytestmark = pytest.mark.real


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        yield running


async def add_node(api: Api, node_id: str, queue: str, *, silent_minutes: int = 0) -> None:
    now = datetime.now(UTC)
    async with acquired(api.pool) as connection:
        await connection.execute(
            "INSERT INTO nodes (id, name, hostname, port, version, queue, status, started_at,"
            " last_heartbeat_at, cpu_percent, lease)"
            " VALUES ($1, 'worker', 'host', 8001, '0.1', $2, 'UP', $3, $4, 50, '30s')",
            node_id,
            queue,
            now,
            now - timedelta(minutes=silent_minutes),
        )


async def running_task(api: Api, queue: str) -> None:
    job = await api.submit("name: x\ntasks: [{name: a}]")
    now = datetime.now(UTC)
    await api.set_job(job["id"], state="RUNNING")
    await api.add_task(
        job["id"],
        {"name": "a", "queue": queue},
        state=TaskState.RUNNING,
        node_id="n1",
        lease_expires_at=now,
    )


async def test_queues_show_what_waits_who_listens_and_what_runs(api: Api) -> None:
    await add_node(api, "n1", "default:4,highcpu:2")
    await running_task(api, "slow")
    for queue in ("default", "highcpu", "slow", "completions"):
        await api.broker.publish([Outgoing(queue, b"{}", "1")])
    queues = {queue["name"]: queue for queue in await api.get("/queues")}
    assert set(queues) == {"default", "highcpu", "slow", "completions"}
    assert queues["slow"] == {"name": "slow", "size": 1, "subscribers": 0, "unacked": 1, "slots": 0}
    assert queues["completions"]["unacked"] == 0
    assert await api.get("/queues/highcpu") == queues["highcpu"]


async def test_only_task_queues_may_be_deleted(api: Api) -> None:
    await api.broker.publish([Outgoing("mine", b"{}", "1"), Outgoing("events", b"{}", "2")])
    assert await api.answer("DELETE", "/queues/mine") == (200, {"status": "OK"})
    assert await api.answer("GET", "/queues/mine") == (404, {"message": "no such queue"})
    assert await api.answer("DELETE", "/queues/mine") == (404, {"message": "no such queue"})
    for reserved in ("events", "node.n1", "x-jobs"):
        status, answer = await api.answer("DELETE", f"/queues/{reserved}")
        assert (status, answer["message"]) == (400, "only task queues may be deleted")
    assert (await api.get("/queues/events"))["size"] == 1


async def test_a_broker_that_is_down_is_a_503(api: Api) -> None:
    await api.broker.close()
    status, answer = await api.answer("GET", "/queues/default")
    assert (status, answer["message"]) == (503, "the broker is unavailable, try again later")


async def test_nodes_are_shown_while_they_give_signs_of_life(api: Api) -> None:
    await add_node(api, "n1", "default")
    await add_node(api, "gone", "default", silent_minutes=6)
    [node] = await api.get("/nodes")
    assert node.pop("startedAt") == node.pop("lastHeartbeatAt")
    assert (
        node.items()
        >= {
            "id": "n1",
            "name": "worker",
            "cpuPercent": 50.0,
            "queue": "default",
            "status": "UP",
            "hostname": "host",
            "port": 8001,
            "taskCount": 0,
            "version": "0.1",
        }.items()
    )


async def test_health_is_red_while_something_is_missing(api: Api) -> None:
    healthy = {"status": "UP", "version": version("conveyor")}
    assert await api.answer("GET", "/health") == (200, healthy)
    api.missing.append("consumer completions")
    assert await api.answer("GET", "/health") == (
        503,
        {**healthy, "status": "DOWN", "missing": ["consumer completions"]},
    )


async def test_metrics_are_totals_unless_prometheus_asks(api: Api) -> None:
    await add_node(api, "n1", "default")
    await running_task(api, "default")
    totals = {
        "jobs": {"running": 1},
        "tasks": {"running": 1},
        "nodes": {"online": 1, "cpuPercent": 50.0},
    }
    assert await api.get("/metrics") == totals
    assert await api.get("/metrics", headers={"Accept": "application/json"}) == totals
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
    response = await api.raw("GET", "/metrics", headers={"Accept": accept})
    assert response.headers["Content-Type"].startswith("text/plain")
    text = await response.text()
    assert "python_info" in text
    assert "conveyor_jobs_running 1.0" in text
    assert "conveyor_nodes_cpu_percent 50.0" in text
    asked = await api.raw("GET", "/metrics?format=prometheus")
    assert "python_info" in await asked.text()
    assert await api.get("/metrics?format=json", headers={"Accept": accept}) == totals
    status, body = await api.answer("GET", "/metrics?format=xml")
    assert (status, body["message"]) == (
        400,
        'format: "xml" is not allowed: must be json or prometheus',
    )


async def test_a_parameter_that_is_given_twice_is_refused(api: Api) -> None:
    status, body = await api.answer("GET", "/jobs?page=null&page=1")
    assert (status, body["message"]) == (400, "page: must not be given more than once")
    assert (await api.get("/jobs?page=0&size=-1"))["number"] == 1


async def test_wrong_paths_and_methods_are_answered_in_json(api: Api) -> None:
    assert await api.answer("GET", "/nope") == (404, {"message": "no such path"})
    response = await api.raw("PUT", "/nodes")
    assert response.status == 405
    assert set(response.headers["Allow"].split(",")) == {"GET", "HEAD"}
    assert (await response.json())["message"] == "PUT is not allowed; use GET,HEAD"


async def test_the_documentation_needs_nothing_from_elsewhere(api: Api) -> None:
    page = await api.raw("GET", "/docs")
    assert page.content_type == "text/html"
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'sha256-" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Server"] == "conveyor"
    jobs = await api.raw("GET", "/jobs")  # after a sign-out a browser must not have it
    assert jobs.headers["Cache-Control"] == "no-store"
    assert "//" not in re.sub(r"\s//.*", "", await page.text())
    assert (await api.get("/openapi.json"))["openapi"] == "3.1.0"


async def test_without_the_page_the_bare_address_leads_to_the_documentation(
    postgres_dsn: str,
) -> None:
    async with api_on(postgres_dsn, endpoints=EndpointSettings(page=False)) as api:
        assert (await api.raw("GET", "/")).url.path == "/docs"


async def test_editors_get_the_schema_of_job_files(api: Api) -> None:
    for name, field in (("job", "wait"), ("scheduled-job", "schedule")):
        schema = await (await api.raw("GET", f"/schema/{name}.json")).json(content_type=None)
        assert field in schema["properties"]


async def test_every_answer_carries_the_id_of_its_request(api: Api) -> None:
    given = await api.raw("GET", "/health", headers={"X-Request-Id": "abc-1"})
    assert given.headers["X-Request-Id"] == "abc-1"
    made = await api.raw("GET", "/nope", headers={"X-Request-Id": "not valid!"})
    assert len(made.headers["X-Request-Id"]) == 32


async def test_a_bug_is_a_500_that_tells_nothing(api: Api) -> None:
    job_id = (await api.submit("{name: x, tasks: [{name: a, run: 'true'}]}"))["id"]
    api.batcher.fail = RuntimeError("internals")
    status, answer = await api.answer("PUT", f"/jobs/{job_id}/cancel")
    assert (status, answer) == (500, {"message": "internal error"})
