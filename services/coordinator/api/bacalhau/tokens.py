"""Where a page ends, as a text that clients hand back unread."""

import base64
from datetime import datetime
from typing import Any

import orjson

from services.coordinator.api.errors import BadRequest
from shared.jobspec.cron.moments import moment_of


def token_of(*place: object) -> str:
    """Times, texts and numbers."""
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def place_of(token: str, *kinds: type) -> list[Any]:
    """What `token_of` was given, of these kinds. Raises BadRequest for what is no token of it."""
    try:
        found = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        if not isinstance(found, list) or len(found) != len(kinds):
            raise ValueError
        return [_read(value, kind) for value, kind in zip(found, kinds, strict=True)]
    except (ValueError, TypeError):  # the client's mistake, in our words
        raise BadRequest("next_token: must be the NextToken of an answer") from None


def _read(value: object, kind: type) -> object:
    if kind is datetime:
        return moment_of(str(value))
    if not isinstance(value, kind) or (isinstance(value, int) and not 0 <= value < 2**63):
        raise ValueError
    return value
