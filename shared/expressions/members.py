"""Names and members to closures.

A caller's values are taken in only where they leave the path that was read: `tasks.a.b` walks the
caller's own maps and takes in b alone, so a large context costs nothing.
"""

from abc import ABC, abstractmethod

from shared.expressions import tree
from shared.expressions.access import fetch
from shared.expressions.dates.moments import called, method
from shared.expressions.errors import ExpressionError
from shared.expressions.frame import Code, Frame, placed
from shared.expressions.library import library
from shared.expressions.signatures import OWN_FUNCTIONS
from shared.expressions.values import Numbers, is_nil, taken_in, type_name

_METHOD_STEPS = 300  # a calendar is slower than an addition
SKIPPED = object()  # what a member is once a `?.` before it met nil


class MemberCompiler(ABC):
    def __init__(self, numbers: Numbers) -> None:
        self.local_count = 0
        self.library = library(numbers)
        self._numbers = numbers
        self._places: dict[str, int] = {}

    @abstractmethod
    def code(self, node: tree.Node) -> Code: ...

    def declare(self, name: str) -> int:
        """A place for the `let` variable `name`."""
        place = self._places[name] = self.local_count
        self.local_count += 1
        return place

    def forget(self, name: str) -> None:
        del self._places[name]

    def name(self, node: tree.Name) -> Code:
        name = node.name
        if name in self._places:
            place = self._places[name]
            return lambda frame: frame.locals[place]
        return placed(node.column, self._leaving(self._raw(node)))

    def member(self, node: tree.Member) -> Code:
        if _from_names(node, self._places):
            return placed(node.column, self._leaving(self._raw(node)))
        return self._fetching(node, self.code(node.base))

    def _raw(self, node: tree.Node) -> Code:
        """Code that gives the caller's own object, not yet taken in."""
        if isinstance(node, tree.Name):
            name = node.name
            if name == "$env":
                return lambda frame: frame.names
            return lambda frame: frame.names.get(name)
        if isinstance(node, tree.Member):
            return self._fetching(node, self._raw(node.base))
        raise TypeError(node)

    def _fetching(self, node: tree.Member, base: Code) -> Code:
        key, optional, column = self.code(node.key), node.optional, node.column

        def run(frame: Frame) -> object:
            found = base(frame)
            if found is SKIPPED or (optional and is_nil(found)):
                return SKIPPED
            try:
                return fetch(found, key(frame), frame.meter)
            except ExpressionError as error:  # told where, then passed on
                raise error.at(column) from None

        return run

    def call(self, node: tree.Call) -> Code:
        """A method of a time or span; anything else can't be called."""
        callee = node.callee
        arguments = [self.code(argument) for argument in node.arguments]
        if not isinstance(callee, tree.Member) or not isinstance(callee.key, tree.Constant):
            return placed(node.column, _uncallable(self.code(callee)))
        name = str(callee.key.value)
        if isinstance(callee.base, tree.Name) and callee.base.name == "$env":
            return placed(node.column, self._own_function(name, arguments))
        base, optional = self.code(callee.base), callee.optional

        def run(frame: Frame) -> object:
            value = base(frame)
            if value is SKIPPED or (optional and is_nil(value)):
                return SKIPPED
            function = method(value, name)
            if function is None:
                raise ExpressionError(
                    f"{type_name(fetch(value, name, frame.meter))} can't be called"
                )
            frame.meter.spend(_METHOD_STEPS)
            return called(value, name, function, [argument(frame) for argument in arguments])

        return placed(node.column, run)

    def _leaving(self, raw: Code) -> Code:
        numbers = self._numbers

        def run(frame: Frame) -> object:
            value = raw(frame)
            return value if value is SKIPPED else taken_in(value, frame.meter, numbers)

        return run

    def _own_function(self, name: str, arguments: list[Code]) -> Code:
        function = self.library.get(name) if name in OWN_FUNCTIONS else None

        def run(frame: Frame) -> object:
            if function is None:
                raise ExpressionError(f"{name} can't be called")
            return function([argument(frame) for argument in arguments], frame.meter)

        return run


def _from_names(node: tree.Node, local_names: dict[str, int]) -> bool:
    while isinstance(node, tree.Member):
        node = node.base
    return isinstance(node, tree.Name) and node.name not in local_names


def _uncallable(callee: Code) -> Code:
    def run(frame: Frame) -> object:
        raise ExpressionError(f"{type_name(callee(frame))} can't be called")

    return run
