"""An intake outlives whatever goes wrong with one message, and a worker leaves in bounded time."""

import asyncio
from collections.abc import Sequence

import pytest

from conveyor.extensions.runtimes import RuntimeUnavailable
from services.worker.intake import _Slot
from services.worker.runtimes.shell.environment import ShellEnvironment
from services.worker.runtimes.shell.runtime import ShellRuntime
from shared.broker.protocol import BrokerUnavailable, Outgoing
from tests.support.eventually import eventually
from tests.support.services.running_worker import Running, run_task


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
    monkeypatch.setattr("services.worker.intakes._GOODBYE_SECONDS", 0.2)
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
