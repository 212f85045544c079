"""The header `Idempotency-Key`: what is submitted twice with one key is made once."""

import hashlib
import re

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.errors import BadRequest, Conflict
from services.coordinator.api.requests import ports, shown_text
from services.coordinator.api.route import Header, error
from shared.planning.new_job import IdempotencyKey

_NAME = "Idempotency-Key"
_KEY = re.compile(r"[!-~]{1,255}")
_NOBODY = ""

IDEMPOTENCY_KEY = Header(
    _NAME,
    "A unique text for each submission. Repeating a submission with the same key and body, as the "
    "same user or API key, creates nothing: the answer shows what the first one created.",
    {"type": "string", "pattern": f"^{_KEY.pattern}$"},
)
KEY_WAS_USED = error(
    "The `Idempotency-Key` was used with another body, or what it created is deleted."
)


async def idempotency_key(request: web.Request, otherwise: str = "") -> IdempotencyKey | None:
    """The key, as the principal's own; without the header `otherwise`. Raises BadRequest for one
    that breaks its rule."""
    key = idempotency_text(request) or _checked(otherwise)
    if not key:
        return None
    identity = principal(request).identity or _NOBODY
    return IdempotencyKey(identity, key, await _hash(request))


async def is_repeated(request: web.Request, otherwise: str = "") -> bool:
    """Whether what it submits was before, with the same key. Raises BadRequest, KeyReused."""
    return await ports(request).commands.was_made(await idempotency_key(request, otherwise))


def idempotency_text(request: web.Request) -> str:
    """As the client sends it, "" for none. Raises BadRequest for one that breaks its rule."""
    key = request.headers.get(_NAME)
    return "" if key is None else _checked(key, may_be_empty=False)


def _checked(key: str, *, may_be_empty: bool = True) -> str:
    if not _KEY.fullmatch(key) and not (may_be_empty and not key):
        raise BadRequest(f"{_shown(key)} is not allowed: must be 1 to 255 visible ASCII characters")
    return key


def reused(key: str) -> str:
    """For a key that was used before, with another body."""
    return f"{_shown(key)} was already used, with another body"


def gone(key: IdempotencyKey, what: str) -> Conflict:
    """For a key whose `what` was deleted meanwhile: to make it once more would be twice."""
    return Conflict(f"{_shown(key.key)} was already used, and its {what} is deleted")


async def _hash(request: web.Request) -> bytes:
    content_type = request.headers.get("Content-Type", "")
    head = f"{request.path}\0{content_type}\0".encode(errors="surrogateescape")
    return hashlib.sha256(head + await request.read()).digest()


def _shown(key: str) -> str:
    return f"{_NAME}: {shown_text(key)}"
