"""When a scheduled job is started, and what becomes of a start that meets trouble."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, model_validator

from shared.jobspec import fields as f
from shared.jobspec.cron import DEFAULT_ZONE, check_cron, parse_zone, zone_name
from shared.jobspec.cron.stored import Times, timing_of
from shared.jobspec.limits import MAX_KEY, MOST_FIRINGS
from shared.jobspec.plain_scalar import as_number
from shared.jobspec.problems import Breach, Place, refuse
from shared.jobspec.tork.models.policies import Spec

OverlapName = Literal["allow", "skip", "bufferOne", "bufferAll", "cancelOther"]
CatchUpName = Literal["none", "one", "all"]

_MOST_CRONS = 100
_MOST_RUNS = 1_000_000_000
_MOST_CAUGHT_UP = 1000
_MOST_FAILURES = 1000
_WAYS = ("cron", "crons", "interval", "at")
_COLUMNS = frozenset(("cron", "overlap"))
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def _zone(text: str) -> str:
    parse_zone(text)
    return text


CronText = Annotated[str, Field(min_length=1, max_length=MAX_KEY), AfterValidator(check_cron)]
TimeZone = Annotated[str, Field(max_length=MAX_KEY), AfterValidator(_zone)]
_Count = Annotated[int, Field(ge=1, le=MOST_FIRINGS), BeforeValidator(as_number)]
_Runs = Annotated[int, Field(ge=1, le=_MOST_RUNS), BeforeValidator(as_number)]
_Failures = Annotated[int, Field(ge=1, le=_MOST_FAILURES), BeforeValidator(as_number)]
_CaughtUp = Annotated[int, Field(ge=1, le=_MOST_CAUGHT_UP), BeforeValidator(as_number)]


class CatchUp(Spec):
    """What is made up for of the times missed while no scheduler ran."""

    policy: CatchUpName
    """Nothing, the latest, or each."""
    window: f.PositiveDuration | None = None
    """What was missed longer ago is not made up for. Default: any time ago."""
    limit: _CaughtUp | None = None
    """With `all`, the most of them: the latest. Default: 100."""

    @model_validator(mode="after")
    def _only_where_it_says_something(self) -> "CatchUp":
        if self.policy == "none" and self.window:
            refuse([Breach(("window",), "is only for the policies one and all", self.window)])
        if self.policy != "all" and self.limit:
            refuse([Breach(("limit",), "is only for the policy all", self.limit)])
        return self


def _catch_up(given: object) -> object:
    if isinstance(given, dict):
        return CatchUp.model_validate(given)
    if given not in get_args(CatchUpName):
        raise ValueError("must be 'none', 'one', 'all' or an object with a policy")
    return str(given)


class Schedule(Spec):
    """When a scheduled job is started: one of `cron`, `crons`, `interval` and `at`."""

    cron: CronText | None = None
    """Five fields: `0/5 * * * *` is every five minutes, `0 0 L * *` the last day of each month,
    `0 0 * * fri#2` and `friL` its second and last Friday. Or `@daily` and the like, `@every 1h30m`;
    `CRON_TZ=Europe/Berlin` may precede it."""
    crons: Annotated[list[CronText], Field(min_length=1, max_length=_MOST_CRONS)] | None = None
    """Several expressions: at each time that one of them names, once."""
    interval: f.Interval | None = None
    """Again and again after so long, at least 1s. The first time is `startAt`, or an interval after
    the schedule was created."""
    at: f.Moment | None = None
    """Once, at this time."""
    timezone: TimeZone | None = None
    """Whose clock `cron` and `crons` follow, such as `Europe/Berlin`. Default: UTC."""
    start_at: f.Moment | None = None
    """Not before this time."""
    end_at: f.Moment | None = None
    """Not after this time: then the schedule has ended."""
    max_runs: _Runs | None = None
    """After so many jobs the schedule has ended. Those that were triggered or backfilled do not
    count."""
    jitter: f.PositiveDuration | None = None
    """Each job is created up to so much later, but before the next one is due: the same for a
    schedule and a time, and spread over schedules."""
    overlap: OverlapName | None = None
    """What becomes of a time while the last job is not final: its job is created all the same
    (`allow`), not at all (`skip`), when the last one is final (`bufferOne` time or `bufferAll`, up
    to 100), or the last one is cancelled (`cancelOther`). Default: `allow`."""
    catch_up: Annotated[CatchUpName | CatchUp, BeforeValidator(_catch_up)] | None = None
    """What is made up for of the times missed while no scheduler ran: nothing, one job, or a job
    for each, up to 100. Default: `one`. Or an object with `policy`, `window` and `limit`."""
    pause_on_failure: _Failures | None = None
    """After so many jobs that failed in a row, the schedule is paused. Default: never."""

    @model_validator(mode="after")
    def _rules_hold(self) -> "Schedule":
        refuse([*self._breaches_of_ways(), *self._breaches_of_zones(), *self._breaches_of_bounds()])
        timing = timing_of(self.cron or "", self.timezone, self.rules)
        if timing.timetable(_LONG_AGO).next_after(_LONG_AGO) is None:
            raise ValueError("a schedule that never fires: no time of it is within its bounds")
        return self

    def _breaches_of_ways(self) -> Iterator[Breach]:
        given = [name for name in _WAYS if getattr(self, name) is not None]
        if len(given) != 1:
            rule = f"must have exactly one of {', '.join(_WAYS[:-1])} and {_WAYS[-1]}"
            yield Breach((), f"{rule}, not {' and '.join(given) or 'none'}")

    def _breaches_of_zones(self) -> Iterator[Breach]:
        named: dict[Place, str] = {("cron",): self.cron} if self.cron else {}
        named |= {("crons", n): cron for n, cron in enumerate(self.crons or ())}
        if self.timezone and not named:
            yield Breach(("timezone",), "is only for cron and crons", self.timezone)
        for place, cron in named.items():
            try:
                zone_name(cron, self.timezone)
            except ValueError as error:  # it names another
                yield Breach(place, str(error), cron)

    def _breaches_of_bounds(self) -> Iterator[Breach]:
        timing = timing_of("", None, self.rules)
        if self.at:
            for name, value in (("startAt", self.start_at), ("endAt", self.end_at)):
                if value:
                    yield Breach((name,), "is not for a schedule with at, which fires once", value)
        elif timing.start_at and timing.end_at and timing.end_at < timing.start_at:
            yield Breach(("endAt",), f"must not be before startAt, {self.start_at}", self.end_at)

    def times(self, schedule_id: str, created_at: datetime) -> Times:
        """As its row is to keep them."""
        zone = zone_name(self.cron, self.timezone) if self.cron else self.timezone or DEFAULT_ZONE
        return Times(schedule_id, self.cron or "", zone, self.rules, created_at)

    @property
    def rules(self) -> dict[str, JsonValue]:
        """As submitted, but for what has columns of its own: `cron` and `overlap`."""
        submitted: dict[str, Any] = self.as_submitted()
        return {name: value for name, value in submitted.items() if name not in _COLUMNS}

    @property
    def catch_up_policy(self) -> CatchUpName:
        given = self.catch_up or "one"
        return given.policy if isinstance(given, CatchUp) else given


class SchedulePreview(Spec):
    """Which times of a schedule that is not stored."""

    schedule: Schedule
    """As that of a scheduled job."""
    from_: f.Moment | None = None
    """The times after this one. Default: now."""
    count: _Count | None = None
    """How many times, at most. Default: 10."""


class TriggerRequest(Spec):
    """A job of a scheduled job now."""

    overlap: OverlapName | None = None
    """What happens while a job of it is not final. Default: its own `overlap`."""
    inputs: f.Inputs | None = None
    """Values by name for this job alone; they replace inputs of the same name."""


class BackfillRange(Spec):
    """Which times of a scheduled job are made up for."""

    from_: f.Moment
    """The first moment: a time at it counts."""
    to: f.Moment | None = None
    """The last moment, not in the future: a time at it counts. Default: now."""
    overlap: Literal["allow", "bufferAll"] | None = None
    """Whether all jobs are created at once, or each when the one before it is final. Default:
    `allow` where that is the `overlap` of the schedule, else `bufferAll`."""
    dry_run: f.Flag | None = None
    """Only show what would be created. Default: false."""
