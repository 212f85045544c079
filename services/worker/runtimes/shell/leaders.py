"""The main processes of running shell tasks, by their numbers."""

from services.worker.runtimes.protocol import ProcessSink
from services.worker.watchdog.args import Key


class Leaders:
    """`tell` hears of each: what it runs and the process, 0 when it has ended."""

    def __init__(self) -> None:
        self._keys: dict[int, Key] = {}
        self.tell: ProcessSink = lambda _key, _pid: None

    def __contains__(self, pid: object) -> bool:
        return pid in self._keys

    def add(self, key: Key, pid: int) -> None:
        self._keys[pid] = key
        self.tell(key, pid)

    def discard(self, pid: int) -> None:
        if (key := self._keys.pop(pid, None)) is not None:
            self.tell(key, 0)
