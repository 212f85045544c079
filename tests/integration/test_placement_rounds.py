"""Rounds of placement on a real database: simulated nodes join, fill up, drain and leave."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.scheduler.placing import REST_AFTER_RETURN
from shared.definition import (
    Amount,
    Constraint,
    Duration,
    Limits,
    Network,
    Placement,
    Port,
    Resources,
    TaskDefinition,
    UpdatePolicy,
)
from shared.lifecycle import LeaseExpired
from shared.messages import RunTask
from shared.messages.queues import node_task_queue
from tests.support.jobs.batcher import Rig, batcher_rig
from tests.support.jobs.placed import placed, placed_as
from tests.support.services.scheduler import OVERDUE
from tests.support.services.simulated_nodes import SimulatedNodes

IN_EU = Constraint(key="region", operator="=", values=("eu",))
THREE_CPUS = Resources(cpus=Amount(3, "3"))
EU, US = {"region": "eu"}, {"region": "us"}


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with batcher_rig(postgres_dsn) as rig:
        yield rig


@pytest.fixture
def nodes(rig: Rig) -> SimulatedNodes:
    return SimulatedNodes(rig)


async def test_a_queued_job_starts_on_the_node_that_joins_and_fits(
    rig: Rig, nodes: SimulatedNodes
) -> None:
    async with rig.broker.consume(node_task_queue("eu"), prefetch=1):
        pass  # its queue exists
    await nodes.join("us", labels=US)
    job_id = await rig.submit([placed_as(Placement(constraints=(IN_EU,)))])
    await nodes.place_all()
    assert await nodes.where(job_id) == {}
    await nodes.join("eu", labels=EU)
    await nodes.place_all()
    assert await nodes.where(job_id) == {0: "eu"}
    [sent] = await rig.receive(node_task_queue("eu"))
    assert isinstance(sent, RunTask)
    assert (sent.task_id, sent.dispatch) == ((await nodes.executions(job_id))[0]["id"], 1)


async def test_what_is_held_of_a_node_also_by_tasks_of_queues_is_given_once(
    rig: Rig, nodes: SimulatedNodes
) -> None:
    await nodes.join("n1")
    limits = Limits(cpus=Amount(2, "2"))
    queued_id = await rig.submit([TaskDefinition(name="q", run="true", limits=limits)])
    [queued] = await rig.tasks(queued_id)
    await nodes.claim(queued, "n1")
    wanted = Placement(count=3, resources=Resources(cpus=Amount(1, "1")))
    job_id = await rig.submit([placed_as(wanted)])
    await nodes.place_all()
    assert await nodes.where(job_id) == {0: "n1", 1: "n1"}
    await nodes.succeed((await rig.tasks(queued_id))[0] | {"node_id": "n1"})
    await nodes.place_all()
    assert await nodes.where(job_id) == {0: "n1", 1: "n1", 2: "n1"}


async def test_priority_counts_before_age_and_a_big_one_is_not_starved(
    rig: Rig,
) -> None:
    nodes = SimulatedNodes(rig, reserve_after_seconds=0)
    await nodes.join("n1")
    small = Placement(count=3, resources=Resources(cpus=Amount(1, "1")))
    first = await rig.submit([placed_as(small)])
    await nodes.place_all()
    big = await rig.submit([placed_as(Placement(resources=Resources(cpus=Amount(4, "4"))))])
    later = await rig.submit([placed_as(small)])
    urgent = await rig.submit([placed_as(Placement(resources=small.resources, priority=5))])
    await nodes.place_all()
    assert await nodes.where(urgent) == {0: "n1"}
    for row in [*await nodes.claim_all(first), *await nodes.claim_all(urgent)]:
        await nodes.succeed(row)
        await nodes.place_all()
    assert (await nodes.where(big), await nodes.where(later)) == ({0: "n1"}, {})


async def test_an_ops_task_runs_once_on_each_node_that_could_hold_it_also_on_busy_ones(
    rig: Rig, nodes: SimulatedNodes
) -> None:
    await nodes.join("eu1", "eu2", labels=EU)
    await nodes.join("us", labels=US)
    await nodes.join("small", labels=EU, capacity={"millicpus": 1000})
    busy = await rig.submit([placed_as(Placement(resources=THREE_CPUS, constraints=(IN_EU,)))])
    await nodes.place_all()
    [busy_on] = (await nodes.where(busy)).values()
    ops = Placement(type="ops", constraints=(IN_EU,), resources=THREE_CPUS)
    job_id = await rig.submit([placed_as(ops)])
    await nodes.place_all()
    assert set((await nodes.where(job_id)).values()) == {"eu1", "eu2"} - {busy_on}
    [waits] = await nodes.executions(job_id, "PENDING")
    assert waits["pinned_to"] == busy_on
    await nodes.join("eu3", labels=EU)
    for row in await nodes.claim_all(busy):
        await nodes.succeed(row)
    await nodes.place_all()
    for row in await nodes.claim_all(job_id):
        await nodes.succeed(row)
    assert (await rig.job(job_id))["state"] == "COMPLETED"
    assert {row["node_id"] for row in await nodes.executions(job_id)} == {"eu1", "eu2"}


async def test_what_finds_no_node_in_time_fails_with_the_reasons_of_all_nodes(
    rig: Rig, nodes: SimulatedNodes
) -> None:
    await nodes.join("a", "b", labels=US)
    await nodes.join("c", labels=EU, capacity={"millicpus": 1000})
    wanted = Placement(constraints=(IN_EU,), resources=THREE_CPUS)
    told = "1 node: has 1 CPU in all, 3 wanted; 2 nodes: label region is 'us', must be = eu"
    ops = await rig.submit(
        [placed_as(Placement(type="ops", constraints=wanted.constraints, resources=THREE_CPUS))]
    )
    at_once = await rig.submit([placed_as(wanted, queue_timeout=Duration(0, "0s"))])
    later = Duration(0.5, "500ms")
    patient = await rig.submit([placed_as(wanted, queue_timeout=later)])
    wait = await nodes.place_all()
    assert wait is not None
    assert wait <= 0.5
    while wait is not None:  # a clock may wake us a little too early
        await asyncio.sleep(wait)
        wait = await nodes.place_all()
    errors = [(await rig.job(job_id))["error"] for job_id in (ops, at_once, patient)]
    assert errors == [
        f"no node matches: {told}",
        f"no node for it at once, as its queue timeout is 0: {told}",
        f"no node for it within 0.5s: {told}",
    ]


async def test_one_that_finds_no_node_is_told_what_the_others_of_its_round_have_left(
    rig: Rig, nodes: SimulatedNodes
) -> None:
    await nodes.join("a", capacity={"millicpus": 4000})
    wanted = Placement(count=2, resources=THREE_CPUS)
    job_id = await rig.submit([placed_as(wanted, queue_timeout=Duration(0, "0s"))])
    await nodes.place_all()
    error = (await rig.job(job_id))["error"]
    assert (
        error
        == "no node for it at once, as its queue timeout is 0: 1 node: 1 of 4 CPUs free, 3 wanted"
    )


async def test_a_service_that_has_lost_its_node_waits_for_another_beyond_its_time_in_the_queue(
    rig: Rig, nodes: SimulatedNodes
) -> None:
    await nodes.join("a")
    service = Placement(type="service")
    job_id = await rig.submit([placed_as(service, queue_timeout=Duration(0, "0s"))])
    await nodes.place_all()
    await nodes.claim_all(job_id)
    [row] = await nodes.executions(job_id, "RUNNING")
    await nodes.give_back(row)
    await nodes.leave("a")
    await asyncio.sleep(REST_AFTER_RETURN.total_seconds())
    await nodes.place_all()
    assert [one["state"] for one in await nodes.executions(job_id)] == ["PENDING"]
    await nodes.join("b")
    await nodes.place_all()
    assert await nodes.where(job_id) == {0: "b"}


async def test_a_daemon_follows_the_nodes_that_match(rig: Rig, nodes: SimulatedNodes) -> None:
    job_id = await rig.submit([placed_as(Placement(type="daemon", constraints=(IN_EU,)))])
    await nodes.place_all()
    assert await nodes.executions(job_id) == []
    await nodes.join("a", "b", labels=EU)
    await nodes.place_all()
    await nodes.claim_all(job_id)
    assert set((await nodes.where(job_id)).values()) == {"a", "b"}
    # A node joins, another gets another label, a third leaves
    await nodes.join("c", labels=EU)
    await nodes.join("a", labels=US)
    await nodes.place_all()
    [moved] = [row for row in await nodes.executions(job_id, "RUNNING") if row["recall"]]
    assert (moved["node_id"], moved["recall"]) == ("a", "scale")
    await nodes.give_back(moved)
    await nodes.leave("b")
    [lost] = [row for row in await nodes.executions(job_id, "RUNNING") if row["node_id"] == "b"]
    await nodes.give_back(lost)
    await nodes.place_all()
    await nodes.place_all()
    assert set((await nodes.where(job_id)).values()) == {"c"}
    assert await nodes.executions(job_id, "PENDING") == []
    await nodes.join("a", labels=EU)
    await nodes.place_all()
    assert set((await nodes.where(job_id)).values()) == {"a", "c"}


async def test_executions_of_a_lost_node_are_elsewhere_in_the_next_round(
    rig: Rig, nodes: SimulatedNodes
) -> None:
    await nodes.join("a")
    job_id = await rig.submit([placed("service", count=2)])
    await nodes.place_all()
    first, _ = await nodes.executions(job_id, "SCHEDULED")
    await nodes.claim(first, "a")
    await nodes.join("b")
    await nodes.leave("a")
    async with rig.pool.acquire() as connection:
        await connection.execute(
            "UPDATE tasks SET lease_expires_at = now() + $1"
            " WHERE node_id = 'a' AND state = 'RUNNING'",
            OVERDUE,
        )
    await rig.happen(LeaseExpired(job_id, first["id"], 1))
    await nodes.place_all()
    assert await nodes.where(job_id) == {0: "b", 1: "b"}
    assert {row["dispatch"] for row in await nodes.executions(job_id)} == {2}


async def test_a_node_that_drains_is_emptied_and_a_cordoned_one_gets_nothing(
    rig: Rig, nodes: SimulatedNodes
) -> None:
    await nodes.join("a")
    job_id = await rig.submit([placed(count=2)])
    ops = await rig.submit([placed("ops")])
    await nodes.place_all()
    first, _ = await nodes.executions(job_id)
    await nodes.claim(first, "a")
    await nodes.claim_all(ops)
    await nodes.join("b")
    await nodes.say("a", "cordoned")
    await nodes.place_all()
    assert await nodes.where(job_id) == {0: "a", 1: "a"}
    await nodes.say("a", "draining")
    await nodes.place_all()
    assert await nodes.where(job_id) == {0: "a", 1: "b"}
    [leaving] = await nodes.executions(job_id, "RUNNING")
    assert leaving["recall"] == "drain"
    await nodes.give_back(leaving)
    await nodes.place_all()
    assert await nodes.where(job_id) == {0: "b", 1: "b"}
    assert (await nodes.where(ops), await nodes.place_all()) == ({0: "a"}, None)
    await nodes.say("a", "active", "REJECTED")
    await nodes.place_all()
    assert [row["recall"] for row in await nodes.executions(ops)] == ["drain"]


async def test_a_static_port_and_one_per_node_keep_executions_apart(
    rig: Rig, nodes: SimulatedNodes
) -> None:
    await nodes.join("a", "b")
    network = Network(type="host", ports=(Port(name="web", static=8080),))
    web = await rig.submit([placed(count=1, network=network)])
    await nodes.place_all()
    other = await rig.submit([placed(count=2, network=network)])
    alone = await rig.submit([placed_as(Placement(count=3, one_per_node=True))])
    await nodes.place_all()
    [taken] = (await nodes.where(web)).values()
    assert set((await nodes.where(other)).values()) == {"a", "b"} - {taken}
    assert sorted(map(str, (await nodes.where(alone)).values())) == ["a", "b"]


async def test_of_two_that_want_several_nodes_at_once_one_begins_whole_and_then_the_other(
    rig: Rig, nodes: SimulatedNodes
) -> None:
    await nodes.join("n1", "n2")
    wanted = Placement(count=3, min_nodes=3, max_per_node=1, resources=THREE_CPUS)
    first, second = [await rig.submit([placed_as(wanted)]) for _ in range(2)]
    await nodes.place_all()
    assert (await nodes.where(first), await nodes.where(second)) == ({}, {})
    await nodes.join("n3")
    await nodes.place_all()
    assert set((await nodes.where(first)).values()) == {"n1", "n2", "n3"}
    assert await nodes.where(second) == {}
    for row in await nodes.claim_all(first):
        assert await nodes.where(second) == {}
        await nodes.succeed(row)
        await nodes.place_all()
    assert set((await nodes.where(second)).values()) == {"n1", "n2", "n3"}


async def test_a_failed_execution_is_tried_again_on_another_node(
    rig: Rig, nodes: SimulatedNodes
) -> None:
    await nodes.join("a", "b")
    service = placed("service")
    job_id = await rig.submit([service])
    await nodes.place_all()
    [row] = await nodes.claim_all(job_id)
    await nodes.fail(row)
    async with rig.pool.acquire() as connection:
        await connection.execute("UPDATE tasks SET due_at = NULL WHERE state = 'PENDING'")
    await nodes.place_all()
    assert set((await nodes.where(job_id)).values()) == {"a", "b"} - {row["node_id"]}


async def test_one_that_its_worker_hands_back_rests_before_it_is_placed_again(
    rig: Rig, nodes: SimulatedNodes
) -> None:
    await nodes.join("a")
    job_id = await rig.submit([placed()])
    await nodes.place_all()
    [row] = await nodes.claim_all(job_id)
    await nodes.give_back(row)
    async with rig.pool.acquire() as connection:
        await connection.execute("UPDATE tasks SET last_return_reason = 'no room'")
    wait = await nodes.place_all()
    assert wait is not None
    assert 1 < wait <= 2
    assert await nodes.where(job_id) == {}


async def test_a_new_version_replaces_as_many_at_a_time_as_may_be_missing_once_they_are_healthy(
    rig: Rig, nodes: SimulatedNodes
) -> None:
    await nodes.join("a")
    policy = UpdatePolicy(max_unavailable=1, healthy_after=Duration(10, "10s"))
    job_id = await rig.submit([placed_as(Placement(type="service", count=3, update=policy))])
    await nodes.place_all()
    await nodes.claim_all(job_id)
    await nodes.run_for(job_id, timedelta(seconds=11))
    async with rig.pool.acquire() as connection:
        await connection.execute("UPDATE tasks SET spec_version = 2 WHERE kind = 'placed'")
        await connection.execute("UPDATE jobs SET spec_version = 2")
    replaced = []
    for _ in range(3):
        await nodes.place_all()
        [recalled] = [row for row in await nodes.executions(job_id, "RUNNING") if row["recall"]]
        replaced.append((recalled["child_index"], recalled["recall"]))
        assert len(await nodes.executions(job_id, "RUNNING")) == 3
        await nodes.give_back(recalled)
        unseen = await nodes.place_all()  # no message tells that it runs
        assert len(replaced) == 3 or (unseen is not None and unseen <= 10)
        await nodes.claim_all(job_id)
        wait = await nodes.place_all()
        assert not any(row["recall"] for row in await nodes.executions(job_id, "RUNNING"))
        if len(replaced) < 3:
            assert wait is not None
            assert 8 < wait <= 10
        await nodes.run_for(job_id, timedelta(seconds=11))
    assert replaced == [(0, "update"), (1, "update"), (2, "update")]
    running = await nodes.executions(job_id, "RUNNING")
    assert [(row["child_index"], row["spec_version"]) for row in running] == [
        (0, 2),
        (1, 2),
        (2, 2),
    ]


async def test_those_above_a_smaller_count_are_recalled(rig: Rig, nodes: SimulatedNodes) -> None:
    await nodes.join("a")
    job_id = await rig.submit([placed("service", count=3)])
    await nodes.place_all()
    await nodes.claim_all(job_id)
    async with rig.pool.acquire() as connection:
        await connection.execute(
            "UPDATE tasks SET children = children || '{\"total\": 1}' WHERE kind = 'placed'"
        )
    await nodes.place_all()
    running = await nodes.executions(job_id, "RUNNING")
    assert [row["recall"] for row in running] == [None, "scale", "scale"]
    assert await nodes.place_all() is None


async def test_two_schedulers_place_in_turns_and_give_no_room_away_twice(
    rig: Rig, nodes: SimulatedNodes
) -> None:
    await nodes.join("a", "b")
    wanted = Placement(count=10, resources=Resources(cpus=Amount(1, "1")))
    job_id = await rig.submit([placed_as(wanted)])
    other = SimulatedNodes(rig)
    await asyncio.gather(nodes.place_all(), other.place_all())
    placed_on = list((await nodes.where(job_id)).values())
    assert sorted(map(str, placed_on)) == ["a"] * 4 + ["b"] * 4
