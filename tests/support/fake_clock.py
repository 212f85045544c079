"""A wall clock that a test can set while its process runs, by Debian's libfaketime."""

from pathlib import Path

_LIBRARIES = "usr/lib/*/faketime/libfaketimeMT.so.1"


def faketime_library() -> Path | None:
    return next(Path("/").glob(_LIBRARIES), None)


class FakeClock:
    """`env` gives a process this clock; only its wall clock: what is monotonic stays so."""

    def __init__(self, library: Path, file: Path) -> None:
        self._file = file
        self.set(0)
        self.env = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, seconds: int) -> None:
        """That far ahead of the machine's clock, or behind it."""
        fresh = self._file.with_suffix(".fresh")
        fresh.write_text(f"{seconds:+d}")
        fresh.rename(self._file)  # whoever reads it now finds the one or the other
