"""Ids in the form of Arvados: a site, a type, and 15 digits and letters that a text gives."""

import hashlib

_SITE = "cnvyr"
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH = 15
JOB, USER, CLIENT = "8i9sb", "tpzed", "ozdt8"
SYSTEM_USER = f"{_SITE}-{USER}-{'0' * _LENGTH}"


def uuid_of(kind: str, text: str) -> str:
    """The same for the same text."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest())
    digits = []
    for _ in range(_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return f"{_SITE}-{kind}-{''.join(digits)}"
