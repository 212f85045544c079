"""What the reference engine makes of a checked tree before it runs, where that shows: constants
are worked out, `true and x` is x, and a few nested built-ins become one that stops early."""

from dataclasses import replace
from typing import TypeGuard

from shared.expressions.budget import Meter
from shared.expressions.errors import ExpressionError
from shared.expressions.operators import ARITHMETIC
from shared.expressions.tree import (
    Binary,
    Builtin,
    Constant,
    ListOf,
    Member,
    Node,
    Unary,
    with_children,
)
from shared.expressions.values import wrap

_ENDS = {"first": "find", "last": "findLast"}
_PLACES = {0: "find", -1: "findLast"}
_FOLDED = frozenset({"+", "-", "*", "/", "%", "**", "^"})


def rewritten(node: Node) -> Node:
    """The tree to run. ExpressionError for `1 % 0`, which is known to fail."""
    whole = with_children(node, rewritten)
    if isinstance(whole, Binary):
        return _binary(whole, node)
    if isinstance(whole, Unary):
        return _unary(whole)
    if isinstance(whole, Builtin):
        return _builtin(whole)
    return _element(whole) if isinstance(whole, Member) else whole


def _binary(node: Binary, before: Node) -> Node:
    if node.operator == "in" and isinstance(before, Binary) and isinstance(before.right, ListOf):
        return replace(node, right=before.right)  # a list of texts, as it was written, counts
    left, right = node.left, node.right
    if node.operator in ("and", "&&", "or", "||"):
        return _logic(node)
    if not isinstance(left, Constant) or not isinstance(right, Constant):
        return node
    if node.operator == "==":
        return _equality(node, left, right)
    return _arithmetic(node, left, right) if node.operator in _FOLDED else node


def _logic(node: Binary) -> Node:
    decides = node.operator in ("or", "||")  # the value that settles the matter
    for side, other in ((node.left, node.right), (node.right, node.left)):
        if isinstance(side, Constant) and side.value is (not decides):
            return other
    for side in (node.left, node.right):
        if isinstance(side, Constant) and side.value is decides:
            return Constant(node.column, decides)
    return node


def _equality(node: Binary, left: Constant, right: Constant) -> Node:
    same = type(left.value) is type(right.value) and type(left.value) in (bool, int, str)
    return Constant(node.column, left.value == right.value) if same else node


def _arithmetic(node: Binary, left: Constant, right: Constant) -> Node:
    if not _numbers(left, right) and not _joined(node, left, right):
        return node
    if node.operator == "%" and (type(left.value) is float or type(right.value) is float):
        return node
    try:
        value = ARITHMETIC[node.operator](left.value, right.value, Meter())
    except ExpressionError as error:  # told where, then passed on
        raise error.at(node.column) from None
    return Constant(node.column, value) if isinstance(value, int | float | str) else node


def _numbers(*sides: Constant) -> bool:
    return all(type(side.value) in (int, float) for side in sides)


def _joined(node: Binary, left: Constant, right: Constant) -> bool:
    return node.operator == "+" and isinstance(left.value, str) and isinstance(right.value, str)


def _unary(node: Unary) -> Node:
    value = node.operand.value if isinstance(node.operand, Constant) else None
    if isinstance(value, bool):
        return Constant(node.column, not value) if node.operator in ("not", "!") else node
    if not isinstance(value, int | float) or node.operator not in ("+", "-"):
        return node
    return Constant(node.column, value if node.operator == "+" else _negative(value))


def _negative(value: int | float) -> int | float:
    return wrap(-value) if isinstance(value, int) else -value


def _builtin(node: Builtin) -> Node:
    first = node.arguments[0] if len(node.arguments) == 1 else None
    if node.name in _ENDS and _is_filter(first):
        return replace(first, name=_ENDS[node.name])
    if node.name == "sum" and isinstance(first, ListOf) and len(first.items) > 1:
        return _added(node, first.items)
    return node


def _is_filter(node: Node | None) -> TypeGuard[Builtin]:
    return isinstance(node, Builtin) and node.name == "filter"


def _added(node: Builtin, items: tuple[Node, ...]) -> Node:
    """`sum([a, b])` is `a + b`, unless all is constant: two texts are joined."""
    if all(isinstance(item, Constant) and item.value is not None for item in items):
        return node
    total = items[-1]
    for item in reversed(items[:-1]):
        total = Binary(node.column, "+", item, total)
    return total


def _element(node: Member) -> Node:
    """`filter(…)[0]` is the first that is found; none is an error as it was."""
    key = node.key.value if isinstance(node.key, Constant) else None
    if node.optional or type(key) is not int or key not in _PLACES or not _is_filter(node.base):
        return node
    return replace(node.base, name=f"{_PLACES[key]} or fail")
