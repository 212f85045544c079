"""Standard Webhooks 1.0.0: whether a webhook comes from who knows the secret."""

import base64
import binascii
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from conveyor.errors import InvalidSignature

TOLERANCE_SECONDS = 300.0
_PREFIX = "whsec_"


def verify(
    body: bytes | str,
    headers: Mapping[str, str],
    secret: str | Sequence[str],
    tolerance_seconds: float = TOLERANCE_SECONDS,
) -> dict[str, Any]:
    """The event in `body`, if it is signed with `secret` (`whsec_…`), or one of several.

    Raises InvalidSignature, also where it was signed longer ago than `tolerance_seconds`; and
    ValueError when a secret is none.
    """
    content = body.encode() if isinstance(body, str) else body
    given = {name.lower(): value for name, value in headers.items()}
    try:
        id_, timestamp = given["webhook-id"], given["webhook-timestamp"]
        signatures = given["webhook-signature"].split()
        age_seconds = abs(time.time() - int(timestamp))
    except (KeyError, ValueError) as error:
        raise InvalidSignature(f"a header is missing or malformed: {error}") from None
    if age_seconds > tolerance_seconds:
        raise InvalidSignature(f"it was signed {age_seconds:.0f} s ago or ahead")
    signed = f"{id_}.{timestamp}.".encode() + content
    secrets = [secret] if isinstance(secret, str) else secret
    expected = [_signature(_key(one), signed) for one in secrets]
    if not any(hmac.compare_digest(e, s) for e in expected for s in signatures):
        raise InvalidSignature("no signature matches")
    return dict(json.loads(content))


def _signature(key: bytes, signed: bytes) -> str:
    return "v1," + base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError(f"a secret must be {_PREFIX} and base64") from None
