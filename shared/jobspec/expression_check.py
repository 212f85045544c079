"""The expressions in a submission must compile: the one place that asks `shared.expressions`."""

from shared.expressions import ExpressionError, check, has_expression

__all__ = [
    "check_expression",
    "check_hidden_template",
    "check_template",
    "has_expression",
]


def check_template(text: str) -> str:
    """`text` unchanged. Raises ValueError when an expression in it does not compile."""
    try:
        check(text)
    except ExpressionError as error:  # pydantic collects ValueErrors, each with its field
        raise ValueError(f"must hold expressions that compile: {error}") from None
    return text


def check_expression(text: str) -> str:
    """As `check_template`, for a field that is an expression with or without its braces."""
    if text:
        check_template(text if has_expression(text) else "{{" + text + "}}")
    return text


def check_hidden_template(text: str) -> str:
    """As `check_template`, for a text that no message may repeat a part of."""
    try:
        check(text)
    except ExpressionError as error:  # as above; its text may quote the source
        place = f" (column {error.column})" if error.column else ""
        raise ValueError(f"must hold expressions that compile{place}") from None
    return text
