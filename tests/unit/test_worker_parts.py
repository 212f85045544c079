"""The parts of a worker that decide: settings, what it holds, orders, its heartbeats."""

import pytest

from services.scheduler.liveness import LivenessGuard
from services.worker.held_tasks import HeldTasks, Interruption
from services.worker.orders import OrderHandler
from services.worker.settings import WorkSettings, parse_host_env
from services.worker.watchdog.task_table import TaskTable
from shared.messages import Orders, Refusal, StopOrder, TaskRef
from shared.messages.queues import parse_queues
from tests.support.services.fake_reporter import Accountant

REF = TaskRef(job_id="job", task_id="task", dispatch=1)


def test_queues_are_read_with_a_concurrency_each() -> None:
    assert parse_queues("default:4, highcpu:2,one") == {"default": 4, "highcpu": 2, "one": 1}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("completions:2", "reserved"),
        ("node.x", "reserved"),
        ("default:0", "from 1 to 1000"),
        ("default:x", "from 1 to 1000"),
        ("a,a", "twice"),
        ("", "at least one"),
    ],
)
def test_bad_queues_are_refused_with_the_rule(text: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        parse_queues(text)


def test_host_variables_may_have_an_alias() -> None:
    assert parse_host_env("HTTP_PROXY,AWS_REGION:REGION") == {
        "HTTP_PROXY": "HTTP_PROXY",
        "AWS_REGION": "REGION",
    }


async def test_the_same_dispatch_is_held_once() -> None:
    held_tasks = HeldTasks(TaskTable(4))
    held = held_tasks.take(REF)
    assert held is not None
    assert held_tasks.take(REF) is None
    # Nor later: claimed again before its report is read, it would be granted and run again.
    held_tasks.drop(held)
    assert held_tasks.take(REF) is None


async def test_orders_grant_refuse_and_stop_what_is_held() -> None:
    held_tasks = HeldTasks(TaskTable(4))
    granted, refused, stopped = (
        held_tasks.take(TaskRef(job_id="job", task_id=name, dispatch=1)) for name in ("a", "b", "c")
    )
    assert granted is not None
    assert refused is not None
    assert stopped is not None
    orders = Orders(
        granted=[granted.ref],
        refused=[Refusal(**refused.ref.model_dump(), reason="taken")],
        stop=[StopOrder(**stopped.ref.model_dump(), reason="cancelled")],
    )
    await OrderHandler(held_tasks, lambda _: True, Accountant(), print).on_orders([orders])
    assert granted.is_granted
    assert refused.interrupted.result() is Interruption.REFUSED
    assert stopped.interrupted.result() is Interruption.STOPPED


@pytest.mark.parametrize("lease_is_valid", [True, False])
async def test_a_worker_accounts_for_what_it_is_asked_about(lease_is_valid: bool) -> None:
    # Given a task in hand, whose lease may or may not last, and one that has ended
    held_tasks, accountant = HeldTasks(TaskTable(4)), Accountant()
    held_tasks.take(REF)
    ended = REF.model_copy(update={"task_id": "ended"})
    desk = OrderHandler(held_tasks, lambda _: lease_is_valid, accountant, print)
    await desk.on_orders([Orders(status_queries=[REF, ended])])
    # Then it speaks of the first only if that is certainly its own
    assert accountant.told == [*([(REF, True)] if lease_is_valid else []), (ended, False)]


async def test_a_grant_that_comes_after_the_lease_may_have_ended_starts_nothing() -> None:
    held_tasks = HeldTasks(TaskTable(4))
    held = held_tasks.take(REF)
    assert held
    await OrderHandler(held_tasks, lambda _: False, Accountant(), print).on_orders(
        [Orders(granted=[REF])]
    )
    assert not held.is_granted
    assert held.interrupted.result() is Interruption.LEASE_LOST


def test_nobody_is_taken_for_lost_soon_after_a_start_or_an_outage() -> None:
    now = [0.0]

    def later(seconds: float) -> None:
        """Time passes as a scheduler sees it: a look every second."""
        for _ in range(int(seconds)):
            now[0] += 1
            liveness.may_declare_lost()

    liveness = LivenessGuard(30, lambda: now[0])
    assert not liveness.may_declare_lost()
    later(30)
    assert liveness.may_declare_lost()
    liveness.on_outage()
    assert not liveness.may_declare_lost()
    later(30)
    assert liveness.may_declare_lost()


def test_a_scheduler_that_was_frozen_takes_nobody_for_lost_at_first() -> None:
    now = [0.0]
    liveness = LivenessGuard(3, lambda: now[0])
    now[0] = 100.0
    assert not liveness.may_declare_lost()


def test_heartbeats_too_seldom_for_the_lease_are_refused_at_start() -> None:
    with pytest.raises(ValueError, match="at most a third of lease_seconds"):
        WorkSettings(lease_seconds=30, heartbeat_seconds=20)
