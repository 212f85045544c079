"""The last reports of ended tasks, to be made again: one can be lost, or lie unread for long.

A coordinator may have taken a report in and then freeze; a broker may lose its data. The lease of
the task runs out meanwhile, though it has ended well. The scheduler asks its worker before it gives
the task to another, and the worker says again what it has said.
"""

from services.worker.watchdog.args import Key
from shared.messages import Finished, Returned, TaskRef

_MOST_REPORTS = 5_000
_MOST_CHARACTERS = 8_000_000


class RecentReports:
    """Bounded in number and size: the oldest reports are forgotten first."""

    def __init__(
        self, most_reports: int = _MOST_REPORTS, most_characters: int = _MOST_CHARACTERS
    ) -> None:
        self._most_reports = most_reports
        self._most_characters = most_characters
        self._reports: dict[Key, Finished] = {}  # the oldest first
        self._characters = 0

    def remember(self, report: Finished) -> None:
        key = report.task_id, report.dispatch
        self._forget(key)
        self._reports[key] = report
        self._characters += characters_of(report)
        while self._reports and not self._fits():
            self._forget(next(iter(self._reports)))

    def again(self, ref: TaskRef) -> Finished | Returned:
        """What became of a dispatch that is not in hand.

        One that isn't remembered is given back: nothing of it runs, and it must run somewhere.
        """
        known = self._reports.get((ref.task_id, ref.dispatch))
        return known or Returned(**ref.model_dump())

    def _fits(self) -> bool:
        return (
            len(self._reports) <= self._most_reports and self._characters <= self._most_characters
        )

    def _forget(self, key: Key) -> None:
        if (report := self._reports.pop(key, None)) is not None:
            self._characters -= characters_of(report)


def characters_of(report: Finished) -> int:
    """Of all that the task has said."""
    texts = (report.result, report.error, *(part.contents for part in report.log))
    return sum(len(text) for text in texts if text is not None)
