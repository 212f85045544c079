"""`apply`: events in, rows and messages out, in one transaction."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
import structlog

from shared.apply.apply import Work
from shared.apply.batcher import Batcher
from shared.broker.protocol import BrokerUnavailable, Outgoing
from shared.definition import TaskDefinition
from shared.lifecycle import (
    Decision,
    DispatchMissing,
    Ignored,
    JobCancelled,
    JobRestarted,
    TaskClaimed,
    TaskFailed,
    TaskSucceeded,
)
from shared.messages import LogPart, Orders, RunTask, TaskRef
from shared.messages.queues import node_queue
from shared.planning.planner import Planner
from shared.planning.templates import TaskSource
from shared.postgres.pool import acquired
from shared.store.leases import Held, renew
from tests.support.jobs.batcher import LEASE, Rig, batcher_rig

SHELL = {"name": "build", "run": "true"}


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with batcher_rig(postgres_dsn) as rig:
        yield rig


async def test_a_submitted_job_is_stored_with_its_first_task_sent(rig: Rig) -> None:
    job_id = await rig.submit([{**SHELL, "queue": "highcpu", "priority": 3}])
    [message] = await rig.receive("highcpu")
    assert isinstance(message, RunTask)
    assert (message.job_id, message.dispatch, message.definition["run"]) == (job_id, 1, "true")
    assert (await rig.job(job_id))["state"] == "SCHEDULED"


async def test_tasks_run_in_order_and_their_results_reach_later_ones(rig: Rig) -> None:
    job_id = await rig.submit(
        [
            {**SHELL, "var": "first"},
            {**SHELL, "env": {"GIVEN": "{{ tasks.first }}-{{ inputs.n }}"}},
        ],
        inputs={"n": 7},
        output="{{ tasks.first }}!",
    )
    await rig.run_current(job_id, "hello")
    second = (await rig.tasks(job_id))[1]
    assert second["definition"]["env"] == {"GIVEN": "hello-7"}
    await rig.run_current(job_id)
    job = await rig.job(job_id)
    assert (job["state"], job["result"], job["progress"]) == ("COMPLETED", "hello!", 100)


async def test_who_tells_of_changes_hears_of_each_that_is_committed_here(rig: Rig) -> None:
    job_id, heard = await rig.submit([SHELL]), list[str]()
    cancelled = Work(JobCancelled(job_id))
    async with Batcher(
        rig.pool, rig.broker, Planner(rig.sealer), on_changes=lambda: heard.append("changes")
    ) as batcher:
        for _ in range(2):  # the second changes nothing
            await batcher.perform_one(cancelled)
    assert heard == ["changes"]
    assert (await rig.job(job_id))["state"] == "CANCELLED"


async def test_the_log_tells_once_that_a_job_is_over_and_how(rig: Rig) -> None:
    job_id = await rig.submit([SHELL, SHELL])
    with structlog.testing.capture_logs() as lines:
        await rig.run_current(job_id)
        await rig.run_current(job_id)
    ends = [line for line in lines if line["event"] == "job_ended"]
    assert [(line["job"], line["state"]) for line in ends] == [(job_id, "COMPLETED")]


async def test_job_defaults_reach_the_tasks_that_set_nothing(rig: Rig) -> None:
    defaults = {"queue": "slow", "timeout": "10m", "retry": {"limit": 2}, "priority": 4}
    job_id = await rig.submit([SHELL, {**SHELL, "queue": "fast"}], defaults=defaults)
    [task] = await rig.tasks(job_id)
    assert (task["queue"], task["priority"], task["timeout"]) == ("slow", 4, timedelta(minutes=10))
    assert task["retry"]["limit"] == 2
    await rig.run_current(job_id)
    assert (await rig.tasks(job_id))[1]["queue"] == "fast"


async def test_a_task_whose_condition_is_false_is_skipped(rig: Rig) -> None:
    job_id = await rig.submit(
        [{**SHELL, "if": "{{ inputs.go == 'yes' }}"}, SHELL], inputs={"go": "no"}
    )
    assert [t["state"] for t in await rig.tasks(job_id)] == ["SKIPPED", "SCHEDULED"]


async def test_an_expression_that_fails_at_run_time_fails_the_job_with_its_text(rig: Rig) -> None:
    job_id = await rig.submit([{**SHELL, "env": {"N": "{{ int('x') }}"}}])
    job = await rig.job(job_id)
    assert job["state"] == "FAILED"
    assert job["error"].startswith("env.N: ")


async def test_what_comes_from_a_secret_is_encrypted_in_rows_and_messages(rig: Rig) -> None:
    secret = "hunter2-hunter2"
    job_id = await rig.submit(
        [{**SHELL, "env": {"TOKEN": "Bearer {{ secrets.token }}", "PLAIN": "x"}}],
        secrets={"token": secret},
    )
    [message] = await rig.receive("default")
    assert isinstance(message, RunTask)
    assert message.definition["env"] == {"TOKEN": "Bearer [REDACTED]", "PLAIN": "x"}
    assert message.sealed is not None
    unsealed = rig.sealer.unseal(message.sealed)
    assert unsealed["definition"] == {"env": {"TOKEN": f"Bearer {secret}", "PLAIN": "x"}}
    everything = await rig.pool.fetchval(
        "SELECT string_agg(j::text, '') || (SELECT string_agg(t::text, '') FROM tasks t)"
        "|| (SELECT coalesce(string_agg(encode(body, 'escape'), ''), '') FROM outbox) FROM jobs j"
    )
    assert secret not in everything
    assert job_id in everything


async def test_a_failed_batch_is_applied_one_by_one_and_only_the_cause_fails(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Planner.plan

    def failing(self: Planner, source: object, *known: object) -> object:
        if isinstance(source, TaskSource) and source.task.name == "poison":
            raise RuntimeError("a bug")
        return plan(self, source, *known)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(Planner, "plan", failing)
    poison = {**SHELL, "name": "poison"}
    outcomes = await asyncio.gather(
        rig.submit([SHELL]), rig.submit([poison]), rig.submit([SHELL]), return_exceptions=True
    )
    assert [isinstance(o, str) for o in outcomes] == [True, False, True]
    assert await rig.pool.fetchval("SELECT count(*) FROM jobs") == 2


async def test_a_report_applied_twice_counts_once(rig: Rig) -> None:
    job_id = await rig.submit([SHELL, SHELL])
    [task] = await rig.tasks(job_id)
    ref = (job_id, task["id"], 1, "n1")
    await rig.happen(TaskClaimed(*ref, LEASE))
    logs = [
        LogPart(
            job_id=job_id,
            task_id=task["id"],
            number=1,
            contents="x\n",
            created_at=task["created_at"],
        )
    ]
    report = Work(TaskSucceeded(*ref, "done", 1), logs=logs)
    first, second = await rig.batcher.perform([report, report])
    assert isinstance(first, Decision)
    assert isinstance(second, Ignored)
    assert await rig.pool.fetchval("SELECT count(*) FROM task_log_parts") == 1
    assert len(await rig.tasks(job_id)) == 2


async def test_a_claim_is_answered_to_the_node_that_made_it(rig: Rig) -> None:
    job_id = await rig.submit([SHELL])
    [task] = await rig.tasks(job_id)
    async with (
        rig.broker.consume(node_queue("n1"), prefetch=9),
        rig.broker.consume(node_queue("n2"), prefetch=9),
    ):
        pass  # both queues exist now
    await rig.batcher.perform(
        [Work(TaskClaimed(job_id, task["id"], 1, node, LEASE)) for node in ("n1", "n2")]
    )
    [granted] = await rig.receive(node_queue("n1"))
    [refused] = await rig.receive(node_queue("n2"))
    assert isinstance(granted, Orders)
    assert isinstance(refused, Orders)
    assert [ref.task_id for ref in granted.granted] == [task["id"]]
    assert [ref.task_id for ref in refused.refused] == [task["id"]]


async def test_cancel_and_restart_go_on_from_the_same_position(rig: Rig) -> None:
    job_id = await rig.submit([SHELL, SHELL])
    await rig.run_current(job_id)
    await rig.happen(JobCancelled(job_id))
    assert [t["state"] for t in await rig.tasks(job_id)] == ["COMPLETED", "CANCELLED"]
    await rig.happen(JobRestarted(job_id))
    await rig.run_current(job_id)
    assert [t["state"] for t in await rig.tasks(job_id)] == ["COMPLETED", "CANCELLED", "COMPLETED"]
    assert (await rig.job(job_id))["state"] == "COMPLETED"


async def test_a_retry_is_a_new_row_and_the_failed_one_stays(rig: Rig) -> None:
    job_id = await rig.submit([{**SHELL, "retry": {"limit": 1, "initialDelay": "1h"}}])
    [task] = await rig.tasks(job_id)
    ref = (job_id, task["id"], 1, "n1")
    await rig.happen(TaskClaimed(*ref, LEASE))
    await rig.happen(TaskFailed(*ref, "exit code 1"))
    rows = await rig.tasks(job_id)
    assert [(t["state"], t["attempt"]) for t in rows] == [("FAILED", 0), ("PENDING", 1)]
    assert rows[1]["due_at"] - rows[1]["created_at"] == timedelta(hours=1)


async def test_the_outbox_is_empty_once_the_broker_has_confirmed(rig: Rig) -> None:
    job_id = await rig.submit([SHELL])
    await rig.run_current(job_id)
    await rig.batcher.outbox.close()
    assert await rig.pool.fetchval("SELECT count(*) FROM outbox") == 0


async def test_what_could_not_be_sent_is_sent_by_the_relay(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a broker that is away while a job is submitted
    publish = rig.broker.publish

    async def away(messages: Sequence[Outgoing]) -> None:
        raise BrokerUnavailable("away")

    monkeypatch.setattr(rig.broker, "publish", away)
    job_id = await rig.submit([SHELL])
    await rig.batcher.outbox.close()
    # When it is back and a relay makes its round
    monkeypatch.setattr(rig.broker, "publish", publish)
    assert await rig.batcher.outbox.relay_once() > 0
    # Then the task arrives
    [message] = await rig.receive("default")
    assert isinstance(message, RunTask)
    assert message.job_id == job_id


async def test_a_missing_message_is_sent_again(rig: Rig) -> None:
    job_id = await rig.submit([SHELL])
    await rig.receive("default")
    [task] = await rig.tasks(job_id)
    await rig.happen(DispatchMissing(job_id, task["id"], 1))
    [again] = await rig.receive("default")
    assert isinstance(again, RunTask)
    assert again.dispatch == 1


async def test_heartbeats_renew_leases_and_tell_what_is_no_longer_wanted(rig: Rig) -> None:
    # Given two tasks running on a worker, one of them cancelled since
    jobs = [await rig.submit([SHELL]) for _ in range(2)]
    held = []
    for job_id in jobs:
        [task] = await rig.tasks(job_id)
        await rig.happen(TaskClaimed(job_id, task["id"], 1, "n1", LEASE))
        ref = TaskRef(job_id=job_id, task_id=task["id"], dispatch=1)
        held.append(Held(ref, "n1", timedelta(hours=1)))
    await rig.happen(JobCancelled(jobs[1]))
    # When the worker names both
    async with acquired(rig.pool) as connection:
        _, stops = await renew(connection, held)
    # Then the first has a longer lease and the second is to be stopped
    first, second = [(await rig.tasks(job_id))[0] for job_id in jobs]
    assert first["lease_expires_at"] - first["started_at"] > timedelta(minutes=59)
    assert second["lease_expires_at"] is None
    assert [stop.task_id for stop in stops] == [second["id"]]


async def test_a_nul_character_in_a_text_is_replaced_and_not_fatal(rig: Rig) -> None:
    script = "printf '\\u0000'; echo '\x00'"
    job_id = await rig.submit([{**SHELL, "run": script}])
    [task] = await rig.tasks(job_id)
    assert task["definition"]["run"] == "printf '\\u0000'; echo '\ufffd'"


async def test_conditions_and_outputs_without_braces_see_what_earlier_tasks_left(rig: Rig) -> None:
    job_id = await rig.submit(
        [{**SHELL, "var": "first"}, {**SHELL, "if": "tasks.first == 'hello'"}],
        output="tasks.first",
    )
    await rig.run_current(job_id, "hello")
    assert [t["state"] for t in await rig.tasks(job_id)] == ["COMPLETED", "SCHEDULED"]
    await rig.run_current(job_id)
    assert (await rig.job(job_id))["result"] == "hello"


async def test_an_expression_that_is_none_fails_the_job_and_not_the_submission(rig: Rig) -> None:
    job_id = await rig.submit([TaskDefinition(run="true", env={"N": "{{ 1 + }}"})])
    assert (await rig.job(job_id))["state"] == "FAILED"
    job_id = await rig.submit([SHELL], output="{{ 1 + }}")
    await rig.run_current(job_id)
    assert (await rig.job(job_id))["state"] == "FAILED"


async def test_an_expression_may_ask_for_everything_at_once(rig: Rig) -> None:
    task = {**SHELL, "env": {"ALL": "{{ len($env) > 0 }}"}}
    job_id = await rig.submit([{**SHELL, "var": "x"}, task])
    await rig.run_current(job_id, "1")
    assert (await rig.tasks(job_id))[1]["definition"]["env"] == {"ALL": "true"}
