"""API keys, passwords and session tokens: how they are made, stored and compared.

A key is `cvk_<id>_<secret>`: the id is looked up, the digest of the whole is compared. Passwords
are stored as scrypt, with its parameters and salt in the text. A token is `cvs_<id>_<secret>`; its
digest is of what it was given for as well, so that it ends when the password or key is another.
"""

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
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


_TOKEN = re.compile(r"cvs_([0-9a-f]{16})_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class SessionToken:
    """What a browser keeps of a session: only `id` is stored."""

    id: str
    text: str = field(repr=False)

    def digest(self, credential: bytes) -> bytes:
        """Proves both the token and what it was given for; gives neither away."""
        return hmac.digest(self.text.encode(), b"session:" + credential, hashlib.sha256)

    @property
    def csrf_token(self) -> str:
        """What pages show that they are of our own: those of others cannot read it."""
        made = hmac.digest(self.text.encode(), b"csrf", hashlib.sha256)
        return base64.urlsafe_b64encode(made).decode().rstrip("=")


def new_session_token() -> SessionToken:
    token_id = secrets.token_hex(_ID_BYTES)
    return SessionToken(token_id, f"cvs_{token_id}_{secrets.token_urlsafe(_SECRET_BYTES)}")


def session_token(text: str) -> SessionToken | None:
    """None when it can't be one of ours."""
    match = _TOKEN.fullmatch(text)
    return SessionToken(match[1], text) if match else None


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


_REMEMBERED = 1000


class PasswordCheck:
    """Remembers, under a key that only this process has, that a password fits a stored hash.

    No password is kept, and a changed one is another hash, so nothing has to be forgotten in time.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._nobodys: str | None = None

    def remembers(self, password: str, stored: str | None) -> bool:
        """Whether it was found to fit before; that takes no time."""
        proof = self._proof(password, stored or "")
        if stored is None or proof not in self._right:
            return False
        self._right.move_to_end(proof)
        return True

    async def fits(self, password: str, stored: str | None) -> bool:
        """Whether it is the password of `stored`. For None, an unknown user, it takes as long."""
        if self.remembers(password, stored):
            return True
        fits = await asyncio.to_thread(self._compare, password, stored)
        if fits:
            self._remember(self._proof(password, stored or ""))
        return fits

    def _compare(self, password: str, stored: str | None) -> bool:
        if stored is not None:
            return is_password(password, stored)
        self._nobodys = self._nobodys or hash_password(secrets.token_hex())
        is_password(password, self._nobodys)
        return False

    def _proof(self, password: str, stored: str) -> bytes:
        return hmac.digest(self._secret, f"{stored}\n{password}".encode(), hashlib.sha256)

    def _remember(self, proof: bytes) -> None:
        self._right[proof] = None
        while len(self._right) > _REMEMBERED:
            self._right.popitem(last=False)
