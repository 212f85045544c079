"""Jobs as ByteNite's API shows them."""

from datetime import UTC, datetime
from typing import Any

from services.coordinator.api.bytenite.schemas import (
    ChunkCounts,
    JobAnswer,
    JobView,
    TemplateInfo,
)
from services.coordinator.api.usage import price_of
from services.coordinator.store.bytenite_jobs import ByteniteJob
from shared.jobspec.bytenite.phases import (
    PARTITION,
    Phase,
    phase_of,
    reached,
    timestamps,
)
from shared.planning.disclosure import Redacting

ABORTED = "aborted"
_ERROR_CODES = {
    Phase.STARTED: "no_capacity",
    Phase.UPLOADING: "no_capacity",
    Phase.PARTITIONING: "partition_failed",
    Phase.PARTITIONED: "chunks_failed",
    Phase.TASKS_COMPLETED: "assemble_failed",
    Phase.MERGING: "assemble_failed",
    Phase.MERGED: "destination_failed",
    Phase.DOWNLOADING: "destination_failed",
}
"""By the phase in which a job fails."""


def job_answer(job: ByteniteJob, redact: Redacting) -> JobAnswer:
    info = job.document.get("templateInfo")
    return JobAnswer(
        job=job_view(job, redact), template_info=TemplateInfo(**info) if info else None
    )


def job_view(job: ByteniteJob, redact: Redacting) -> JobView:
    document: dict[str, Any] = redact.value(job.document)
    rows = job.rows
    phase, chunks = phase_of(rows), job.chunks
    ended = job.ended_at if not job.is_held else None
    submitted = None if job.is_held else job.released_at
    return JobView(
        **{name: value for name, value in document.items() if name not in ("id", "templateInfo")},
        id=job.name,
        state=phase,
        state_timestamps=timestamps(rows),
        created_at=job.created_at,
        submitted_at=submitted,
        started_at=_when_partitioned(job),
        ended_at=ended,
        deleted_at=job.deleted_at,
        duration=_milliseconds(submitted, ended),
        num_chunks=chunks["total"] if chunks else None,
        chunks=_counts(chunks) if chunks else None,
        payment_amount=float(price_of(job.rates, job.usage)),
        warnings=_warnings(chunks) if chunks and phase is Phase.COMPLETE else None,
        **(_failure(job, redact) if phase is Phase.FAILED else {}),
    )


def _when_partitioned(job: ByteniteJob) -> datetime | None:
    stage = job.rows.stages.get(PARTITION)
    return stage.ended_at if stage and stage.state == "COMPLETED" else None


def _milliseconds(since: datetime | None, until: datetime | None) -> int | None:
    if since is None:
        return None
    return max(int(((until or datetime.now(UTC)) - since).total_seconds() * 1000), 0)


def _counts(children: Any) -> ChunkCounts:  # noqa: ANN401 - as the store has them
    return ChunkCounts(total=children["total"], done=children["ended"], failed=children["failed"])


def _warnings(children: Any) -> list[str] | None:  # noqa: ANN401 - as the store has them
    failed, total = children["failed"], children["total"]
    return [f"{failed} of {total} chunks failed and were tolerated"] if failed else None


def _failure(job: ByteniteJob, redact: Redacting) -> dict[str, Any]:
    last = reached(job.rows)
    if job.state == "CANCELLED":
        return {"error_message": ABORTED, "error_code": ABORTED, "failed_phase": last}
    return {
        "error_message": redact.value(job.error),
        "error_code": _ERROR_CODES.get(last, "failed"),
        "failed_phase": last,
    }
