"""Ids in the form of Arvados: a site, a type, and 15 digits and letters that a text gives."""

import hashlib
import re

_SITE = "cnvyr"
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH = 15
JOB, TASK, CONTAINER, REQUEST = "8i9sb", "ot0gb", "dz642", "xvhdp"
USER, CLIENT, NODE = "tpzed", "ozdt8", "7ekkf"
SYSTEM_USER = f"{_SITE}-{USER}-{'0' * _LENGTH}"


_UUID = re.compile(f"{_SITE}-([0-9a-z]{{5}})-([0-9a-f]{{{_LENGTH}}})")


def uuid_of(kind: str, text: str) -> str:
    """The same for the same text."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest())
    digits = []
    for _ in range(_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return f"{_SITE}-{kind}-{''.join(digits)}"


def uuid_from(kind: str, id_: str) -> str:
    """Begins as `id_`, so that what has it is found. `id_` has enough hexadecimal digits."""
    return f"{_SITE}-{kind}-{id_[:_LENGTH]}"


def id_beginning(kind: str, uuid: str) -> str | None:
    """How the id begins that `uuid_from` has made it from; None if it is no uuid of that kind."""
    found = _UUID.fullmatch(uuid)
    return found[2] if found and found[1] == kind else None
