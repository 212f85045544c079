"""The token of an attempt: what its program shows to the API for as long as it runs.

A worker makes it, and tells with its claim only the digest, which is stored: nobody else can make
one, and it ends with the attempt.
"""

import base64
import hashlib
import hmac
import re
import secrets

_KEY_BYTES = 32
_TOKEN = re.compile(r"cvt_([0-9a-f]{32})_[A-Za-z0-9_-]{43}")


class TaskTokens:
    """Those of a worker: always the same for a dispatch, so that its claim can be repeated."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(_KEY_BYTES)

    def of(self, task_id: str, dispatch: int) -> str:
        made = hmac.digest(self._key, f"{task_id}/{dispatch}".encode(), hashlib.sha256)
        return f"cvt_{task_id}_{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


def task_of(text: str) -> str | None:
    """The id of the task in a token; None when it can't be one of ours."""
    match = _TOKEN.fullmatch(text)
    return match[1] if match else None


def digest_of_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
