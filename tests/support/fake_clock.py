"""A wall clock that a test can set while its process runs; what is monotonic stays as it is.

Processes of Python follow it by time-machine. Debian's libfaketime would serve any program, but it
breaks waits with a limit in processes with threads: a thread that works starves all others. So it
is for Postgres alone.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Thread

import time_machine

_LIBRARIES = "usr/lib/*/faketime/libfaketime.so.1"
_VARIABLE = "CHAOS_CLOCK"
_LOOK_SECONDS = 0.02


def faketime_library() -> Path | None:
    return next(Path("/").glob(_LIBRARIES), None)


class FakeClock:
    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    def set(self, seconds: int) -> None:
        """That far ahead of the machine's clock, or behind it."""
        fresh = self._file.with_suffix(".fresh")
        fresh.write_text(f"{seconds:+d}")
        fresh.rename(self._file)  # whoever reads it now finds the one or the other

    @property
    def env(self) -> Mapping[str, str]:
        """Of a process that calls `follow_clock`."""
        return {_VARIABLE: str(self._file)}

    def preloaded(self, library: Path) -> Mapping[str, str]:
        """The environment of any program that has one thread."""
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",  # it would outlive a process that is killed
        }


def follow_clock() -> None:
    """From now on this process has the clock that its environment names."""
    Thread(target=_follow, args=(Path(os.environ[_VARIABLE]),), daemon=True).start()


def _follow(file: Path) -> None:
    ahead, set_clock = 0, None
    while True:
        if (wanted := int(file.read_text())) != ahead:
            if set_clock is not None:
                set_clock.stop()
            ahead, set_clock = wanted, time_machine.travel(time.time() + wanted, tick=True)
            set_clock.start()
        time.sleep(_LOOK_SECONDS)
