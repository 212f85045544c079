"""Moments as text: a date, a time and how far its clock is ahead of UTC."""

import re
from datetime import UTC, datetime

_OFFSET = r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_TIME = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
_SHAPE = rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T{_TIME}{_OFFSET}"
_MOMENT = re.compile(_SHAPE)
_YEARS = range(1970, 9000)
MOMENT_PATTERN = f"^({_SHAPE})?$"
"""What one looks like, for the API's description; empty means not set."""


def parse_moment(text: str) -> datetime:
    """In UTC. Raises ValueError with the rule it breaks."""
    if not _MOMENT.fullmatch(text):
        raise ValueError("must be a time with its offset such as 2026-06-01T12:00:00Z")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:  # such as the 30th of February
        raise ValueError(f"must be a time that exists: {error}") from None
    if moment.year not in _YEARS:
        raise ValueError(f"must be between the years {_YEARS[0]} and {_YEARS[-1]}")
    return moment.astimezone(UTC)


def moment_of(text: str) -> datetime:
    """In UTC, of any spelling in ISO 8601 that has an offset. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("without an offset")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:  # in the first hours of the year 1, or the last of the year 9999
        raise ValueError("not a time in UTC") from error
