"""Regular expressions, by an engine that is linear in the text whatever the pattern."""

import re
from functools import lru_cache
from typing import Any

from shared.expressions.budget import MAX_PATTERN, MAX_PATTERN_BYTES, Meter
from shared.expressions.errors import ExpressionError
from shared.expressions.unicode_text import to_bytes

_RAW_BYTE = re.compile(r"(?<!\\)(?:\\\\)*\\C")  # \C is RE2's alone, and would cut characters
_COMPILING = 100  # steps, for a pattern without a character
_WORK_PER_STEP = 32  # program instructions times bytes of text


def matches(text: str, source: str, meter: Meter) -> bool:
    """Whether the pattern is found anywhere in `text`."""
    meter.spend(_COMPILING + 4 * len(source))  # whether or not it is compiled already
    program, size = pattern(source)
    data = to_bytes(text)
    meter.spend(len(data) * size // _WORK_PER_STEP + 1)
    return program.search(data) is not None


@lru_cache(maxsize=256)
def pattern(source: str) -> tuple[Any, int]:
    """The compiled pattern and its size in instructions. ExpressionError for a bad one."""
    if len(source) > MAX_PATTERN:
        raise ExpressionError(f"a pattern has at most {MAX_PATTERN} characters")
    if _RAW_BYTE.search(source):
        raise ExpressionError("bad pattern: invalid escape sequence: \\C")
    import re2  # here: most services never see a pattern, and it takes 2 MB

    options = re2.Options()
    options.max_mem = MAX_PATTERN_BYTES
    options.log_errors = False
    try:
        program = re2.compile(to_bytes(source), options)
    except re2.error as error:  # the one error of that engine, with bytes in it
        reason = error.args[0]
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ExpressionError(f"bad pattern: {text}") from None
    return program, program._regexp.ProgramSize()
