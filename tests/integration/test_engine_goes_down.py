"""A Docker engine that goes down under its containers: whatever they make of being told to end."""

import asyncio
import tarfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from conveyor.extensions.runtimes import Outcome, RuntimeUnavailable
from conveyor.extensions.tasks import Place
from services.worker.runtimes.containers import engine, hearing
from services.worker.runtimes.containers.execution import ContainerExecution
from services.worker.runtimes.factory import make_runtime
from services.worker.runtimes.settings import RuntimeSettings
from tests.support.availability import unavailable
from tests.support.engines.docker_engine import PrivateDocker
from tests.support.engines.engine_process import EngineUnavailable
from tests.support.engines.execution_driver import NODE, Ran, Rig, engine_of
from tests.support.engines.images import make_images

pytestmark = pytest.mark.real

ENDLESS = tarfile.TarInfo("endless")
ENDLESS.size = 1 << 40
EXIT_CODES = (0, 0, 1, 1)


@pytest.fixture(scope="module")
def thread() -> Iterator[ThreadPoolExecutor]:
    """What starts engines: they end with the thread that started them, and the event loop must see
    them go."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        yield thread


@pytest.fixture(scope="module", params=[False, True], ids=["own socket", "socket that stays"])
def docker(request: pytest.FixtureRequest, thread: ThreadPoolExecutor) -> Iterator[PrivateDocker]:
    try:
        docker = thread.submit(PrivateDocker, keeps_socket=request.param).result()
    except EngineUnavailable as error:  # the machine can't: say so
        unavailable(f"a Docker engine of the test's own: {error}")
    try:
        make_images(docker.host)
        yield docker
    finally:
        docker.close()


@pytest.fixture
async def rig(docker: PrivateDocker) -> AsyncIterator[Rig]:
    settings = RuntimeSettings(type="docker", docker_host=docker.host, container_network="none")
    runtime = make_runtime(settings)
    try:
        await runtime.check()
        yield Rig("docker", runtime, settings)
        await runtime.reap(lambda left: left.node_id == NODE)
    finally:
        await runtime.close()


async def running(rig: Rig, exit_code: int) -> "tuple[Ran, asyncio.Task[Outcome]]":
    """A task that ends at once, and in its own way, when it is told to."""
    ran = rig.task(run=f"trap 'exit {exit_code}' TERM; echo begun; sleep 100 & wait")
    waiting = await ran.begin()
    await ran.logged("begun")
    return ran, waiting


@pytest.mark.parametrize("is_frozen", [False, True], ids=["", "worker frozen"])
@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_a_task_that_the_engine_ends_as_it_goes_down_or_comes_back_has_no_result(
    docker: PrivateDocker, thread: ThreadPoolExecutor, rig: Rig, how: str, is_frozen: bool
) -> None:
    # Given tasks that end well, and others that don't, when they are told to end
    tasks = [await running(rig, exit_code) for exit_code in EXIT_CODES]
    # When their engine goes and another comes in its place, before the worker sees any of it or not
    for turn in (getattr(docker, how), docker.start):
        turning = thread.submit(turn)
        if is_frozen:
            turning.result()
        else:
            await asyncio.wrap_future(turning)
    # Then they are neither done nor failed
    async with asyncio.timeout(60):
        outcomes = await asyncio.gather(*(w for _, w in tasks), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [RuntimeUnavailable] * len(tasks), outcomes
    for ran, _ in tasks:
        await ran.execution.close()


async def test_a_task_is_done_though_its_engine_is_slow_to_say_so(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "_SOON_SECONDS", 0.0)
    outcome, _ = await rig.run(run="printf well > $TORK_OUTPUT")
    assert (outcome.exit_code, outcome.output) == (0, "well")


async def test_a_task_is_done_though_its_engine_has_forgotten_the_end_of_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_NOTED_AT_LAST_SECONDS", 0.0)
    ran = rig.task(run="echo well")
    waiting = await ran.begin()
    assert (await waiting).exit_code == 0
    assert isinstance(ran.execution, ContainerExecution)
    async with engine_of(rig.settings, rig.kind) as asked:
        ended = ran.execution.container
        # Given so many events after it that the engine keeps no other
        for number in range(130):
            await asked.resources.create_volume(f"v{number}", {}, {})
            await asked.resources.remove("volumes", f"v{number}")
        assert await asked.saw_it_end(ended, await asked.inspect_state(ended))
    await ran.execution.close()


@pytest.mark.parametrize("act", ["bring", "take"])
async def test_a_transfer_that_the_engine_breaks_off_hands_the_task_back(
    docker: PrivateDocker, thread: ThreadPoolExecutor, rig: Rig, act: str
) -> None:
    moving = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield ENDLESS.tobuf()
        while True:
            yield bytes(65536)
            moving.set()

    async def take(ran: Ran) -> None:
        async with ran.execution.take("/large") as archive:
            async for _ in archive:
                moving.set()
                await asyncio.sleep(0.01)

    ran = rig.task(places=(Place(target="/data"),), run="busybox truncate -s 20G /large")
    await ran.execution.prepare()
    if act == "bring":
        transfer = asyncio.create_task(ran.execution.bring("/data", endless()))
    else:
        await ran.execution.start()
        await ran.execution.wait()
        transfer = asyncio.create_task(take(ran))
    await moving.wait()
    await asyncio.wrap_future(thread.submit(docker.kill))
    try:
        with pytest.raises(RuntimeUnavailable):
            await asyncio.wait_for(transfer, 30)
    finally:
        await asyncio.wrap_future(thread.submit(docker.start))
        await ran.execution.close()
