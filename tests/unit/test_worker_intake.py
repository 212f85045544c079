"""An intake outlives whatever goes wrong with one message, and a worker leaves in bounded time."""

import asyncio
from collections.abc import Sequence

import pytest

import shared.definition
from conveyor.extensions.runtimes import RuntimeUnavailable
from services.worker import app
from services.worker.intake import _Slot
from services.worker.runtime_watch import RuntimeWatch
from services.worker.runtimes.factory import make_runtime
from services.worker.runtimes.settings import RuntimeSettings
from services.worker.runtimes.shell.environment import ShellEnvironment
from services.worker.runtimes.shell.runtime import ShellRuntime
from services.worker.settings import WorkerSettings, WorkSettings
from shared.broker.in_process import InProcessBroker
from shared.broker.protocol import BrokerUnavailable, Outgoing
from shared.files.no_store import NoStore
from shared.messages import Orders, Reports, RunTask, StopOrder, decode, encode
from shared.messages.queues import COMPLETIONS, node_queue
from shared.process.run import Stop
from shared.process.settings.blocks import BrokerSettings, HealthSettings
from tests.support.eventually import eventually
from tests.support.jobs.definitions import task_definition

SETTINGS = WorkerSettings(
    broker=BrokerSettings.model_validate({"url": "amqp://in-memory"}),
    health=HealthSettings(address="127.0.0.1:0"),
)


def run_task(task_id: str, script: str, **definition: object) -> Outgoing:
    encoded = shared.definition.encode(task_definition({"run": script, **definition}))
    message = RunTask(
        job_id="job", task_id=task_id, dispatch=1, queue="default", definition=encoded
    )
    return Outgoing("default", encode(message), task_id)


class Running:
    """A worker on an in-process broker, and the coordinator's side of its conversation."""

    def __init__(self, **settings: object) -> None:
        work = WorkSettings.model_validate({"queues": "default:1", "drain_seconds": 0, **settings})
        self.broker = InProcessBroker()
        self.stop = Stop()
        self.watch = RuntimeWatch(make_runtime(RuntimeSettings(type="shell")))
        chosen = SETTINGS.model_copy(update={"worker": work})
        parts = app.Parts(self.broker, self.watch, NoStore())
        self.task = asyncio.create_task(app.run(chosen, parts, self.stop))

    async def granted(self) -> str:
        """Grant the next task it claims; its id."""
        async with self.broker.consume(COMPLETIONS, prefetch=1) as consumer:
            while True:
                [delivery] = await consumer.batch(1)
                await delivery.ack()
                reports = decode(delivery.body)
                assert isinstance(reports, Reports)
                if reports.claims:
                    break
        self.node_id = reports.node_id
        await self._order(Orders(granted=list(reports.claims)))
        return reports.claims[0].task_id

    async def stop_task(self, task_id: str) -> None:
        stop = StopOrder(job_id="job", task_id=task_id, dispatch=1, reason="cancelled")
        await self._order(Orders(stop=[stop]))

    async def _order(self, orders: Orders) -> None:
        await self.broker.publish([Outgoing(node_queue(self.node_id), encode(orders), "order")])

    async def reported(self) -> list[str]:
        """What it reports next, claims aside."""
        found: list[str] = []
        async with self.broker.consume(COMPLETIONS, prefetch=1) as consumer:
            while not found:
                [delivery] = await consumer.batch(1)
                await delivery.ack()
                reports = decode(delivery.body)
                assert isinstance(reports, Reports)
                found += [f"returned {r.task_id}" for r in reports.returned]
                found += [f"finished {r.task_id}" for r in reports.finished]
        return found


async def test_an_intake_goes_on_after_a_defect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.worker.intake._PAUSE_SECONDS", 0)
    serve, failures = _Slot._serve, [RuntimeError("a bug")]

    async def failing_once(self: _Slot, *given: object) -> None:
        if failures:
            raise failures.pop()
        await serve(self, *given)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(_Slot, "_serve", failing_once)
    worker = Running()
    await worker.broker.start()
    await worker.broker.publish([run_task("a", "true")])
    async with asyncio.timeout(60):
        assert await worker.granted() == "a"
        worker.stop.request()
        await worker.task


async def test_a_worker_whose_broker_is_gone_leaves_though_it_can_not_hand_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app, "_GOODBYE_SECONDS", 0.2)
    # Given a worker with a running task
    worker = Running()
    await worker.broker.start()
    await worker.broker.publish([run_task("a", "sleep 1000")])
    async with asyncio.timeout(60):
        await worker.granted()

        # When the broker goes away, and then it is told to stop
        async def away(messages: Sequence[Outgoing]) -> None:
            raise BrokerUnavailable("away")

        monkeypatch.setattr(worker.broker, "publish", away)
        worker.stop.request()
        # Then it leaves
        await worker.task


async def test_a_worker_whose_runtime_is_away_takes_no_task_until_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a worker whose runtime is met away by its first task
    away = [RuntimeUnavailable("the engine is away")]
    prepare, check = ShellEnvironment.prepare, ShellRuntime.check

    async def failing_prepare(self: ShellEnvironment) -> None:
        if away:
            raise away[0]
        await prepare(self)

    async def failing_check(self: ShellRuntime) -> None:
        if away and checks:
            raise away[0]
        checks.append(1)
        await check(self)

    checks: list[int] = []
    monkeypatch.setattr(ShellEnvironment, "prepare", failing_prepare)
    monkeypatch.setattr(ShellRuntime, "check", failing_check)
    worker = Running()
    await worker.broker.start()
    await worker.broker.publish([run_task("a", "true"), run_task("b", "true")])
    assert await worker.granted() == "a"

    # When it has handed that task back
    assert await worker.reported() == ["returned a"]

    # Then it is red, and the second task stays on its queue for others
    assert worker.watch.missing() == ("shell: the engine is away",)
    stats = await worker.broker.queue_stats("default")
    assert stats is not None
    assert stats.size == 1

    # And when the runtime is back, it is taken
    away.clear()
    await worker.watch.look()
    assert await worker.granted() == "b"
    assert await worker.reported() == ["finished b"]
    worker.stop.request()
    await worker.task


async def test_a_task_without_room_waits_in_its_queue_until_another_has_ended() -> None:
    # Given a worker with slots for two tasks and CPUs for one of these, which runs
    worker = Running(queues="default:2", capacity_cpus="2")
    await worker.broker.start()
    await worker.broker.publish([run_task("a", "sleep 1000", limits={"cpus": "1.5"})])
    async with asyncio.timeout(60):
        await worker.granted()
        # When another comes
        await worker.broker.publish([run_task("b", "true", limits={"cpus": "1.5"})])

        # Then it is left to other workers
        def is_paused() -> bool:
            taking = [s for s in worker.broker.subscriptions if s.queue == "default"]
            return [s.is_wanted for s in taking].count(False) == 1

        await eventually(is_paused)
        stats = await worker.broker.queue_stats("default")
        assert stats is not None
        assert stats.size == 1
        # And taken here once there is room
        await worker.stop_task("a")
        assert await worker.granted() == "b"
        worker.stop.request()
        await worker.task
