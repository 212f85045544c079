"""The phases of a partitioned job: a pure function of the rows of the job and of its stages."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

PARTITION, APP, ASSEMBLE, DELIVER = 1, 2, 3, 4
"""The stages, by their position in the list of tasks of the job."""


class Phase(StrEnum):
    NEW = "JOB_STATE_NEW"
    STARTED = "JOB_STATE_STARTED"
    UPLOADING = "JOB_STATE_UPLOADING"
    PARTITIONING = "JOB_STATE_PARTITIONING"
    PARTITIONED = "JOB_STATE_PARTITIONED"
    TASKS_COMPLETED = "JOB_STATE_TASKS_COMPLETED"
    MERGING = "JOB_STATE_MERGING"
    MERGED = "JOB_STATE_MERGED"
    DOWNLOADING = "JOB_STATE_DOWNLOADING"
    COMPLETE = "JOB_STATE_COMPLETE"
    FAILED = "JOB_STATE_FAILED"


ORDER = tuple(Phase)
_ANY_TIME = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRow:
    """The newest attempt at a stage; `attempt` counts from 0."""

    state: str
    attempt: int = 0
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRows:
    """A job, and the newest attempt at each of its stages by position. `ended_at` is also set of a
    job that is cancelled."""

    state: str
    created_at: datetime
    is_held: bool = False
    released_at: datetime | None = None
    ended_at: datetime | None = None
    stages: Mapping[int, StageRow] = field(default_factory=dict)


_FINAL = {"COMPLETED": Phase.COMPLETE, "FAILED": Phase.FAILED, "CANCELLED": Phase.FAILED}
_PASSED = ("COMPLETED", "SKIPPED")
_WAITS, _RUNS, _ENDED = (
    {  # by stage, while it waits, runs, and has ended
        PARTITION: Phase.UPLOADING,
        APP: Phase.PARTITIONED,
        ASSEMBLE: Phase.TASKS_COMPLETED,
        DELIVER: Phase.MERGED,
    },
    {
        PARTITION: Phase.PARTITIONING,
        APP: Phase.PARTITIONED,
        ASSEMBLE: Phase.MERGING,
        DELIVER: Phase.DOWNLOADING,
    },
    {
        PARTITION: Phase.PARTITIONED,
        APP: Phase.TASKS_COMPLETED,
        ASSEMBLE: Phase.MERGED,
        DELIVER: Phase.DOWNLOADING,
    },
)


PHASES = frozenset(phase.value for phase in Phase)
STAGE_OF = {
    Phase.UPLOADING: PARTITION,
    Phase.PARTITIONING: PARTITION,
    Phase.PARTITIONED: APP,
    Phase.TASKS_COMPLETED: ASSEMBLE,
    Phase.MERGING: ASSEMBLE,
    Phase.MERGED: DELIVER,
    Phase.DOWNLOADING: DELIVER,
}
"""The stage that waits or runs in a phase, and from which a job goes on that is in it."""


def phase_of(job: JobRows) -> Phase:
    """A stage that is tried again is in the phase in which it ran before: phases only go on, unless
    somebody retries one."""
    if job.is_held:
        return Phase.NEW
    return _FINAL.get(job.state) or reached(job)


def reached(job: JobRows) -> Phase:
    """The phase that the stages are in, or in which the job has ended."""
    if not job.stages:
        return Phase.NEW if job.is_held else Phase.STARTED
    position = max(job.stages)
    stage = job.stages[position]
    if stage.state in _PASSED:
        return _ENDED[position]
    if stage.state in ("CREATED", "PENDING") and position == PARTITION and not stage.attempt:
        return Phase.STARTED
    has_run = stage.attempt > 0 or stage.started_at is not None
    return (_RUNS if has_run or stage.state == "RUNNING" else _WAITS)[position]


def timestamps(job: JobRows) -> dict[Phase, datetime]:
    """When each phase that the job has been in was entered."""
    found = dict(_entered(job))
    last = phase_of(job)
    until = ORDER.index(reached(job) if last is Phase.FAILED else last)
    return {p: at for p, at in found.items() if ORDER.index(p) <= until or p is last}


def _entered(job: JobRows) -> Iterator[tuple[Phase, datetime]]:
    yield Phase.NEW, job.created_at
    if not job.is_held:
        yield Phase.STARTED, job.released_at or job.created_at
    for position, stage in sorted(job.stages.items()):
        yield from _of_stage(position, stage)
    if (final := _FINAL.get(job.state)) and job.ended_at:
        yield final, job.ended_at


def _of_stage(position: int, stage: StageRow) -> Iterator[tuple[Phase, datetime]]:
    begun = stage.started_at or stage.scheduled_at
    if position == PARTITION and stage.scheduled_at:
        yield Phase.UPLOADING, stage.scheduled_at
    if position != APP and begun:
        yield _RUNS[position], begun
    if stage.state in _PASSED and stage.ended_at and position != DELIVER:
        yield _ENDED[position], stage.ended_at


def phase_told(
    state: str, position: int, *, is_task: bool, attempt: int = 0, is_first: bool = False
) -> Phase | None:
    """The phase that a job is in by a change of it (`is_first` of all), or of a stage (`is_task`);
    None where that says nothing new."""
    if not is_task:
        begun = Phase.STARTED if state in ("PENDING", "SCHEDULED") else None
        return _FINAL.get(state) or (Phase.NEW if is_first else begun)
    if position not in _WAITS or state in ("FAILED", "CANCELLED", "STOPPED"):
        return None
    stage = StageRow(state=state, attempt=attempt)
    return reached(JobRows(state="RUNNING", created_at=_ANY_TIME, stages={position: stage}))


def phase_entered(
    state: str,
    position: int,
    *,
    is_task: bool,
    attempt: int = 0,
    is_first: bool = False,
    begins_run: bool = False,
) -> Phase | None:
    """As `phase_told`, by the one change that begins the phase: what waits for a stage begins with
    the end of the stage before, and a stage that is tried again stays in its phase. Chunks with
    which a retry of the job `begins_run` enter their phase once more."""
    told = phase_told(state, position, is_task=is_task, attempt=attempt, is_first=is_first)
    if not is_task or told is None:
        return told
    if state in _PASSED:
        return None if position == DELIVER else told
    begins = {"SCHEDULED": position == PARTITION, "RUNNING": position != APP or begins_run}
    return told if begins.get(state) and not attempt else None
