"""A very short soak: whether what is counted comes back to where it was."""

from pathlib import Path

import pytest

from tests.soak.kinds import CHANNELS, CONTAINERS, FILES, OUTBOX, TASKS
from tests.soak.run import opened_soak
from tests.soak.system import places
from tests.support.engines.docker_engine import existing_docker
from tests.support.engines.images import make_images

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("rabbitmq_installed")]


async def test_nothing_that_is_counted_is_left_after_jobs_of_all_kinds(tmp_path: Path) -> None:
    docker_host = existing_docker()
    if docker_host:
        make_images(docker_host)
    # When jobs of all kinds come at a steady rate, watched by customers who come and go
    async with opened_soak(tmp_path, docker_host) as soak:
        outcome = await soak.run(rehearsal_seconds=12, seconds=24, jobs_per_second=3, judged=False)
    # Then each has ended as it must, and tasks, files, channels and rows are as before
    assert not outcome.findings
    assert sum(outcome.ended.values()) == 3 * (12 + 24)
    # And all of them were counted
    counted = {(line.name.who, line.name.kind) for line in outcome.lines}
    for place in places(docker_host):
        assert {(place, kind) for kind in (CHANNELS, FILES, TASKS)} <= counted
    assert {("watchdog of worker-1", FILES), ("Postgres", OUTBOX)} <= counted
    assert (("Docker", CONTAINERS) in counted) == bool(docker_host)
    assert all(line.before is not None and line.after is not None for line in outcome.lines)
