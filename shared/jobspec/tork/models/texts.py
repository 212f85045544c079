"""Texts that are checked by a function which raises ValueError."""

from collections.abc import Callable

from pydantic import AfterValidator

from shared.expressions import has_expression
from shared.jobspec.expression_texts import check_template

_Check = Callable[[str], object]


def text_of(check: _Check) -> AfterValidator:
    def checked(text: str) -> str:
        check(text)
        return text

    return AfterValidator(checked)


def template_of(check: _Check) -> AfterValidator:
    """With expressions it is checked once they are evaluated."""

    def checked(text: str) -> str:
        if has_expression(text):
            return check_template(text)
        check(text)
        return text

    return AfterValidator(checked)
