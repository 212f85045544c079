"""Processes that a test expects to die, and what tells that they have."""

from pathlib import Path

from tests.support.eventually import eventually


def is_alive(pid: int) -> bool:
    """One that has ended and waits to be noticed by its parent is not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:  # nobody has the number
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


async def pids_in(file: Path, count: int) -> list[int]:
    """The numbers that `count` processes write into a file, a line each."""

    def lines() -> list[str]:
        return file.read_text().split() if file.exists() else []

    await eventually(lambda: len(lines()) >= count)
    return [int(line) for line in lines()]
