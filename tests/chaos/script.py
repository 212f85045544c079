"""What every task of the suite does beside its work: it writes into the ledger.

A line at its start, a line at its end, a line when it finds that the same attempt runs already,
or another attempt at the same partition of a placed task. The last two are told by locks on files,
which every process of the task holds by inheritance: the kernel frees them when the last of them is
gone, however it went.
"""

from dataclasses import dataclass
from pathlib import Path

# A task's directory is named conveyor-task.NODE.TASK.random.
_PREAMBLE = """\
place=${{TORK_OUTPUT%/*}}; place=${{place##*/conveyor-task.}}; place=${{place%.*}}
note() {{ echo "$1 {key} ${{place#*.}} ${{place%%.*}} $$ $(date +%s.%N)" >> {ledger}; }}
exec 9>> {locks}/${{place#*.}}
flock -n 9 || note doubled
if [ -n "$CONVEYOR_PARTITION_INDEX" ]; then
    exec 8>> {locks}/{key}.$CONVEYOR_PARTITION_INDEX
    flock -n 8 || note doubled
fi
note start
trap 'note end' EXIT
"""


@dataclass(frozen=True, slots=True)
class Scripts:
    """`directory` survives the tasks: the ledger, the locks and the marks are in it."""

    directory: Path

    def make_room(self) -> None:
        (self.directory / "locks").mkdir(parents=True)
        self.ledger.touch()

    @property
    def ledger(self) -> Path:
        return self.directory / "ledger"

    def script(self, key: str, work: str) -> str:
        """A task of the job `key` that does `work`."""
        locks = self.directory / "locks"
        return _PREAMBLE.format(key=key, ledger=self.ledger, locks=locks) + work

    def mark(self, key: str) -> Path:
        """A place for the job `key` to remember that it has been here."""
        return self.directory / f"mark-{key}"
