"""From the stored form of a definition to Tork's fields, without what must not be shown wherever it
came from: passwords, a sub-job's secrets, and values under names that sound like a secret's.

The values of secrets are taken out by what they are: see `redaction`. For each kind of value a
table says what Tork calls its fields and how they are shown; the form is walked as it is, without
making values of it, as a job may have a hundred thousand tasks. What a later version has put there
is passed over.
"""

from collections.abc import Callable, Mapping, Set
from operator import itemgetter
from typing import Any

from shared.definition import Encoded
from shared.planning.secret_names import hide_by_name, hide_headers, hide_literals, hide_secret
from shared.process.redaction import REDACTED

Fields = dict[str, Any]
_Show = Callable[[Any, bool], Any]
"""A value as it is shown, or in clear, which is only for what reads it as a submission."""
_Table = Mapping[str, tuple[str, _Show | None]]


def shown_task(task: Encoded) -> Fields:
    return _fields(task, _TASK, False)


def shown_without(columns: Set[str]) -> Callable[[Encoded], Fields]:
    """As `shown_task`, but for the fields of Tork's that are shown otherwise."""
    table = {field: entry for field, entry in _TASK.items() if entry[0] not in columns}
    return lambda task: _fields(task, table, False)


def shown_job(job: Encoded) -> Fields:
    return _fields(job, _JOB, False)


def submitted_job(job: Encoded) -> Fields:
    """With all that is secret: the job as it could be submitted again."""
    return _fields(job, _JOB, True)


def shown_defaults(defaults: Encoded) -> Fields:
    return _fields(defaults, _DEFAULTS, False)


def shown_webhook(webhook: Encoded) -> Fields:
    return _fields(webhook, _WEBHOOK, False)


def _fields(encoded: Encoded, table: _Table, is_clear: bool) -> Fields:
    shown: Fields = {}
    for field, value in encoded.items():
        if entry := table.get(field):
            name, show = entry
            shown[name] = show(value, is_clear) if show else value
    return shown


def _hidden_by(hide: Callable[[Any], Any]) -> _Show:
    return lambda value, is_clear: value if is_clear else hide(value)


def _as(read: Callable[[Any], Any]) -> _Show:
    return lambda value, _: read(value)


def _shown_by(table: _Table) -> _Show:
    return lambda encoded, is_clear: _fields(encoded, table, is_clear)


def _each_shown_by(table: _Table) -> _Show:
    return lambda items, is_clear: [_fields(encoded, table, is_clear) for encoded in items]


def _table(
    *same: str, **others: tuple[str, _Show | None] | _Show
) -> dict[str, tuple[str, _Show | None]]:
    """`same` are shown as they are, under their own name; `others` by a function, which keeps the
    name, or by Tork's name and a function."""
    table: dict[str, tuple[str, _Show | None]] = {name: (name, None) for name in same}
    for name, entry in others.items():
        table[name] = entry if isinstance(entry, tuple) else (name, entry)
    return table


_spelled = _as(itemgetter("text"))  # of a duration or an amount: as the client wrote it
_ENV = _hidden_by(hide_literals)
_HEADERS = _hidden_by(hide_headers)
_INPUTS = _hidden_by(hide_by_name)
_PASSWORD = _hidden_by(lambda _: REDACTED)
_SECRET = _hidden_by(hide_secret)
_SECRETS = _hidden_by(lambda secrets: dict.fromkeys(secrets, REDACTED))

_REGISTRY = _table("username", password=_PASSWORD)
_LIMITS = _table(cpus=_spelled, memory=_spelled)
_PROBE = _table("path", "port", "command", timeout=_spelled)


def _shown_probe(probe: Encoded, is_clear: bool) -> Fields:
    """With a path where it asks by HTTP: without one it would ask by TCP."""
    path = None if "command" in probe else probe.get("path", "/")
    shown = _fields({**probe, "path": path}, _PROBE, is_clear)
    return {name: value for name, value in shown.items() if value is not None}


_RETRY = _table(
    *("limit", "jitter", "on"),
    initial_delay=("initialDelay", _spelled),
    scaling_factor=("scalingFactor", None),
    max_delay=("maxDelay", _spelled),
)
_DEFAULTS = _table(
    *("queue", "priority"), retry=_shown_by(_RETRY), limits=_shown_by(_LIMITS), timeout=_spelled
)
_WEBHOOK = _table(
    *("url", "event", "format", "payload"),
    headers=_HEADERS,
    condition=("if", None),
    secret=_SECRET,
)
_S3 = _table(
    *("bucket", "key", "filter", "endpoint", "region", "style", "credentials"),
    version_id=("versionId", None),
    access_key=("accessKey", _SECRET),
    secret_key=("secretKey", _SECRET),
    session_token=("sessionToken", _SECRET),
)
_SOURCE = _table(
    *("artifact", "upload", "url", "ipfs", "inline", "local", "target", "sha256", "extract"),
    s3=_shown_by(_S3),
    headers=_HEADERS,
    read_only=("readOnly", None),
)
_ARTIFACT = _table("name", "path", always=("when", _as(lambda _: "always")))
_PUBLICATION = _table("artifact", "ipfs", "local", s3=_shown_by(_S3))
_AUX = _table(
    *("name", "description", "image", "cmd", "entrypoint", "run", "files"),
    env=_ENV,
    registry=_shown_by(_REGISTRY),
    timeout=_spelled,
)
_SIDECAR = _AUX | _table(probe=_shown_probe)
_TASK = _AUX | _table(
    *("tags", "workdir", "queue", "var", "priority", "needs", "mounts", "networks", "gpus"),
    "privileged",
    condition=("if", None),
    retry=_shown_by(_RETRY),
    limits=_shown_by(_LIMITS),
    grace_period=("gracePeriod", _spelled),
    queue_timeout=("queueTimeout", _spelled),
    allow_failure=("allowFailure", None),
    pre=_each_shown_by(_AUX),
    post=_each_shown_by(_AUX),
    sidecars=_each_shown_by(_SIDECAR),
    sources=_each_shown_by(_SOURCE),
    artifacts=_each_shown_by(_ARTIFACT),
    publish=_each_shown_by(_PUBLICATION),
    large_result=("largeResult", None),
)
_COMPOSITE = _table(
    min_success=("minSuccess", None), min_success_percent=("minSuccess", _as("{}%".format))
)
_PARALLEL = _COMPOSITE | _table(tasks=_each_shown_by(_TASK))
_EACH = _COMPOSITE | _table("var", "concurrency", items=("list", None), task=_shown_by(_TASK))
_JOB = _table(
    *("name", "description", "tags", "uploads", "output", "permissions", "detached"),
    tasks=_each_shown_by(_TASK),
    inputs=_INPUTS,
    secrets=_SECRETS,
    defaults=_shown_by(_DEFAULTS),
    webhooks=_each_shown_by(_WEBHOOK),
    auto_delete=("autoDelete", _as(lambda after: {"after": after["text"]})),
    timeout=_spelled,
)
_TASK |= _table(parallel=_shown_by(_PARALLEL), each=_shown_by(_EACH), subjob=_shown_by(_JOB))
