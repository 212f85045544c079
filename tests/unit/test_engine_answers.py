"""Whose fault it is what an engine answers: a task's, its own, or nobody knows."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from conveyor.extensions.runtimes import (
    RuntimeDeclined,
    RuntimeRejected,
    RuntimeUnavailable,
)
from services.worker.runtimes.containers.engine import ContainerEngine
from services.worker.runtimes.containers.images import Images
from services.worker.runtimes.factory import make_runtime
from services.worker.runtimes.settings import RuntimeSettings
from tests.support.engines.fake_engine import FakeEngine, Json, fake_engine, refusal

INSPECT = "GET /containers/{id}/json"
KILL = "POST /containers/{id}/kill"
PULL = "POST /images/create"
IMAGE = "GET /images/{name}/json"


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeEngine]:
    async with fake_engine(tmp_path) as fake:
        yield fake


@pytest.fixture
async def engine(fake: FakeEngine) -> AsyncIterator[ContainerEngine]:
    engine = ContainerEngine(fake.host, timeout_seconds=30, pull_seconds=0.2)
    yield engine
    await engine.close()


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (400, "invalid mount config", RuntimeRejected),
        (500, "OCI runtime create failed", RuntimeRejected),
        (500, "words that nobody knows", RuntimeDeclined),
        (500, "mkdir: no space left on device", RuntimeUnavailable),
        (500, 'connection error: desc = "transport": unavailable', RuntimeUnavailable),
    ],
)
async def test_an_answer_about_a_task_is_its_fault_its_engines_or_nobody_knows(
    fake: FakeEngine, engine: ContainerEngine, status: int, words: str, kind: type[Exception]
) -> None:
    fake.said["POST /containers/create"] = refusal(status, words)
    with pytest.raises((RuntimeRejected, RuntimeUnavailable)) as raised:
        await engine.create({"Image": "i"})
    assert type(raised.value) is kind
    assert str(raised.value) == f"could not create the container: {words}"


async def test_a_disk_is_limited_where_the_engine_can_and_else_asked_for_once(
    fake: FakeEngine, engine: ContainerEngine
) -> None:
    asked = []

    def decline(config: Json) -> str | None:
        asked.append(config["HostConfig"])
        words = "--storage-opt is supported only for overlay over xfs with 'pquota' mount option"
        return words if "StorageOpt" in config["HostConfig"] else None

    fake.decline = decline
    for _ in range(2):
        await engine.create({"Image": "i", "HostConfig": {"StorageOpt": {"size": "1000"}}})
    assert asked == [{"StorageOpt": {"size": "1000"}}, {}, {}]


@pytest.mark.parametrize("words", ["OCI runtime state failed", "not a directory", "no idea"])
@pytest.mark.parametrize("status", [400, 500])
async def test_a_container_that_can_not_be_killed_is_not_taken_for_one_that_has_ended(
    fake: FakeEngine, engine: ContainerEngine, status: int, words: str
) -> None:
    fake.said[KILL] = refusal(status, words)
    with pytest.raises(RuntimeUnavailable, match=words):
        await engine.kill("c1")


async def test_an_engine_that_looks_at_a_process_that_has_ended_is_asked_again(
    fake: FakeEngine, engine: ContainerEngine
) -> None:
    refuse = refusal(500, "read /proc/24023/cgroup: no such process")

    async def once(request: web.Request) -> web.StreamResponse:
        del fake.said[INSPECT]
        answer: web.StreamResponse = await refuse(request)
        return answer

    fake.said[INSPECT] = once
    assert await engine.inspect_state("c1") == {"Status": "exited"}


async def test_an_engine_that_shows_no_networks_is_down_and_says_why(fake: FakeEngine) -> None:
    runtime = make_runtime(RuntimeSettings(type="docker", docker_host=fake.host))
    await runtime.check()
    fake.said["GET /networks/none"] = refusal(403, "not allowed by the proxy")
    with pytest.raises(RuntimeUnavailable, match="engine's networks: not allowed by the proxy"):
        await runtime.check()
    await runtime.close()


async def test_an_engine_whose_networks_are_stuck_is_down_though_it_answers_a_ping(
    fake: FakeEngine,
) -> None:
    over = asyncio.Event()

    async def stuck(_: web.Request) -> web.Response:
        await over.wait()
        return web.Response()

    fake.said["GET /networks/none"] = stuck
    settings = RuntimeSettings(type="docker", docker_host=fake.host, engine_timeout_seconds=0.5)
    runtime = make_runtime(settings)
    with pytest.raises(RuntimeUnavailable, match="engine's networks: the engine doesn't answer"):
        await runtime.check()
    over.set()
    await runtime.close()


async def test_a_pull_that_takes_too_long_counts_against_the_task_and_says_how_long(
    fake: FakeEngine, engine: ContainerEngine
) -> None:
    over = asyncio.Event()

    async def slowly(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"status": "Pulling"}\n')
        await over.wait()
        return response

    fake.said[PULL] = slowly
    with pytest.raises(RuntimeDeclined, match=r"could not pull image i within 0\.2 s"):
        await engine.pull("i", None, lambda _: asyncio.sleep(0))
    over.set()


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("failed to register layer: no space left on device", RuntimeUnavailable),
        ("manifest unknown", RuntimeRejected),
    ],
)
async def test_an_image_that_finds_no_room_is_not_the_tasks_fault_and_one_that_is_not_there_is(
    fake: FakeEngine, engine: ContainerEngine, words: str, kind: type[Exception]
) -> None:
    async def broken(request: web.Request) -> web.Response:
        return web.Response(text=f'{{"error": "{words}"}}\n')

    fake.said |= {PULL: broken, IMAGE: refusal(404, "No such image: i")}
    with pytest.raises(kind, match=words):
        await Images(engine, {}).pull_once("i", None, unheard)


async def unheard(_: bytes, stream: int = 1) -> None: ...
