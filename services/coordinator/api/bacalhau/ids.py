"""Our ids as Bacalhau's look, and what may be meant by one, a part of one, or a name."""

import re
from typing import Literal

Kind = Literal["j", "e"]

_HEX = re.compile(r"[0-9a-f]{4,32}")
_WIDTHS = (8, 4, 4, 4, 12)


def shown_id(kind: Kind, id_: str) -> str:
    """`j-` or `e-`, and the id as a UUID is written."""
    parts, start = [], 0
    for width in _WIDTHS:
        parts.append(id_[start : start + width])
        start += width
    return f"{kind}-{'-'.join(parts)}"


def meant_id(kind: Kind, text: str) -> str | None:
    """Our id, or the beginning of it, of at least four digits; None for what can't be one."""
    plain = text.strip().lower().removeprefix(f"{kind}-").replace("-", "")
    return plain if _HEX.fullmatch(plain) else None
