"""A place in a row of tokens, and the budget on how far the parser may go down."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.expressions.budget import MAX_NESTING, MAX_NODES
from shared.expressions.errors import ExpressionError
from shared.expressions.lexer import Sort, Token
from shared.expressions.tree import Node


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
