"""The syntax tree: frozen nodes, each with the column it is blamed at."""

from collections.abc import Iterator
from dataclasses import dataclass, fields


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


def children(node: Node) -> Iterator[Node]:
    """The nodes right below `node`, in order."""
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from (item for item in value if isinstance(item, Node))


def size_and_height(root: Node) -> tuple[int, int]:
    """How many nodes the tree has, and how many lie above one another. Doesn't recurse."""
    count, height, waiting = 0, 0, [(root, 1)]
    while waiting:
        node, level = waiting.pop()
        count, height = count + 1, max(height, level)
        waiting.extend((child, level + 1) for child in children(node))
    return count, height
