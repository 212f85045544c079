"""Tokens to a tree: operators by precedence, `let`, `if`, `?:` and sequences."""

from shared.expressions.errors import ExpressionError
from shared.expressions.lexer import tokens_of
from shared.expressions.primary import PrimaryParser
from shared.expressions.tree import (
    Binary,
    Compared,
    Conditional,
    Let,
    Node,
    Sequence,
    Unary,
)

COMPARISONS = frozenset({"<", ">", "<=", ">="})
_NEGATABLE = ("in", "matches", "contains", "startsWith", "endsWith")
_PRECEDENCE = {
    "|": 0,
    "or": 10, "||": 10,
    "and": 15, "&&": 15,
    "==": 20, "!=": 20, "<": 20, ">": 20, "<=": 20, ">=": 20,
    "in": 20, "matches": 20, "contains": 20, "startsWith": 20, "endsWith": 20,
    "..": 25,
    "+": 30, "-": 30,
    "*": 60, "/": 60, "%": 60,
    "**": 100, "^": 100,
    "??": 500,
}  # fmt: skip
_RIGHT = frozenset({"**", "^"})


def parse(source: str) -> Node:
    """The tree of one expression. ExpressionError, with its column, for a syntax error."""
    return Parser(tokens_of(source)).whole()


class Parser(PrimaryParser):
    def whole(self) -> Node:
        root = self.sequence()
        if self.current.value or self.current.sort != "end":
            raise self.unexpected()
        return root

    def sequence(self) -> Node:
        """`a; b; c`: the value of the last one. A `;` may close the whole expression."""
        first = self.expression()
        parts = [first]
        while self.accept(";"):
            if self.current.sort == "end":
                break
            parts.append(self.expression())
        return first if len(parts) == 1 else self.counted(Sequence(first.column, tuple(parts)))

    def expression(self, precedence: int = 0) -> Node:
        with self.deeper():
            if precedence == 0 and self.is_operator("let"):
                return self._let()
            if precedence == 0 and self.is_operator("if"):
                return self._if()
            left = self._operators(self.primary(), precedence)
            return self._ternary(left) if precedence == 0 else left

    def _operators(self, left: Node, precedence: int) -> Node:
        previous = ""
        while (operator := self._operator_at(precedence)) is not None:
            negated = operator.startswith("not ")
            operator = operator.removeprefix("not ")
            column = self.advance().column
            if operator == "|":
                left = self.call(self.expect_name(), (left,))
            else:
                if previous == "??" and operator != "??":
                    raise ExpressionError(
                        f"?? and {operator} need parentheses between them", column=column
                    )
                left = self._binary(operator, left, column)
                left = self.counted(Unary(column, "not", left)) if negated else left
            previous = operator
        return left

    def _operator_at(self, precedence: int) -> str | None:
        """The next binary operator if it binds as strongly as `precedence`; takes a `not`."""
        start = self.position
        negated = self.is_operator("not")
        if negated:
            self.advance()
            if not self.is_operator(*_NEGATABLE):
                raise self.unexpected()
        operator = self.current.value
        known = self.is_operator(operator) and operator in _PRECEDENCE
        if known and _PRECEDENCE[operator] >= precedence:
            return f"not {operator}" if negated else operator
        self.step_back(start)
        return None

    def _binary(self, operator: str, left: Node, column: int) -> Node:
        strength = _PRECEDENCE[operator]
        right = self.expression(strength if operator in _RIGHT else strength + 1)
        if operator not in COMPARISONS or not self.is_operator(*COMPARISONS):
            return self.counted(Binary(column, operator, left, right))
        operands, operators = [left, right], [operator]
        while self.is_operator(*COMPARISONS):  # 1 < x < 3
            operators.append(self.advance().value)
            operands.append(self.expression(strength + 1))
        return self.counted(Compared(column, tuple(operands), tuple(operators)))

    def _ternary(self, condition: Node) -> Node:
        while self.is_operator("?"):
            column = condition.column
            self.advance()
            then = None
            if not self.accept(":"):
                then = self.expression()
                self.expect(":")
            condition = self.counted(Conditional(column, condition, then, self.expression()))
        return condition

    def _let(self) -> Node:
        self.advance()
        name = self.expect_name()
        self.expect("=")
        value = self.expression()
        self.expect(";")
        return self.counted(Let(name.column, name.value, value, self.sequence()))

    def _if(self) -> Node:
        column = self.advance().column
        condition = self.expression()
        then = self._block()
        self.expect("else")
        if self.is_operator("if"):
            with self.deeper():
                return self.counted(Conditional(column, condition, then, self._if()))
        return self.counted(Conditional(column, condition, then, self._block()))

    def _block(self) -> Node:
        self.expect("{")
        body = self.sequence()
        self.expect("}")
        return body
