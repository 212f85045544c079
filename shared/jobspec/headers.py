"""What HTTP can carry as the name and the value of a header."""

import re

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def check_header_name(name: str) -> str:
    """Raises ValueError."""
    if not _NAME.fullmatch(name):
        raise ValueError("must be a header name: letters, digits and !#$%&'*+.^_`|~- only")
    return name


def check_header_value(value: str) -> str:
    """Raises ValueError."""
    if _CONTROL.search(value):
        raise ValueError("must not hold a line break or another control character")
    return value
