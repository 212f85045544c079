"""When a schedule fires, of all that it says: expressions, an interval or one moment, from when on
and until when, and how far its firings are spread."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from shared.jobspec.cron.parsing import parse_cron
from shared.jobspec.cron.timetable import AnyOf, Between, Every, Once, Remembered, Timetable

_SECOND = timedelta(seconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Exactly one of `crons`, `interval` and `at` is set.

    An `interval` counts from `start_at`, which is its first firing, or from when the schedule was
    created, an interval after which it fires first.
    """

    crons: Sequence[str] = ()
    timezone: str | None = None
    interval: timedelta | None = None
    at: datetime | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None

    def timetable(self, created_at: datetime) -> Timetable:
        """Raises ValueError with the rule that a cron expression breaks."""
        return Between(self._unbounded(created_at), _whole(self.start_at), self.end_at)

    def _unbounded(self, created_at: datetime) -> Timetable:
        if self.at is not None:
            return Once(_up(self.at))
        if self.interval is None:
            tables = (parse_cron(cron, self.timezone, created_at) for cron in self.crons)
            return AnyOf([Remembered(table) for table in tables])
        length = self.interval // _SECOND * _SECOND
        since = _whole(self.start_at)
        return Every(length, _down(created_at) if since is None else since - length)


def jitter_of(schedule_id: str, at: datetime, longest: timedelta) -> timedelta:
    """How long after `at` that firing happens, less than `longest`: the same in every scheduler and
    in each preview, and another for each schedule and each firing."""
    digest = sha256(f"{schedule_id} {at.astimezone(UTC).isoformat()}".encode()).digest()
    return longest * (int.from_bytes(digest[:4]) / 2**32)


def _whole(at: datetime | None) -> datetime | None:
    return None if at is None else _up(at)


def _down(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)


def _up(at: datetime) -> datetime:
    """The first whole second that is not before."""
    return -((_EPOCH - at) // _SECOND) * _SECOND + _EPOCH
