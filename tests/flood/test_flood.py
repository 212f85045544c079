"""A short flood: what `make flood` does, with fewer jobs."""

from pathlib import Path

import pytest

from tests.flood.run import flood
from tests.flood.system import PLACES, POSTGRES_SETTINGS
from tests.support.services.whole_system import opened_whole_system

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("rabbitmq_installed")]

JOBS = 3_000
# On a machine that has other things to do; what `make flood` asks is a tenth of it.
P95_MILLISECONDS = 1_000


async def test_all_of_a_flood_is_worked_off_in_order_while_others_read(tmp_path: Path) -> None:
    async with opened_whole_system(tmp_path, PLACES, POSTGRES_SETTINGS) as system:
        # When jobs are submitted as fast as they are taken, while somebody reads
        outcome = await flood(
            system, tmp_path, JOBS, patience_seconds=120, p95_milliseconds=P95_MILLISECONDS
        )
    # Then all complete, each once and in its turn, and reads are answered meanwhile
    assert not outcome.findings
    assert len(outcome.started) == JOBS
    assert all(outcome.reads.values())
    # And nobody needs more memory than for a few jobs
    services = [peak for place, peak in outcome.peaks.items() if place in PLACES]
    assert max(services) < 150
