"""With 100,000 jobs no query of `apply`, the scheduler or the dispatcher reads a whole table."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.coordinator.store import subjob_priorities, webhook_deliveries
from services.scheduler.store import activity, due, nodes, placement, retention
from services.webhook_dispatcher.store import (
    deliveries,
    endpoints,
    events,
    feed,
    lines,
    notices,
    outcomes,
)
from shared.messages import Heartbeat
from shared.store import (
    family_rows,
    leases,
    locking,
    missed_tasks,
    node_rows,
    outbox,
    queues_in_use,
    reuse,
    sample_rows,
    slot_counts,
    source_rows,
    subjob_signals,
    submissions,
    transaction_rows,
    versions,
    writing,
)
from shared.store.samples import BOUNDS_SECONDS
from shared.store.webhook_deliveries import END_DELIVERIES
from tests.support.servers.bulk_rows import bulk_rows, numbers
from tests.support.servers.crowded_tables import (
    blocks_touched,
    crowded_connection,
    explained,
    read_whole,
    rows_passed_over,
)
from tests.support.servers.postgres import Databases

pytestmark = pytest.mark.real

# Job number n: half are over, half wait; of the waiting each thousandth runs and each thousandth
# has a retry ahead. Nothing is due: what is looked for every second is mostly not there.
JOBS = bulk_rows(
    "jobs",
    numbers(1, 100_000),
    state="CASE WHEN n % 2 = 0 THEN 'COMPLETED' ELSE 'SCHEDULED' END",
    inputs="jsonb_build_object('source', repeat(md5(n::text), 8))",
    output="'x'",
    task_count="2",
    position="1",
    webhooks="""CASE WHEN n % 100 = 0 THEN '[{"url": "http://x"}]'::jsonb ELSE '[]' END""",
    created_at="now() - make_interval(secs => n)",
    started_at="now()",
    completed_at="CASE WHEN n % 2 = 0 THEN now() END",
    search="''",
)
JOB_TASKS = """
INSERT INTO job_tasks (job_id, position, task, waiting_for)
SELECT 'job' || n, p, '{"name": "t"}', p - 1
FROM generate_series(1, 100000) AS n, generate_series(1, 2) AS p
"""
VARIABLES = "INSERT INTO job_variables SELECT 'job' || n, 'x', 'y' FROM generate_series(1, 99999) n"
STATES = """
(SELECT n, CASE WHEN n % 2 = 0 THEN 'COMPLETED' WHEN n % 1000 = 1 THEN 'RUNNING'
                WHEN n % 1000 = 3 THEN 'PENDING' ELSE 'SCHEDULED' END AS state
 FROM generate_series(1, 100000) AS n) AS made
"""
TASKS = bulk_rows(
    "tasks",
    STATES,
    state="state",
    node_id="'n1'",
    lease_expires_at="CASE state WHEN 'RUNNING' THEN now() + interval '1 h' END",
    deadline_at="CASE state WHEN 'RUNNING' THEN now() + interval '1 h' END",
    due_at="CASE state WHEN 'PENDING' THEN now() + interval '1 h' END",
    scheduled_at="now() - interval '1 h'",
)
# One family of 50,000: nearly all are done, a few wait for their turn, one runs.
FAMILY = bulk_rows(
    "tasks",
    numbers(1, 50_000),
    id="'child' || n",
    job_id="'job50000'",
    state="CASE WHEN n = 1 THEN 'RUNNING' WHEN n > 49900 THEN 'CREATED' ELSE 'COMPLETED' END",
    node_id="'n1'",
    lease_expires_at="CASE WHEN n = 1 THEN now() + interval '1 h' END",
    parent_id="'task50000'",
    child_index="n",
)
SUBJOBS = """
UPDATE jobs SET parent_job_id = 'job50000', parent_task_id = 'child1', parent_dispatch = 1
WHERE id IN (SELECT 'job' || n FROM generate_series(1, 199, 2) AS n)
"""
# Ten kinds of work, each done by ten thousand jobs.
FINGERPRINTS = """
INSERT INTO job_fingerprints (job_id, fingerprint, owner, parts, created_at)
SELECT 'job' || n, 'f' || n / 2 % 10, 'ann', '{}', now() - make_interval(secs => n)
FROM generate_series(1, 100000) AS n
"""
NEEDS = """
INSERT INTO job_needs SELECT 'job' || n, 1, 2 FROM generate_series(1, 99999) AS n
"""
LOGS = """
INSERT INTO task_log_parts (task_id, number, job_id, contents, created_at)
SELECT 'task' || n, p, 'job' || n, 'line ' || p, now()
FROM generate_series(1, 50000) AS n, generate_series(1, 4) AS p
"""
OUTBOX = """
INSERT INTO outbox (queue, message_id, body, claimed_until)
SELECT 'default', n::text, '{}', now() + interval '1 h' FROM generate_series(1, 100000) AS n
"""
DELIVERIES = """
INSERT INTO webhook_deliveries
    (id, job_id, version, webhook, url, body, next_at, created_at, receiver, owner)
SELECT 'd' || n, 'job' || n, 1, 0, 'http://x', '{}', now() + interval '1 h', now(),
       'http://' || n % 100 || ':80', 'o' || n % 2
FROM generate_series(1, 100000) AS n
"""
# All of one endpoint; each thousandth has failed, and each thousandth is still owed.
ENDPOINT = """
INSERT INTO webhook_endpoints (id, url, receiver, events, secrets, created_at, updated_at)
VALUES ('e1', 'http://x', 'http://x:80', '{job.StateChange}', '[]', now(), now())
"""
OF_ENDPOINT = """
INSERT INTO webhook_deliveries (id, job_id, version, webhook, url, receiver, body, endpoint_id,
                                state, next_at, ended_at, created_at)
SELECT 'e' || n, 'job' || n, 1, 0, 'http://x', 'http://x:80', '{}', 'e1', state,
       CASE state WHEN 'PENDING' THEN now() + interval '1 h' ELSE 'infinity' END,
       CASE WHEN state <> 'PENDING' THEN now() END, now() - make_interval(secs => n)
FROM (SELECT n, CASE n % 1000 WHEN 0 THEN 'FAILED' WHEN 1 THEN 'PENDING' ELSE 'DELIVERED' END
             AS state FROM generate_series(1, 100000) AS n) AS made
"""
ATTEMPTS = """
INSERT INTO webhook_attempts (delivery_id, number, at, duration_ms, status)
SELECT 'e' || n, 1, now(), 5, 200 FROM generate_series(1, 100000) AS n
"""
WEBHOOK_EVENTS = """
INSERT INTO webhook_events (job_id, changes, due_at)
SELECT 'job' || n, '[]', now() + interval '1 h' FROM generate_series(1, 100000) AS n
"""
# All of it is behind the horizon and before the place of the endpoints.
FEED = """
INSERT INTO job_events (txid, seq, job_id, changes)
SELECT n - 1000000, n, 'job' || n, '[{}]' FROM generate_series(1, 100000) AS n
"""
NOTICES = """
INSERT INTO webhook_notices (event, data, due_at)
SELECT 'schedule.Fired', '{}', now() + interval '1 h' FROM generate_series(1, 100000)
"""
SAMPLES = """
INSERT INTO queue_samples
SELECT 'q' || n % 100, now() - make_interval(secs => n / 100), true, 1, 15, 1, 1, 1, 1, 1, 1, 1
FROM generate_series(1, 100000) AS n
"""
TABLES = """
VACUUM ANALYZE jobs, job_tasks, job_needs, job_variables, tasks, task_log_parts, outbox,
    webhook_deliveries, webhook_events, webhook_attempts, job_events, webhook_notices,
    queue_samples, job_fingerprints
"""

IDS = [f"job{n}" for n in range(1, 400, 2)]
TASK_IDS = [f"task{n}" for n in range(1, 400, 2)]
HOUR = timedelta(hours=1)
LATER = datetime(2100, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NODES = ["n1"] * 200
EYES = ["role:public", "user:u7"]
ONES = [1] * 200
ALIKE = [{"digests": ["f7"], "owner": "ann", "readers": EYES}]
CHANGED_JOBS = json.dumps([{"id": i, "state": "RUNNING", "position": 1, "progress": 0,
                            "version": 3, "restarts": 0, "is_cancelling": False, "is_held": False,
                            "kept_bytes": 0, "spec_version": 1, "kept_running": 0, "charged": "0"}
                           for i in IDS])  # fmt: skip
CHANGED_TASKS = json.dumps([{"id": i, "state": "COMPLETED", "dispatch": 1, "lost": 0,
                             "engine_rejections": 0, "progress": 100, "is_held_back": False}
                            for i in TASK_IDS])  # fmt: skip

HEARTBEAT = Heartbeat(
    node_id="n1",
    name="n",
    hostname="h",
    port=1,
    version="v",
    queue="q",
    started_at=LONG_AGO,
    cpu_percent=1.0,
    tasks=[],
    lease_seconds=30.0,
).model_dump(mode="json")

WEBHOOK_EVENTS_NOW = json.dumps([{"job_id": i, "changes": []} for i in IDS])

HOT: dict[str, tuple[str, tuple[Any, ...]]] = {
    "load": (locking.LOAD, (IDS, TASK_IDS)),
    "lock ancestors": (transaction_rows.LOCK_ANCESTORS, (["child1"],)),
    "next created": (family_rows.NEXT_CREATED, (["task50000"], [20], TASK_IDS)),
    "cancel created of jobs": (family_rows.CANCEL_CREATED_OF_JOBS, (IDS, 1000)),
    "cancel created of parents": (family_rows.CANCEL_CREATED_OF_PARENTS, (["task2"], 1000)),
    "next held back": (family_rows.NEXT_HELD_BACK, (["job5"], [20], TASK_IDS)),
    "count what is held back": (slot_counts.COUNT, (IDS,)),
    "lock active of jobs": (family_rows.LOCK_ACTIVE_OF_JOBS, (IDS, 1000)),
    "lock active of parents": (family_rows.LOCK_ACTIVE_OF_PARENTS, (["task50000"], 1000)),
    "definitions of families": (transaction_rows.DEFINITIONS, (TASK_IDS,)),
    "unfinished at": (family_rows.UNFINISHED_AT, (IDS, [1] * 200, [])),
    "reopen children": (family_rows.REOPEN_CHILDREN, (["task2"],)),
    "jobs being cancelled": (subjob_signals.CANCELLING, ()),
    "stalled families": (subjob_signals.STALLED, ()),
    "forget a run": (versions.FORGET_RUN, ("job2",)),
    "ready in a graph": (transaction_rows.READY, (IDS,)),
    "release in a graph": (transaction_rows.RELEASE, (IDS, [1] * 200)),
    "tasks waiting in vain": (subjob_signals.WAITING_IN_VAIN, ()),
    "orphans": (subjob_signals.ORPHANS, ()),
    "write": (
        writing.statement(("jobs", "tasks", "log_parts", "webhook_events", "sent", "messages")),
        (
            CHANGED_JOBS,
            CHANGED_TASKS,
            *(TASK_IDS, [9] * 200, [LONG_AGO] * 200, ["x"] * 200),
            *(["{1,1}"] * 200, ONES, [False] * 200),
            WEBHOOK_EVENTS_NOW,
            list(range(1, 401)),
            *(["q"], ["m"], [0], [b"x"]),
        ),
    ),
    "jobs that do the same work": (reuse.KEPT_CANDIDATES, (["f7"], EYES, "ann")),
    "jobs on their way that do the same work": (submissions.JOINABLE, (ALIKE, ["NONE"])),
    "nearest job": (reuse.NEAR, ("ann", "f7")),
    "tasks that did the same work": (missed_tasks.SAME, (["f"] * 200, [None] * 200)),
    "nearest tasks": (
        missed_tasks.NEAR,
        (
            *(["new"], [None], ["a job"]),
            *(TASK_IDS, ["new"] * 200, ONES, [None, *range(1, 200)]),
        ),
    ),
    "sub-jobs behind in priority": (subjob_priorities.BEHIND, ("job50000",)),
    "load tasks": (source_rows.TASKS, (IDS, [2] * 200)),
    "load jobs": (source_rows.JOBS, (IDS,)),
    "load variables": (source_rows.VARIABLES, (IDS, ["x"] * 200)),
    "load all variables": (source_rows.VARIABLES, (IDS, [None] * 200)),
    "renew": (leases.RENEW, (TASK_IDS, ONES, NODES, [HOUR] * 200, ["run"] * 200)),
    "superseded": (leases.SUPERSEDED, (IDS, TASK_IDS, ONES, NODES)),
    "delete sent": (outbox.DELETE_SENT, (list(range(1, 401)),)),
    "release": (outbox.RELEASE, (list(range(1, 401)),)),
    "claim leftovers": (outbox.CLAIM_LEFTOVERS, (HOUR, 500)),
    "what waits in the outbox": (outbox.BACKLOG, ()),
    "due retries": (due.RETRIES, ()),
    "next retry": (due.NEXT_RETRY, ()),
    "holding back": (due.HOLDING_BACK, ()),
    "due starts": (due.STARTS, ()),
    "next start": (due.NEXT_START, ()),
    "timed out": (due.TIMED_OUT, (HOUR,)),
    "queued too long": (due.QUEUED_TOO_LONG, ()),
    "jobs timed out": (due.JOBS_TIMED_OUT, ()),
    "lost": (due.LOST, ()),
    "unconfirmed": (due.UNCONFIRMED, ()),
    "abandoned": (nodes.ABANDONED, (NODES,)),
    "waiting queues": (due.WAITING_QUEUES, (LATER,)),
    "waiting": (due.WAITING, (LATER, ["default"])),
    "waiting in a queue of few": (due.WAITING, (LATER, ["rare"])),
    "record nodes": (
        nodes.RECORD,
        ([HEARTBEAT],),
    ),
    "waiting nodes": (due.WAITING_NODES, (LATER,)),
    "waiting on nodes": (due.WAITING_ON_NODES, (LATER, NODES)),
    "held of nodes": (node_rows.HELD, ()),
    "executions of nodes": (node_rows.EXECUTIONS, ()),
    "families of nodes": (node_rows.FAMILIES, (TASK_IDS,)),
    "ports of nodes": (node_rows.PORTS, ()),
    "waiting for nodes": (placement.WAITING, ()),
    "failed on nodes": (placement.FAILED_ON, (TASK_IDS, TASK_IDS, ONES)),
    "on every node": (placement.ON_EVERY_NODE, ()),
    "on nodes": (placement.ON_NODES, ("t5",)),
    "left behind": (placement.LEFT_BEHIND, (NODES,)),
    "pinned to the gone": (placement.PINNED_TO_THE_GONE, (NODES,)),
    "to leave": (placement.TO_LEAVE, (NODES, NODES)),
    "too many": (placement.TOO_MANY, ()),
    "of old versions": (placement.OF_OLD_VERSIONS, ()),
    "expired jobs": (retention.EXPIRED_JOBS, ()),
    "old jobs": (retention.OLD_JOBS, (timedelta(days=365),)),
    "old log parts": (retention.OLD_LOG_PARTS, (timedelta(days=7),)),
    "jobs with webhooks": (deliveries.JOBS_WITH_WEBHOOKS, (IDS,)),
    "due webhook events": (events.TAKE_DUE, (200,)),
    "webhook events done": (events.DONE, (list(range(1, 201)),)),
    "webhook events later": (events.LATER, (list(range(1, 201)), HOUR)),
    "lines of due deliveries": (lines.DUE, (["http://7:80"],)),
    "due deliveries": (lines.TAKE, (HOUR, ["http://8:80"], ["o0"], [""], [10])),
    "deliveries that have waited too long": (lines.EXPIRE, (["http://7:80"], HOUR)),
    "deliveries given back": (lines.GIVE_BACK, (["d5"], [1])),
    "deliveries that follow": (lines.FOLLOW, (["e1"], ["job5"])),
    "deliveries without receivers": (lines.NAMELESS, (200,)),
    "name receivers": (lines.NAME, (["d5"], ["http://5:80"])),
    "deliveries owed": (deliveries.OWED, ()),
    "most overdue delivery": (lines.LATE, ([],)),
    "outcomes of deliveries": (
        outcomes.WRITE,
        (
            [f"d{n}" for n in range(1, 201)],
            *(ONES, [0] * 200, ["PENDING", "DELIVERED"] * 100, [HOUR, None] * 100, [HOUR] * 200),
            *([9.5] * 200, [500, 200] * 100, ["answered 500", None] * 100, ["x"] * 200),
            *([{"webhook-id": "d"}] * 200, [None] * 200),
        ),
    ),
    "end what an endpoint is owed": (END_DELIVERIES, (["e1"],)),
    "deliveries of a job": (webhook_deliveries.OF_JOB, ("job5", EYES, None, 20, 0)),
    "count deliveries of a job": (webhook_deliveries.COUNT_OF_JOB, ("job5", EYES, "FAILED")),
    "deliveries of an endpoint": (webhook_deliveries.OF_ENDPOINT, ("e1", 20, 200)),
    "failed of an endpoint": (webhook_deliveries.OF_ENDPOINT_IN_STATE, ("e1", "FAILED", 20, 20)),
    "owed of an endpoint": (webhook_deliveries.OF_ENDPOINT_IN_STATE, ("e1", "PENDING", 20, 20)),
    "count failed": (webhook_deliveries.COUNT_OF_ENDPOINT_IN_STATE, ("e1", "FAILED")),
    "failed since": (webhook_deliveries.COUNT_FAILED, ("e1", LONG_AGO)),
    "resend failed": (webhook_deliveries.RESEND_SOME, ("e1", LONG_AGO)),
    "delivery": (webhook_deliveries.ONE, ("e5", EYES)),
    "attempts": (webhook_deliveries.ATTEMPTS, ("e5",)),
    "news of the feed": (feed.LOOK, (0, 0)),
    "page of the feed": (feed.PAGE, (-950_000, 0, 100)),
    "jobs of the feed": (feed.JOBS, (IDS,)),
    "tasks of the feed": (feed.TASKS, (TASK_IDS,)),
    "due notices": (notices.TAKE_DUE, (100,)),
    "enabled endpoints": (endpoints.ENABLED, ()),
    "old deliveries": (retention.OLD_DELIVERIES, (timedelta(days=7),)),
    "news for a sample": (activity.NEWS, (-950_100, -950_000, BOUNDS_SECONDS)),
    "oldest by queue": (queues_in_use.OLDEST_BY_QUEUE, ()),
    "running by queue": (queues_in_use.RUNNING_BY_QUEUE, ()),
    "first sample to thin": (activity.FIRST_TO_THIN, (LATER,)),
    "old samples": (retention.OLD_QUEUE_SAMPLES, (timedelta(days=14),)),
    "latest samples": (sample_rows.LATEST, (HOUR,)),
    "samples of a queue": (sample_rows.OF_QUEUE, ("q1", LONG_AGO, LATER)),
}
TABLES_OF_SIZE = {
    "jobs", "job_tasks", "job_needs", "job_variables", "tasks", "task_log_parts", "outbox",
    "webhook_deliveries", "webhook_events", "webhook_attempts", "job_events", "webhook_notices",
    "queue_samples", "job_fingerprints",
}  # fmt: skip
MOST_BLOCKS = 6000  # for 200 rows with all their indexes
MOST_PASSED_OVER = 1000


@pytest.fixture(scope="module")
def crowded_dsn(postgres_databases: Databases) -> Iterator[str]:
    """A database with 100,000 jobs, filled at first use."""
    with postgres_databases.fresh() as dsn:
        yield dsn


@pytest.fixture
async def crowded(crowded_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    fills = (
        JOBS,
        JOB_TASKS,
        VARIABLES,
        TASKS,
        FAMILY,
        SUBJOBS,
        FINGERPRINTS,
        NEEDS,
        LOGS,
        OUTBOX,
        DELIVERIES,
        ENDPOINT,
        OF_ENDPOINT,
        ATTEMPTS,
        WEBHOOK_EVENTS,
        FEED,
        NOTICES,
        SAMPLES,
        TABLES,
    )
    async with crowded_connection(crowded_dsn, fills) as connection:
        yield connection


@pytest.mark.parametrize("name", HOT)
async def test_the_statement_walks_an_index(crowded: asyncpg.Connection, name: str) -> None:
    plan = await explained(crowded, *HOT[name])
    assert not read_whole(plan) & TABLES_OF_SIZE, plan
    # A whole index can be walked too; that shows in what was touched.
    assert blocks_touched(plan) < MOST_BLOCKS, plan
    assert rows_passed_over(plan) < MOST_PASSED_OVER, plan
