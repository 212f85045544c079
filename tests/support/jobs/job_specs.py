"""Everything that Tork's job language can say, as strategies: every field set or left out."""

from typing import Any

from hypothesis import strategies as st

_NAMES = st.sampled_from(["a", "build it", "späße"])
_TEXTS = st.sampled_from(["x", "{{ inputs.a }}", "two\nlines", "{{ secrets.s }}"])
_DURATIONS = st.sampled_from(["90s", "1h30m", "60m", "1.5h", "500ms"])
_ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | _ANY_TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_NAMES, inner, max_size=2),
    max_leaves=4,
)
_INPUTS = st.dictionaries(  # single ones are texts, as in Tork
    _NAMES,
    _ANY_TEXT | st.lists(_VALUES, max_size=2) | st.dictionaries(_NAMES, _VALUES, max_size=2),
    min_size=1,
    max_size=2,
)
_MAPS = st.dictionaries(_NAMES, _TEXTS, min_size=1, max_size=2)
_HEADERS = st.dictionaries(
    st.sampled_from(["X-A", "X-B"]),
    st.sampled_from(["x", "{{ secrets.s }}"]),
    min_size=1,
    max_size=2,
)
_LOGIN = st.fixed_dictionaries({}, optional={"username": _TEXTS, "password": _TEXTS}).filter(bool)
_LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "cpus": st.sampled_from(["0.5", "2", ".25", "1.50"]),
        "memory": st.sampled_from(["500m", "1.5g", "1073741824", "8191p"]),
    },
).filter(bool)
_RETRY = st.fixed_dictionaries(
    {"limit": st.integers(1, 10)},
    optional={
        "initialDelay": _DURATIONS,
        "scalingFactor": st.floats(1, 100),
        "maxDelay": st.just("2h"),
        "jitter": st.floats(0, 1),
        "on": st.lists(
            st.integers(1, 255) | st.sampled_from(["timeout", "lost", "memory"]), min_size=1
        ),
        "resetAfter": _DURATIONS,
        "memoryFactor": st.floats(1, 10),
        "maxMemory": st.sampled_from(["500m", "1.5g"]),
    },
)
_PROGRAM: dict[str, st.SearchStrategy[Any]] = {
    "image": _TEXTS,
    "registry": _LOGIN,
    "cmd": st.lists(_TEXTS, min_size=1, max_size=2),
    "entrypoint": st.lists(_NAMES, min_size=1, max_size=2),
    "run": _TEXTS,
    "env": _MAPS,
    "timeout": _DURATIONS,
}
_SHOWN: dict[str, st.SearchStrategy[Any]] = {"description": _TEXTS}
_FILES = st.just({"in.txt": "text"})
_AUX = {**_PROGRAM, **_SHOWN, "name": _NAMES, "files": _FILES}
_PROBE = st.one_of(
    st.fixed_dictionaries(
        {"port": st.integers(1, 65535)},
        optional={"path": st.sampled_from(["/", "/health"]), "timeout": _DURATIONS},
    ),
    st.just({"command": ["pg_isready"]}),
)
_MOUNT = st.fixed_dictionaries(
    {"type": st.just("tmpfs"), "target": st.just("/x")}, optional={"opts": _MAPS}
)
_LOGIN_OF_S3 = {"accessKey": "{{ secrets.s }}", "secretKey": "{{ secrets.s }}"}
_S3: dict[str, st.SearchStrategy[Any]] = {
    "region": st.just("eu-central-1"),
    "endpoint": st.sampled_from(["https://s3.example", "{{ inputs.a }}"]),
    "style": st.sampled_from(["path", "virtual"]),
    "credentials": st.just("team"),
}
_FROM_S3 = st.fixed_dictionaries(
    {"bucket": st.just("data"), "key": st.just("in/*")},
    optional={**_S3, "filter": st.just("csv$")},
)
_VERSION = {"bucket": "data", "key": "{{ inputs.a }}", "versionId": "3", **_LOGIN_OF_S3}
_TO_S3 = st.fixed_dictionaries(
    {"bucket": st.just("{{ inputs.a }}"), "key": st.just("{jobID}/")},
    optional={**_S3, "encoding": st.just("gzip")},
)
_SOURCE = st.one_of(
    st.fixed_dictionaries({"url": st.just("https://a.b/c")}, optional={"headers": _HEADERS}),
    st.fixed_dictionaries({"s3": _FROM_S3}, optional={"readOnly": st.just(True)}),
    st.fixed_dictionaries(
        {"inline": _TEXTS | st.just("data:,x")}, optional={"extract": st.just(True)}
    ),
    st.sampled_from(
        [
            {"artifact": "{{ inputs.a }}"},
            {"upload": "u", "readOnly": True},
            {"s3": _VERSION, "sha256": "ab" * 32},
            {"ipfs": "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPBdG/a"},
            {"local": "/srv/{{ inputs.a }}"},
        ]
    ),
).map(lambda source: {**source, "target": "/in/a"})
_ARTIFACT = st.fixed_dictionaries(
    {"name": st.just("out"), "path": st.sampled_from(["out", "/tmp/{{ inputs.a }}"])},
    optional={"when": st.just("always")},
)
_PUBLICATION = st.one_of(
    st.fixed_dictionaries({"s3": _TO_S3}, optional={"artifact": st.just("rows")}),
    st.sampled_from([{"ipfs": True}, {"local": "/srv/{date}", "artifact": "rows"}]),
)
_AMOUNTS = st.sampled_from(["500m", "1.5g", "{{ inputs.a }}"])
_CONSTRAINTS = st.lists(
    st.sampled_from(
        [
            {"key": "zone", "operator": "in", "values": ["a", "{{ inputs.a }}"]},
            {"key": "a.example/gpu", "operator": "!"},
            {"key": "cores", "operator": "gt", "values": ["4"]},
        ]
    ),
    min_size=1,
    max_size=2,
)
_PLACEMENT = st.fixed_dictionaries(
    {"type": st.just("batch")},
    optional={
        "count": st.sampled_from([0, 3, "{{ inputs.a }}"]),
        "constraints": _CONSTRAINTS,
        "prefer": st.lists(
            st.fixed_dictionaries({"constraints": _CONSTRAINTS, "weight": st.just(9)}), min_size=1
        ),
        "resources": st.fixed_dictionaries(
            {"gpus": st.sampled_from([1, "{{ inputs.a }}"])},
            optional={"cpus": st.just("0.5"), "memory": _AMOUNTS, "disk": _AMOUNTS},
        ),
        "onePerNode": st.just(True),
        "priority": st.integers(0, 9),
        "update": st.just({"maxUnavailable": 2, "healthyAfter": "30s"}),
    },
)
_NETWORK = st.sampled_from(
    [
        {"type": "http", "domains": ["a.example", ".b.example"]},
        {"type": "bridge", "ports": [{"name": "A", "static": 1024, "target": 80}]},
        {"ports": [{"name": "A", "address": "127.0.0.1"}]},
    ]
)
_OF_ANY_TASK: dict[str, st.SearchStrategy[Any]] = {
    **_SHOWN,
    "name": _NAMES,
    "tags": st.lists(_NAMES, min_size=1, max_size=2),
    "var": st.just("v"),
    "if": st.just("{{ true }}"),
    "priority": st.integers(1, 9),
    "allowFailure": st.just(True),
}
_RUNS: dict[str, st.SearchStrategy[Any]] = {
    **_PROGRAM,
    "files": _FILES,
    "workdir": st.just("/w"),
    "retry": _RETRY,
    "limits": _LIMITS,
    "gracePeriod": st.just("5s"),
    "stopSignal": st.just("SIGINT"),
    "queueTimeout": _DURATIONS,
    "pre": st.lists(st.fixed_dictionaries({}, optional=_AUX), min_size=1, max_size=2),
    "post": st.lists(st.fixed_dictionaries({}, optional=_AUX), min_size=1, max_size=2),
    "sidecars": st.lists(
        st.fixed_dictionaries({}, optional={**_AUX, "probe": _PROBE}), min_size=1, max_size=2
    ),
    "mounts": st.lists(_MOUNT, min_size=1, max_size=2),
    "sources": st.lists(_SOURCE, min_size=1, max_size=1),
    "artifacts": st.lists(_ARTIFACT, min_size=1, max_size=1),
    "largeResult": st.just("rows"),
    "publish": st.lists(_PUBLICATION, min_size=1, max_size=2),
    "successCodes": st.sampled_from([[0, 3], "any"]),
    "privileged": st.just(True),
}
_MIN_SUCCESS = st.just(1) | st.just("80%")
_DEFAULTS = st.fixed_dictionaries(
    {},
    optional={
        "retry": _RETRY,
        "limits": _LIMITS,
        "timeout": _DURATIONS,
        "queue": st.just("q"),
        "priority": st.integers(1, 9),
    },
).filter(bool)
_WEBHOOKS = st.lists(
    st.fixed_dictionaries(
        {"url": st.just("https://ci.example/x")},
        optional={
            "headers": _HEADERS,
            "event": st.sampled_from(["job.StateChange", "task.Progress"]),
            "if": st.just("job.state == 'FAILED'"),
        },
    ),
    min_size=1,
    max_size=2,
)
_OF_ANY_JOB: dict[str, st.SearchStrategy[Any]] = {
    "description": _TEXTS,
    "tags": st.lists(_NAMES, min_size=1, max_size=2),
    "inputs": _INPUTS,
    "secrets": _MAPS,
    "output": st.just("{{ tasks.v }}"),
    "defaults": _DEFAULTS,
    "webhooks": _WEBHOOKS,
    "autoDelete": st.fixed_dictionaries({"after": _DURATIONS}),
    "timeout": _DURATIONS,
}


def _task_lists(tasks: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(tasks, min_size=1, max_size=2)


def _composites(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    parallel = st.fixed_dictionaries(
        {"tasks": _task_lists(inner)}, optional={"minSuccess": _MIN_SUCCESS}
    )
    each = st.fixed_dictionaries(
        {"list": st.just("{{ inputs.a }}") | st.lists(_VALUES, min_size=1), "task": inner},
        optional={
            "var": st.just("it"),
            "concurrency": st.integers(1, 9),
            "minSuccess": _MIN_SUCCESS,
        },
    )
    subjob = st.fixed_dictionaries(
        {"name": _NAMES, "tasks": _task_lists(inner)},
        optional={**_OF_ANY_JOB, "detached": st.just(True)},
    )
    kinds = (("parallel", parallel), ("each", each), ("subjob", subjob))
    return st.one_of(
        [st.fixed_dictionaries({kind: made_of}, optional=_OF_ANY_TASK) for kind, made_of in kinds]
    )


def _with_what_is_published(task: dict[str, Any]) -> dict[str, Any]:
    return {**task, "largeResult": "rows"} if "publish" in task else task


_ON_A_QUEUE = st.fixed_dictionaries(
    {"queue": st.just("highcpu")}, optional={"gpus": st.just("all"), "networks": st.just(["net"])}
)
_OF_S3 = {"bucket": "data", "key": "in/*"}
_PARTITIONED = st.sampled_from(
    [
        {"type": "object"},
        {"type": "regex", "pattern": "{{ inputs.a }}"},
        {"type": "substring", "startIndex": 1, "endIndex": 2},
        {"type": "date", "dateFormat": "2006-01-02"},
    ]
).map(lambda partition: [{"s3": {**_OF_S3, "partition": partition}, "target": "/in/a"}])
_PLACED = st.fixed_dictionaries(
    {"placement": _PLACEMENT}, optional={"network": _NETWORK, "sources": _PARTITIONED}
)
_WASM = {
    "wasm": {"module": "in/a.wasm", "entrypoint": "main", "imports": {"a": "in/{{ inputs.a }}"}},
    "sources": [{"url": "https://a.b/c", "target": "in/"}],
}
_SINGLE = st.just(_WASM) | st.tuples(
    st.fixed_dictionaries({}, optional={**_OF_ANY_TASK, **_RUNS}).map(_with_what_is_published),
    st.just({}) | _ON_A_QUEUE | _PLACED,
).map(lambda both: both[0] | both[1])
TASKS: st.SearchStrategy[dict[str, Any]] = st.recursive(_SINGLE, _composites, max_leaves=4)
_LISTED = st.tuples(TASKS, st.none() | st.just([])).map(
    lambda both: {"name": "t", **both[0]} | ({} if both[1] is None else {"needs": both[1]})
)
JOBS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "name": _NAMES,
        "tasks": st.lists(_LISTED, min_size=1, max_size=3),
        "uploads": st.just({"u": "1f3a"}),  # that of the sources
    },
    optional={**_OF_ANY_JOB, "permissions": st.just([{"user": "u"}, {"role": "r"}])},
)
