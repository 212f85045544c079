"""Whatever ends a task, no container, volume or network of it is left on the engine."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator

import pytest

from conveyor.extensions.runtimes import RuntimeUnavailable
from services.worker.attempt import Attempt, AttemptContext
from services.worker.definition import Definitions
from services.worker.held_tasks import HeldTasks, Interruption
from services.worker.metrics import WorkerMetrics
from services.worker.node_hold import NodeHold
from services.worker.reporter import Reporter
from services.worker.runtime_watch import RuntimeWatch
from services.worker.runtimes.containers.engine import ContainerEngine
from services.worker.runtimes.stages import StagedExecution
from services.worker.settings import WorkSettings
from services.worker.watchdog.task_table import TaskTable
from shared.broker.in_process import InProcessBroker
from shared.broker.publisher import Publisher
from shared.definition import encode
from shared.messages import Finished, Reports, RunTask, decode
from shared.messages.queues import COMPLETIONS
from shared.process.metrics import Metrics
from shared.process.sealing import Sealer
from tests.support.engines.execution_driver import NODE, Rig, address_of, rig_of
from tests.support.engines.images import BUSYBOX
from tests.support.engines.tasks_with_everything import SERVE, everything
from tests.support.files.services import no_files
from tests.support.jobs.definitions import task_definition

pytestmark = pytest.mark.real

EVERYTHING = {
    "image": BUSYBOX,
    "pre": [{"name": "fetch", "run": "echo pre > /shared/a"}],
    "post": [{"run": "cat /shared/a"}],
    "sidecars": [{"name": "web", "run": SERVE, "probe": {"port": 8080, "path": "/index.html"}}],
    "mounts": [{"type": "volume", "target": "/shared"}, {"type": "tmpfs", "target": "/fast"}],
}


@pytest.fixture(params=["docker", "podman"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    async with rig_of(request.param, **address_of(request.param, request)) as rig:
        yield rig


class Worker:
    """One attempt of one task on this runtime, with its reports."""

    def __init__(self, rig: Rig, broker: InProcessBroker) -> None:
        self._rig, self._broker, self._held_tasks = rig, broker, HeldTasks(TaskTable(4))
        self.telemetry = Publisher(broker)

    async def run(
        self,
        task: dict[str, object],
        interruption: Interruption | None = None,
        dispatch: int = 1,
    ) -> Finished | None:
        """What it reports of the task, which is interrupted once its main container runs."""
        settings = WorkSettings()
        watch = RuntimeWatch(self._rig.runtime)
        context = AttemptContext(
            node_id=NODE,
            settings=settings,
            watch=watch,
            definitions=Definitions(settings, Sealer(), NODE),
            reporter=Reporter(self._broker, NODE, 30),
            telemetry=self.telemetry,
            files=no_files(),
            lease_is_valid=lambda _: True,
            hold=NodeHold(settings.hold_rules, WorkerMetrics(Metrics())),
        )
        timeout = 5.0 if interruption is Interruption.TIMED_OUT else None
        order = RunTask(
            job_id="j",
            task_id="t",
            dispatch=dispatch,
            queue="q",
            definition=encode(task_definition({**EVERYTHING, **task})),
            timeout_seconds=timeout,
        )
        held = self._held_tasks.take(order.ref)
        assert held is not None
        held.grant()
        running = asyncio.create_task(Attempt(context, order, held).run())
        if interruption is Interruption.STOPPED:
            await self._everything_runs()
            held.interrupt(interruption)
        await running
        return await self._report()

    async def _everything_runs(self) -> None:
        """There are the containers of pre, sidecar and main, a volume and a network."""
        async with asyncio.timeout(60):
            while len(await self._rig.leftovers()) < 5:
                await asyncio.sleep(0.05)  # the engine tells nobody

    async def _report(self) -> Finished | None:
        stats = await self._broker.queue_stats(COMPLETIONS)
        found: list[Finished] = []
        async with self._broker.consume(COMPLETIONS, prefetch=99) as consumer:
            for delivery in await consumer.batch(99) if stats and stats.size else ():
                message = decode(delivery.body)
                assert isinstance(message, Reports)
                found += message.finished
                await delivery.ack()
        return found[0] if found else None


@pytest.fixture
async def worker(rig: Rig) -> AsyncIterator[Worker]:
    broker = InProcessBroker()
    await broker.start()
    worker = Worker(rig, broker)
    yield worker
    await worker.telemetry.close()


async def test_nothing_is_left_of_a_task_that_succeeded(rig: Rig, worker: Worker) -> None:
    run = 'wget -q -O - http://web:8080/index.html > "$TORK_OUTPUT"'
    report = await worker.run({"run": run})
    assert report is not None
    assert (report.error, report.result, report.exit_code) == (None, "hello\n", 0)
    assert await rig.leftovers() == []


async def test_nothing_is_left_of_a_task_that_failed(rig: Rig, worker: Worker) -> None:
    report = await worker.run({"run": "echo bad luck; exit 9"})
    assert report is not None
    assert (report.exit_code, report.cause) == (9, "exit")
    assert report.error == "exit code 9: bad luck"
    assert await rig.leftovers() == []


async def test_nothing_is_left_of_a_task_whose_pre_failed(rig: Rig, worker: Worker) -> None:
    pre = [{"name": "fetch", "run": "echo not found; exit 2"}]
    report = await worker.run({"run": "echo never", "pre": pre})
    assert report is not None
    assert report.error == 'pre "fetch": exit code 2: not found'
    assert await rig.leftovers() == []


async def test_nothing_is_left_of_a_task_that_timed_out(rig: Rig, worker: Worker) -> None:
    report = await worker.run({"run": "sleep 1000"}, Interruption.TIMED_OUT)
    assert report is not None
    assert (report.error, report.cause) == ("timed out after 5s", "timeout")
    assert await rig.leftovers() == []


async def test_nothing_is_left_of_a_task_that_was_cancelled(rig: Rig, worker: Worker) -> None:
    report = await worker.run({"run": "sleep 1000"}, Interruption.STOPPED)
    assert report is not None
    assert report.error == "stopped"
    assert await rig.leftovers() == []


async def leave_all_behind(rig: Rig, node: str) -> None:
    """A worker of that name is killed while the main container of task `t` runs."""
    address = rig.settings.docker_host or rig.settings.podman_socket
    module = [sys.executable, "-m", "tests.support.engines.killed_worker", rig.kind, address, node]
    doomed = await asyncio.create_subprocess_exec(*module, stdout=asyncio.subprocess.PIPE)
    assert doomed.stdout is not None
    async with asyncio.timeout(60):
        while b"main" not in await doomed.stdout.readline():
            assert doomed.returncode is None
    doomed.kill()
    await doomed.wait()


async def test_a_task_that_starts_again_finds_nothing_of_its_killed_worker_running(
    rig: Rig, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given what a worker that was killed left of the task's first dispatch
    node = f"doomed-{os.getpid()}"
    await leave_all_behind(rig, node)
    assert len(await rig.leftovers(node)) == 5
    seen: list[list[str]] = []
    start = StagedExecution.start

    async def look_and_start(self: StagedExecution) -> None:
        seen.append(await rig.leftovers(node))
        await start(self)

    monkeypatch.setattr(StagedExecution, "start", look_and_start)
    # When the second dispatch is granted to a worker on the same engine
    report = await worker.run({"run": "true"}, dispatch=2)
    # I expect all of it to be gone before it starts
    assert report is not None
    assert report.error is None
    assert seen == [[]]
    assert await rig.leftovers() == []


async def test_the_reaper_removes_all_that_a_killed_worker_left(rig: Rig) -> None:
    # Given a worker that was killed while the main container ran
    node = f"doomed-{os.getpid()}"
    await leave_all_behind(rig, node)
    # Then what it made is still there
    left = await rig.leftovers(node)
    assert sorted(each.split()[0] for each in left) == [*["container"] * 3, "network", "volume"]
    # And when another reaps, all of it goes
    assert await rig.runtime.reap(lambda each: each.node_id == node) == len(left)
    assert await rig.leftovers(node) == []


async def test_what_the_engine_would_not_remove_goes_when_leftovers_are_looked_for(
    rig: Rig, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an engine that is away when a task has ended
    delete, outage = ContainerEngine.delete, ["the engine is away"]

    async def delete_or_fail(self: ContainerEngine, container: str) -> None:
        if outage:
            raise RuntimeUnavailable(outage[0])
        await delete(self, container)

    monkeypatch.setattr(ContainerEngine, "delete", delete_or_fail)
    await worker.run({"run": "true"})
    left = await rig.leftovers()
    assert sorted(each.split()[0] for each in left)[:4] == ["container"] * 4
    outage.clear()
    # When its own worker looks for what others have left
    assert await rig.runtime.reap(lambda _: False) == 0
    # Then nothing is left
    assert await rig.leftovers() == []


async def test_nothing_is_left_when_the_preparing_is_cut_off(rig: Rig) -> None:
    # Given preparations that are cancelled at every point they can be
    for steps in range(12):
        execution = rig.task(run="true", **everything(NODE)).execution
        preparing = asyncio.create_task(execution.prepare())
        for _ in range(steps):
            await asyncio.sleep(0.005)
        preparing.cancel()
        await asyncio.wait([preparing])
        await execution.close()
    # Then nothing is left
    assert await rig.leftovers() == []
