"""The `{{ }}` language: expr-lang 1.17 over JSON data, with budgets. Pure: no I/O, no clock but
`now()`, no chance but `randomInt()`."""

from shared.expressions.budget import Allowance
from shared.expressions.dates.moments import moment
from shared.expressions.errors import ExpressionError
from shared.expressions.printing import to_text
from shared.expressions.template import (
    Answer,
    answer,
    as_template,
    check,
    compile_expression,
    evaluate,
    expressions_in,
    functions_in,
    has_expression,
    map_expressions,
    names_in,
    quoted,
    render,
    render_value,
)
from shared.expressions.values import TextMap
