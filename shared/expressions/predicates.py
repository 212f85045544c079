"""The kinds of built-ins with a body (`map`, `filter`, …), and of `#` inside it."""

from abc import ABC, abstractmethod

from shared.expressions import tree
from shared.expressions.errors import ExpressionError
from shared.expressions.kinds import (
    ANY,
    ANY_MAP,
    BOOL,
    INT,
    LIST,
    NIL,
    STRING,
    UNKNOWN,
    Kind,
    array_of,
    element_of,
    is_array,
)
from shared.expressions.signatures import INDEXED

_TESTS = frozenset({"all", "none", "any", "one"})
_WANT_BOOL = _TESTS | {"filter", "count", "find", "findIndex", "findLast", "findLastIndex"}


class PredicateKinds(ABC):
    def __init__(self) -> None:
        self._scopes: list[tuple[str, Kind]] = []  # (built-in, its collection), innermost last

    @abstractmethod
    def kind(self, node: tree.Node) -> Kind: ...

    def pointer_kind(self, node: tree.Pointer) -> Kind:
        builtin, collection = self._scopes[-1]
        if node.name == "":
            return UNKNOWN if collection == ANY else element_of(collection)
        if node.name == "index" and builtin in INDEXED:
            return INT
        if node.name == "acc" and builtin == "reduce":
            return UNKNOWN
        raise ExpressionError(f"{builtin} knows no #{node.name}", column=node.column)

    def predicate_kind(self, node: tree.Builtin) -> Kind:
        collection = self.kind(node.arguments[0])
        if collection != ANY and not is_array(collection):
            raise ExpressionError(
                f"{node.name} takes an array, not {collection}", column=node.arguments[0].column
            )
        body = self._body_kind(node, collection)
        for further in node.arguments[2:]:
            self._order_kind(node.name, further)
        return _result(node.name, collection, body)

    def _body_kind(self, node: tree.Builtin, collection: Kind) -> Kind | None:
        if len(node.arguments) < 2:
            return None
        body = node.arguments[1]
        self._scopes.append((node.name, collection))
        kind = self.kind(body)
        self._scopes.pop()
        if kind is NIL:
            raise ExpressionError(f"the body of {node.name} gives nothing", column=body.column)
        if node.name in _WANT_BOOL and kind not in (BOOL, ANY):
            raise ExpressionError(
                f"the body of {node.name} must give a bool, not {kind}", column=body.column
            )
        return kind

    def _order_kind(self, name: str, node: tree.Node) -> None:
        kind = self.kind(node)
        if name == "sortBy" and kind not in (STRING, ANY):
            raise ExpressionError(f"the order is a string, not {kind}", column=node.column)


def _result(name: str, collection: Kind, body: Kind | None) -> Kind:
    element = UNKNOWN if collection == ANY else element_of(collection)
    if name in _TESTS:
        return BOOL
    if name in ("count", "findIndex", "findLastIndex"):
        return INT
    if name in ("find", "findLast"):
        return element
    if name in ("map", "reduce"):
        given = element if body is None else body
        return array_of(given) if name == "map" else given
    if name == "sum":
        return element if body is None else ANY if body == ANY else body
    if name == "groupBy":
        return Kind(ANY_MAP.name, LIST)
    if name == "sortBy":
        return collection
    return LIST if collection == ANY else array_of(element)
