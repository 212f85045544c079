"""What a template is made of."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from cli.go_template.errors import Mark

Value: TypeAlias = object
"""A text, a number, true or false, None, a list, or a mapping with texts as keys."""


@dataclass(frozen=True)
class Constant:
    value: Value


@dataclass(frozen=True)
class Function:
    name: str


@dataclass(frozen=True)
class Chain:
    """`start` None is the dot; a text is a variable, `$` included."""

    start: "str | Pipeline | None"
    fields: tuple[str, ...] = ()


Operand = Constant | Function | Chain


@dataclass(frozen=True)
class Command:
    mark: Mark
    operands: tuple[Operand, ...]


@dataclass(frozen=True)
class Pipeline:
    """`variables` are what it declares, or with `assigns` sets."""

    mark: Mark
    commands: tuple[Command, ...]
    variables: tuple[str, ...] = ()
    assigns: bool = False


@dataclass(frozen=True)
class Branch:
    kind: Literal["if", "with", "range"]
    pipeline: Pipeline
    body: "Nodes"
    otherwise: "Nodes"


@dataclass(frozen=True)
class Leave:
    kind: Literal["break", "continue"]


@dataclass(frozen=True)
class Call:
    """Of a template by its name."""

    mark: Mark
    name: str
    pipeline: Pipeline | None


Node = str | Pipeline | Branch | Leave | Call
Nodes = tuple[Node, ...]


@dataclass
class Template:
    nodes: Nodes = ()
    named: dict[str, Nodes] = field(default_factory=dict)
