"""The syntax tree: frozen nodes, each with the column it is blamed at."""

import operator
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Node:
    column: int


@dataclass(frozen=True, slots=True)
class Constant(Node):
    value: bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Name(Node):
    name: str


@dataclass(frozen=True, slots=True)
class Pointer(Node):
    """`#` ("" here), `#index`, `#acc`."""

    name: str


@dataclass(frozen=True, slots=True)
class Unary(Node):
    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary(Node):
    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Compared(Node):
    """`1 < x <= 3`: true if each operand stands so to the next."""

    operands: tuple[Node, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conditional(Node):
    """`if` and `?:`. `then` is None in `a ?: b`, which gives a itself if that is true."""

    condition: Node
    then: Node | None
    otherwise: Node


@dataclass(frozen=True, slots=True)
class Let(Node):
    name: str
    value: Node
    body: Node


@dataclass(frozen=True, slots=True)
class Sequence(Node):
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ListOf(Node):
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class MapOf(Node):
    keys: tuple[Node, ...]
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Member(Node):
    """`base.key`, `base[key]`, `base?.key`."""

    base: Node
    key: Node
    optional: bool


@dataclass(frozen=True, slots=True)
class Chain(Node):
    """As far as a `?.` that met nil skips."""

    inner: Node


@dataclass(frozen=True, slots=True)
class Slice(Node):
    base: Node
    start: Node | None
    stop: Node | None


@dataclass(frozen=True, slots=True)
class Builtin(Node):
    """A built-in, or one of ours. For a predicate built-in the second argument is its body."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A method call, or a call of something that can't be called."""

    callee: Node
    arguments: tuple[Node, ...]


_INNER: dict[type[Node], tuple[str, ...]] = {}


def _inner(kind: type[Node]) -> tuple[str, ...]:
    """The fields of a node that may hold nodes."""
    if kind not in _INNER:
        _INNER[kind] = tuple(field.name for field in fields(kind) if "Node" in str(field.type))
    return _INNER[kind]


def children(node: Node) -> list[Node]:
    """The nodes right below `node`, in order."""
    below: list[Node] = []
    for name in _inner(type(node)):
        value = getattr(node, name)
        if isinstance(value, tuple):
            below.extend(value)
        elif value is not None:
            below.append(value)
    return below


def with_children(node: Node, change: Callable[[Node], Node]) -> Node:
    """The node with each of those changed; the node itself if none is another after that."""
    changes: dict[str, Any] = {}
    for name in _inner(type(node)):
        value = getattr(node, name)
        changed = _changed(value, change)
        if changed is not value:
            changes[name] = changed
    return replace(node, **changes) if changes else node


def _changed(value: Node | tuple[Node, ...] | None, change: Callable[[Node], Node]) -> object:
    if value is None or isinstance(value, Node):
        return value and change(value)
    after = tuple(map(change, value))
    return value if all(map(operator.is_, value, after)) else after


def size_and_height(root: Node) -> tuple[int, int]:
    """How many nodes the tree has, and how many lie above one another. Doesn't recurse."""
    count, height, waiting = 0, 0, [(root, 1)]
    while waiting:
        node, level = waiting.pop()
        count, height = count + 1, max(height, level)
        waiting.extend((child, level + 1) for child in children(node))
    return count, height
