"""What a webhook is sent: the job's summary as it was at the change, in the API's wire form, under
the headers that the job asks for, evaluated, and ours.

Requests are signed as Standard Webhooks 1.0.0 has it, so that a receiver knows whom they come from.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson
import structlog

from services.webhook_dispatcher.store.deliveries import Delivery, HeaderSource
from shared.definition import Webhook, decode_webhooks
from shared.expressions import ExpressionError, has_expression, render, render_value
from shared.lifecycle import derived_id
from shared.messages import Change
from shared.process.redaction import Redactor
from shared.process.sealing import Sealer

log = structlog.get_logger(__name__)

JOB_STATE = "job.StateChange"
_EVENTS = {
    (False, False): JOB_STATE,
    (False, True): "job.Progress",
    (True, False): "task.StateChange",
    (True, True): "task.Progress",
}
"""By whether a task changed, and whether its progress alone did."""

_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64
RULE = f"must be {_PREFIX} and the base64 of {_SHORTEST} to {_LONGEST} random bytes"


def deliveries_for(
    change: Change, job: Mapping[str, Any], secrets: Mapping[str, str]
) -> Iterator[Delivery]:
    """The calls that `change` owes to the webhooks of `job` (a row)."""
    event = _EVENTS[change.task_id is not None, change.is_progress]
    body: bytes | None = None
    summary = _task(change) if change.task_id else _job(change, job)
    names = names_of_summary(summary, _job_now(job))
    for place, webhook in enumerate(decode_webhooks(job["webhooks"])):
        if (webhook.event or JOB_STATE) != event:
            continue
        if not is_wanted(webhook.condition, names):
            continue
        if body is None:
            body = orjson.dumps(Redactor(secrets.values()).value(summary))
        yield Delivery(
            id=derived_id("webhook", change.job_id, change.version, place),
            job_id=change.job_id,
            version=change.version,
            webhook=place,
            url=webhook.url,
            body=body,
            source=_header_source(webhook, job),
        )


def _header_source(webhook: Webhook, job: Mapping[str, Any]) -> HeaderSource | None:
    headers = webhook.headers
    return HeaderSource(headers, job["name"], job["inputs"], job["sealed"]) if headers else None


def is_wanted(condition: str | None, names: Mapping[str, object]) -> bool:
    """Whether a webhook's `if` lets this through; one that fails does not, as it can't be true."""
    if not condition:
        return True
    template = condition if has_expression(condition) else "{{" + condition + "}}"
    try:
        return render_value(template, names) in (True, "true")
    except ExpressionError as error:
        log.warning("webhook_condition_failed", condition=condition, error=str(error))
        return False


def names_of_summary(summary: Mapping[str, object], job: Mapping[str, object]) -> dict[str, object]:
    """What a webhook's expressions may read: `job`, and `task` where the summary is a task's.

    `job` is what they read there of the task's job. Tork's conditions say `job.State`; ours may
    say `job.state` too.
    """
    if "jobId" in summary:
        return {"task": _with_go_names(summary), "job": _with_go_names(job)}
    return {"job": _with_go_names(summary)}


def _with_go_names(summary: Mapping[str, object]) -> dict[str, object]:
    go_names = {name[0].upper() + name[1:]: value for name, value in summary.items()}
    return {**summary, **go_names, "ID": summary["id"]}


def _job(change: Change, job: Mapping[str, Any]) -> dict[str, object]:
    return _filled(
        {
            **_facts(job),
            "state": change.state,
            "completedAt": _time(change.at) if change.state == "COMPLETED" else None,
            "failedAt": _time(change.at) if change.state == "FAILED" else None,
            "position": change.position,
            "progress": change.progress,
            "result": change.result,
            "error": change.error,
        }
    )


def _job_now(job: Mapping[str, Any]) -> dict[str, object]:
    """The job of a task that changed, as it is now: a task's change doesn't tell."""
    now = {name: job[name] for name in ("state", "position", "progress")}
    return _filled({**_facts(job), **now})


def _facts(job: Mapping[str, Any]) -> dict[str, object]:
    return {
        "id": job["id"],
        "parentId": job["parent_task_id"],
        "name": job["name"],
        "description": job["description"],
        "tags": job["tags"],
        "inputs": job["inputs"],
        "createdAt": _time(job["created_at"]),
        "startedAt": _time(job["started_at"]),
        "taskCount": job["task_count"],
    }


def _task(change: Change) -> dict[str, object]:
    return _filled(
        {
            "id": change.task_id,
            "jobId": change.job_id,
            "parentId": change.parent_id,
            "name": change.task_name,
            "position": change.position,
            "state": change.state,
            "attempt": change.attempt or None,
            "nodeId": change.node_id,
            "progress": change.progress,
            "result": change.result,
            "error": change.error,
            "at": _time(change.at),
        }
    )


def _filled(summary: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in summary.items() if value not in (None, "", [], {})}


def _time(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def headers_of(delivery: Delivery, sealer: Sealer) -> dict[str, str]:
    """Ours win over the job's. Raises ExpressionError, SealingError."""
    asked: dict[str, str] = {}
    if (source := delivery.source) is not None:
        job = {"id": delivery.job_id, "name": source.job_name}
        summary = names_of_summary(orjson.loads(delivery.body), job)
        secrets = sealer.secrets_in(source.sealed)
        names = {**summary, "inputs": source.inputs, "secrets": secrets}
        asked = {name: render(value, names) for name, value in source.headers.items()}
    return {
        **asked,
        "Content-Type": "application/json; charset=UTF-8",
        "webhook-id": delivery.id,
        "conveyor-sequence": str(delivery.version),
    }


def read_secrets(text: str) -> tuple[bytes, ...]:
    """The keys in `text`, secrets separated by commas. Raises ValueError for what is none."""
    return tuple(_key(secret.strip()) for secret in text.split(",") if secret.strip())


def signature(keys: tuple[bytes, ...], delivery_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: one for each key, so that a secret can be replaced.

    `timestamp` is in seconds since 1970, as `webhook-timestamp` says it.
    """
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    digests = (hmac.new(key, signed, hashlib.sha256).digest() for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def _key(secret: str) -> bytes:
    if not secret.startswith(_PREFIX):
        raise ValueError(RULE)
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:  # its own words could quote the secret
        raise ValueError(RULE) from None
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(RULE)
    return key
