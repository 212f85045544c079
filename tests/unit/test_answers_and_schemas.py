"""What the API answers is what its schemas describe: nothing is missing there, nothing is wrong."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from services.coordinator.api.replies import Fields, encode
from services.coordinator.api.tork import task_views, views
from services.coordinator.api.tork.schemas.jobs import Job, JobPage, JobSummary, LogPage
from services.coordinator.api.tork.schemas.tasks import Task
from services.coordinator.store.logs import Log
from services.coordinator.store.rows import (
    JobRow,
    LogRow,
    Page,
    PageRequest,
    SummaryRow,
    TaskRow,
    shown_user,
)
from shared.planning.disclosure import Redacting
from shared.process.redaction import Redactor

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1, microseconds=5)
PLAIN = Redactor()
SECRET = Redactor(["a-secret"])

DEFINITION: Any = {
    "name": "a-secret name",
    "run": "echo a-secret",
    "env": {"API_KEY": "k", "HOME": "/h"},
    "registry": {"username": "u", "password": "p"},
    "retry": {"limit": 3},
    "queue_timeout": {"seconds": 3600, "text": "1h"},
    "allow_failure": True,
    "needs": [],
    "pre": [{"name": "p", "run": "true"}],
    "sources": [
        {"s3": {"bucket": "b", "key": "k", "secret_key": "a-secret"}, "target": "in"},
        {"url": "https://a-secret", "headers": {"X-Token": "t"}, "target": "u", "read_only": True},
        {"artifact": "a.b", "target": "c", "taken": {"object": "o", "sha256": "x"}, "at": [1]},
    ],
    "artifacts": [{"name": "out", "path": "out", "always": True}],
    "publish": [{"ipfs": True}],
    "large_result": "rows",
    "success_codes": [0, 3],
    "stop_signal": "SIGINT",
    "network": {"type": "bridge", "ports": [{"name": "A", "static": 1024}]},
    "wasm": {"module": "in/a", "imports": {"a": "in/b"}},
    "placement": {
        "constraints": [{"key": "zone", "operator": "in", "values": ["a"]}],
        "prefer": [{"weight": 3, "constraints": [{"key": "gpu", "operator": "exists"}]}],
        "resources": {"cpus": {"value": 1, "text": "1"}, "gpus": 1},
        "update": {"healthy_after": {"seconds": 1, "text": "1s"}},
    },
    "execution": {"type": "batch", "index": 0, "count": 3},
    "parallel": {"tasks": [{"name": "c", "run": "a-secret"}], "min_success_percent": 50},
    "of_a_later_version": "a-secret",
}
TASK = TaskRow(
    id="t",
    job_id="j",
    position=1,
    state="FAILED",
    name="a-secret name",
    queue="default",
    priority=3,
    var="v",
    definition=DEFINITION,
    attempt=2,
    progress=12.3456,
    node_id="n",
    created_at=NOW,
    scheduled_at=NOW,
    started_at=NOW,
    completed_at=None,
    failed_at=LATER,
    result="a-secret",
    error="it was a-secret",
    parent_id="p",
    child_index=0,
    exit_code=0,
    failure_cause="exit",
    reused_from="earlier",
    last_return_reason="a-secret",
    engine_rejections=1,
    children={"total": 1, "ended": 1},
    timings=[("pull", -2, 700), ("run", 700, 1250)],
    usage={"attempts": 1, "run_ms": 1250, "cpu_us": 1, "memory_mib_ms": 1, "gpu_ms": 1},
    subjob_id=None,
    phase="run",
    image_digest="sha256:1",
    reuse_miss={"reason": "different", "task_id": "t2", "differences": ["env.A"], "count": 1},
)
EMPTY = TaskRow._make([None] * len(TaskRow._fields))._replace(
    id="t", job_id="j", position=1, state="CREATED", created_at=NOW, definition={}, progress=0.0
)
SUMMARY = SummaryRow(
    id="j",
    state="FAILED",
    name="a-secret job",
    description="a-secret",
    tags=["a", "a-secret"],
    inputs={"password": "x", "n": [1, None, {"a": 1.5}]},
    sealed=None,
    task_count=0,
    position=0,
    progress=50.0,
    created_at=NOW,
    started_at=NOW,
    completed_at=None,
    failed_at=LATER,
    result="a-secret",
    error="a-secret",
    created_by=shown_user("ann"),
    parent_id="p",
    schedule_id="s",
    schedule_cron="* * * * *",
    schedule_at=NOW,
)
JOB = JobRow(
    summary=SUMMARY,
    secret_names=["key"],
    output="{{ 1 }}",
    defaults={"retry": {"limit": 1}, "timeout": {"seconds": 300, "text": "5m"}},
    webhooks=[{"url": "http://x/a-secret", "headers": {"Authorization": "b"}, "condition": "true"}],
    auto_delete_after=timedelta(hours=24),
    delete_at=LATER,
    permissions=[{"user": shown_user("bob")}],
    timeout=timedelta(minutes=90),
    uploads={},
    is_held=True,
    start_at=NOW,
    must_end_at=LATER,
    budget=Decimal("2.50"),
    slots={"concurrency": 2, "rate": {"count": 10, "seconds": 60}},
    reuse={"max_age": {"seconds": 60, "text": "1m"}, "takes_oldest": True},
    variables={"token": "t", "v": "a-secret"},
    is_large=False,
)


def _whole(redact: Redacting) -> Fields:
    tasks = {"tasks": [task_views.shown_definition(DEFINITION, redact)]}
    return (
        views.job_without_tasks(JOB, redact, "view")
        | tasks
        | {"execution": [task_views.task(TASK, redact)]}
    )


ANSWERS: dict[str, tuple[type[BaseModel], Any]] = {
    "task": (Task, task_views.task(TASK, SECRET)),
    "task without anything": (Task, task_views.task(EMPTY, PLAIN)),
    "summary": (JobSummary, views.summary(SUMMARY, SECRET, "view")),
    "job": (Job, _whole(SECRET)),
    "page": (
        JobPage,
        views.job_page(Page(PageRequest(1, 10), [SUMMARY], 1), lambda _: PLAIN, lambda _: "view"),
    ),
    "log": (
        LogPage,
        views.log_page(
            Log(
                Page(
                    PageRequest(1, 10),
                    [LogRow(task_id="t", number=1, contents="a-secret", created_at=LATER)],
                    1,
                ),
                sealed=None,
                is_complete=False,
            ),
            SECRET,
        ),
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_what_its_schema_describes(name: str) -> None:
    model, answer = ANSWERS[name]
    described = model.model_validate_json(encode(answer))
    assert orjson.loads(encode(described)) == orjson.loads(encode(answer))


@pytest.mark.parametrize("name", [name for name in ANSWERS if name != "page"])
def test_no_secret_is_left_in_an_answer(name: str) -> None:
    assert b"a-secret" not in encode(ANSWERS[name][1])


def test_zero_is_shown_only_where_it_means_something() -> None:
    assert {"exitCode", "childIndex"} <= task_views.task(TASK, PLAIN).keys()
    assert task_views.task(EMPTY, PLAIN).keys() == {"id", "jobId", "position", "state", "createdAt"}
    assert {"position", "taskCount"} <= views.summary(SUMMARY, PLAIN, "view").keys()


def test_the_start_of_the_last_run_is_shown_of_a_job_that_was_restarted() -> None:
    first = SUMMARY._replace(started_at=NOW, run_started_at=NOW)
    assert "runStartedAt" not in views.summary(first, PLAIN, "view")
    restarted = views.summary(first._replace(run_started_at=LATER), PLAIN, "view")
    assert (restarted["startedAt"], restarted["runStartedAt"]) == (NOW, LATER)


def test_a_cancelled_job_says_when_by_whom_with_what_and_why() -> None:
    ann = shown_user("ann")
    cancelled = SUMMARY._replace(state="CANCELLED", cancelled_at=LATER, cancelled_by=ann)
    cancelled = cancelled._replace(cancelled_by_client="curl/8.5.0", cancel_reason="wrong input")
    shown = views.summary(cancelled, PLAIN, "view")
    assert (shown["cancelledAt"], shown["cancelledBy"]) == (LATER, ann)
    assert (shown["cancelledByClient"], shown["cancelReason"]) == ("curl/8.5.0", "wrong input")
    assert not {"cancelledAt", "cancelledBy"} & views.summary(SUMMARY, PLAIN, "view").keys()


def test_times_are_shown_in_utc_with_a_z() -> None:
    assert (
        orjson.loads(encode(task_views.task(TASK, PLAIN)))["failedAt"]
        == "2026-01-01T00:00:01.000005Z"
    )
