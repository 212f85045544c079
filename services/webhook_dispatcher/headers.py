"""The headers of a webhook call: those the job asks for, evaluated, and ours.

Calls are signed as Standard Webhooks 1.0.0 has it, so that a receiver knows whom they come from.
"""

import base64
import binascii
import hashlib
import hmac

import orjson

from services.webhook_dispatcher.store.deliveries import Delivery
from services.webhook_dispatcher.summaries import names_of_summary
from shared.expressions import render
from shared.process.sealing import Sealer

_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64
RULE = f"must be {_PREFIX} and the base64 of {_SHORTEST} to {_LONGEST} random bytes"


def headers_of(delivery: Delivery, sealer: Sealer) -> dict[str, str]:
    """Ours win over the job's. Raises ExpressionError, SealingError."""
    asked: dict[str, str] = {}
    if (source := delivery.source) is not None:
        job = {"id": delivery.job_id, "name": source.job_name}
        summary = names_of_summary(orjson.loads(delivery.body), job)
        secrets = sealer.secrets_in(source.sealed)
        names = {**summary, "inputs": source.inputs, "secrets": secrets}
        asked = {name: render(value, names) for name, value in source.headers.items()}
    return {
        **asked,
        "Content-Type": "application/json; charset=UTF-8",
        "webhook-id": delivery.id,
        "conveyor-sequence": str(delivery.version),
    }


def read_secrets(text: str) -> tuple[bytes, ...]:
    """The keys in `text`, secrets separated by commas. Raises ValueError for what is none."""
    return tuple(_key(secret.strip()) for secret in text.split(",") if secret.strip())


def signature(keys: tuple[bytes, ...], delivery_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: one for each key, so that a secret can be replaced.

    `timestamp` is in seconds since 1970, as `webhook-timestamp` says it.
    """
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    digests = (hmac.new(key, signed, hashlib.sha256).digest() for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def _key(secret: str) -> bytes:
    if not secret.startswith(_PREFIX):
        raise ValueError(RULE)
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:  # its own words could quote the secret
        raise ValueError(RULE) from None
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(RULE)
    return key
