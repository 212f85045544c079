"""A short campaign: what `make chaos` does, in a few rounds."""

from pathlib import Path

import pytest

from tests.chaos.campaign import opened_campaign
from tests.chaos.plan import plan
from tests.support.availability import unavailable
from tests.support.rabbitmq import installed_sbin

pytestmark = pytest.mark.real

SEED, JOBS = 4, 11
KINDS = ("database-killed", "broker-killed", "worker-ended", "queues-deleted")


async def test_nothing_is_lost_stuck_or_run_twice_while_parts_are_killed(tmp_path: Path) -> None:
    # Given two coordinators, two schedulers, three workers, a dispatcher, RabbitMQ and Postgres
    if installed_sbin() is None:
        unavailable("needs the rabbitmq-server package: a named server can't be killed")
    rounds = plan(SEED, len(KINDS), KINDS)
    async with opened_campaign(SEED, tmp_path) as campaign:
        # When jobs of all kinds are submitted while the one or the other is killed
        all_books = await campaign.run(rounds, JOBS, lambda books: None)
        # Then each has ended as it must, and nothing of it is left
        findings = [line for books in all_books for line in books.findings]
        assert not findings, f"{findings}\n{campaign.system.logs()}"
        assert [books.jobs for books in all_books] == [JOBS] * len(KINDS)
