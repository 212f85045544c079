"""A worker that dies, freezes or is cut off leaves nothing running when its leases end."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.e2e.test_dev import started_dev
from tests.support.eventually import eventually, seconds_until
from tests.support.processes import is_alive, pids_in
from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.watched import LEASE_SECONDS, MEMBERS, Start, all_dead, family, stage

pytestmark = pytest.mark.real

Record = Callable[[str, object], None]


@pytest.fixture
async def start(
    private_rabbit: PrivateRabbit, private_postgres: PrivatePostgres, tmp_path: Path
) -> AsyncIterator[Start]:
    async with stage(private_rabbit.url, private_postgres.tcp_dsn, tmp_path) as start:
        yield start


async def test_the_processes_of_a_killed_worker_die_with_it(
    start: Start, record_property: Record
) -> None:
    scene = await start()
    pids = await scene.submit_family()
    # When the worker is killed
    scene.worker.send(signal.SIGKILL)
    # Then all that its task had started is dead long before another may start it
    seconds = await seconds_until(all_dead(pids), LEASE_SECONDS)
    record_property("seconds", seconds)
    scene.worker.process.wait()
    # And so is the watchdog
    await eventually(all_dead(scene.watchdogs()))


async def test_a_killed_workers_task_runs_again_long_before_its_lease_is_over(
    start: Start, tmp_path: Path, record_property: Record
) -> None:
    # Given a task of a worker with a long lease, which begins once more at a word from us
    scene = await start(CONVEYOR_WORKER_LEASE_SECONDS="120")
    starts, go = tmp_path / "starts", tmp_path / "go"
    run = f"echo $$ >> {starts}; while [ ! -e {go} ]; do sleep 0.05; done"
    job = await scene.submit({"name": "wait", "run": run})
    await pids_in(starts, 1)
    # When the worker is killed, and another comes
    began = time.monotonic()
    scene.worker.kill()
    scene.cluster.start("worker")
    # Then the task is its own long before the lease is over
    await pids_in(starts, 2)
    record_property("seconds", time.monotonic() - began)
    assert time.monotonic() - began < 60, scene.cluster.logs()
    go.touch()
    assert (await scene.api.final(job))["state"] == "COMPLETED", scene.cluster.logs()
    await eventually(lambda: "orphaned_tasks_returned" in scene.worker.log.read_text())


async def test_a_watchdog_that_can_not_hand_tasks_back_leaves_it_to_the_lease(
    start: Start, private_rabbit: PrivateRabbit, tmp_path: Path
) -> None:
    # Given a task of a worker that is killed while RabbitMQ is down
    scene = await start()
    starts, go = tmp_path / "starts", tmp_path / "go"
    run = f"echo $$ >> {starts}; while [ ! -e {go} ]; do sleep 0.05; done"
    job = await scene.submit({"name": "wait", "run": run})
    [first] = await pids_in(starts, 1)
    await asyncio.to_thread(private_rabbit.kill)
    scene.worker.kill()
    try:
        await eventually(all_dead([first]))
        # When the time of its watchdog is over as well
        await eventually(lambda: "orphaned_tasks_kept" in scene.worker.log.read_text())
    finally:
        private_rabbit.launch()
        await asyncio.to_thread(private_rabbit.wait_ready)
    # Then the task is found by its lease, once RabbitMQ and a worker are back
    scene.cluster.start("worker")
    await pids_in(starts, 2)
    go.touch()
    assert (await scene.api.final(job))["state"] == "COMPLETED", scene.cluster.logs()


async def test_a_frozen_worker_loses_its_task_in_time_and_goes_on_afterwards(
    start: Start, tmp_path: Path, record_property: Record
) -> None:
    # Given a task that ends at a word from us, and says how often it was begun
    scene = await start()
    starts, go = tmp_path / "starts", tmp_path / "go"
    run = (
        f"echo $$ >> {starts}; while [ ! -e {go} ]; do sleep 0.05; done; "
        f"wc -l < {starts} > $TORK_OUTPUT"
    )
    job = await scene.submit({"name": "wait", "run": run, "var": "begun"})
    [first] = await pids_in(starts, 1)
    # When its worker freezes
    scene.worker.send(signal.SIGSTOP)
    # Then the task is ended before its lease is
    seconds = await seconds_until(all_dead([first]), LEASE_SECONDS)
    record_property("seconds", seconds)
    # And when the worker goes on long after, it runs what is now another dispatch
    await scene.api.job_when(job, lambda job: job["execution"][0]["state"] == "SCHEDULED")
    scene.worker.send(signal.SIGCONT)
    await pids_in(starts, 2)
    go.touch()
    done = await scene.api.final(job)
    # And nothing of the first counts
    assert done["state"] == "COMPLETED", scene.cluster.logs()
    assert done["context"]["tasks"]["begun"].strip() == "2"
    assert len(starts.read_text().split()) == 2


async def test_a_worker_that_wakes_before_anyone_noticed_hands_its_task_back(
    start: Start, tmp_path: Path
) -> None:
    # Given a worker that freezes, and no scheduler that would notice
    scene = await start()
    scene.cluster.services[1].stop()
    starts, go = tmp_path / "starts", tmp_path / "go"
    run = f"echo $$ >> {starts}; while [ ! -e {go} ]; do sleep 0.05; done"
    job = await scene.submit({"name": "wait", "run": run})
    [first] = await pids_in(starts, 1)
    scene.worker.send(signal.SIGSTOP)
    await eventually(all_dead([first]), LEASE_SECONDS)
    # When it wakes
    scene.worker.send(signal.SIGCONT)
    # Then it does not take the killed process for a task that failed
    await pids_in(starts, 2)
    go.touch()
    assert (await scene.api.final(job))["state"] == "COMPLETED", scene.cluster.logs()


async def test_a_worker_cut_off_from_the_broker_ends_its_tasks_in_time(
    start: Start, private_rabbit: PrivateRabbit, record_property: Record
) -> None:
    scene = await start()
    pids = await scene.submit_family()
    await asyncio.to_thread(private_rabbit.kill)
    try:
        seconds = await seconds_until(all_dead(pids), LEASE_SECONDS)
        record_property("seconds", seconds)
    finally:
        private_rabbit.launch()
        await asyncio.to_thread(private_rabbit.wait_ready)


async def test_a_task_that_lasts_many_leases_is_left_alone(start: Start, tmp_path: Path) -> None:
    scene = await start()
    run = f"sleep {2 * LEASE_SECONDS}; echo -n done > $TORK_OUTPUT"
    job = await scene.submit({"name": "long", "run": run, "var": "it"})
    done = await scene.api.final(job)
    assert (done["state"], done["context"]["tasks"]["it"]) == ("COMPLETED", "done")
    # And a worker that is told to stop takes its watchdog with it
    watchdogs = scene.watchdogs()
    assert scene.worker.stop() == 0
    assert [pid for pid in watchdogs if is_alive(pid)] == []
    assert "tasks_ended" not in scene.worker.log.read_text()


async def test_a_watchdog_that_dies_is_replaced_and_knows_what_runs(start: Start) -> None:
    # Given a task that runs while the watchdog is killed
    scene = await start()
    pids = await scene.submit_family()
    [watchdog] = scene.watchdogs()
    os.kill(watchdog, signal.SIGKILL)
    await eventually(lambda: len(scene.watchdogs()) == 2)
    # When the worker is killed as well
    scene.worker.kill()
    # Then the new watchdog ends the task
    await eventually(all_dead(pids), LEASE_SECONDS)


async def test_what_a_killed_conveyor_dev_ran_dies_with_it(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with started_dev(tmp_path / "data") as dev:
        script = json.dumps(family(pids))
        await dev.submit(f"name: family\ntasks: [{{name: a, run: {script}}}]\n")
        members = await pids_in(pids, MEMBERS)
        dev.process.kill()
        await eventually(all_dead(members), LEASE_SECONDS)
