"""Passwords as they are stored: scrypt, with its parameters and salt in the text."""

import base64
import hashlib
import hmac
import secrets

_KIND = "scrypt"
# What OWASP names for machines that can't spare 128 MB for each login: 16 MB, a fifth of a second.
_COST, _BLOCK, _PASSES = 2**14, 8, 5
_MEMORY_BYTES = 64 * 2**20
_SALT_BYTES = 16


def hash_password(password: str) -> str:
    """Takes a fifth of a second: not for an event loop."""
    salt = secrets.token_bytes(_SALT_BYTES)
    made = _scrypt(password, salt, _COST, _BLOCK, _PASSES)
    return "$".join((_KIND, str(_COST), str(_BLOCK), str(_PASSES), _text(salt), _text(made)))


def is_password(password: str, stored: str) -> bool:
    """Whether `stored` was made of it; as slow as `hash_password`, in constant time."""
    kind, cost, block, passes, salt, expected = stored.split("$")
    if kind != _KIND:
        raise ValueError(f"a password hash of an unknown kind: {kind}")
    made = _scrypt(password, _bytes(salt), int(cost), int(block), int(passes))
    return hmac.compare_digest(made, _bytes(expected))


def _scrypt(password: str, salt: bytes, cost: int, block: int, passes: int) -> bytes:
    return hashlib.scrypt(
        password.encode(), salt=salt, n=cost, r=block, p=passes, maxmem=_MEMORY_BYTES, dklen=32
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
