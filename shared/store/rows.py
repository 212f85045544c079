"""The columns of `jobs` and `tasks`, each told once, and their rows as the core's values."""

from collections.abc import Sequence
from typing import Any

from shared.definition import encode_all
from shared.lifecycle import Job, JobState, Parent, PlannedTask, Task, TaskKind, TaskState
from shared.store.columns import Column, Written, at_least, field_maker, row_maker, selected
from shared.store.row_values import (
    amount_row,
    children_of,
    children_row,
    dispatch_of,
    encoded,
    lock_of,
    lock_row,
    placement_of,
    placement_row,
    rates_of,
    rates_row,
    retry_of,
    retry_row,
    slots_of,
    slots_row,
    usage_of,
    usage_row,
)

_NEVER, _BEGUN, _CHANGED = Written.NEVER, Written.BEGUN, Written.CHANGED


_USAGE = Column("usage", "jsonb", _CHANGED, to_json=usage_row, from_row=usage_of)


# What was planned comes first: `task_of` counts on it.
_PLAN = (
    Column("name", "text", _BEGUN, "plan.name"),
    Column("queue", "text", _BEGUN, "plan.queue"),
    Column("priority", "int", _BEGUN, "plan.priority"),
    Column("var", "text", _BEGUN, "plan.var"),
    Column("timeout", "interval", _BEGUN, "plan.timeout"),
    Column("retry", "jsonb", _BEGUN, "plan.retry", to_json=retry_row, from_row=retry_of),
    Column("definition", "jsonb", _BEGUN, "plan.definition"),
    Column("sealed", "text", _BEGUN, "plan.sealed"),
    Column("kind", "text", _BEGUN, "plan.kind", from_row=TaskKind),
    Column("allow_failure", "boolean", _BEGUN, "plan.allow_failure"),
    Column("queue_timeout", "interval", _BEGUN, "plan.queue_timeout"),
    Column("resources", "jsonb", _BEGUN, "plan.resources"),
    Column(
        "placement",
        "jsonb",
        _BEGUN,
        "plan.placement",
        to_json=placement_row,
        from_row=placement_of,
    ),
    Column("fingerprint", "text", _BEGUN, "plan.fingerprint"),
    Column("reuse_miss", "jsonb", _BEGUN, "plan.reuse_miss"),
)
_OF_TASK = (
    Column("id", "text"),
    Column("job_id", "text"),
    Column("position", "int"),
    Column("state", "text", _CHANGED, from_row=TaskState),
    Column("created_at", "timestamptz"),
    Column("attempt", "int"),
    Column("dispatch", "int", _CHANGED),
    Column("lost", "int", _CHANGED),
    Column("engine_rejections", "int", _CHANGED),
    Column("last_return_reason", "text", _CHANGED),
    Column("progress", "float8", _CHANGED),
    Column("node_id", "text", _CHANGED),
    Column("due_at", "timestamptz", _CHANGED),
    Column("lease_expires_at", "timestamptz", _CHANGED),
    Column("deadline_at", "timestamptz", _CHANGED),
    Column("scheduled_at", "timestamptz", _CHANGED),
    Column("started_at", "timestamptz", _CHANGED),
    Column("completed_at", "timestamptz", _CHANGED),
    Column("failed_at", "timestamptz", _CHANGED),
    Column("result", "text", _CHANGED),
    Column("error", "text", _CHANGED),
    Column("log_parts", "int", _CHANGED),
    Column("exit_code", "int", _CHANGED),
    Column("failure_cause", "text", _CHANGED),
    Column("timings", "jsonb", _CHANGED),
    Column("image_digest", "text", _CHANGED),
    _USAGE,
    Column("parent_id", "text"),
    Column("child_index", "int"),
    Column("scope", "jsonb"),
    Column("children", "jsonb", _CHANGED, to_json=children_row, from_row=children_of),
    Column("subjob_id", "text", _CHANGED),
    Column("pinned_to", "text"),
    Column("recall", "text", _CHANGED),
    Column("retries_from", "int"),
    Column("spec_version", "int", _BEGUN),
    Column("reused_from", "text", _BEGUN),
    Column("sequence", "int"),
    Column("token_digest", "text", _CHANGED),
    Column("is_held_back", "boolean", _CHANGED),
)
TASK = (*_PLAN, *_OF_TASK)

# What the core decides over. Who waits for a job comes first: `job_of` counts on it.
_PARENT = (
    Column("parent_job_id", "text", _NEVER),
    Column("parent_task_id", "text", _NEVER),
    Column("parent_dispatch", "int", _CHANGED, "parent", to_json=dispatch_of),
)
_OF_JOB = (
    Column("id", "text"),
    Column("state", "text", _CHANGED, from_row=JobState),
    Column("task_count", "int"),
    Column("created_at", "timestamptz"),
    Column("position", "int", _CHANGED),
    Column("progress", "float8", _CHANGED),
    Column("version", "int", _CHANGED),
    Column("restarts", "int", _CHANGED),
    Column("is_cancelling", "boolean", _CHANGED),
    Column("is_held", "boolean", _CHANGED),
    Column("has_output", "boolean", _NEVER, expression="output IS NOT NULL"),
    Column("has_webhooks", "boolean", _NEVER, expression="(webhooks <> '[]' OR is_joined)"),
    Column("is_graph", "boolean"),
    Column("keeps_files", "boolean"),
    Column("kept_bytes", "bigint", _CHANGED),
    Column("spec_version", "int", _CHANGED),
    Column("kept_running", "int", _CHANGED),
    Column("schedule_id", "text", _NEVER),
    Column("timeout", "interval"),
    Column("start_at", "timestamptz"),
    Column("due_at", "timestamptz", _CHANGED),
    Column("must_end_at", "timestamptz"),
    Column("deadline_at", "timestamptz", _CHANGED),
    Column("auto_delete_after", "interval"),
    Column("started_at", "timestamptz", _CHANGED),
    Column("run_started_at", "timestamptz", _CHANGED),
    Column("completed_at", "timestamptz", _CHANGED),
    Column("failed_at", "timestamptz", _CHANGED),
    Column("cancelled_at", "timestamptz", _CHANGED),
    Column("cancelled_by", "text", _CHANGED),
    Column("cancelled_by_client", "text", _CHANGED),
    Column("cancel_reason", "text", _CHANGED),
    Column("delete_at", "timestamptz", _CHANGED),
    Column("result", "text", _CHANGED),
    Column("error", "text", _CHANGED),
    _USAGE,
    Column("rates", "jsonb", _CHANGED, to_json=rates_row, from_row=rates_of),
    Column("budget", "numeric", _CHANGED, to_json=amount_row),
    Column("payer", "text"),
    Column("hold", "numeric", _CHANGED, to_json=amount_row),
    Column("charged", "numeric", _CHANGED, to_json=amount_row),
    Column("lock", "jsonb", _CHANGED, to_json=lock_row, from_row=lock_of),
    Column("priority", "int", _CHANGED),
    Column("slots", "jsonb", _CHANGED, to_json=slots_row, from_row=slots_of),
)
JOB = (*_PARENT, *_OF_JOB)

# What is kept of a submission to be shown, or to plan from: `NewJob`.
SUBMITTED = (
    Column("name", "text", attribute="definition.name"),
    Column("description", "text", attribute="definition.description"),
    Column("tags", "text[]", attribute="definition.tags"),
    Column("created_by", "text"),
    Column("inputs", "jsonb", attribute="definition.inputs"),
    Column("uploads", "jsonb", attribute="definition.uploads"),
    Column("secret_names", "text[]", attribute="definition.secrets", to_json=sorted),
    Column("output", "text", attribute="definition.output"),
    Column("defaults", "jsonb", attribute="definition.defaults", to_json=encoded),
    Column("webhooks", "jsonb", attribute="definition.webhooks", to_json=encode_all),
    Column("parent_job_id", "text"),
    Column("parent_task_id", "text"),
    Column("permissions", "jsonb", attribute="definition.permissions", to_json=encode_all),
    Column("readers", "text[]"),
    Column("schedule_id", "text"),
    Column("schedule_at", "timestamptz"),
    Column("template", "text"),
    Column("reuse", "jsonb", attribute="definition.reuse", to_json=encoded),
    Column("client", "text"),
    Column("key_name", "text"),
    Column("search", "tsvector", expression="job_search(name, description, tags)"),
)
SEALED = Column("sealed", "text")

VERSION = (
    Column("job_id", "text"),
    Column("version", "int"),
    Column("definition", "jsonb"),
    Column("sealed", "text"),
    Column("document", "jsonb"),
    Column("reason", "text"),
    Column("created_by", "text"),
)
JOB_TASK = (
    Column("job_id", "text"),
    Column("position", "int"),
    Column("task", "jsonb"),
    Column("waiting_for", "int"),
    Column("is_done", "boolean"),
)
VARIABLE = (
    Column("job_id", "text"),
    Column("name", "text"),
    Column("value", "text"),
    Column("is_list", "boolean"),
)
ARTIFACT = (
    Column("job_id", "text"),
    Column("task_id", "text"),
    Column("attempt", "int"),
    Column("name", "text"),
    Column("object", "text"),
    Column("file_name", "text"),
    Column("size", "bigint"),
    Column("sha256", "text"),
    Column("files", "int"),
    Column("mode", "int"),
    Column("published", "text[]"),
    Column("chunks", "int"),
)
FEED = (Column("job_id", "text"), Column("changes", "jsonb"))

JOB_COLUMNS, TASK_COLUMNS = selected(JOB), selected(TASK)
NEW_JOB = (*at_least(JOB, Written.INSERTED), *SUBMITTED, SEALED)

new_job_row, submitted_row = row_maker(at_least(JOB, Written.INSERTED)), row_maker(SUBMITTED)
job_changes = row_maker(at_least(JOB, _CHANGED))
new_task_row = row_maker(TASK)
begun_task_row = row_maker(at_least(TASK, _BEGUN))
task_changes = row_maker(at_least(TASK, _CHANGED))
variable_row = row_maker(VARIABLE)

_job_fields = field_maker(_OF_JOB)
_plan_fields, _task_fields = field_maker(_PLAN), field_maker(_OF_TASK)


def job_of(row: Sequence[Any]) -> Job:
    """The job in a row that begins with `JOB_COLUMNS`."""
    job_id, task_id, dispatch = row[: len(_PARENT)]
    # A job that was started detached has nobody who waits for it.
    waits = dispatch is not None
    parent = Parent(job_id=job_id, task_id=task_id, dispatch=dispatch) if waits else None
    return Job(parent=parent, **_job_fields(row[len(_PARENT) :]))


def task_of(row: Sequence[Any]) -> Task:
    """The task in a row that begins with `TASK_COLUMNS`."""
    plan = PlannedTask(**_plan_fields(row))
    return Task(plan=plan, **_task_fields(row[len(_PLAN) :]))
