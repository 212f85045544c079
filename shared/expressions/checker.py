"""What is refused before anything runs: unknown names, and kinds that can't work together."""

from collections.abc import Callable, Mapping

from shared.expressions import tree
from shared.expressions.access import text_without_members
from shared.expressions.errors import ExpressionError
from shared.expressions.kinds import (
    ANY,
    ANY_MAP,
    BOOL,
    FLOAT,
    FUNCTION,
    INT,
    INTS,
    LIST,
    MAP,
    NIL,
    NUMBERS,
    STRING,
    UNKNOWN,
    Kind,
    array_of,
    binary_kind,
    common,
    element_of,
    is_array,
    is_map,
    member_of,
)
from shared.expressions.patterns import pattern
from shared.expressions.predicates import PredicateKinds
from shared.expressions.signatures import (
    FUNCTIONS,
    METHODS,
    OWN_FUNCTIONS,
    PREDICATES,
    Signature,
)
from shared.expressions.tree import Node


def check(root: Node, names: Mapping[str, Kind] | None) -> frozenset[int]:
    """Refuses what can't work. `names` are those in scope; None allows any name.

    Returns the columns of those `==` and `!=` that were found to compare two ints or two strings:
    they fail if a side turns out to be nil, as `findIndex(…)` may.
    """
    checker = Checker(names)
    checker.kind(root)
    return frozenset(checker.strict)


def _refused(node: Node, message: str) -> ExpressionError:
    return ExpressionError(message, column=node.column)


class Checker(PredicateKinds):
    def __init__(self, names: Mapping[str, Kind] | None) -> None:
        super().__init__()
        self._names = names
        self._locals: dict[str, Kind] = {}
        self.strict: set[int] = set()
        self._rules: dict[type[Node], Callable[..., Kind]] = {
            tree.Constant: self._constant,
            tree.Name: self._name,
            tree.Pointer: self.pointer_kind,
            tree.Unary: self._unary,
            tree.Binary: self._binary,
            tree.Compared: self._compared,
            tree.Conditional: self._conditional,
            tree.Let: self._let,
            tree.Sequence: lambda node: [self.kind(part) for part in node.parts][-1],
            tree.ListOf: self._list,
            tree.MapOf: self._map,
            tree.Member: self._member,
            tree.Chain: lambda node: self.kind(node.inner),
            tree.Slice: self._slice,
            tree.Builtin: self._builtin,
            tree.Call: self._call,
        }

    def kind(self, node: Node) -> Kind:
        return self._rules[type(node)](node)

    def _constant(self, node: tree.Constant) -> Kind:
        kinds: dict[type, Kind] = {bool: BOOL, int: INT, float: FLOAT, str: STRING}
        return kinds.get(type(node.value), NIL)

    def _name(self, node: tree.Name) -> Kind:
        if node.name in self._locals:
            return self._locals[node.name]
        if node.name == "$env":
            return UNKNOWN
        if self._names is not None and node.name in self._names:
            return self._names[node.name]
        if node.name in OWN_FUNCTIONS:
            raise _refused(node, f"{node.name} is a function: it has to be called")
        if node.name in FUNCTIONS or node.name in PREDICATES:
            return FUNCTION
        if self._names is None:
            return UNKNOWN
        raise _refused(node, f"unknown name {node.name}")

    def _defines(self, name: str) -> bool:
        return name in self._locals or name in (self._names or ())

    def _unary(self, node: tree.Unary) -> Kind:
        operand = self.kind(node.operand)
        if node.operator in ("not", "!"):
            if operand in (BOOL, ANY):
                return BOOL
        elif operand in (*NUMBERS, ANY):
            return UNKNOWN if operand == ANY else operand
        raise _refused(node, f"{node.operator} doesn't work on {operand}")

    def _binary(self, node: tree.Binary) -> Kind:
        left, right = self.kind(node.left), self.kind(node.right)
        if node.operator == "matches" and isinstance(node.right, tree.Constant):
            self._pattern(node.right)
        kind = binary_kind(node.operator, left, right)
        if kind is None:
            raise _refused(node, _unfit(node.operator, left, right))
        if node.operator in ("==", "!=") and left is right and left in (INT, STRING):
            self.strict.add(node.column)
        return kind

    def _pattern(self, node: tree.Constant) -> None:
        if isinstance(node.value, str):
            try:
                pattern(node.value)
            except ExpressionError as error:  # the same error, with its place
                raise error.at(node.column) from None

    def _conditional(self, node: tree.Conditional) -> Kind:
        condition = self.kind(node.condition)
        if condition not in (BOOL, ANY):
            raise _refused(node.condition, f"a condition must be a bool, not {condition}")
        then = condition if node.then is None else self.kind(node.then)
        return common(then, self.kind(node.otherwise))

    def _compared(self, node: tree.Compared) -> Kind:
        kinds = [self.kind(operand) for operand in node.operands]
        for operator, left, right in zip(node.operators, kinds[:-1], kinds[1:], strict=True):
            if binary_kind(operator, left, right) is None:
                raise _refused(node, _unfit(operator, left, right))
        return BOOL

    def _let(self, node: tree.Let) -> Kind:
        taken = node.name in FUNCTIONS or node.name in PREDICATES or node.name in self._locals
        if taken or node.name in (self._names or ()):
            raise _refused(node, f"{node.name} is declared already")
        value = self.kind(node.value)
        self._locals[node.name] = value
        body = self.kind(node.body)
        del self._locals[node.name]
        return body

    def _list(self, node: tree.ListOf) -> Kind:
        kinds = [self.kind(item) for item in node.items]
        if kinds and all(kind.name == kinds[0].name for kind in kinds):
            return array_of(kinds[-1])
        return LIST

    def _map(self, node: tree.MapOf) -> Kind:
        for part in node.keys + node.items:
            self.kind(part)
        return MAP

    def _member(self, node: tree.Member) -> Kind:
        if isinstance(node.base, tree.Name) and node.base.name == "$env":
            return self._environment(node)
        base, key = self.kind(node.base), self.kind(node.key)
        if base == ANY:
            return UNKNOWN
        if base.name == ANY_MAP.name:
            return element_of(base)
        if not is_map(base) and not is_array(base):
            raise _refused(node, _without_members(base, node))
        if problem := _bad_key(base, key):
            raise _refused(node.key, problem)
        name = node.key.value if isinstance(node.key, tree.Constant) else None
        return member_of(base, name)

    def _environment(self, node: tree.Member) -> Kind:
        key = node.key
        self.kind(key)
        if not isinstance(key, tree.Constant) or not isinstance(key.value, str):
            return UNKNOWN
        if self._names is None or key.value in OWN_FUNCTIONS or node.optional:
            return (self._names or {}).get(key.value, UNKNOWN)
        if key.value not in self._names:
            raise _refused(node, f"unknown name {key.value}")
        return self._names[key.value]

    def _slice(self, node: tree.Slice) -> Kind:
        base = self.kind(node.base)
        if base != ANY and base is not STRING and not is_array(base):
            raise _refused(node, f"{base} can't be sliced")
        for bound in (node.start, node.stop):
            if bound is not None and self.kind(bound) not in (INT, ANY) and base != ANY:
                raise _refused(bound, "a slice is bounded by ints")
        if base == ANY:
            return UNKNOWN
        return base

    def _builtin(self, node: tree.Builtin) -> Kind:
        if node.name in PREDICATES:
            return self.predicate_kind(node)
        return self._signed(node, node.name, FUNCTIONS[node.name], node.arguments)

    def _signed(
        self, node: Node, name: str, signature: Signature, arguments: tuple[Node, ...]
    ) -> Kind:
        if not signature.accepts_count(len(arguments)):
            raise _refused(node, f"wrong number of arguments for {name}: {len(arguments)}")
        kinds = tuple(self.kind(argument) for argument in arguments)
        for place, kind in enumerate(kinds):
            accepted = signature.parameter(place)
            if accepted and kind != ANY and kind.name not in {a.name for a in accepted}:
                raise _refused(arguments[place], f"{name} doesn't take {kind} there")
        if name == "join" and kinds[0] is INTS:
            raise _refused(arguments[0], "join takes an array of strings")
        if name == "get" and (problem := _bad_key(*kinds)):
            raise _refused(arguments[1], problem)
        return signature.result_for(kinds)

    def _call(self, node: tree.Call) -> Kind:
        callee = node.callee
        if isinstance(callee, tree.Member) and isinstance(callee.key, tree.Constant):
            base, name = self.kind(callee.base), str(callee.key.value)
            if base.name in METHODS:
                if name not in METHODS[base.name]:
                    raise _refused(node, f"{base} has no method {name}")
                return self._signed(node, name, METHODS[base.name][name], node.arguments)
        if isinstance(callee, tree.Name) and not self._defines(callee.name):
            raise _refused(node, f"unknown function {callee.name}")
        if (kind := self.kind(callee)) != ANY:
            raise _refused(node, f"{kind} can't be called")
        for argument in node.arguments:
            self.kind(argument)
        return UNKNOWN


def _without_members(base: Kind, node: tree.Member) -> str:
    key, source = _key_text(node.key), _path_text(node.base)
    if base is STRING and source and isinstance(node.key, tree.Constant):
        return text_without_members(source, key)
    return f"{base} has no member {key}"


def _path_text(node: Node) -> str:
    """A name, or a member of one, as it is written; empty for anything else."""
    if isinstance(node, tree.Name):
        return node.name
    if isinstance(node, tree.Member) and isinstance(node.key, tree.Constant):
        base = _path_text(node.base)
        return f"{base}.{node.key.value}" if base else ""
    return ""


def _unfit(operator: str, left: Kind, right: Kind) -> str:
    text = f"{operator} doesn't work on {left} and {right}"
    if STRING in (left, right) and {left, right} & {INT, FLOAT, BOOL}:
        return f"{text}: inputs and results are texts, so write '5' for 5, or int(…)"
    return text


def _key_text(key: Node) -> str:
    return str(key.value) if isinstance(key, tree.Constant) else "of that kind"


def _bad_key(base: Kind, key: Kind) -> str | None:
    if is_array(base) and key not in (INT, ANY):
        return f"an array is indexed by an int, not {key}"
    if is_map(base) and key not in (STRING, ANY):
        return f"a key of a map is a string, not {key}"
    return None
