"""Passwords checked beside the event loop, few at a time, each right one only once."""

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict

from services.coordinator.credentials.passwords import hash_password, is_password

_REMEMBERED = 1000
# More would let whoever guesses passwords take all processors.
_AT_ONCE = 2


class PasswordCheck:
    """Remembers, under a key that only this process has, that a password fits a stored hash.

    No password is kept, and a changed one is another hash, so nothing has to be forgotten in time.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._nobodys: str | None = None

    async def fits(self, password: str, stored: str | None) -> bool:
        """Whether it is the password of `stored`. For None, an unknown user, it takes as long."""
        proof = self._proof(password, stored or "")
        if stored is not None and proof in self._right:
            self._right.move_to_end(proof)
            return True
        async with self._turns:
            fits = await asyncio.to_thread(self._compare, password, stored)
        if fits:
            self._remember(proof)
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
