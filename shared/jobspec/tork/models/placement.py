"""On which nodes a task runs, with what, within which network, and as what if not as a program."""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from shared.definition.placement import Operator, PlacementKind
from shared.definition.quantities import parse_memory
from shared.expressions import has_expression
from shared.jobspec import fields as f
from shared.jobspec import network_rules
from shared.jobspec.file_rules import check_target
from shared.jobspec.limits import MAX_CONSTRAINTS, MAX_KEY
from shared.jobspec.problems import Breach, refuse
from shared.jobspec.tork import task_fields as t
from shared.jobspec.tork.models.policies import Spec
from shared.jobspec.tork.models.texts import template_of, text_of
from shared.placement.labels import constraint_problems

_SET = re.compile(r"(\S+)\s+(in|notin)\s*\((.*)\)", re.DOTALL)
_EXISTS = re.compile(r"(\S+)\s+(exists)|(!)\s*(\S+)")
_COMPARED = re.compile(r"([^\s=!<>]+)\s*(==|=|!=|>|<|\sgt\s|\slt\s)\s*(.*)", re.DOTALL)
_COMPARISONS = {">": "gt", "<": "lt"}


def _text_of_number(given: object) -> object:
    """In JSON a number is as good: in YAML it is a text anyway."""
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    return str(given) if is_number else given


_NUMBER_TOO = BeforeValidator(_text_of_number, json_schema_input_type=str | int | float)


def _from_text(given: object) -> object:
    """The mapping that a text such as `zone in (a, b)` stands for."""
    if not isinstance(given, str):
        return given
    text = given.strip()
    if found := _SET.fullmatch(text):
        key, operator, values = found.groups()
        listed = values.split(",") if values.strip() else []
        return _constraint(key, operator, [value.strip() for value in listed])
    if found := _EXISTS.fullmatch(text):
        key, exists, absent, absent_key = found.groups()
        return _constraint(key or absent_key, exists or absent, [])
    if found := _COMPARED.fullmatch(text):
        key, operator, value = (part.strip() for part in found.groups())
        return _constraint(key, _COMPARISONS.get(operator, operator), [value])
    raise ValueError(
        "must be a constraint such as 'region = eu', 'zone in (a, b)', 'cores > 4', 'gpu exists' "
        "or '!gpu', or a mapping of key, operator and values"
    )


def _constraint(key: str, operator: str, values: list[str]) -> dict[str, JsonValue]:
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


_OPERATORS: Sequence[str] = get_args(Operator)
_OTHER_WORDS = {
    **dict.fromkeys(("eq", "equal", "equals", "is"), "="),
    **dict.fromkeys(("ne", "notequal", "notequals", "<>"), "!="),
    **dict.fromkeys(("doesnotexist", "notexists", "absent", "missing"), "!"),
    **dict.fromkeys((">", "greaterthan", "more"), "gt"),
    **dict.fromkeys(("<", "lessthan", "less"), "lt"),
    "exist": "exists",
}


def _operator(given: object) -> object:
    if not isinstance(given, str) or given in _OPERATORS:
        return given
    word = re.sub(r"[\s_-]", "", given).lower()
    meant = word if word in _OPERATORS else _OTHER_WORDS.get(word)
    guess = f", did you mean {meant!r}?" if meant else ""
    raise ValueError(f"must be one of {', '.join(_OPERATORS)}{guess}")


class Constraint(Spec):
    """What a label of the node must be. A text stands for one, too: `region = eu`, `region != eu`,
    `zone in (a, b)`, `zone notin (a, b)`, `cores > 4`, `cores < 4`, `gpu exists`, `!gpu`."""

    key: Annotated[str, Field(min_length=1, max_length=2 * MAX_KEY)]
    """The name of the label."""
    operator: Annotated[Operator, BeforeValidator(_operator)]
    """`=` or `==` and `!=` compare with one value, `in` and `notin` with any of `values`; `exists`
    and `!` (it does not) have no values; `gt` and `lt` compare whole numbers. `!=` and `notin` also
    match where there is no such label."""
    values: f.Listed[Annotated[f.Template, _NUMBER_TOO]] | None = None
    """What it is compared with; may hold expressions."""

    @model_validator(mode="after")
    def _values_of_its_operator(self) -> "Constraint":
        refuse(list(_constraint_breaches(self)))
        return self


_NUMBERED = re.compile(r"(\w+)\[(\d+)\]")


def _constraint_breaches(constraint: Constraint) -> Iterator[Breach]:
    """What holds an expression is checked once it is evaluated."""
    values = constraint.values or []
    for problem in constraint_problems(constraint.key, constraint.operator, values):
        if (found := _NUMBERED.fullmatch(problem.field)) is None:
            yield Breach((problem.field,), problem.message)
        elif not has_expression(values[place := int(found[2])]):
            yield Breach((found[1], place), problem.message)


_Constraint = Annotated[
    Constraint, BeforeValidator(_from_text, json_schema_input_type=str | Constraint)
]
_Constraints = Annotated[list[f.Entry[_Constraint]], Field(max_length=MAX_CONSTRAINTS)]


class Preference(Spec):
    """Nodes that are chosen before others."""

    constraints: Annotated[_Constraints, Field(min_length=1)]
    """They meet all of these."""
    weight: t.Weight | None = None
    """1 to 100: of several preferences, how much each counts. Default: 1."""


_Cpus = Annotated[str, template_of(f.check_cpus), _NUMBER_TOO, Field(examples=["0.5", "2"])]
_Memory = Annotated[str, template_of(f.check_memory), _NUMBER_TOO, Field(examples=["500m", "1.5g"])]
_Disk = Annotated[str, template_of(parse_memory), _NUMBER_TOO, Field(examples=["10g"])]


class Resources(Spec):
    """What each execution is given room for on its node."""

    cpus: _Cpus | None = None
    """How many processors; may hold expressions. Default: none are set apart."""
    cpu: _Cpus | None = None
    """The same as `cpus`."""
    memory: _Memory | None = None
    """Bytes, or with a unit, in powers of 1024: `k`, `m`, `g`; may hold expressions."""
    disk: _Disk | None = None
    """As `memory`: the room for its files."""
    gpus: t.CountOfGpus | None = None
    """How many graphics processors, each its own; may be an expression."""
    gpu: t.CountOfGpus | None = None
    """The same as `gpus`."""

    @model_validator(mode="after")
    def _each_once(self) -> "Resources":
        both = (("cpu", "cpus"), ("gpu", "gpus"))
        twice = [(one, other) for one, other in both if self._has(one) and self._has(other)]
        refuse([Breach((one,), f"can't be combined with {other}") for one, other in twice])
        return self

    def _has(self, field: str) -> bool:
        return getattr(self, field) is not None


class UpdatePolicy(Spec):
    """How the executions of a new version replace those of the old one."""

    max_unavailable: t.MaxUnavailable | None = None
    """At most so many are missing at a time. Default: 1."""
    healthy_after: f.Duration | None = None
    """An execution counts as healthy, and the next is replaced, once it has run so long. Default:
    10s."""


class Placement(Spec):
    """The task is made of executions on chosen nodes."""

    type: PlacementKind | None = None
    """`batch`: `count` executions that end. `service`: `count` that are kept running. `ops`: one on
    every node that matches, which ends. `daemon`: one that is kept running on every node that
    matches, also on one that comes later. Default: `batch`."""
    count: t.CountOfExecutions | None = None
    """How many executions of a `batch` or a `service`: 0 to 10,000; may be an expression. Default:
    1."""
    constraints: _Constraints | None = None
    """Nodes must meet all of them. Default: any node that can run the task."""
    prefer: Annotated[list[f.Entry[Preference]], Field(max_length=MAX_CONSTRAINTS)] | None = None
    """Nodes that are chosen before others, if they have room."""
    resources: Resources | None = None
    """What each execution is given room for, and its `limits` if the task has none."""
    one_per_node: f.Flag | None = None
    """Whether no node may have two of them at once. Default: false."""
    max_per_node: t.CountOfNodes | None = None
    """How many of them a node may have at once. Default: any number."""
    max_nodes: t.CountOfNodes | None = None
    """On how many nodes they may be at once. Default: any number."""
    min_nodes: t.CountOfNodes | None = None
    """None begins before so many nodes have room for one each at once. Default: 1."""
    node: Resources | None = None
    """What a node must have in all, whatever is in use of it. Default: any node."""
    priority: f.Priority | None = None
    """Higher gets a node first. Default: the `priority` of the task."""
    update: UpdatePolicy | None = None
    """How a new version replaces the old one."""

    @model_validator(mode="after")
    def _as_many_as_nodes(self) -> "Placement":
        if self.type in ("ops", "daemon") and isinstance(self.count, int) and self.count > 1:
            rule = f"must not be more than 1 for {self.type}: one runs on every node that matches"
            refuse([Breach(("count",), rule, self.count)])
        refuse(list(self._of_nodes()))
        return self

    def _of_nodes(self) -> Iterator[Breach]:
        given = (
            ("maxPerNode", self.max_per_node),
            ("maxNodes", self.max_nodes),
            ("minNodes", self.min_nodes),
        )
        for field, number in given:
            if self.type in ("ops", "daemon") and number:
                rule = f"is not for {self.type}: one runs on every node that matches"
                yield Breach((field,), rule)
        if self.one_per_node and self.max_per_node:
            yield Breach(("maxPerNode",), "can't be combined with onePerNode")
        if self.max_nodes is not None and (self.min_nodes or 0) > self.max_nodes:
            yield Breach(("minNodes",), f"must not be more than maxNodes, {self.max_nodes}")


class Port(Spec):
    """A port that others reach the task at."""

    name: Annotated[str, text_of(network_rules.check_port_name)]
    """The end of its variables: `CONVEYOR_PORT_` and this name has the port in the task,
    `CONVEYOR_HOST_PORT_` and this name that of the node."""
    static: t.StaticPort | None = None
    """The port of the node: 1024 to 65535. Default: any that is free."""
    target: t.Port | None = None
    """The port in the container, of a `bridge`. Default: the same as that of the node."""
    address: Annotated[str, text_of(network_rules.check_address)] | None = None
    """The address of the node that takes connections. Default: all of them."""


class Network(Spec):
    """What the task reaches, and where it is reached."""

    type: Literal["none", "host", "bridge", "full", "http"] | None = None
    """`none`: nothing. `bridge`: a network of its own, from which it reaches all. `host` or `full`:
    the network of the node. `http`: only `domains`, by a proxy. Default: as the worker is set."""
    domains: (
        Annotated[
            f.Listed[Annotated[str, text_of(network_rules.check_domain)]],
            Field(max_length=MAX_CONSTRAINTS),
        ]
        | None
    ) = None
    """Of `http`: what it may reach. `.example.com` is example.com and all below it."""
    ports: Annotated[list[f.Entry[Port]], Field(max_length=MAX_CONSTRAINTS)] | None = None
    """Where it is reached, of a `bridge` or a `host`."""

    @model_validator(mode="after")
    def _rules_of_its_type(self) -> "Network":
        found = network_rules.network_problems(
            self.type or "default", self.domains or (), self.ports or ()
        )
        refuse([Breach(place, rule) for place, rule in found])
        return self


_ModulePath = Annotated[str, Field(max_length=4096), template_of(check_target)]


class Wasm(Spec):
    """A WebAssembly module that is run instead of an image. `cmd` are its arguments."""

    module: Annotated[_ModulePath, Field(min_length=1)]
    """Where one of the `sources` puts it; may hold expressions."""
    entrypoint: Annotated[str, Field(max_length=MAX_KEY)] | None = None
    """The function that is called. Default: `_start`."""
    imports: f.Mapped[f.Key, _ModulePath] | None = None
    """Modules that it imports, by their names: where `sources` put them. May hold expressions."""
