"""`conveyor nodes`: what is shown of workers, and what is said of them."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.http.command_line import run_command
from tests.support.http.fake_api import FakeApi, OneByOne, fake_api, refusal

AT = "2024-05-01T12:00:00Z"
NOTHING = {"cpus": 0.0, "memory": 0, "disk": 0, "gpus": 0}
NODE: dict[str, Any] = {
    "id": "abc",
    "name": "w1",
    "startedAt": AT,
    "lastHeartbeatAt": AT,
    "cpuPercent": 7.4,
    "queue": "default:4",
    "status": "UP",
    "hostname": "h",
    "port": 1,
    "taskCount": 2,
    "version": "1",
    "membership": "APPROVED",
    "availability": "active",
    "labels": {"region": "eu", "os_type": "linux"},
    "engines": ["docker", "shell"],
    "storages": ["s3"],
    "publishers": [],
    "gpus": [{"index": "0", "name": "Tesla T4", "memory": 16_000_000_000}],
    "capacity": {"cpus": 3.2, "memory": 8_000_000_000, "disk": 1_000_000, "gpus": 2},
    "free": {"cpus": 1.2, "memory": 6_000_000_000, "disk": 1_000_000, "gpus": 1},
    "executions": 1,
    "maxExecutions": 100,
}
HOLD = {"heldUntil": AT, "holdReason": "attempts of 5 jobs failed in a row"}
TASK: dict[str, Any] = {
    "id": "t1",
    "jobId": "j1",
    "name": "serve",
    "state": "RUNNING",
    "isExecution": True,
    "recall": "drain",
    "startedAt": AT,
    "held": NOTHING | {"cpus": 0.5, "memory": 64_000_000},
}
QUEUED = TASK | {"id": "t2", "isExecution": False}


@pytest_asyncio.fixture
async def api() -> AsyncIterator[FakeApi]:
    async with fake_api() as fake:
        yield fake


async def test_workers_are_listed_by_their_name_alone(api: FakeApi) -> None:
    api.answers["GET /nodes"] = [
        NODE,
        NODE | HOLD,
        NODE | HOLD | {"availability": "cordoned"},
        NODE | {"membership": "PENDING", "availability": "cordoned"},
        NODE | {"membership": "REJECTED", "status": "OFFLINE"},
    ]
    for arguments in (("nodes",), ("nodes", "list")):
        lines = (await run_command(api.url, *arguments)).stdout.splitlines()
        cells = ["w1", "up", "2", "1.2/3.2", "6.0", "GB", "1/2", "docker,shell", "default:4"]
        assert lines[1].split()[:9] == cells
        assert [line.split()[1] for line in lines[2:]] == ["held", "cordoned", "pending", "offline"]
    assert api.asked[-1].query == {}
    options = ("--labels", "a=b", "--membership", "pending", "--availability", "cordoned")
    await run_command(api.url, "nodes", *options, "--status", "offline")
    assert api.asked[-1].query == {
        "labels": "a=b",
        "membership": "PENDING",
        "availability": "cordoned",
        "status": "OFFLINE",
    }


async def test_what_has_become_of_a_worker_is_listed(api: FakeApi) -> None:
    events = [
        {"at": AT, "event": "draining", "by": "ann", "message": "new disk"},
        {"at": AT, "event": "joined", "nodeId": "abc"},
    ]
    api.answers["GET /nodes/w1/history"] = events
    done = await run_command(api.url, "nodes", "history", "w1")
    heading, said, joined = done.stdout.splitlines()
    assert heading.split() == ["WHEN", "EVENT", "BY", "WHY", "ID"]
    assert said.split()[-4:] == ["draining", "ann", "new", "disk"]
    assert joined.split()[-2:] == ["joined", "abc"]
    done = await run_command(api.url, "nodes", "history", "w1", "--json")
    assert json.loads(done.stdout) == events


async def test_a_worker_is_shown_with_its_labels_capacity_and_tasks(api: FakeApi) -> None:
    said = {"changedAt": AT, "changedBy": "ann", "message": "new disk", "availability": "draining"}
    api.answers["GET /nodes/w1"] = NODE | HOLD | said | {"tasks": [TASK]}
    shown = (await run_command(api.url, "nodes", "show", "w1")).stdout
    for line in (
        "w1  draining",
        "  cpus          1.2 of 3.2 free",
        "  gpu 0         Tesla T4, 16.0 GB",
        "  executions    1 of at most 100",
        "  labels        os_type=linux",
        "                region=eu",
    ):
        assert line in shown.splitlines()
    assert "by ann: new disk" in shown
    assert f": {HOLD['holdReason']}" in shown
    assert shown.splitlines()[-1].split()[:6] == [
        "serve",
        "running",
        "(drain)",
        "0.5",
        "64.0",
        "MB",
    ]


@pytest.mark.parametrize(
    ("act", "done"),
    [
        ("approve", "approved"),
        ("reject", "rejected"),
        ("cordon", "cordoned"),
        ("uncordon", "takes tasks again"),
    ],
)
async def test_what_is_said_of_workers_is_sent_with_why(api: FakeApi, act: str, done: str) -> None:
    api.answers[f"PUT /nodes/w1/{act}"] = NODE
    api.answers[f"PUT /nodes/w2/{act}"] = refusal(409, "worker w2 is already so")
    result = await run_command(api.url, "nodes", act, "w2", "w1", "-m", "why")
    assert (result.stdout, result.exit_code) == (f"w1 {done}\n", 3)
    assert "worker w2 is already so" in result.stderr
    assert json.loads(api.asked[-1].body) == {"message": "why"}


async def test_a_worker_is_forgotten(api: FakeApi) -> None:
    api.answers["DELETE /nodes/w1"] = {"status": "OK"}
    assert (await run_command(api.url, "nodes", "delete", "w1")).stdout == "w1 forgotten\n"


async def test_drain_says_what_still_runs_and_waits_for_its_end(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.cluster.node_acts._LOOK_SECONDS", 0.01)
    draining = NODE | {"availability": "draining"}
    both = draining | {"tasks": [TASK, QUEUED]}
    api.answers["PUT /nodes/w1/drain"] = both
    result = await run_command(api.url, "nodes", "drain", "w1")
    still = "w1 is draining: 1 execution and 1 task of queues still there\n"
    assert (result.stdout, result.exit_code) == (still, 0)
    # With --wait
    api.answers["GET /nodes/abc"] = OneByOne(
        both, draining | {"tasks": [QUEUED]}, draining | {"tasks": []}
    )
    result = await run_command(api.url, "nodes", "drain", "w1", "--wait")
    assert (result.stdout, result.exit_code) == ("w1 is draining: nothing runs there\n", 0)
    assert result.stderr == f"{still}w1 is draining: 1 task of queues still there\n"
    # One that drains already is waited for as well, within a time
    api.answers["PUT /nodes/w1/drain"] = refusal(409, "worker w1 is already draining")
    api.answers["GET /nodes/w1"] = api.answers["GET /nodes/abc"] = both
    result = await run_command(api.url, "nodes", "drain", "w1", "--wait", "--timeout", "0.05")
    assert (result.stdout, result.exit_code) == (still, 1)
    result = await run_command(api.url, "nodes", "drain", "w1")
    assert (result.exit_code, "already draining" in result.stderr) == (3, True)
