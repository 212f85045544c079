"""JSON text to plain values: strict, without duplicate keys, NaN or infinities."""

import json

from shared.jobspec.plain_scalar import PlainScalar, SpelledNumber
from shared.jobspec.problems import TOO_DEEP, InvalidJob, Problem

_LONGEST_INTEGER = len("-9223372036854775808")


class _NotAllowed(ValueError):
    """Well-formed, but nothing we can keep."""


def load_json(text: str) -> object:
    """The value in `text`. Raises InvalidJob."""
    return _loaded(text, _DECODER)


def load_json_as_yaml(text: str) -> object:
    """The same, with numbers as YAML has them: texts until a field asks for a number."""
    return _loaded(text, _YAML_DECODER)


def _loaded(text: str, decoder: json.JSONDecoder) -> object:
    try:
        value: object = decoder.decode(text)
    except json.JSONDecodeError as error:  # the client can mend it
        rule = f"not valid JSON: {_rule(error)}"
        raise InvalidJob([Problem("", rule, line=error.lineno, column=error.colno)]) from None
    except _NotAllowed as error:  # as above
        raise InvalidJob([Problem("", str(error))]) from None
    except RecursionError:  # the decoder's own guard against endless brackets
        raise InvalidJob([Problem("", TOO_DEEP)]) from None
    return value


_SLIPS = {
    "Expecting property name enclosed in double quotes": "a key in double quotes must follow (is "
    "there a comma after the last entry, or a key in single quotes?)",
    "Illegal trailing comma before end of object": "a comma stands after the last entry",
    "Illegal trailing comma before end of array": "a comma stands after the last entry",
    "Expecting value": "a value must follow (texts stand in double quotes; there are no comments)",
    "Expecting ',' delimiter": "a comma is missing here, or a bracket is not closed",
    "Expecting ':' delimiter": "a colon is missing here",
    "Extra data": "text after the end of the job",
    "Invalid control character at": "a line break or control character in a text: write \\n",
    "Unterminated string starting at": "the text that begins here has no closing quote",
    "Invalid \\escape": "a backslash starts an escape: write it twice",
}
"""Python's words for what is wrong, and ours. None repeats a part of the text."""


def _rule(error: json.JSONDecodeError) -> str:
    return _SLIPS.get(error.msg.removesuffix(": "), error.msg)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise _NotAllowed(f"duplicate key {_first_repeated(pairs)!r}")
    return made


def _first_repeated(pairs: list[tuple[str, object]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    raise AssertionError("called without a repeated key")


def _integer(text: str) -> float:
    if len(text) <= _LONGEST_INTEGER and -(2**63) <= int(text) < 2**63 and text != "-0":
        return int(text)
    return SpelledNumber(text)


def _float(text: str) -> float:
    number = float(text)
    return number if repr(number) == text else SpelledNumber(text)


def _constant(name: str) -> object:
    raise _NotAllowed(f"{name} is not a valid JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_float,
    parse_constant=_constant,
)
_YAML_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=PlainScalar,
    parse_float=PlainScalar,
    parse_constant=_constant,
)
