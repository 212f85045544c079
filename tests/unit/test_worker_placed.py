"""Executions that are placed on a worker: as many as it has room for, the rest goes back."""

import asyncio

import pytest

from shared.broker.protocol import Outgoing
from shared.messages.queues import DEAD_LETTERS, node_queue, node_task_queue
from tests.support.eventually import eventually
from tests.support.services.running_worker import Running, run_task

HALF = {"millicpus": 1000}
FOREVER = "sleep 1000"


async def started(answer_seconds: float = 0, **settings: object) -> Running:
    worker = Running(answer_seconds, **{"capacity_cpus": "2", **settings})
    await worker.broker.start()
    return worker


async def test_as_many_executions_run_as_fit_and_the_rest_goes_back_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.worker.placed_intake._ROOM_PATIENCE_SECONDS", 0.05)
    async with asyncio.timeout(60):
        worker = await started()
        node = (await worker.heartbeat()).node
        assert node is not None
        assert node.capacity["millicpus"] == 2000
        # Given a worker with two CPUs, and two executions that have one each
        for name in ("a", "b"):
            await worker.place(name, FOREVER, HALF)
            assert await worker.granted() == name
        # When a third comes, it goes back to be placed elsewhere
        await worker.place("c", "true", HALF)
        returned = await worker.returned()
        assert returned.task_id == "c"
        assert returned.error == (
            f"worker {worker.name} could not take it: "
            "0 of 2000 thousandths of a CPU are free, 1000 are wanted"
        )
        assert not returned.is_declined
        # But one that takes nothing runs, and a third of that size when there is room again
        monkeypatch.undo()
        await worker.place("d", "true", {})
        assert await worker.granted() == "d"
        await worker.stop_task("a")
        await worker.place("e", FOREVER, HALF)
        assert await worker.granted() == "e"
        # Nothing is left in its queue, nor requeued there
        stats = await worker.broker.queue_stats(node_task_queue(worker.node_id))
        assert stats is not None
        assert stats.size == 0
        worker.stop.request()
        await worker.task


async def test_an_execution_waits_for_the_room_of_one_that_is_being_cleaned_up() -> None:
    async with asyncio.timeout(60):
        worker = await started()
        await worker.heartbeat()
        await worker.place("a", FOREVER, {"millicpus": 2000})
        await worker.granted()
        await worker.place("b", "true", {"millicpus": 2000})
        await worker.stop_task("a")
        assert await worker.granted() == "b"
        # One that is more than there ever is goes back at once
        await worker.place("c", "true", {"memory": 2**60})
        returned = await worker.returned()
        assert returned.task_id == "c"
        assert f"bytes of memory are free, {2**60} are wanted" in str(returned.error)
        worker.stop.request()
        await worker.task


async def test_there_are_no_more_executions_than_the_settings_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.worker.placed_intake._ROOM_PATIENCE_SECONDS", 0.05)
    async with asyncio.timeout(60):
        worker = await started(max_executions=1)
        await worker.heartbeat()
        await worker.place("a", FOREVER, {})
        await worker.granted()
        await worker.place("b", "true", {})
        assert "all 1 executions are in use" in str((await worker.returned()).error)
        # Its queues have slots of their own
        await worker.broker.publish([run_task("c", "true")])
        assert await worker.granted() == "c"
        worker.stop.request()
        await worker.task


async def test_tasks_of_queues_take_from_the_room_of_executions_though_they_have_no_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.worker.placed_intake._ROOM_PATIENCE_SECONDS", 0.05)
    async with asyncio.timeout(60):
        worker = await started(queues="default:2", capacity_cpus="")
        node = (await worker.heartbeat()).node
        assert node is not None
        most = node.capacity["millicpus"]
        for name in ("a", "b"):  # each takes all that there is
            task = run_task(name, FOREVER, resources={"millicpus": most})
            await worker.broker.publish([task])
            assert await worker.granted() == name
        await worker.place("c", "true", {"millicpus": 1})
        assert (await worker.returned()).task_id == "c"
        worker.stop.request()
        await worker.task


async def test_a_copy_of_a_message_starts_nothing_twice_and_another_kind_is_buried() -> None:
    async with asyncio.timeout(60):
        worker = await started()
        await worker.heartbeat()
        await worker.place("a", "true", HALF)
        await worker.granted()
        assert await worker.reported() == ["finished a"]
        queue = node_task_queue(worker.node_id)
        await worker.place("a", "true", HALF)
        await worker.broker.publish([Outgoing(queue, b"{}", "x")])
        await worker.place("b", "true", HALF)
        assert await worker.granted() == "b"
        stats = await worker.broker.queue_stats(DEAD_LETTERS)
        assert stats is not None
        assert stats.size == 1
        worker.stop.request()
        await worker.task


async def test_a_worker_that_leaves_hands_back_services_at_once_and_leaves_no_queue() -> None:
    async with asyncio.timeout(60):
        # Given a worker that gives what runs an hour to end, with a service and a batch job
        worker = await started(drain_seconds=3600)
        await worker.heartbeat()
        await worker.place("service", FOREVER, HALF, kind="service")
        await worker.granted()
        await worker.place("batch", FOREVER, HALF)
        await worker.granted()
        # When it is asked to leave
        worker.stop.request()
        # Then the service goes back at once, and so does what comes now
        assert (await worker.returned()).task_id == "service"
        await worker.place("late", "true", {})
        late = await worker.returned()
        assert (late.task_id, str(late.error).endswith("the worker is leaving")) == ("late", True)
        # And when the last has ended it leaves
        await worker.stop_task("batch")
        await worker.task
        for queue in (node_queue(worker.node_id), node_task_queue(worker.node_id)):
            assert await worker.broker.queue_stats(queue) is None


async def test_a_cordoned_worker_takes_nothing_new_until_it_is_told() -> None:
    async with asyncio.timeout(60):
        worker = await started(queues="default:2")
        await worker.heartbeat()
        await worker.broker.publish([run_task("queued", FOREVER)])
        await worker.granted()
        await worker.place("placed", FOREVER, HALF)
        await worker.granted()
        # When it is cordoned
        heartbeat = await worker.tell("cordoned")
        # Then what runs goes on, and it takes nothing further
        assert {ref.task_id for ref in heartbeat.tasks} == {"queued", "placed"}
        await worker.place("new", "true", HALF)
        assert str((await worker.returned()).error).endswith("the worker is cordoned")
        await worker.broker.publish([run_task("waiting", "true")])

        def takes_nothing() -> bool:
            wanted = [s.is_wanted for s in worker.broker.subscriptions if s.queue == "default"]
            return len(wanted) == 1  # that of the task that runs

        await eventually(takes_nothing)
        await worker.stop_task("queued")
        stats = await worker.broker.queue_stats("default")
        assert stats is not None
        assert stats.size == 1
        # And when it is told, it takes tasks again
        await worker.tell("active")
        assert await worker.granted() == "waiting"
        worker.stop.request()
        await worker.task


async def failed(worker: Running, *jobs: str, origin: str | None = None) -> None:
    """A task of each of them, one after the other, with the exit code 111."""
    for job_id in jobs:
        task = run_task(job_id, "exit 111", job_id=job_id, origin=origin)
        await worker.broker.publish([task])
        assert await worker.granted() == job_id
        assert await worker.reported() == [f"finished {job_id}"]


async def test_a_worker_on_hold_takes_nothing_new_and_an_administrator_ends_that() -> None:
    async with asyncio.timeout(60):
        # Given a worker that runs an execution
        worker = await started(node_hold_jobs=2, node_hold_seconds=3600, node_hold_max_seconds=3600)
        await worker.heartbeat()
        await worker.place("placed", FOREVER, HALF)
        await worker.granted()
        # When tasks of two jobs fail in a row
        await failed(worker, "one", "two")
        while (heartbeat := await worker.heartbeat()).held_until is None:
            pass
        # Then it says so; what runs goes on, and it takes nothing further
        reason = "attempts of 2 jobs failed in a row (2 with exit code 111)"
        assert heartbeat.hold_reason == reason
        assert {ref.task_id for ref in heartbeat.tasks} >= {"placed"}
        await worker.place("new", "true", HALF)
        assert str((await worker.returned()).error).endswith(f"the worker is on hold: {reason}")
        await worker.broker.publish([run_task("waiting", "true")])

        def takes_nothing() -> bool:
            return not [s for s in worker.broker.subscriptions if s.queue == "default"]

        await eventually(takes_nothing)
        # And when it is told that it may, it takes tasks again
        await worker.tell("active")
        assert await worker.granted() == "waiting"
        while (await worker.heartbeat()).held_until is not None:
            pass
        worker.stop.request()
        await worker.task


async def test_jobs_of_one_schedule_or_of_one_job_alone_put_no_worker_on_hold() -> None:
    async with asyncio.timeout(60):
        worker = await started(node_hold_jobs=2, node_hold_seconds=3600)
        await worker.heartbeat()
        await failed(worker, "one", "two", "three", origin="schedule")
        await worker.broker.publish([run_task("next", "true")])
        assert await worker.granted() == "next"
        worker.stop.request()
        await worker.task


async def test_a_hold_ends_by_itself_but_not_what_an_administrator_has_said() -> None:
    async with asyncio.timeout(60):
        worker = await started(node_hold_jobs=2, node_hold_seconds=0.2)
        await worker.heartbeat()
        await failed(worker, "one", "two")
        while (await worker.heartbeat()).held_until is None:
            pass
        await worker.broker.publish([run_task("waiting", "true")])
        assert await worker.granted() == "waiting"
        assert await worker.reported() == ["finished waiting"]
        # When it is on hold, and is cordoned
        await failed(worker, "three", "four")
        await worker.tell("cordoned")
        while (await worker.heartbeat()).held_until is not None:
            pass
        # Then it takes nothing when the hold is over
        await worker.place("new", "true", HALF)
        assert str((await worker.returned()).error).endswith("the worker is cordoned")
        worker.stop.request()
        await worker.task


async def test_a_rejected_worker_hands_back_all_that_runs() -> None:
    async with asyncio.timeout(60):
        worker = await started(queues="default:1")
        await worker.heartbeat()
        await worker.broker.publish([run_task("queued", FOREVER)])
        await worker.granted()
        await worker.place("placed", FOREVER, HALF)
        await worker.granted()
        await worker.tell("rejected")
        back = {(await worker.returned()).task_id, (await worker.returned()).task_id}
        assert back == {"queued", "placed"}
        worker.stop.request()
        await worker.task


async def test_a_worker_that_starts_takes_from_queues_once_it_is_told_that_it_may() -> None:
    async with asyncio.timeout(60):
        # Given a worker that waits for the scheduler for an hour
        worker = await started(answer_seconds=3600)
        await worker.heartbeat()
        await worker.broker.publish([run_task("a", "true")])
        # When it is told that it is cordoned as before, it takes nothing
        await worker.tell("cordoned")
        assert not [s for s in worker.broker.subscriptions if s.queue == "default"]
        # And when it may, it does
        await worker.tell("active")
        assert await worker.granted() == "a"
        worker.stop.request()
        await worker.task
        # One that is told at once that it is active does so too; one that isn't leaves all the same
        worker = await started(answer_seconds=3600)
        await worker.heartbeat()
        await worker.tell("active")
        await worker.broker.publish([run_task("b", "true")])
        assert await worker.granted() == "b"
        worker.stop.request()
        await worker.task
        worker = await started(answer_seconds=3600)
        worker.stop.request()
        await worker.task
