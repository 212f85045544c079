"""Short campaigns: what `make chaos` does, in a few rounds."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.chaos.campaign import opened_campaign
from tests.chaos.plan import plan
from tests.support.availability import Unavailable, unavailable
from tests.support.servers.rabbitmq_installations import FOUR
from tests.support.servers.rabbitmq_versions import QUORUM, RabbitKind

pytestmark = [pytest.mark.real, pytest.mark.timeout(1200)]

JOBS = 18


@pytest.mark.parametrize(
    ("seed", "faults", "kind"),
    [
        (4, ("database-killed", "broker-killed", "worker-ended", "queues-deleted"), RabbitKind()),
        (5, ("broker-killed", "worker-killed", "broker-cuts"), RabbitKind(FOUR, QUORUM)),
    ],
    ids=["installed", "4-quorum"],
)
async def test_nothing_is_lost_stuck_or_run_twice_while_parts_are_killed(
    seed: int, faults: Sequence[str], kind: RabbitKind, tmp_path: Path
) -> None:
    # Given two coordinators, two schedulers, three workers, a dispatcher, RabbitMQ and Postgres
    try:
        async with opened_campaign(seed, tmp_path, kind) as campaign:
            # When jobs of all kinds are submitted while the one or the other is killed
            rounds = plan(seed, len(faults), faults)
            all_books = await campaign.run(rounds, JOBS, lambda books: None)
            # Then each has ended as it must, and nothing of it is left
            findings = [line for books in all_books for line in books.findings]
            assert not findings, f"{findings}\n{campaign.system.logs()}"
            one_after_another = 1
            assert [books.jobs for books in all_books] == [JOBS + one_after_another] * len(faults)
            assert all(books.reused for books in all_books)
    except Unavailable as error:
        unavailable(f"RabbitMQ {kind.version}: {error}")
