"""Where a job that has ended begins again, by what a client asks for."""

from services.coordinator.api.bytenite.schemas import RetryJob
from services.coordinator.commands import Restart
from shared.jobspec.bytenite.phases import APP, PHASES, STAGE_OF, Phase
from shared.jobspec.problems import InvalidJob, Problem


def restart_of(
    asked: RetryJob, stopped_at: int, *, has_failed: bool, has_failed_chunks: bool
) -> Restart:
    """`stopped_at` is the position of the stage at which the job has ended. Raises InvalidJob."""
    is_of_chunks = asked.only_failed_chunks is False or (
        asked.only_failed_chunks and has_failed_chunks
    )
    position = min(APP, stopped_at) if is_of_chunks else stopped_at
    if asked.phase:
        position = _position(asked.phase, stopped_at)
    stopped_there = has_failed and position == stopped_at
    only_failed = asked.only_failed_chunks if position == APP else None
    if stopped_there and only_failed is not False:
        return Restart()
    if only_failed and not has_failed_chunks:
        rule = "must be false: no chunk has failed, so all are run again"
        raise InvalidJob([Problem("onlyFailedChunks", rule, "true")])
    return Restart(position, keeps_done=False, only_failed=bool(only_failed))


def _position(phase: str, stopped_at: int) -> int:
    position = STAGE_OF.get(Phase(phase)) if phase in PHASES else None
    if position is None or position > stopped_at:
        been = [one for one, stage in STAGE_OF.items() if stage <= stopped_at]
        rule = f"must be a state in which the job has been: {', '.join(been)}"
        raise InvalidJob([Problem("phase", rule, repr(phase[:60]))])
    return position
