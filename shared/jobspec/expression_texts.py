"""Texts that hold expressions: those of a submission compile, or say where they do not."""

import re

from shared.expressions import ExpressionError, as_template, check
from shared.jobspec.limits import MAX_EXPRESSIONS


def _refuse_many_expressions(text: str) -> None:
    if text.count("{{") > MAX_EXPRESSIONS:
        raise ValueError(f"must hold at most {MAX_EXPRESSIONS} expressions")


def check_template(text: str) -> str:
    """`text` unchanged. Raises ValueError when an expression in it does not compile."""
    _refuse_many_expressions(text)
    try:
        check(text)
    except ExpressionError as error:  # pydantic collects ValueErrors, each with its field
        raise ValueError(f"must hold expressions that compile: {_hinted(error)}") from None
    return text


_GO_TEMPLATE = re.compile(
    r"(\.|(range|if|with|json|else|end|template|define|block|printf)\b)|.*\s\."
)


def _hinted(error: ExpressionError) -> str:
    """Braces that are meant for another program look like expressions."""
    if not _GO_TEMPLATE.match(error.source):
        return str(error)
    braces = "{{ '{{ " + error.source + " }}' }}" if "'" not in error.source else "{{ '{{' }}"
    return f"{error}, which is no expression: write {braces} for the braces themselves"


def check_expression(text: str) -> str:
    """As `check_template`, for a field that is an expression with or without its braces."""
    if text:
        check_template(as_template(text))
    return text


def check_hidden_template(text: str) -> str:
    """As `check_template`, for a text that no message may repeat a part of."""
    _refuse_many_expressions(text)
    try:
        check(text)
    except ExpressionError as error:  # as above; its text may quote the source
        place = f" (column {error.column})" if error.column else ""
        raise ValueError(f"must hold expressions that compile{place}") from None
    return text
