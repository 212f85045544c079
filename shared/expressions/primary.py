"""Tokens to a tree: literals, names, calls, predicates, members and slices."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from shared.expressions.budget import MAX_NESTING, MAX_NODES
from shared.expressions.errors import ExpressionError
from shared.expressions.lexer import Sort, Token
from shared.expressions.signatures import FUNCTIONS, PREDICATES
from shared.expressions.tree import (
    Builtin,
    Call,
    Chain,
    Constant,
    ListOf,
    MapOf,
    Member,
    Name,
    Node,
    Pointer,
    Slice,
    Unary,
)

_BASES = {"0x": 16, "0o": 8, "0b": 2}
_LARGEST = (1 << 63) - 1


def number(token: Token) -> int | float:
    """int, or float with a point or exponent. ExpressionError when it doesn't fit 64 bits."""
    digits = token.value.replace("_", "")
    base = _BASES.get(digits[:2].lower(), 10)
    try:
        if base == 10 and not digits.isdigit():
            value: int | float = float(digits)
        else:
            value = int(digits, base)
    except ValueError:  # 1e, 0x
        raise ExpressionError(f"bad number {token.value!r}", column=token.column) from None
    if (value > _LARGEST and isinstance(value, int)) or value == float("inf"):
        raise ExpressionError("a number is too large", column=token.column)
    return value


class Cursor:
    """What both halves of the parser share: look at a token, take it, build a node."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._position = 0
        self._nesting = 0
        self._nodes = 0
        self.current = tokens[0]

    def advance(self) -> Token:
        taken = self.current
        if taken.sort is Sort.END:
            raise self.unexpected()
        self._position += 1
        self.current = self._tokens[self._position]
        return taken

    def is_operator(self, *values: str) -> bool:
        return self.current.sort is Sort.OPERATOR and self.current.value in values

    def is_bracket(self, value: str) -> bool:
        return self.current.sort is Sort.BRACKET and self.current.value == value

    def accept(self, value: str) -> bool:
        """Takes the operator or bracket `value` if it is next."""
        if self.is_operator(value) or self.is_bracket(value):
            self.advance()
            return True
        return False

    def expect(self, value: str) -> None:
        if not self.accept(value):
            raise self.unexpected(f", expected {value!r}")

    def expect_name(self) -> Token:
        if self.current.sort is not Sort.NAME:
            raise self.unexpected(", expected a name")
        return self.advance()

    def unexpected(self, expected: str = "") -> ExpressionError:
        return ExpressionError(f"unexpected {self.current}{expected}", column=self.current.column)

    def step_back(self, position: int) -> None:
        self._position = position
        self.current = self._tokens[position]

    @property
    def position(self) -> int:
        return self._position

    def counted(self, node: Node) -> Node:
        """`node`, charged to the budget on nodes."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise ExpressionError(f"has more than {MAX_NODES} parts", column=node.column)
        return node

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """One level down; the parser recurses, so levels are bounded."""
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise ExpressionError(
                f"is nested more than {MAX_NESTING} deep", column=self.current.column
            )
        yield
        self._nesting -= 1


_UNARY = {"not": 50, "!": 50, "-": 90, "+": 90}
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "nil": None}


class PrimaryParser(Cursor, ABC):
    """The half of the parser below the binary operators."""

    _predicates = 0  # how many predicate bodies are open: `#` means something only in one

    @abstractmethod
    def expression(self, precedence: int = 0) -> Node: ...

    @abstractmethod
    def sequence(self) -> Node: ...

    def primary(self) -> Node:
        token = self.current
        if token.sort is Sort.OPERATOR and token.value in _UNARY:
            self.advance()
            operand = self.expression(_UNARY[token.value])
            return self._postfix(self.counted(Unary(token.column, token.value, operand)))
        if self.accept("("):
            inner = self.sequence()
            self.expect(")")
            return self._postfix(inner)
        if self.is_operator("#", "."):
            return self._postfix(self._pointer())
        if self.accept("::"):
            return self._postfix(self.call(self.expect_name(), ()))
        return self._literal_or_name()

    def _pointer(self) -> Node:
        if not self._predicates:
            raise ExpressionError(
                f"{self.current.value} stands only within filter, map and the like",
                column=self.current.column,
            )
        column, name = self.current.column, ""
        if self.accept("#") and self.current.sort is Sort.NAME:
            name = self.advance().value
        return self.counted(Pointer(column, name))

    def _literal_or_name(self) -> Node:
        token = self.current
        if token.sort is Sort.NUMBER:
            self.advance()
            return self.counted(Constant(token.column, number(token)))
        if token.sort is Sort.NAME and token.value in _WORDS:
            self.advance()
            return self.counted(Constant(token.column, _WORDS[token.value]))
        return self._postfix(self._named_or_bracketed(token))

    def _named_or_bracketed(self, token: Token) -> Node:
        if token.sort is Sort.NAME:
            self.advance()
            if self.is_bracket("("):
                return self.call(token, ())
            return self.counted(Name(token.column, token.value))
        if token.sort is Sort.TEXT:
            self.advance()
            return self.counted(Constant(token.column, token.value))
        if self.accept("["):
            return self.counted(ListOf(token.column, self._expressions_until("]")))
        if self.accept("{"):
            return self._map(token.column)
        raise self.unexpected()

    def call(self, name: Token, piped: tuple[Node, ...]) -> Node:
        """A call of the function `name`, whose first arguments a pipe may have brought."""
        if name.value in PREDICATES:
            arguments = piped + self._predicate_arguments(name.value, len(piped))
        else:
            self.expect("(")
            arguments = piped + self._expressions_until(")")
        if name.value in PREDICATES or name.value in FUNCTIONS:
            return self.counted(Builtin(name.column, name.value, arguments))
        callee = self.counted(Name(name.column, name.value))
        return self.counted(Call(name.column, callee, arguments))

    def _expressions_until(self, closing: str) -> tuple[Node, ...]:
        """`a, b, c` up to `closing`; a comma may stand after the last."""
        items: list[Node] = []
        while not self.is_bracket(closing):
            if items:
                self.expect(",")
                if self.is_bracket(closing):
                    break
            items.append(self.expression())
        self.expect(closing)
        return tuple(items)

    def _predicate_arguments(self, name: str, given: int) -> tuple[Node, ...]:
        """`(list, body, more…)`: the body may use `#` and may stand in braces."""
        self.expect("(")
        required, allowed = PREDICATES[name]
        arguments: list[Node] = []
        for place in range(given, allowed):
            if place >= required and self.is_bracket(")"):
                break
            if arguments:
                self.expect(",")
            arguments.append(self._body() if place == 1 else self.expression())
        self.accept(",")
        self.expect(")")
        return tuple(arguments)

    def _body(self) -> Node:
        self._predicates += 1
        if self.accept("{"):
            body = self.sequence()
            self.expect("}")
        else:
            body = self.expression()
        self._predicates -= 1
        return body

    def _map(self, column: int) -> Node:
        keys: list[Node] = []
        items: list[Node] = []
        while not self.is_bracket("}"):
            if keys:
                self.expect(",")
                if self.is_bracket("}"):
                    break
            keys.append(self._map_key())
            self.expect(":")
            items.append(self.expression())
        self.expect("}")
        return self.counted(MapOf(column, tuple(keys), tuple(items)))

    def _map_key(self) -> Node:
        if self.is_bracket("("):
            return self.expression()
        if self.current.sort not in (Sort.NAME, Sort.TEXT, Sort.NUMBER):
            raise self.unexpected(", expected a key: a name, a text, a number or (…)")
        token = self.advance()
        return self.counted(Constant(token.column, token.value))

    def _postfix(self, node: Node) -> Node:
        while True:
            if self.is_operator(".", "?."):
                node = self._after_dot(node)
            elif self.is_bracket("["):
                node = self._index_or_slice(node, optional=False)
            else:
                return node

    def _after_dot(self, node: Node) -> Node:
        optional = self.advance().value == "?."
        if optional and self.is_bracket("["):
            return self._index_or_slice(node, optional=True)
        name = self.current
        if name.sort is not Sort.NAME and not (
            name.sort is Sort.OPERATOR and name.value.isidentifier()
        ):
            raise self.unexpected(", expected a name")
        self.advance()
        chained = isinstance(node, Chain)
        base = node.inner if isinstance(node, Chain) else node
        key = self.counted(Constant(name.column, name.value))
        found = self.counted(Member(name.column, base, key, optional))
        if self.accept("("):
            found = self.counted(Call(name.column, found, self._expressions_until(")")))
        return self.counted(Chain(name.column, found)) if chained or optional else found

    def _index_or_slice(self, node: Node, *, optional: bool) -> Node:
        column = self.advance().column
        start = None if self.is_operator(":") else self.expression()
        if self.accept(":"):
            stop = None if self.is_bracket("]") else self.expression()
            self.expect("]")
            return self.counted(Slice(column, node, start, stop))
        self.expect("]")
        if start is None:
            raise self.unexpected()
        found = self.counted(Member(column, node, start, optional))
        return self.counted(Chain(column, found)) if optional else found
