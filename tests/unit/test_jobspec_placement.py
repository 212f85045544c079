"""What a job may say of nodes, networks, WASM modules and exit codes."""

from typing import Any

import pytest

from shared.definition import (
    Amount,
    Constraint,
    Duration,
    Network,
    Placement,
    Port,
    Preference,
    Resources,
    UpdatePolicy,
    Wasm,
)
from shared.jobspec.tork.compilation import compile_job
from shared.jobspec.tork.parsing import parse_job
from tests.support.jobs.submissions import refusal, submitted, with_task

A_SOURCE = {"url": "https://a.example/m.wasm", "target": "in/m.wasm"}


def placed(**fields: Any) -> dict[str, Any]:
    return with_task(run="x", placement=fields)


def constraint(key: str, operator: str, *values: str) -> dict[str, Any]:
    given = {"values": list(values)} if values else {}
    return placed(constraints=[{"key": key, "operator": operator, **given}])


def network(**fields: Any) -> dict[str, Any]:
    return with_task(run="x", network=fields)


def wasm(source: Any = A_SOURCE, **fields: Any) -> dict[str, Any]:
    module = {"module": "in/m.wasm", **fields.pop("wasm", {})}
    return with_task(wasm=module, sources=[source], **fields)


def test_placement_is_compiled_as_it_was_submitted() -> None:
    text = b"""
name: placed
tasks:
  - name: database
    run: x
    successCodes: [0, 3]
    retry: {limit: 3, resetAfter: 10m}
    placement:
      type: service
      count: 3
      constraints:
        - region = us-west-2
        - {key: zone, operator: notin, values: [a, "{{ inputs.zone }}"]}
      prefer: [{constraints: [gpu exists], weight: 7}]
      resources: {cpu: 2, memory: 1g, disk: "{{ inputs.disk }}", gpu: 1}
      onePerNode: true
      priority: 4
      update: {maxUnavailable: 2, healthyAfter: 30s}
    network:
      type: bridge
      ports: [{name: DB, static: 5432, target: 80, address: 127.0.0.1}]
"""
    (task,) = compile_job(parse_job(text, "text/yaml")).tasks
    assert task.placement == Placement(
        type="service",
        count=3,
        constraints=(
            Constraint(key="region", operator="=", values=("us-west-2",)),
            Constraint(key="zone", operator="notin", values=("a", "{{ inputs.zone }}")),
        ),
        prefer=(Preference(constraints=(Constraint(key="gpu", operator="exists"),), weight=7),),
        resources=Resources(
            cpus=Amount(2, "2"),
            memory=Amount(1 << 30, "1g"),
            disk=Amount(0, "{{ inputs.disk }}"),
            gpus=1,
        ),
        one_per_node=True,
        priority=4,
        update=UpdatePolicy(max_unavailable=2, healthy_after=Duration(30, "30s")),
    )
    port = Port(name="DB", static=5432, target=80, address="127.0.0.1")
    assert task.network == Network(type="bridge", ports=(port,))
    assert task.success_codes == (0, 3)
    assert task.retry is not None
    assert task.retry.reset_after == Duration(600, "10m")


def test_a_wasm_module_and_any_exit_code_are_compiled() -> None:
    imports = {"math": "in/m.wasm"}
    job = wasm(wasm={"entrypoint": "main", "imports": imports}, successCodes="any")
    (task,) = compile_job(submitted(job)).tasks
    assert task.wasm == Wasm(module="in/m.wasm", entrypoint="main", imports=imports)
    assert task.any_exit_code


def test_numbers_are_as_good_as_texts_also_in_json() -> None:
    more = {"key": "cores", "operator": "gt", "values": [4]}
    amounts = {"cpu": 0.5, "memory": 10**9, "disk": "1g"}
    (task,) = compile_job(submitted(placed(constraints=[more], resources=amounts))).tasks
    assert task.placement is not None
    assert task.placement.constraints[0].values == ("4",)
    assert task.placement.resources == Resources(
        cpus=Amount(0.5, "0.5"), memory=Amount(10**9, "1000000000"), disk=Amount(1 << 30, "1g")
    )


@pytest.mark.parametrize(
    ("text", "key", "operator", "values"),
    [
        ("region = us-west-2", "region", "=", ["us-west-2"]),
        ("region==eu", "region", "==", ["eu"]),
        ("region != {{ inputs.a == 'b' ? 'c' : 'd' }}", "region", "!=", None),
        ("zone in (a, b)", "zone", "in", ["a", "b"]),
        ("zone notin (a)", "zone", "notin", ["a"]),
        ("a.example/gpu exists", "a.example/gpu", "exists", None),
        ("! gpu", "gpu", "!", None),
        ("!gpu", "gpu", "!", None),
        ("cores > 4", "cores", "gt", ["4"]),
        ("cores lt 4", "cores", "lt", ["4"]),
    ],
)
def test_a_text_stands_for_a_constraint(
    text: str, key: str, operator: str, values: list[str] | None
) -> None:
    placement = submitted(placed(constraints=[text])).tasks[0].placement
    assert placement is not None
    assert placement.constraints is not None
    (made,) = placement.constraints
    assert (made.key, made.operator) == (key, operator)
    assert made.values == values or "{{" in text


@pytest.mark.parametrize(
    ("job", "message"),
    [
        (
            placed(type="deamon"),
            "type: \"deamon\" is not allowed: must be 'batch', 'ops', 'daemon'",
        ),
        (
            placed(count=-1),
            "placement.count: -1 is not allowed: must be a whole number from 0 to 1",
        ),
        (placed(count=10_001), "must be a whole number from 0 to 10,000, or an expression"),
        (placed(count="{{ 1 + }}"), "placement.count: "),
        (placed(type="ops", count=2), "count: 2 is not allowed: must not be more than 1 for ops"),
        (placed(type="ops", maxNodes=2), "maxNodes: is not for ops: one runs on every node"),
        (placed(count=3, minNodes=4), "minNodes: must not be more than count, 3"),
        (placed(count=9, minNodes=4, maxNodes=3), "minNodes: must not be more than maxNodes, 3"),
        (placed(onePerNode=True, maxPerNode=2), "maxPerNode: can't be combined with onePerNode"),
        (placed(maxPerNode=0), "placement.maxPerNode: 0 is not allowed"),
        (placed(type="daemon", count=2), "one runs on every node that matches"),
        (placed(replicas=3), "unknown field, did you mean 'count'?"),
        (
            constraint("a", "NotIn", "b"),
            "must be one of =, ==, !=, in, notin, exists, !, gt, lt, di",
        ),
        (constraint("a", "NotIn", "b"), "did you mean 'notin'?"),
        (constraint("a", ">", "1"), "did you mean 'gt'?"),
        (constraint("a", "like", "b"), 'operator: "like" is not allowed: must be one of ='),
        (
            constraint("a", "="),
            "constraints[0].values: operator '=' needs exactly one value, 0 giv",
        ),
        (constraint("a", "in"), "operator 'in' needs at least one value"),
        (placed(constraints=["a in ( )"]), "operator 'in' needs at least one value"),
        (constraint("a", "exists", "b"), "operator 'exists' takes no values, 1 given"),
        (constraint("a", "gt", "b"), "values[0]: value 'b' must be a whole number"),
        (constraint("a b", "=", "c"), "constraints[0].key: label key 'a b'"),
        (constraint("a", "=", "b c"), "constraints[0].values[0]: label value 'b c'"),
        (placed(constraints=["a b c"]), "must be a constraint such as 'region = eu'"),
        (placed(prefer=[{"constraints": []}]), "must have at least 1 entry"),
        (placed(prefer=[{"constraints": ["a exists"], "weight": 0}]), "must be at least 1"),
        (placed(resources={"cpu": "1", "cpus": "1"}), "resources.cpu: can't be combined with cpus"),
        (placed(resources={"cpu": "500m"}), "must be a number of processors such as 0.5 or 2"),
        (placed(resources={"memory": "1k"}), "must be at least 6m"),
        (placed(resources={"disk": "much"}), "must be an amount of memory"),
        (placed(resources={"gpu": -1}), "must be a whole number from 0 to 1,000"),
        (placed(priority=10), "must be at most 9"),
        (placed(update={"maxUnavailable": 0}), "must be at least 1"),
        (placed(update={"healthyAfter": "soon"}), "must be a duration such as"),
        (
            with_task(run="x", queue="q", placement={}),
            "queue: can't be combined with placement: executions go to nodes, not to a queue",
        ),
        (
            with_task(run="x", gpus="all", placement={"resources": {"gpu": 1}}),
            "gpus: can't be combined with the gpus of placement.resources",
        ),
        (with_task(parallel={"tasks": [{"run": "x"}]}, placement={}), "be combined with parallel"),
        (with_task(each={"list": [], "task": {"run": "x"}}, placement={}), "be combined with each"),
        (
            with_task(subjob={"name": "a", "tasks": [{"name": "b", "run": "x"}]}, placement={}),
            "placement: can't be combined with subjob",
        ),
        (
            with_task(each={"list": [], "task": {"run": "x", "placement": {"type": "service"}}}),
            'each.task.placement.type: "service" is not allowed: is only for the tasks of a job',
        ),
        (network(type="vpn"), "must be 'none', 'host', 'bridge', 'full' or 'http'"),
        (network(type="http"), "network.domains: is required for http"),
        (network(type="host", domains=["a.b"]), "network.domains: is only for http, not for host"),
        (network(type="http", domains=["http://a"]), "must be a domain such as example.com"),
        (network(type="http", domains=["*.a"]), "'.example.com' for it and all below it"),
        (network(type="none", ports=[{"name": "A"}]), "network.ports: is only for bridge and host"),
        (network(ports=[{"name": "1A"}]), "must be a part of a variable's name"),
        (network(ports=[{"name": "A-B"}]), "letters, digits and '_'"),
        (network(ports=[{"name": "A", "static": 80}]), "must be at least 1024"),
        (network(ports=[{"name": "A", "static": 65536}]), "must be at most 65535"),
        (network(ports=[{"name": "A", "target": 0}]), "must be at least 1"),
        (network(ports=[{"name": "A"}, {"name": "A"}]), "ports[1].name: is that of port 1, too"),
        (network(ports=[{"name": "A", "address": "here"}]), "must be an IP address"),
        (
            network(type="host", ports=[{"name": "A", "target": 80}]),
            "ports[0].target: is only for bridge: host has the node's own ports",
        ),
        (with_task(network={}, networks=["a"]), "networks: can't be combined with network"),
        (
            with_task(wasm={"module": "m"}),
            "must be where one of the sources of the task puts a mod",
        ),
        (wasm(wasm={"imports": {"a": "b"}}), "wasm.imports.a: "),
        (wasm(image="a:1"), "image: can't be combined with wasm"),
        (wasm(run="x"), "run: can't be combined with wasm"),
        (wasm(entrypoint=["x"]), "entrypoint: can't be combined with wasm"),
        (with_task(successCodes=[]), "must be 'any', or a list of exit codes from 0 to 255"),
        (with_task(successCodes=[256]), "must be 'any', or a list of exit codes from 0 to 255"),
        (with_task(successCodes="all"), "must be 'any', or a list of exit codes from 0 to 255"),
        (with_task(successCodes=[1, 1]), "must have each exit code once"),
        (with_task(stopSignal="INT"), "must be the name of a signal, such as SIGINT"),
        (with_task(exitCodes=[1]), "did you mean 'successCodes'?"),
        (with_task(retry={"limit": 1, "resetAfter": "0s"}), "must be longer than zero"),
        (
            with_task(pre=[{"network": {}}]),
            "network: is shared: set it on the task this belongs to",
        ),
    ],
)
def test_what_breaks_a_rule_is_told_with_its_field(job: dict[str, Any], message: str) -> None:
    assert message in refusal(job)


@pytest.mark.parametrize(
    ("partition", "message"),
    [
        ({"type": "size"}, "must be 'none', 'object', 'regex', 'substring' or 'date'"),
        ({"type": "regex"}, "s3.partition.pattern: is required for regex"),
        ({"type": "regex", "pattern": "("}, "must be a regular expression: bad pattern: missing )"),
        ({"type": "substring"}, "s3.partition.endIndex: must be greater than startIndex, 0"),
        (
            {"type": "substring", "startIndex": 3, "endIndex": 3},
            "must be greater than startIndex, 3",
        ),
        ({"type": "substring", "startIndex": -1, "endIndex": 3}, "must be at least 0"),
        ({"type": "date"}, "s3.partition.dateFormat: is required for date"),
        ({"type": "date", "dateFormat": "yyyy"}, "must be the layout of a date as Go has it, such"),
        ({"type": "object", "pattern": "a"}, "pattern: is only for regex, not for object"),
        ({"type": "none", "endIndex": 3}, "endIndex: is only for substring, not for none"),
    ],
)
def test_what_deals_out_objects_has_rules(partition: dict[str, Any], message: str) -> None:
    source = {"s3": {"bucket": "abc", "key": "in/", "partition": partition}, "target": "in"}
    assert message in refusal(with_task(run="x", sources=[source], placement={}))


def test_objects_are_dealt_out_only_to_executions_and_only_if_they_are_many() -> None:
    def source(key: str) -> dict[str, Any]:
        s3 = {"bucket": "abc", "key": key, "partition": {"type": "object"}}
        return {"s3": s3, "target": "in"}

    alone = refusal(with_task(run="x", sources=[source("in/")]))
    assert "sources[0].s3.partition: is only for a task with a placement" in alone
    one = refusal(with_task(run="x", sources=[source("in")], placement={}))
    assert "s3.partition: is only for many objects, and the key 'in' means one" in one
    ops = with_task(run="x", sources=[source("in/")], placement={"type": "ops"})
    [ignored] = submitted(ops).warnings
    assert "s3.partition: is ignored: every execution of ops gets all obj" in ignored.without_line


@pytest.mark.parametrize(
    "job",
    [
        placed(count=0),
        placed(type="ops", count=1),
        placed(count="{{ inputs.n }}", constraints=["cores > {{ inputs.n }}"]),
        with_task(each={"list": [1], "task": {"run": "x", "placement": {"type": "ops"}}}),
        with_task(run="x", queueTimeout="5m", gpus="all", placement={"type": "daemon"}),
        network(type="full", ports=[{"name": "A", "static": 1024}]),
        network(type="http", domains=["a.example", ".b.example", "10.0.0.1", "::1"]),
        wasm({"s3": {"bucket": "abc", "key": "in/"}, "target": "in"}),
        wasm({"url": "https://a.example", "target": "{{ inputs.a }}"}),
    ],
)
def test_what_keeps_the_rules_is_accepted(job: dict[str, Any]) -> None:
    assert submitted(job).tasks


def test_what_is_wrong_is_found_in_the_text() -> None:
    text = b"""name: a
tasks:
  - name: b
    run: x
    placement:
      constraints:
        - region = eu
        - key: zone
          operator: gt
          values: [high]
"""
    with pytest.raises(Exception, match=r"values\[0\].*\(line 10, column 20\)"):
        parse_job(text, "text/yaml")


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (
            {"placement": {"type": "ops", "onePerNode": True}},
            "tasks[0].placement.onePerNode: is ignored: ops runs once on every node that matches",
        ),
        (
            {"placement": {"type": "service"}, "successCodes": "any"},
            "tasks[0].successCodes: is ignored: a service is kept running, whatever it ends with",
        ),
        (
            {"retry": {"limit": 1, "on": [3, 4]}, "successCodes": [3]},
            "tasks[0].retry.on[0]: is ignored: 3 is one of successCodes",
        ),
    ],
)
def test_what_has_no_effect_is_warned_of(task: dict[str, Any], message: str) -> None:
    assert [w.without_line for w in submitted(with_task(run="x", **task)).warnings] == [message]
