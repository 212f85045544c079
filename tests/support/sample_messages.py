"""Messages of every kind as this version writes them: with every field filled, and the variants."""

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from shared.definition import encode
from shared.messages import (
    Adopted,
    Claim,
    Finished,
    Gpu,
    Heartbeat,
    KeptArtifact,
    LogPart,
    NodeDescription,
    Orders,
    ParentRef,
    PhaseTiming,
    PlacementDue,
    ProgressReport,
    Refusal,
    Reports,
    Returned,
    RunTask,
    Spawned,
    StillHeld,
    StopOrder,
    SubJobAbandon,
    SubJobEnd,
    SubJobResume,
    SubJobSignals,
    TaskRef,
    Telemetry,
    WebhooksDue,
)
from tests.support.jobs.definitions import task_definition

SEALING_KEY = "YSBrZXkgdGhhdCBpcyBmb3IgdGVzdHMgYWxvbmUuLi4="
_ENCRYPTED = (
    "fernet:gAAAAABrCqqxuhcR3HQOY3s2m3VqY07xIVcAPsUkA1VqLuXEIwJWt6Ua9VBljiCKtvNXZxJrD"
    "m23GNX3x_QpPgOsK-dOzwN-d_8y1DG8e4rk1TMvl5Vr7ZxHbBG2Kv_xF_MbD6cApZOYGTt-KccfZNcHH"
    "VsuxUGPzwlgxAmsp9x_npH4niRHSEkwoR5mccMLnc6j3hlWzOdj"
)
_AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
_REF: dict[str, Any] = {"job_id": "0a" * 16, "task_id": "0b" * 16, "dispatch": 2}
_NODE = "0c" * 16
_LOG = LogPart(
    job_id=_REF["job_id"],
    task_id=_REF["task_id"],
    number=1_000_001,
    contents="first line\nä second one\n",
    created_at=_AT,
    stderr=[(2, 2)],
    continues=True,
)

_KEPT = KeptArtifact(
    name="frames",
    object=f"{_REF['job_id']}/{_REF['task_id']}/1.2/frames",
    file_name="frames",
    size=5_000_000_000,
    sha256="0f" * 32,
    files=250,
    chunks=200,
    mode=0o755,
    published=["s3://results/frames/"],
)

_PROGRAM: dict[str, object] = {
    "name": "a name",
    "image": "busybox:1",
    "registry": {"username": "me", "password": "[REDACTED]"},
    "cmd": ["-c", "true"],
    "entrypoint": ["sh"],
    "run": "echo $GREETING > $TORK_OUTPUT",
    "env": {"GREETING": "hello", "TOKEN": "[REDACTED]"},
    "files": {"data/in.txt": "text"},
    "timeout": "90s",
}
_DEFINITION: dict[str, object] = _PROGRAM | {
    "workdir": "/work",
    "limits": {"cpus": "0.5", "memory": "64m"},
    "mounts": [
        {"type": "volume", "target": "/shared"},
        {"type": "bind", "source": "/data", "target": "/data", "opts": {"readonly": "true"}},
    ],
    "networks": ["backend"],
    "gpus": "all",
    "privileged": True,
    "pre": [_PROGRAM],
    "post": [_PROGRAM],
    "sidecars": [_PROGRAM | {"probe": {"path": "/health", "port": 8080, "timeout": "5s"}}],
}
_PLAIN = 'plain:{"definition":{"env":{"TOKEN":"hunter2-hunter2"}},"secrets":["hunter2-hunter2"]}'


def _run_task(**changes: Any) -> RunTask:
    fields: dict[str, Any] = {
        **_REF,
        "attempt": 1,
        "queue": "highcpu",
        "timeout_seconds": 90.5,
        "definition": encode(task_definition(_DEFINITION)),
        "sealed": _PLAIN,
        "files_left_bytes": 1_000_000_000,
        "resources": {"millicpus": 500, "memory": 67_108_864, "disk": 0, "gpus": 1},
        "memory_scale": 1.5,
        "most_memory_bytes": 536_870_912,
        "origin": "0d" * 16,
    }
    return RunTask(**(fields | changes))


def _finished(**changes: Any) -> Finished:
    return Finished(**_REF, log_parts=1, log=[_LOG], **changes)


def _reports(**lists: Any) -> Reports:
    return Reports(node_id=_NODE, lease_seconds=30.0, **lists)


_RUN = PhaseTiming(phase="run", started_ms=-3, duration_ms=1250)
_SUCCEEDED = _finished(
    result="a result",
    exit_code=0,
    cause="exit",
    artifacts=[_KEPT],
    timings=[_RUN],
    spawned=[Spawned(sequence=1, parameters='{"n":1}', name="one")],
    image_digest="sha256:" + "0e" * 32,
)
_FAILED = _finished(error="exit code 3", exit_code=3, cause="exit", is_out_of_memory=True)
_SUBJOB_END: dict[str, Any] = {**_REF, "subjob_id": "0d" * 16}
_SUBJOB = {"job_id": "0d" * 16, "dispatch": 2}

SAMPLES: dict[str, BaseModel] = {
    "run_task": _run_task(),
    "run_task-encrypted": _run_task(sealed=_ENCRYPTED),
    "run_task-without-secrets": _run_task(sealed=None, timeout_seconds=None, attempt=0),
    "reports": _reports(
        claims=[Claim(**_REF, token_digest="0a" * 32)],
        finished=[_SUCCEEDED, _FAILED],
        returned=[Returned(**_REF)],
        still_held=[StillHeld(**_REF)],
        adopted=[Adopted(**_REF, from_node_id="0e" * 16)],
    ),
    "reports-claim": _reports(claims=[Claim(**_REF)]),
    "reports-succeeded": _reports(finished=[_SUCCEEDED]),
    "reports-failed": _reports(finished=[_FAILED]),
    "reports-timed-out": _reports(finished=[_finished(error="timed out", cause="timeout")]),
    "reports-failed-otherwise": _reports(finished=[_finished(error="no such image")]),
    "reports-returned": _reports(returned=[Returned(**_REF)]),
    "reports-lost": _reports(returned=[Returned(**_REF, is_lost=True)]),
    "reports-declined": _reports(
        returned=[Returned(**_REF, error="could not create the container: no", is_declined=True)]
    ),
    "reports-still-held": _reports(still_held=[StillHeld(**_REF)]),
    "subjob_signals": SubJobSignals(
        ended=[
            SubJobEnd(**_SUBJOB_END, state="COMPLETED", result="a result"),
            SubJobEnd(**_SUBJOB_END, state="FAILED", error="exit code 3"),
            SubJobEnd(**_SUBJOB_END, state="CANCELLED"),
        ],
        abandoned=[SubJobAbandon(**_SUBJOB)],
        resumed=[SubJobResume(**_SUBJOB)],
        continued=[ParentRef(job_id=_REF["job_id"], task_id=_REF["task_id"])],
        cancelling=[str(_REF["job_id"])],
    ),
    "orders": Orders(
        granted=[TaskRef(**_REF)],
        refused=[Refusal(**_REF, reason="task is RUNNING")],
        stop=[StopOrder(**_REF, reason="lease expired", at_once=True)],
        status_queries=[TaskRef(**_REF)],
        abandoned=[_NODE],
        availability="cordoned",
    ),
    "telemetry": Telemetry(
        node_id=_NODE, logs=[_LOG], progress=[ProgressReport(**_REF, progress=42.5)]
    ),
    "heartbeat": Heartbeat(
        node_id=_NODE,
        name="worker-1",
        hostname="host-1",
        port=8004,
        version="0.1.0",
        started_at=_AT,
        cpu_percent=12.5,
        queue="default:2,highcpu",
        lease_seconds=30.0,
        leaving=True,
        tasks=[TaskRef(**_REF)],
        phases={_REF["task_id"]: "run"},
        unknown_nodes=["0e" * 16],
        availability="draining",
        node=NodeDescription(
            labels={"region": "eu"},
            engines=["docker"],
            storages=["s3"],
            publishers=["s3"],
            capacity={"millicpus": 3200, "gpus": 1},
            max_executions=100,
            gpus=[Gpu(index="0", name="Tesla T4", memory=16_106_127_360)],
        ),
        held_until=_AT,
        hold_reason="attempts of 5 jobs failed in a row (5 with exit code 111)",
    ),
    "placement_due": PlacementDue(),
    "webhooks_due": WebhooksDue(),
}
