"""Links that end: which method and object a URL allows, and until when, signed by HMAC."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote, urlencode

from conveyor.extensions.files import LinkMethod

LinkAct = LinkMethod | Literal["DELETE", "LIST", "SWEEP"]
"""Of the last two the name is a prefix of names, and the time up to which leftovers are removed:
they are no part of the path, but the parameter `of`."""


@dataclass(frozen=True, slots=True)
class Links:
    """`base_url` is where the objects are served. The first key signs, each one opens."""

    base_url: str
    keys: tuple[bytes, ...] = field(repr=False)

    def make(self, name: str, act: LinkAct, ends_at: datetime) -> str:
        ends = str(int(ends_at.timestamp()))
        query = {"ends": ends, "signature": _signature(self.keys[0], act, name, ends)}
        if act in ("LIST", "SWEEP"):
            return f"{self.base_url}?{urlencode({'of': name, **query})}"
        return f"{self.base_url}/{quote(name)}?{urlencode(query)}"

    def refusal(self, name: str, act: str, query: Mapping[str, str], now: datetime) -> str | None:
        """Why the link of that query does not allow `act` on the object; None where it does.
        A link to read also allows HEAD."""
        ends, given = query.get("ends", ""), query.get("signature", "")
        signed = "GET" if act == "HEAD" else act
        expected = (_signature(key, signed, name, ends) for key in self.keys)
        if not any(hmac.compare_digest(given.encode(), text.encode()) for text in expected):
            return "the signature of the link is wrong"
        if now >= datetime.fromtimestamp(int(ends), UTC):
            return "the link has ended"
        return None


def _signature(key: bytes, act: str, name: str, ends: str) -> str:
    # No name has a line end, so no two links have the same text.
    text = "\n".join(("conveyor-file", act, name, ends)).encode("utf-8", "surrogatepass")
    digest = hmac.digest(key, text, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
