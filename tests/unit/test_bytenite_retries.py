"""Where a job of ByteNite begins again, by what its client asks for."""

from typing import Any

import pytest

from services.coordinator.api.bytenite.retries import restart_of
from services.coordinator.api.bytenite.schemas import RetryJob
from services.coordinator.commands import Restart
from shared.jobspec.bytenite.phases import APP, ASSEMBLE, DELIVER, PARTITION, Phase
from shared.jobspec.problems import InvalidJob

FAILED, COMPLETED = True, False
PARTITIONED = Phase.PARTITIONED
ONLY_FAILED = Restart(APP, keeps_done=False, only_failed=True)


@pytest.mark.parametrize(
    ("asked", "stopped_at", "has_failed", "expected"),
    [
        ({}, APP, FAILED, Restart()),
        ({"only_failed_chunks": True}, APP, FAILED, Restart()),
        ({"only_failed_chunks": True}, ASSEMBLE, FAILED, Restart()),
        ({"only_failed_chunks": False}, APP, FAILED, Restart(APP, keeps_done=False)),
        ({"only_failed_chunks": False}, DELIVER, COMPLETED, Restart(APP, keeps_done=False)),
        ({"only_failed_chunks": False}, PARTITION, FAILED, Restart()),
        ({"phase": Phase.MERGING}, ASSEMBLE, FAILED, Restart()),
        ({"phase": Phase.PARTITIONED}, ASSEMBLE, FAILED, Restart(APP, keeps_done=False)),
        ({"phase": Phase.UPLOADING}, DELIVER, FAILED, Restart(PARTITION, keeps_done=False)),
        ({"phase": Phase.DOWNLOADING}, DELIVER, COMPLETED, Restart(DELIVER, keeps_done=False)),
    ],
)
def test_a_job_begins_again_where_its_client_says(
    asked: dict[str, Any], stopped_at: int, has_failed: bool, expected: Restart
) -> None:
    found = restart_of(
        RetryJob(**asked), stopped_at, has_failed=has_failed, has_failed_chunks=False
    )
    assert found == expected


@pytest.mark.parametrize(
    ("asked", "stopped_at", "has_failed", "expected"),
    [
        ({"only_failed_chunks": True}, DELIVER, COMPLETED, ONLY_FAILED),
        ({"only_failed_chunks": True}, ASSEMBLE, FAILED, ONLY_FAILED),
        ({"only_failed_chunks": True}, APP, FAILED, Restart()),
        ({"only_failed_chunks": True, "phase": PARTITIONED}, DELIVER, COMPLETED, ONLY_FAILED),
        ({"phase": PARTITIONED}, DELIVER, COMPLETED, Restart(APP, keeps_done=False)),
        ({}, ASSEMBLE, FAILED, Restart()),
    ],
)
def test_chunks_that_failed_and_were_tolerated_run_again_alone_where_its_client_says_so(
    asked: dict[str, Any], stopped_at: int, has_failed: bool, expected: Restart
) -> None:
    found = restart_of(RetryJob(**asked), stopped_at, has_failed=has_failed, has_failed_chunks=True)
    assert found == expected


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"phase": "JOB_STATE_NEW"}, "phase"),
        ({"phase": "elsewhere"}, "phase"),
        ({"phase": Phase.DOWNLOADING}, "phase"),
        ({"phase": Phase.PARTITIONED, "only_failed_chunks": True}, "onlyFailedChunks"),
    ],
)
def test_a_state_that_the_job_has_not_been_in_is_refused(asked: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidJob) as refused:
        restart_of(RetryJob(**asked), ASSEMBLE, has_failed=True, has_failed_chunks=False)
    assert [problem.field for problem in refused.value.problems] == [field]
