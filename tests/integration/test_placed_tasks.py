"""Placed tasks on a real database: their executions, from submission to the job's end."""

import gc
import time
from collections.abc import AsyncIterator

import pytest

from services.coordinator import node_reasons
from services.coordinator.store import artifacts
from shared.apply.apply import Work
from shared.definition import Artifact, Duration, Retry, TaskDefinition, changed, decode_task
from shared.definition.placement import Execution
from shared.jobspec.arvados.compilation import compile_job
from shared.jobspec.arvados.models import checked
from shared.lifecycle import (
    ChildrenContinued,
    Decision,
    ExecutionAdopted,
    Ignored,
    JobRestarted,
    LeaseExpired,
    QueueTimedOut,
    RefuseClaim,
    RetryDue,
    TaskFailed,
    TaskSucceeded,
)
from shared.messages import Finished, PlacementDue, RunTask, Spawned
from shared.messages.queues import PLACEMENT, node_task_queue
from tests.support.jobs.artifacts import artifact, ref, report
from tests.support.jobs.batcher import LEASE, Rig, batcher_rig
from tests.support.jobs.placed import Fleet, Row, placed
from tests.support.services.simulated_nodes import SimulatedNodes

WAITING = "SELECT FROM tasks WHERE job_id = $1 AND state = 'PENDING'"
END_LEASE = "UPDATE tasks SET lease_expires_at = now() WHERE id = $1"


@pytest.fixture
async def fleet(postgres_dsn: str) -> AsyncIterator[Fleet]:
    async with batcher_rig(postgres_dsn) as rig:
        yield Fleet(rig)


@pytest.fixture
def rig(fleet: Fleet) -> Rig:
    return fleet.rig


async def test_each_partition_of_a_batch_is_sent_to_the_node_it_is_placed_on(
    rig: Rig, fleet: Fleet
) -> None:
    job_id = await rig.submit([placed(count=2, var="all")], output="{{ join(tasks.all, '+') }}")
    assert await rig.receive(PLACEMENT) == [PlacementDue()]
    first, second = await fleet.executions(job_id, "PENDING")
    assert (first["due_at"], first["node_id"], first["queue"]) == (None, None, "")
    async with rig.broker.consume(node_task_queue("n1"), prefetch=1):
        assert isinstance(await fleet.place(first, "n1"), Decision)
    [sent] = await rig.receive(node_task_queue("n1"))
    assert isinstance(sent, RunTask)
    assert (sent.task_id, sent.queue) == (first["id"], "node.n1.tasks")
    assert (sent.definition["name"], "placement" in sent.definition) == ("p", False)
    assert decode_task(sent.definition).execution == Execution(type="batch", index=0, count=2)
    await fleet.place(second, "n2")
    assert isinstance(await fleet.claim(first, "n2"), Ignored)
    await fleet.claim(first, "n1")
    await fleet.claim(second, "n2")
    for row in await fleet.executions(job_id, "RUNNING"):
        await fleet.succeed(row, row["node_id"])
    job = await rig.job(job_id)
    assert (job["state"], job["result"]) == ("COMPLETED", "n1+n2")


async def test_an_ops_task_runs_on_each_node_that_matches_and_fails_once_all_have_ended(
    rig: Rig, fleet: Fleet
) -> None:
    job_id = await rig.submit([placed("ops")])
    assert (await fleet.parent(job_id))["state"] == "RUNNING"
    await fleet.match(job_id, "n1", "n2")
    failing, other = await fleet.start(job_id)
    assert [failing["pinned_to"], other["pinned_to"]] == ["n1", "n2"]
    await fleet.fail(failing)
    assert (await rig.job(job_id))["state"] == "RUNNING"
    await fleet.succeed(other)
    job = await rig.job(job_id)
    assert (job["state"], job["error"]) == ("FAILED", "1 of its 2 tasks failed")


async def test_a_service_is_kept_running_until_what_uses_it_is_done(rig: Rig, fleet: Fleet) -> None:
    after = {"name": "after", "run": "true"}
    job_id = await rig.submit([placed("service", count=2), after])
    first, _ = await fleet.start(job_id)
    assert [row["state"] for row in await rig.tasks(job_id) if row["name"] == "after"] == [
        "SCHEDULED"
    ]
    await fleet.succeed(first)
    [again] = await fleet.executions(job_id, "PENDING")
    assert (again["child_index"], again["attempt"]) == (0, 1)
    await rig.run_current(job_id)
    assert (await rig.job(job_id))["state"] == "COMPLETED"
    assert {row["state"] for row in await fleet.executions(job_id)} == {"FAILED", "CANCELLED"}
    assert (await fleet.parent(job_id))["state"] == "CANCELLED"


async def test_a_recalled_execution_goes_on_elsewhere_once_its_worker_has_let_go_of_it(
    rig: Rig, fleet: Fleet
) -> None:
    job_id = await rig.submit([placed("daemon")])
    await fleet.match(job_id, "n1")
    [row] = await fleet.start(job_id)
    await fleet.recall(row, "drain")
    [row] = await fleet.executions(job_id, "RUNNING")
    assert row["recall"] == "drain"
    await fleet.fail(row)
    [row] = await fleet.executions(job_id)
    assert (row["state"], row["dispatch"], row["recall"]) == ("PENDING", 2, None)
    [row] = await fleet.start(job_id)
    await fleet.recall(row, "update")
    await fleet.give_back(row)
    old, new = await fleet.executions(job_id)
    assert (old["state"], new["state"], new["attempt"]) == ("CANCELLED", "PENDING", 1)
    await fleet.recall(new, "scale")
    assert {row["state"] for row in await fleet.executions(job_id)} == {"CANCELLED"}
    assert (await fleet.parent(job_id))["state"] == "RUNNING"
    assert (await rig.job(job_id))["state"] == "RUNNING"


async def test_what_executions_have_kept_is_found_by_their_task_and_index_and_taken_by_later_tasks(
    rig: Rig, fleet: Fleet
) -> None:
    taker = {"name": "taker", "run": "x", "sources": [{"artifact": "p.out", "target": "in"}]}
    kept = (Artifact(name="out", path="out"),)
    job_id = await rig.submit([placed(count=2, artifacts=kept), taker])
    for row in await fleet.start(job_id):
        finished = Finished(**ref(row), exit_code=3, artifacts=[artifact(row)])
        await report(rig, finished=[finished])
    async with rig.pool.acquire() as connection:
        task = await artifacts.task_named(connection, job_id, "p")
        assert task is not None
        child = await artifacts.child_of(connection, task.id, 1)
        assert child is not None
        [found] = await artifacts.kept_by(connection, child)
    assert (task.has_children, found.name, found.parent_name) == (True, "out", "p")
    assert {row["exit_code"] for row in await fleet.executions(job_id, "COMPLETED")} == {3}
    [row] = [row for row in await rig.tasks(job_id) if row["name"] == "taker"]
    children = row["definition"]["sources"][0]["children"]
    assert [child["artifact"]["file_name"] for child in children] == ["out", "out"]


async def test_of_an_execution_that_is_restarted_again_and_again_the_last_attempts_are_kept(
    rig: Rig, fleet: Fleet
) -> None:
    retry = Retry(limit=99, initial_delay=Duration(0, "0s"))
    job_id = await rig.submit([placed("service", retry=retry)])
    for _ in range(23):
        [row] = await fleet.start(job_id)
        await fleet.fail(row)
    attempts = [row["attempt"] for row in await fleet.executions(job_id)]
    assert attempts == list(range(4, 24))


async def test_thousands_of_executions_are_planned_at_a_cost_that_stays_the_same(
    rig: Rig, fleet: Fleet
) -> None:
    job_id = await rig.submit([placed(count=2_000)])
    parent = await fleet.parent(job_id)
    seconds: list[float] = []
    gc.disable()  # it takes a second where many tests have run before
    while len(await rig.pool.fetch(WAITING, job_id)) < 2_000:
        began = time.process_time()
        await rig.happen(ChildrenContinued(job_id, parent["id"]))
        seconds.append(time.process_time() - began)
    gc.enable()
    assert len(seconds) < 15
    third = len(seconds) // 3
    assert sum(seconds[-third:]) < 3 * sum(seconds[:third]) + 1


async def test_an_execution_that_waits_for_a_node_fails_at_the_end_of_its_time_with_the_reason(
    rig: Rig, fleet: Fleet
) -> None:
    job_id = await rig.submit([placed(queue_timeout=Duration(0, "0s"))])
    [row] = await fleet.executions(job_id, "PENDING")
    await rig.happen(QueueTimedOut(job_id, row["id"], row["dispatch"], "no node has a GPU"))
    job = await rig.job(job_id)
    assert (job["state"], job["error"]) == (
        "FAILED",
        "no node for it at once, as its queue timeout is 0: no node has a GPU",
    )


async def test_a_restarted_worker_adopts_what_it_still_runs_and_nothing_else(
    rig: Rig, fleet: Fleet
) -> None:
    job_id = await rig.submit([placed("service", 2)])
    kept, lost = await fleet.start(job_id)
    await rig.pool.execute(END_LEASE, lost["id"])
    await rig.happen(LeaseExpired(job_id, lost["id"], lost["dispatch"]))
    for row in (kept, lost):
        ref = job_id, row["id"], row["dispatch"]
        adopted = await rig.happen(ExecutionAdopted(*ref, "n1-again", "n1", LEASE))
        assert isinstance(adopted, Decision)
        refused = await rig.happen(ExecutionAdopted(*ref, "n2", "n1", LEASE))
        assert isinstance(refused, Ignored)
        assert [type(command) for command in refused.commands] == [RefuseClaim]
    running = await fleet.executions(job_id, "RUNNING")
    assert {(row["node_id"], row["dispatch"]) for row in running} == {("n1-again", 1)}
    assert (await fleet.parent(job_id))["children"]["running"] == 2


def script(**constraints: int) -> TaskDefinition:
    """What a job of Arvados is made of, without the files of its commit."""
    sent = {"script": "x", "script_version": "main", "repository": "r", "script_parameters": {}}
    job, problems = checked({**sent, "runtime_constraints": constraints})
    assert job is not None, problems
    [whole] = compile_job(job, "code").tasks
    assert whole.spawn is not None
    task = changed(whole.spawn.task, sources=())
    return changed(whole, spawn=changed(whole.spawn, task=task))


async def test_what_a_task_makes_keeps_to_the_nodes_of_its_job_by_sequence_and_after_a_restart(
    rig: Rig,
) -> None:
    nodes = SimulatedNodes(rig)
    await nodes.join("n1", "n2")
    job_id = await rig.submit([script(max_nodes=1, max_tasks_per_node=2)])
    await nodes.place_all()
    [first] = await nodes.claim_all(job_id)
    made = [
        Spawned(sequence=sequence, parameters="{}", name=f"of {sequence}")
        for sequence in (2, 1, 1, 1)
    ]
    end = TaskSucceeded(job_id, first["id"], first["dispatch"], first["node_id"])
    await rig.batcher.perform_one(Work(end, spawned=made))

    async def two_at_a_time() -> list[Row]:
        await nodes.place_all()
        where = await nodes.where(job_id)
        assert (len(where), len(set(where.values()))) == (2, 1)
        return await nodes.claim_all(job_id)

    again, other = await two_at_a_time()
    ref = job_id, again["id"], again["dispatch"], again["node_id"]
    await rig.happen(TaskFailed(*ref, "exit code 111", 0, "exit", 111))
    [retry] = await nodes.executions(job_id, "PENDING")
    await rig.happen(RetryDue(job_id, retry["id"]))
    assert {row["child_index"] for row in await two_at_a_time()} == {2, 3}
    await nodes.fail(other)
    for row in await nodes.executions(job_id, "RUNNING"):
        await nodes.give_back(row)
    assert (await rig.job(job_id))["state"] == "FAILED"
    assert await nodes.where(job_id) == {}

    await rig.happen(JobRestarted(job_id))
    for row in await two_at_a_time():
        await nodes.succeed(row)
    sequences = []
    while await nodes.place_all() is None and (rows := await nodes.claim_all(job_id)):
        sequences.append([row["sequence"] for row in rows])
        for row in rows:
            await nodes.succeed(row)
    assert sequences == [[1], [2]]
    assert (await rig.job(job_id))["state"] == "COMPLETED"
    async with rig.pool.acquire() as connection:
        last = await artifacts.task_named(connection, job_id, "of 2")
    assert last is not None, "it is found by its own name"


async def test_the_first_task_waits_until_those_that_it_makes_would_have_enough_nodes(
    rig: Rig,
) -> None:
    nodes = SimulatedNodes(rig)
    await nodes.join("n1")
    job_id = await rig.submit([script(min_nodes=2)])
    await nodes.place_all()
    assert await nodes.where(job_id) == {}
    async with rig.pool.acquire() as connection:
        [why] = await node_reasons.of_job(connection, job_id)
    assert why.message == "1 node: room on 1 node, 2 wanted at once"
    await nodes.join("n2")
    await nodes.place_all()
    [first] = await nodes.claim_all(job_id)
    made = [Spawned(sequence=1, parameters="{}")] * 2
    end = TaskSucceeded(job_id, first["id"], first["dispatch"], first["node_id"])
    await rig.batcher.perform_one(Work(end, spawned=made))
    await nodes.place_all()
    assert sorted(map(str, (await nodes.where(job_id)).values())) == ["n1", "n2"]
