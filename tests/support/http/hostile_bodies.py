"""Bodies within the limit of 512,000 bytes that are made to keep a coordinator busy."""

import json
from collections.abc import Callable, Mapping

JSON = "application/json"
YAML = "text/yaml"

_TASKS = "tasks: [{name: a, run: 'true'}]\n"


def _job(**fields: object) -> str:
    return json.dumps({"name": "hostile", "tasks": [{"name": "a", "run": "true"}]} | fields)


def _alias_levels() -> str:
    levels = "".join(f" a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    return f"name: q\ninputs:\n a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n{levels}{_TASKS}"


def _graph() -> str:
    names = [f"t{index}" for index in range(1000)]
    return _job(tasks=[{"name": n, "needs": names[max(0, i - 9) : i]} for i, n in enumerate(names)])


_BODIES: Mapping[str, tuple[str, Callable[[], str]]] = {
    "aliases of a long text": (
        YAML,
        lambda: f"inputs: {{a: &a {'x' * 200_000}, l: [{','.join(['*a'] * 50_000)}]}}\n{_TASKS}",
    ),
    "aliases of aliases": (YAML, _alias_levels),
    "merged mappings": (YAML, lambda: "x: &x {a: 1}\ntasks:\n" + "- {<<: *x}\n" * 40_000),
    "deep YAML": (YAML, lambda: "name: " + "[" * 500_000),
    "deep JSON": (JSON, lambda: '{"a":' * 90_000),
    "a flat list of tasks in YAML": (
        YAML,
        lambda: "name: q\ntasks:\n" + "- {name: a, run: b}\n" * 25_000,
    ),
    "as many tasks as are allowed": (
        JSON,
        lambda: _job(tasks=[{"name": "a", "run": "{{ 1 }}"}] * 5_000),
    ),
    "tasks that are numbers": (JSON, lambda: _job(tasks=[1] * 90_000)),
    "tasks without fields": (JSON, lambda: _job(tasks=[{}] * 90_000)),
    "tasks with unknown fields": (JSON, lambda: _job(tasks=[{"a": 1, "b": 2}] * 25_000)),
    "unknown fields": (JSON, lambda: _job(**{f"k{n}": 1 for n in range(40_000)})),
    "parallel tasks": (
        JSON,
        lambda: _job(tasks=[{"name": "a", "parallel": {"tasks": [{"run": "x"}] * 4_900}}]),
    ),
    "a long text": (JSON, lambda: _job(inputs={"a": "x" * 500_000})),
    "a long text in YAML": (YAML, lambda: f"name: {'x' * 500_000}\n{_TASKS}"),
    "escapes": (JSON, lambda: _job(inputs={"a": "\n" * 250_000})),
    "many keys": (JSON, lambda: _job(inputs={f"k{n}": "" for n in range(35_000)})),
    "many keys in YAML": (
        YAML,
        lambda: "name: q\ninputs:\n" + "".join(f" k{n}: 1\n" for n in range(45_000)) + _TASKS,
    ),
    "wrong values in env": (
        JSON,
        lambda: _job(tasks=[{"name": "a", "env": {f"k{n}": [] for n in range(35_000)}}]),
    ),
    "wrong arguments": (JSON, lambda: _job(tasks=[{"name": "a", "cmd": [[]] * 90_000}])),
    "many secrets": (JSON, lambda: _job(secrets={f"k{n}": f"secret{n}" for n in range(18_000)})),
    "templates in a text": (
        JSON,
        lambda: _job(tasks=[{"name": "a", "env": {"A": "{{1}}" * 90_000}}]),
    ),
    "templates in env": (
        JSON,
        lambda: _job(tasks=[{"name": "a", "env": {f"k{n}": "{{ 1 + 1 }}" for n in range(15_000)}}]),
    ),
    "templates that differ": (
        JSON,
        lambda: _job(tasks=[{"name": f"{{{{{n}}}}}", "if": f"{n} == 2"} for n in range(2_000)]),
    ),
    "a long expression": (JSON, lambda: _job(tasks=[{"name": "a", "if": "1+" * 200_000 + "1"}])),
    "brackets in an expression": (JSON, lambda: _job(tasks=[{"name": "a", "if": "(" * 400_000}])),
    "a long number": (JSON, lambda: f'{{"name": {"9" * 500_000}}}'),
    "many numbers": (JSON, lambda: _job(inputs={"a": [1] * 90_000})),
    "empty lists": (JSON, lambda: _job(inputs={"a": [[]] * 90_000})),
    "webhooks": (JSON, lambda: _job(webhooks=[{"url": "http://127.0.0.1:1"}] * 14_000)),
    "a graph": (JSON, _graph),
    "NULs": (JSON, lambda: _job(inputs={"a": ["\0"] * 50_000})),
    "brackets": (JSON, lambda: "[" * 500_000),
    "comments": (YAML, lambda: "#" * 500_000),
    "a folded text": (YAML, lambda: "name: >\n" + " a\n" * 160_000),
    "a mistake at the end": (
        YAML,
        lambda: "name: q\ntasks:\n" + "- {name: a, run: b}\n" * 25_000 + "}",
    ),
}

NAMES = tuple(_BODIES)


def hostile_body(name: str) -> tuple[bytes, str]:
    """The body and its content type."""
    content_type, made = _BODIES[name]
    body = made().encode()
    assert len(body) <= 512_000, (name, len(body))
    return body, content_type
