"""API keys: `cvk_<id>_<secret>`. The id is looked up, the digest of the whole is compared."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

_KEY = re.compile(r"cvk_([0-9a-f]{16})_[A-Za-z0-9_-]{43}")
_ID_BYTES = 8
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is made: `text` is for its holder alone, the rest is stored."""

    id: str
    text: str = field(repr=False)

    @property
    def digest(self) -> bytes:
        return digest_of(self.text)


def new_key() -> ApiKey:
    """A key with 256 bits of chance."""
    key_id = secrets.token_hex(_ID_BYTES)
    return ApiKey(key_id, f"cvk_{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}")


def id_of(text: str) -> str | None:
    """The id in a key; None when it can't be one of ours."""
    match = _KEY.fullmatch(text)
    return match[1] if match else None


def digest_of(text: str) -> bytes:
    # A header may hold bytes that are no text; aiohttp marks them so.
    return hashlib.sha256(text.encode(errors="surrogateescape")).digest()


def is_key(text: str, digest: bytes) -> bool:
    """Whether `digest` was made of it, in constant time."""
    return hmac.compare_digest(digest_of(text), digest)
