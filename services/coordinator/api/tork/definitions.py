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
from shared.planning.secret_names import hide_by_name, hide_headers, hide_literals
from shared.process.redaction import REDACTED

Fields = dict[str, Any]
_Show = Callable[[Any], Any]
_Table = Mapping[str, tuple[str, _Show | None]]


def shown_task(task: Encoded) -> Fields:
    return _fields(task, _TASK)


def shown_without(columns: Set[str]) -> Callable[[Encoded], Fields]:
    """As `shown_task`, but for the fields of Tork's that are shown otherwise."""
    table = {field: entry for field, entry in _TASK.items() if entry[0] not in columns}
    return lambda task: _fields(task, table)


def shown_job(job: Encoded) -> Fields:
    return _fields(job, _JOB)


def shown_defaults(defaults: Encoded) -> Fields:
    return _fields(defaults, _DEFAULTS)


def shown_webhook(webhook: Encoded) -> Fields:
    return _fields(webhook, _WEBHOOK)


def _fields(encoded: Encoded, table: _Table) -> Fields:
    shown: Fields = {}
    for field, value in encoded.items():
        if entry := table.get(field):
            name, show = entry
            shown[name] = show(value) if show else value
    return shown


def _hidden(_: object) -> str:
    return REDACTED


def _percent(share: int) -> str:
    return f"{share}%"


def _names_only(secrets: Mapping[str, str]) -> Fields:
    return dict.fromkeys(secrets, REDACTED)


def _shown_by(table: _Table) -> _Show:
    return lambda encoded: _fields(encoded, table)


def _each_shown_by(table: _Table) -> _Show:
    return lambda items: [_fields(encoded, table) for encoded in items]


def _table(
    *same: str, **others: tuple[str, _Show | None] | _Show
) -> dict[str, tuple[str, _Show | None]]:
    """`same` are shown as they are, under their own name; `others` by a function, which keeps the
    name, or by Tork's name and a function."""
    table: dict[str, tuple[str, _Show | None]] = {name: (name, None) for name in same}
    for name, entry in others.items():
        table[name] = entry if isinstance(entry, tuple) else (name, entry)
    return table


_spelled = itemgetter("text")  # of a duration or an amount: as the client wrote it

_REGISTRY = _table("username", password=_hidden)
_LIMITS = _table(cpus=_spelled, memory=_spelled)
_PROBE = _table("path", "port", "command", timeout=_spelled)


def _shown_probe(probe: Encoded) -> Fields:
    """With a path where it asks by HTTP: without one it would ask by TCP."""
    path = None if "command" in probe else probe.get("path", "/")
    shown = _fields({**probe, "path": path}, _PROBE)
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
_WEBHOOK = _table("url", "event", headers=hide_headers, condition=("if", None))
_AUX = _table(
    *("name", "description", "image", "cmd", "entrypoint", "run", "files"),
    env=hide_literals,
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
)
_COMPOSITE = _table(min_success=("minSuccess", None), min_success_percent=("minSuccess", _percent))
_PARALLEL = _COMPOSITE | _table(tasks=_each_shown_by(_TASK))
_EACH = _COMPOSITE | _table("var", "concurrency", items=("list", None), task=_shown_by(_TASK))
_JOB = _table(
    *("name", "description", "tags", "output", "permissions", "detached"),
    tasks=_each_shown_by(_TASK),
    inputs=hide_by_name,
    secrets=_names_only,
    defaults=_shown_by(_DEFAULTS),
    webhooks=_each_shown_by(_WEBHOOK),
    auto_delete=("autoDelete", lambda after: {"after": _spelled(after)}),
    timeout=_spelled,
)
_TASK |= _table(parallel=_shown_by(_PARALLEL), each=_shown_by(_EACH), subjob=_shown_by(_JOB))
