"""Jobs, executions and what has happened to them, as Bacalhau shows them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Any

from services.coordinator.api.bacalhau.ids import shown_id
from services.coordinator.api.bacalhau.node_views import shown_resources
from services.coordinator.store.executions import ExecutionRow
from services.coordinator.store.history import HistoryRow
from services.coordinator.store.named_jobs import FINAL_STATES, NamedJob
from services.coordinator.wait_reasons import Waiting
from shared.lifecycle import TaskState
from shared.planning.disclosure import Redacting

Fields = dict[str, Any]


class Observed(IntEnum):
    """The states of an execution that ours can have: as numbers on the wire, and as names in the
    details of what has happened."""

    NEW = 1
    ASK_FOR_BID = 2
    RUNNING = 6
    COMPLETED = 9
    FAILED = 10
    CANCELLED = 11

    @property
    def text(self) -> str:
        """As Bacalhau writes it."""
        return _TEXTS.get(self, self.name.title())


_TEXTS = {Observed.ASK_FOR_BID: "AskForBid"}


class Desired(IntEnum):
    """What is wanted of it."""

    PENDING = 0
    RUNNING = 1
    STOPPED = 2


EXECUTION_STATES: Mapping[str, tuple[Observed, Desired]] = {
    TaskState.CREATED: (Observed.NEW, Desired.PENDING),
    TaskState.PENDING: (Observed.NEW, Desired.PENDING),
    TaskState.SCHEDULED: (Observed.ASK_FOR_BID, Desired.RUNNING),
    TaskState.RUNNING: (Observed.RUNNING, Desired.RUNNING),
    TaskState.COMPLETED: (Observed.COMPLETED, Desired.STOPPED),
    TaskState.FAILED: (Observed.FAILED, Desired.STOPPED),
    TaskState.CANCELLED: (Observed.CANCELLED, Desired.STOPPED),
    TaskState.STOPPED: (Observed.CANCELLED, Desired.STOPPED),
    TaskState.SKIPPED: (Observed.CANCELLED, Desired.STOPPED),
}
"""By the state of a task the observed and the desired state of an execution. A node's claim is the
bid, and what is granted runs: there is no state between."""

_JOB_STATES = {"PENDING": "Pending", "SCHEDULED": "Pending", "RUNNING": "Running", **FINAL_STATES}
_JOB_EVENTS = {
    "PENDING": ("Submission", "Job submitted"),
    "SCHEDULED": ("Scheduling", "Job scheduled"),
    "RUNNING": ("State Update", "Job running"),
    "COMPLETED": ("State Update", "Job completed successfully"),
    "FAILED": ("State Update", "Job failed"),
    "CANCELLED": ("State Update", "Job requested to stop before completion"),
}
_EXECUTION_EVENTS = {
    "CREATED": ("Scheduling", "Execution created"),
    "PENDING": ("Queueing", "Execution waits for a node"),
    "SCHEDULED": ("Scheduling", "Requested execution on {node}"),
    "RUNNING": ("Running Execution", "Running"),
    "COMPLETED": ("Execution", "Completed successfully"),
    "FAILED": ("Execution", "Failed"),
    "CANCELLED": ("Execution", "Execution stopped"),
    "STOPPED": ("Execution", "Execution stopped"),
    "SKIPPED": ("Execution", "Execution skipped"),
}


def nanoseconds(time: datetime) -> int:
    return int(time.timestamp()) * 1_000_000_000 + time.microsecond * 1000


def shown_job(job: NamedJob, redact: Redacting, why: Waiting | None = None) -> Fields:
    """The submission with what the server adds; `why` it waits, if it does."""
    document: Fields = redact.value(job.document)
    state, message = job.state, redact.value(job.error) or (why.message if why else "")
    if not job.is_latest:
        state, message = "Undefined", "replaced by a newer version"
    return document | {
        "ID": shown_id("j", job.id),
        "Name": job.name,
        "Namespace": job.namespace,
        "State": {"StateType": state, "Message": message, "Details": {}},
        "Version": job.version,
        "Revision": job.revision + 1,
        "CreateTime": nanoseconds(job.created_at),
        "ModifyTime": nanoseconds(job.modified_at),
    }


def shown_execution(row: ExecutionRow, namespace: str, redact: Redacting) -> Fields:
    observed, desired = EXECUTION_STATES[row.state]
    error = redact.value(row.error) or ""
    return {
        "ID": shown_id("e", row.id),
        "Namespace": namespace,
        "EvalID": "",
        "Name": redact.value(row.name),
        "NodeID": row.node_id or "",
        "JobID": shown_id("j", row.job_id),
        "JobVersion": row.version,
        "PartitionIndex": row.partition,
        "AllocatedResources": {"Tasks": {row.name: shown_resources(row.resources or {})}},
        "DesiredState": {"StateType": desired, "Message": ""},
        "ComputeState": {"StateType": observed, "Message": error},
        "PublishedResult": {"Type": "", "Params": {}},
        "RunOutput": _output(row, error, redact),
        "PreviousExecution": shown_id("e", row.previous_id) if row.previous_id else "",
        "NextExecution": shown_id("e", row.next_id) if row.next_id else "",
        "FollowupEvalID": "",
        "Revision": row.dispatch,
        "CreateTime": nanoseconds(row.created_at),
        "ModifyTime": nanoseconds(row.modified_at),
    }


def _output(row: ExecutionRow, error: str, redact: Redacting) -> Fields | None:
    if not TaskState(row.state).is_final:
        return None
    stdout, is_cut = row.shown_output(is_stderr=False)
    stderr, is_stderr_cut = row.shown_output(is_stderr=True)
    return {
        "Stdout": redact.value(stdout),
        "StdoutTruncated": is_cut,
        "stderr": redact.value(stderr),
        "StderrTruncated": is_stderr_cut,
        "ExitCode": row.exit_code if row.exit_code is not None else (-1 if error else 0),
        "ErrorMsg": error,
    }


def shown_history(rows: Sequence[HistoryRow], job_id: str, redact: Redacting) -> list[Fields]:
    return [_happened(row, job_id, redact) for row in rows]


def _happened(row: HistoryRow, job_id: str, redact: Redacting) -> Fields:
    """With the fields that clients of 1.4 look for, beside those of 1.9."""
    is_job = row.execution_id is None
    topic, told = (_JOB_EVENTS if is_job else _EXECUTION_EVENTS)[row.state]
    message = told.format(node=row.node_id)
    if is_job and row.state == "PENDING" and row.version > 1:
        message = "Job updated"
    observed = EXECUTION_STATES[row.state][0]
    state = _JOB_STATES[row.state] if is_job else observed.text
    details = {"NewState": state}
    if error := redact.value(row.error):
        message, details = error, {**details, "IsError": "true"}
    return {
        "SeqNum": row.number,
        "Type": "JobLevel" if is_job else "ExecutionLevel",
        "JobID": shown_id("j", job_id),
        "JobVersion": row.version,
        "ExecutionID": "" if row.execution_id is None else shown_id("e", row.execution_id),
        "NodeID": row.node_id or "",
        "JobState" if is_job else "ExecutionState": {"New": state if is_job else observed},
        "NewRevision": row.revision + 1,
        "Comment": message,
        "Event": {
            "Message": message,
            "Topic": topic,
            "Timestamp": row.happened_at,
            "Details": details,
        },
        "Time": row.at,
    }
