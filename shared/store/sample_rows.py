"""The rows of samples: added by schedulers, read by coordinators."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from shared.postgres.pool import Connection
from shared.store.samples import ClusterSample, QueueSample

# The clock may have been set: two samples of one moment are one.
ADD_CLUSTER = """
INSERT INTO cluster_samples
SELECT * FROM jsonb_populate_recordset(NULL::cluster_samples, $1) ON CONFLICT DO NOTHING
"""
ADD_QUEUES = """
INSERT INTO queue_samples
SELECT * FROM jsonb_populate_recordset(NULL::queue_samples, $1) ON CONFLICT DO NOTHING
"""

OF_CLUSTER = "SELECT * FROM cluster_samples WHERE at > $1 AND at <= $2 ORDER BY at"
OF_QUEUE = "SELECT * FROM queue_samples WHERE queue = $1 AND at > $2 AND at <= $3 ORDER BY at"
OF_QUEUES = "SELECT * FROM queue_samples WHERE at > $1 AND at <= $2 ORDER BY queue, at"

LATEST = """
SELECT * FROM queue_samples WHERE NOT is_thinned AND at > now() - $1::interval
"""


async def add(
    connection: Connection, cluster: Sequence[ClusterSample], queues: Sequence[QueueSample]
) -> None:
    await connection.execute(ADD_CLUSTER, [_row(sample) for sample in cluster])
    await connection.execute(ADD_QUEUES, [_row(sample) for sample in queues])


async def of_cluster(
    connection: Connection, since: datetime, before: datetime
) -> list[ClusterSample]:
    """Those that ended since then, in order."""
    return [ClusterSample(**row) for row in await connection.fetch(OF_CLUSTER, since, before)]


async def of_queue(
    connection: Connection, queue: str, since: datetime, before: datetime
) -> list[QueueSample]:
    """Those that ended since then, in order."""
    return [QueueSample(**row) for row in await connection.fetch(OF_QUEUE, queue, since, before)]


async def of_queues(connection: Connection, since: datetime, before: datetime) -> list[QueueSample]:
    """Those of all queues."""
    return [QueueSample(**row) for row in await connection.fetch(OF_QUEUES, since, before)]


async def latest(connection: Connection, span: timedelta) -> list[QueueSample]:
    """What was sampled of all queues in that time until now."""
    return [QueueSample(**row) for row in await connection.fetch(LATEST, span)]


def _row(sample: ClusterSample | QueueSample) -> dict[str, object]:
    return asdict(sample)
