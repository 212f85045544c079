"""The one error of this package: an expression that is refused, and where in its text."""


class ExpressionError(Exception):
    """An expression that doesn't compile, fails while it runs, or exceeds a budget.

    Always "rejected": the same expression over the same names fails again.
    `column` counts characters from 1; 0 means the place isn't known.
    """

    def __init__(self, message: str, *, source: str = "", column: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.source = source
        self.column = column

    def at(self, column: int) -> "ExpressionError":
        """The same error with its place, unless a part nearer to the cause has set one."""
        self.column = self.column or column
        return self

    def within(self, source: str) -> "ExpressionError":
        """The same error with the text it belongs to."""
        self.source = self.source or source
        return self

    def __str__(self) -> str:
        place = f" (column {self.column})" if self.column else ""
        text = f" in {shortened(self.source)}" if self.source else ""
        return f"{self.message}{place}{text}"


def shortened(text: str, limit: int = 80) -> str:
    """`text` cut to `limit` characters, so that no message repeats a whole payload."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
