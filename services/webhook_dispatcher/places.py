"""The places that calls are given before it is known whether they can be taken."""

import time
from collections import defaultdict
from collections.abc import Iterable
from typing import TypeVar

from services.webhook_dispatcher.receivers import Begun, Call, Ending, Receivers

_C = TypeVar("_C", bound=Call)


class Places:
    """Use as a context manager: places that no call is begun in are free again at its end."""

    def __init__(self, receivers: Receivers) -> None:
        self._receivers = receivers
        self._held: defaultdict[tuple[str, str], list[Begun]] = defaultdict(list)

    def __enter__(self) -> "Places":
        return self

    def __exit__(self, *_: object) -> None:
        for held in self._held.values():
            for begun in held:
                self._receivers.end(begun, time.monotonic(), Ending.UNSENT)

    def pick(self, due: Iterable[_C]) -> list[_C]:
        """Those of `due` that have a place now."""
        picked = self._receivers.pick(due, time.monotonic())
        for call, begun in picked:
            self._held[call.receiver, call.owner].append(begun)
        return [call for call, _ in picked]

    def begin(self, receiver: str, owner: str, most: int) -> list[Begun]:
        """The places of these, `most` at most, are for calls that were taken."""
        held = self._held[receiver, owner]
        begun, self._held[receiver, owner] = held[:most], held[most:]
        return begun
