"""A worker runs a task no longer than its lease certainly lasts."""

from collections.abc import Sequence

import pytest

from services.worker.heartbeats import Heartbeats, Identity, started_now
from services.worker.held_tasks import HeldTask, HeldTasks, Interruption
from services.worker.orders import OrderHandler
from services.worker.settings import WorkSettings
from services.worker.watchdog.task_table import TaskTable
from shared.broker.in_process import InProcessBroker
from shared.broker.protocol import BrokerUnavailable, Outgoing
from shared.messages import Orders, TaskRef
from tests.support.services.fake_reporter import Accountant

REF = TaskRef(job_id="job", task_id="task", dispatch=1)


class Bed:
    """A worker's heartbeats and held_tasks, a clock to turn, and a broker that can be away."""

    def __init__(self, broker: InProcessBroker) -> None:
        self.now = 0.0
        self.is_away = False
        self.held_tasks = HeldTasks(TaskTable(4), lambda: self.now)
        identity = Identity("n1", "host", 1, started_now())
        settings = WorkSettings(lease_seconds=30)
        self.heartbeats = Heartbeats(broker, self.held_tasks, identity, settings, lambda: self.now)
        self._publish = broker.publish
        broker.publish = self.publish  # type: ignore[method-assign]  # to be away at times

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        if self.is_away:
            raise BrokerUnavailable("away")
        await self._publish(messages)

    def take(self) -> HeldTask:
        held = self.held_tasks.take(REF)
        assert held
        return held


@pytest.fixture
async def bed() -> Bed:
    broker = InProcessBroker()
    await broker.start()
    return Bed(broker)


async def test_a_worker_nobody_hears_stops_its_tasks_before_the_lease_ends(bed: Bed) -> None:
    # Given a worker with a task, and a broker that goes away
    held = bed.take()
    bed.is_away = True
    # When it can't be heard for less than the lease, and then for nearly the lease
    bed.now = 20.0
    await bed.heartbeats.beat()
    await bed.heartbeats.interrupt_expired()
    assert not held.interrupted.done()
    bed.now = 25.0
    await bed.heartbeats.interrupt_expired()
    # Then it has let go, though no heartbeat has failed or returned since
    assert held.interrupted.result() is Interruption.LEASE_LOST


async def test_looking_for_lost_leases_leaves_time_to_stop(bed: Bed) -> None:
    assert bed.heartbeats.look_seconds <= 1


async def test_a_heartbeat_that_failed_is_made_again_soon_however_often_it_failed(
    bed: Bed,
) -> None:
    bed.is_away = True
    assert {await bed.heartbeats.beat() for _ in range(20)} == {1.0}


async def test_a_worker_that_was_frozen_lets_go_before_it_is_heard_again(bed: Bed) -> None:
    held = bed.take()
    bed.now = 60.0
    await bed.heartbeats.beat()
    assert held.interrupted.result() is Interruption.LEASE_LOST


async def test_the_first_task_after_an_outage_is_not_taken_for_one_from_before_it(
    bed: Bed,
) -> None:
    # Given an idle worker that could not be heard for long
    bed.now = 600.0
    # When it gets a task and its grant before its first heartbeat
    held = bed.take()
    await bed.heartbeats.beat()
    await OrderHandler(
        bed.held_tasks, bed.heartbeats.lease_is_valid, Accountant(), print
    ).on_orders([Orders(granted=[REF])])
    # Then it may start
    assert held.is_granted
    assert not held.interrupted.done()
