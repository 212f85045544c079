"""Slows down who guesses passwords, and nobody else: each user name from each address by itself.

Comparing a password takes a processor a fifth of a second. Whoever waits for that goes behind those
whose address and name have failed less; among equals the newest is first, so that a flood of
guesses does not stand in front of one who comes later.
"""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from services.coordinator.api.errors import TooManyRequests

log = structlog.get_logger(__name__)

# More would let whoever guesses passwords take all processors.
_AT_ONCE = 2
_LONGEST_SECONDS = 60.0
_FORGOTTEN_SECONDS = 15 * 60.0
_MANY = 10_000
_LONGEST_NAME = 64  # no user has a longer one


@dataclass(slots=True)
class Failures:
    """Of one kind of sign-in, the last at `at`; `turn` lets one at a time be compared."""

    count: int = 0
    at: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def wait(self, allowed: int, now: float) -> float:
        """Seconds until the next may be compared; 0 for now."""
        beyond = self.count - allowed
        if beyond < 0:
            return 0.0
        return max(0.0, self.at + min(2.0 ** min(beyond, 10), _LONGEST_SECONDS) - now)


class SignIns:
    """`allowed` failures cost nothing; 0 allows any number."""

    def __init__(self, allowed: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._allowed = allowed
        self._clock = clock
        self._failures: OrderedDict[tuple[str, str], Failures] = OrderedDict()
        self._comparing = 0
        self._waiting: list[tuple[Callable[[], tuple[int, int]], asyncio.Future[None]]] = []

    def require_no_wait(self, name: str, address: str) -> None:
        """Raises TooManyRequests for a name that has failed too often from there."""
        if not self._allowed:
            return
        if wait := self._of(name, address).wait(self._allowed, self._clock()):
            seconds = math.ceil(wait)
            raise TooManyRequests(
                f"too many failed sign-ins as this user: try again in {seconds} s",
                {"Retry-After": str(seconds)},
            )

    @asynccontextmanager
    async def attempt(self, name: str, address: str) -> AsyncIterator[Callable[[], None]]:
        """The time to compare a password; call what it gives if it was right.

        Of several with one name from one address all but one wait, and learn of its failure.
        Raises TooManyRequests.
        """
        pair, all_names = self._of(name, address), self._of("", address)
        async with pair.turn:
            self.require_no_wait(name, address)
            for failures in (pair, all_names):  # as failed: a client may leave meanwhile
                failures.count, failures.at = failures.count + 1, self._clock()

            def was_right() -> None:
                pair.count, all_names.count = 0, all_names.count - 1

            async with self.place(lambda: (all_names.count, pair.count)):
                yield was_right
            pair.at = self._clock()  # the wait begins with the answer
        if 0 < self._allowed == pair.count:
            log.warning("sign_ins_delayed", user=name[:_LONGEST_NAME], address=address)

    @asynccontextmanager
    async def place(
        self, rank: Callable[[], tuple[int, int]] = lambda: (0, 0)
    ) -> AsyncIterator[None]:
        """One of the few that compare at the same time; the lowest rank is next."""
        if self._comparing < _AT_ONCE:
            self._comparing += 1
        else:
            called = asyncio.get_running_loop().create_future()
            self._waiting.append((rank, called))
            try:
                await called
            except asyncio.CancelledError:  # who was called passes it on
                if called.done() and not called.cancelled():
                    self._call_next()
                raise
        try:
            yield
        finally:
            self._call_next()

    def _call_next(self) -> None:
        self._waiting = [entry for entry in self._waiting if not entry[1].done()]
        if not self._waiting:
            self._comparing -= 1
            return
        newest_first = reversed(self._waiting)
        _, called = entry = min(newest_first, key=lambda waiting: waiting[0]())
        self._waiting.remove(entry)
        called.set_result(None)

    def _of(self, name: str, address: str) -> Failures:
        key = name[:_LONGEST_NAME].lower(), address
        found = self._failures.get(key)
        if found is None or (found.count and self._clock() - found.at > _FORGOTTEN_SECONDS):
            found = self._failures[key] = Failures()
        self._failures.move_to_end(key)
        while len(self._failures) > _MANY:
            self._failures.popitem(last=False)
        return found
