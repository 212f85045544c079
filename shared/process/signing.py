"""Signatures by Standard Webhooks 1.0.0: the secrets, what signs a request, and what checks it."""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence

_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64
_NEW = 32
SECRET_RULE = f"must be {_PREFIX} and the base64 of {_SHORTEST} to {_LONGEST} random bytes"

TOLERANCE_SECONDS = 300
"""How old a request may be, or ahead of the receiver's clock: one sent again later by somebody else
is refused."""


_SECONDS = re.compile("[0-9]{1,12}")


class BadSignature(Exception):
    """The text says what is wrong with the request."""


def new_secret() -> str:
    return _PREFIX + base64.b64encode(secrets.token_bytes(_NEW)).decode()


def read_secret(text: str) -> bytes:
    """The key in a secret. Raises ValueError, which doesn't quote it."""
    if not text.startswith(_PREFIX):
        raise ValueError(SECRET_RULE)
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:  # its own words could quote the secret
        raise ValueError(SECRET_RULE) from None
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(SECRET_RULE)
    return key


def read_secrets(text: str) -> tuple[bytes, ...]:
    """The keys in `text`, secrets separated by commas. Raises ValueError for what is none."""
    return tuple(read_secret(secret.strip()) for secret in text.split(",") if secret.strip())


def signature(keys: Sequence[bytes], webhook_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: one for each key, so that a secret can be replaced.

    `timestamp` is in seconds since 1970, as `webhook-timestamp` says it.
    """
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    digests = (hmac.new(key, signed, hashlib.sha256).digest() for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def check_signature(key: bytes, headers: Mapping[str, str], body: bytes, now: float) -> None:
    """That the request was signed by the owner of `key`, lately. `headers` have lower-case names.

    Raises BadSignature.
    """
    try:
        id_, time, given = (headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    except KeyError as error:
        raise BadSignature(f"no header {error.args[0]}") from None
    if not _SECONDS.fullmatch(time):
        raise BadSignature("webhook-timestamp is not a number of seconds")
    expected = signature([key], id_, int(time), body).encode()
    if not any(
        hmac.compare_digest(each.encode(errors="replace"), expected) for each in given.split()
    ):
        raise BadSignature("no signature by this secret")
    if abs(now - int(time)) > TOLERANCE_SECONDS:
        raise BadSignature(f"signed {abs(now - int(time)):.0f} s before or after this time")
