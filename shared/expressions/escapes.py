"""What a backslash means inside a quoted text."""

import re

from shared.expressions.errors import ExpressionError

_SIMPLE = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\",
}  # fmt: skip
_ESCAPE = re.compile(
    r"""\\(?: x(?P<x>[0-9a-fA-F]{2}) | u(?P<u>[0-9a-fA-F]{4}) | U(?P<U>[0-9a-fA-F]{8})
      | u\{(?P<braced>[0-9a-fA-F]{1,6})\} | (?P<octal>[0-3][0-7]{2}) | (?P<simple>.) | $)""",
    re.VERBOSE | re.DOTALL,
)


def unescaped(quoted: str, column: int) -> str:
    """The text that a literal, quotes included, stands for. ExpressionError for a bad escape."""
    body = quoted[1:-1]
    if "\\" not in body:
        return body

    def meant(match: re.Match[str]) -> str:
        simple = match["simple"]
        if simple is not None:
            if simple == quoted[0]:
                return simple
            if simple in _SIMPLE:
                return _SIMPLE[simple]
            raise ExpressionError(f"bad escape \\{simple}", column=column + match.start() + 1)
        return _character(match, column)

    return _ESCAPE.sub(meant, body)


def _character(match: re.Match[str], column: int) -> str:
    octal = match["octal"]
    digits = match["x"] or match["u"] or match["U"] or match["braced"]
    code = int(octal, 8) if octal is not None else int(digits or "110000", 16)
    if code > 0x10FFFF:
        raise ExpressionError("no such character", column=column + match.start() + 1)
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else chr(code)
