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

from services.coordinator.api.replies import Fields
from shared.definition import Encoded
from shared.jobspec.partition.stages import PARAMS
from shared.planning.secret_names import hide_by_name, hide_headers, hide_literals, hide_secret
from shared.process.redaction import REDACTED

_Show = Callable[[Any, bool], Any]
"""A value as it is shown, or in clear, which is only for what reads it as a submission."""
_Table = Mapping[str, tuple[str, _Show | None]]
"""What a field is called, and how it is shown; without a name it is shown as several fields."""


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


def shown_reuse(reuse: Encoded) -> Fields | bool:
    return _fields(reuse, _REUSE, False) or True


def shown_webhook(webhook: Encoded) -> Fields:
    return _fields(webhook, _WEBHOOK, False)


def _fields(encoded: Encoded, table: _Table, is_clear: bool) -> Fields:
    shown: Fields = {}
    for field, value in encoded.items():
        if entry := table.get(field):
            name, show = entry
            if name:
                shown[name] = show(value, is_clear) if show else value
            elif show:
                shown |= show(value, is_clear)
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
_SECRET = _hidden_by(hide_secret)
_SECRETS = _hidden_by(lambda secrets: dict.fromkeys(secrets, REDACTED))
_SECRET_TEMPLATES = _hidden_by(lambda secrets: {k: hide_secret(v) for k, v in secrets.items()})

_REGISTRY = _table("username", password=_SECRET)
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
    memory_factor=("memoryFactor", None),
    max_memory=("maxMemory", _spelled),
    max_delay=("maxDelay", _spelled),
    reset_after=("resetAfter", _spelled),
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
    *("bucket", "key", "filter", "endpoint", "region", "style", "credentials", "encoding"),
    version_id=("versionId", None),
    access_key=("accessKey", _SECRET),
    secret_key=("secretKey", _SECRET),
    session_token=("sessionToken", _SECRET),
    partition=_shown_by(
        _table(
            *("type", "pattern"),
            start=("startIndex", None),
            end=("endIndex", None),
            date_format=("dateFormat", None),
        )
    ),
)
_SOURCE = _table(
    *("artifact", "upload", "url", "ipfs", "inline", "local", "target", "sha256", "extract"),
    s3=_shown_by(_S3),
    headers=_HEADERS,
    read_only=("readOnly", None),
)
_ARTIFACT = _table("name", "path", "chunks", always=("when", _as(lambda _: "always")))
_PUBLICATION = _table("artifact", "ipfs", "local", s3=_shown_by(_S3))
_AUX = _table(
    *("name", "description", "image", "cmd", "entrypoint", "run", "files"),
    env=_ENV,
    registry=_shown_by(_REGISTRY),
    timeout=_spelled,
)
_SIDECAR = _AUX | _table(probe=_shown_probe)
_CONSTRAINT = _table("key", "operator", "values")
_RESOURCES = _table("gpus", cpus=_spelled, memory=_spelled, disk=_spelled)
_PLACEMENT = _table(
    *("type", "count", "priority"),
    constraints=_each_shown_by(_CONSTRAINT),
    prefer=_each_shown_by(_table("weight", constraints=_each_shown_by(_CONSTRAINT))),
    resources=_shown_by(_RESOURCES),
    node=_shown_by(_RESOURCES),
    one_per_node=("onePerNode", None),
    max_per_node=("maxPerNode", None),
    max_nodes=("maxNodes", None),
    min_nodes=("minNodes", None),
    update=_shown_by(
        _table(
            max_unavailable=("maxUnavailable", None),
            healthy_after=("healthyAfter", _spelled),
        )
    ),
)


def _shown_placement(placement: Encoded, is_clear: bool) -> Fields:
    return {"type": "batch", **_fields(placement, _PLACEMENT, is_clear)}


_NETWORK = _table(
    *("type", "domains"), ports=_each_shown_by(_table("name", "static", "target", "address"))
)


def _shown_builtin(builtin: Encoded, is_clear: bool) -> Fields:
    """Its stage is that of the task."""
    params = builtin.get("params", {})
    shown = {"builtin": builtin["name"].rpartition(".")[2]}
    return shown | ({"params": _INPUTS(params, is_clear)} if params else {})


_TASK = _AUX | _table(
    *("tags", "workdir", "queue", "var", "priority", "needs", "mounts", "networks", "gpus"),
    "privileged",
    condition=("if", None),
    retry=_shown_by(_RETRY),
    limits=_shown_by(_LIMITS),
    grace_period=("gracePeriod", _spelled),
    stop_signal=("stopSignal", None),
    queue_timeout=("queueTimeout", _spelled),
    allow_failure=("allowFailure", None),
    reuse=("reuse", None),
    pre=_each_shown_by(_AUX),
    post=_each_shown_by(_AUX),
    sidecars=_each_shown_by(_SIDECAR),
    sources=_each_shown_by(_SOURCE),
    artifacts=_each_shown_by(_ARTIFACT),
    publish=_each_shown_by(_PUBLICATION),
    large_result=("largeResult", None),
    success_codes=("successCodes", None),
    any_exit_code=("successCodes", _as(lambda _: "any")),
    network=_shown_by(_NETWORK),
    wasm=_shown_by(_table("module", "entrypoint", "imports")),
    builtin=("", _shown_builtin),
    placement=_shown_placement,
    execution=_shown_by(_table("type", "index", "count")),
)
_COMPOSITE = _table(
    min_success=("minSuccess", None),
    min_success_percent=("minSuccess", _as("{}%".format)),
    max_failed=("maxFailed", None),
    max_failed_percent=("maxFailed", _as("{}%".format)),
    finishes=("onFailure", _as(lambda _: "finish")),
)
_PARALLEL = _COMPOSITE | _table(tasks=_each_shown_by(_TASK))
_EACH = _COMPOSITE | _table(
    "var", "concurrency", "chunks", items=("list", None), task=_shown_by(_TASK)
)
_REUSE = _table(
    *("scope", "nondeterministic", "tasks"),
    takes_unfinished=("includeUnfinished", None),
    max_age=("maxAge", _spelled),
    takes_oldest=("onOutputConflict", _as(lambda _: "oldest")),
)
_SPAWN = _table(
    "concurrency",
    task=_shown_by(_TASK),
    has_barrier=("barrier", None),
    max_tasks=("maxTasks", None),
    explicit_success=("explicitSuccess", None),
)
_JOB = _table(
    *("name", "description", "tags", "uploads", "output", "permissions", "detached", "hold"),
    *("deadline", "budget", "concurrency"),
    start_rate=("startRate", _as(lambda rate: rate["text"])),
    start_at=("startAt", None),
    tasks=_each_shown_by(_TASK),
    inputs=_INPUTS,
    secrets=_SECRETS,
    defaults=_shown_by(_DEFAULTS),
    webhooks=_each_shown_by(_WEBHOOK),
    reuse=_as(shown_reuse),
    auto_delete=("autoDelete", _as(lambda after: {"after": after["text"]})),
    timeout=_spelled,
)
_STAGES = _COMPOSITE | _table(
    "concurrency",
    split=_shown_by(_TASK),
    task=_shown_by(_TASK),
    assemble=_shown_by(_TASK),
    needs_chunks=("noChunks", _as(lambda _: "fail")),
)


def _shown_partition(stages: Encoded, is_clear: bool) -> Fields:
    shown = _fields(stages, _STAGES, is_clear)
    params = {name: _INPUTS(stages[f], is_clear) for f, name in PARAMS.items() if f in stages}
    if stages.get("is_flat"):
        shown["assemble"]["layout"] = "flat"
    return shown | ({"params": params} if params else {})


_TASK |= _table(
    partition=_shown_partition,
    parallel=_shown_by(_PARALLEL),
    each=_shown_by(_EACH),
    spawn=_shown_by(_SPAWN),
    subjob=_shown_by(_JOB | _table(secrets=_SECRET_TEMPLATES)),
)
