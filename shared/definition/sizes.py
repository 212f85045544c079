"""Amounts of memory (`500m`, `1.5g`) and of processor (`0.5`), as container engines spell them."""

import re
from decimal import Decimal

MEMORY_PATTERN = r"^(?:[0-9]{1,15}(?:\.[0-9]{1,6})?\s?(?:[kKmMgGtTpP][iI]?)?[bB]?)?$"
CPUS_PATTERN = r"^(?:[0-9]{1,6}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})?$"
"""How the two look, for the API's description; empty means not set."""

_MEMORY = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)\s?(?:([kmgtp])i?)?b?", re.IGNORECASE)
_CPUS = re.compile(r"[0-9]{1,6}(?:\.[0-9]{0,9})?|\.[0-9]{1,9}")
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_MOST_BYTES = 2**63 - 1


def parse_memory(text: str) -> int:
    """The number of bytes in `text`; units are powers of 1024. Raises ValueError."""
    match = _MEMORY.fullmatch(text)
    if not match:
        raise ValueError("must be an amount of memory such as 500m, 1.5g or 1073741824")
    number, unit = match.groups(default="")
    amount = int(Decimal(number) * 1024 ** _POWERS[unit.lower()])
    if not 0 < amount <= _MOST_BYTES:
        raise ValueError("must be more than zero and less than 8192p")
    return amount


def parse_cpus(text: str) -> float:
    """The number of processors in `text`, such as 0.5. Raises ValueError."""
    if not _CPUS.fullmatch(text):
        raise ValueError("must be a number of processors such as 0.5 or 2")
    cpus = float(text)
    if cpus <= 0:
        raise ValueError("must be more than zero")
    return cpus
