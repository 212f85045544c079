"""A checked tree to Python closures. Nothing is looked up by name while they run."""

from collections.abc import Callable

from shared.expressions import tree
from shared.expressions.access import cut
from shared.expressions.bodies import BODIES, Body
from shared.expressions.comparison import COMPARISONS, among_strings, without_nil
from shared.expressions.errors import ExpressionError
from shared.expressions.frame import Code, Frame, placed
from shared.expressions.members import SKIPPED, MemberCompiler
from shared.expressions.operators import ARITHMETIC, Operation, negate
from shared.expressions.tree import Node
from shared.expressions.values import Numbers, is_nil, type_name

_OPERATIONS: dict[str, Operation] = {**ARITHMETIC, **COMPARISONS}


def truth(value: object, meaning: str = "a condition") -> bool:
    """`value` itself, which must be a bool: nothing else counts as true or false."""
    if value is True or value is False:
        return value
    raise ExpressionError(f"{meaning} must be a bool, not {type_name(value)}")


class Compiler(MemberCompiler):
    """Compiles one tree. `local_count` is how many `let` variables it needs at once."""

    def __init__(self, numbers: Numbers, strict: frozenset[int]) -> None:
        super().__init__(numbers)
        self._strict = strict  # columns: see `check`
        self._kinds: dict[type[Node], Callable[..., Code]] = {
            tree.Constant: self._constant,
            tree.Name: self.name,
            tree.Pointer: self._pointer,
            tree.Unary: self._unary,
            tree.Binary: self._binary,
            tree.Compared: self._compared,
            tree.Conditional: self._conditional,
            tree.Let: self._let,
            tree.Sequence: self._sequence,
            tree.ListOf: self._list,
            tree.MapOf: self._map,
            tree.Member: self.member,
            tree.Chain: self._chain,
            tree.Slice: self._slice,
            tree.Builtin: self._builtin,
            tree.Call: self.call,
        }

    def code(self, node: Node) -> Code:
        return self._kinds[type(node)](node)

    def _constant(self, node: tree.Constant) -> Code:
        value = node.value
        return lambda frame: value

    def _pointer(self, node: tree.Pointer) -> Code:
        if node.name == "index":
            return lambda frame: frame.index
        return (lambda frame: frame.acc) if node.name == "acc" else (lambda frame: frame.item)

    def _unary(self, node: tree.Unary) -> Code:
        operand = self.code(node.operand)
        if node.operator == "+":
            return operand
        if node.operator == "-":
            return placed(node.column, lambda frame: negate(operand(frame)))
        return placed(node.column, lambda frame: not truth(operand(frame), "what is negated"))

    def _binary(self, node: tree.Binary) -> Code:
        left, right = self.code(node.left), self.code(node.right)
        if node.operator in ("and", "&&", "or", "||"):
            return self._logic(node, left, right)
        if node.operator == "??":
            return self._fallback(left, right)
        operation = _OPERATIONS[node.operator]
        if node.operator == "in" and _all_strings(node.right):
            operation = among_strings(operation)
        if node.column in self._strict and node.operator in ("==", "!="):
            operation = without_nil(operation)
        column = node.column

        def run(frame: Frame) -> object:
            one, other = left(frame), right(frame)
            try:
                return operation(one, other, frame.meter)
            except ExpressionError as error:  # told where, then passed on
                raise error.at(column) from None

        return run

    def _logic(self, node: tree.Binary, left: Code, right: Code) -> Code:
        decides = node.operator in ("or", "||")  # the left value that settles the matter
        column = node.column

        def run(frame: Frame) -> object:
            value = left(frame)
            if value is not True and value is not False:
                raise ExpressionError(
                    f"{node.operator} needs bools, not {type_name(value)}", column=column
                )
            return value if value is decides else right(frame)

        return run

    def _fallback(self, left: Code, right: Code) -> Code:
        def run(frame: Frame) -> object:
            value = left(frame)
            return right(frame) if is_nil(value) else value

        return run

    def _compared(self, node: tree.Compared) -> Code:
        operands = [self.code(operand) for operand in node.operands]
        steps = [
            (_OPERATIONS[operator], operand)
            for operator, operand in zip(node.operators, operands[1:], strict=True)
        ]

        def run(frame: Frame) -> object:
            left = operands[0](frame)
            for operation, operand in steps:
                right = operand(frame)
                if not operation(left, right, frame.meter):
                    return False
                left = right
            return True

        return placed(node.column, run)

    def _conditional(self, node: tree.Conditional) -> Code:
        condition, otherwise = self.code(node.condition), self.code(node.otherwise)
        then = (lambda frame: True) if node.then is None else self.code(node.then)
        column = node.condition.column

        def run(frame: Frame) -> object:
            value = condition(frame)
            if value is True:
                return then(frame)
            if value is False:
                return otherwise(frame)
            raise ExpressionError(
                f"a condition must be a bool, not {type_name(value)}", column=column
            )

        return run

    def _let(self, node: tree.Let) -> Code:
        value = self.code(node.value)
        place = self.declare(node.name)
        body = self.code(node.body)
        self.forget(node.name)

        def run(frame: Frame) -> object:
            frame.locals[place] = value(frame)
            return body(frame)

        return run

    def _sequence(self, node: tree.Sequence) -> Code:
        parts = [self.code(part) for part in node.parts]
        return lambda frame: [part(frame) for part in parts][-1]

    def _list(self, node: tree.ListOf) -> Code:
        items = [self.code(item) for item in node.items]
        return lambda frame: [item(frame) for item in items]

    def _map(self, node: tree.MapOf) -> Code:
        keys = [self.code(key) for key in node.keys]
        items = [self.code(item) for item in node.items]

        def run(frame: Frame) -> object:
            made: dict[str, object] = {}
            for key, item in zip(keys, items, strict=True):
                name, value = key(frame), item(frame)
                if not isinstance(name, str):
                    raise ExpressionError(f"a key of a map is a string, not {type_name(name)}")
                made.setdefault(name, value)  # of two equal keys the first counts
            return made

        return placed(node.column, run)

    def _chain(self, node: tree.Chain) -> Code:
        inner = self.code(node.inner)

        def run(frame: Frame) -> object:
            value = inner(frame)
            return None if value is SKIPPED or is_nil(value) else value

        return run

    def _slice(self, node: tree.Slice) -> Code:
        base = self.code(node.base)
        start = self.code(node.start or tree.Constant(node.column, None))
        stop = self.code(node.stop or tree.Constant(node.column, None))
        bounds = [code for code, given in ((start, node.start), (stop, node.stop)) if given]

        def run(frame: Frame) -> object:
            value = base(frame)
            low, high = start(frame), stop(frame)
            if len(bounds) > (low is not None) + (high is not None):
                raise ExpressionError("a slice is bounded by ints, not nil")
            frame.meter.spend(len(value) // 64 if isinstance(value, str | list) else 1)
            return cut(value, low, high)

        return placed(node.column, run)

    def _builtin(self, node: tree.Builtin) -> Code:
        if node.name in BODIES:
            return self._with_body(node)
        function = self.library[node.name]
        arguments = [self.code(argument) for argument in node.arguments]
        return placed(
            node.column,
            lambda frame: function([argument(frame) for argument in arguments], frame.meter),
        )

    def _with_body(self, node: tree.Builtin) -> Code:
        collection = self.code(node.arguments[0])
        body = None
        if len(node.arguments) > 1:
            count, _ = tree.size_and_height(node.arguments[1])
            body = Body(self.code(node.arguments[1]), count)
        further = self.code(node.arguments[2]) if len(node.arguments) > 2 else None
        return placed(node.column, BODIES[node.name](collection, body, further))


def _all_strings(node: Node) -> bool:
    return isinstance(node, tree.ListOf) and bool(node.items) and all(
        isinstance(item, tree.Constant) and isinstance(item.value, str) for item in node.items
    )  # fmt: skip
