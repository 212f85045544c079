"""What the sub-jobs of a job have held of workers, and theirs."""

from collections.abc import Mapping
from typing import NamedTuple

from shared.postgres.pool import Connection

# Those of attempts that were tried again may be the same.
OF_SUBJOBS = """
WITH RECURSIVE family AS (
    SELECT subjob_id AS job_id FROM tasks WHERE job_id = $1 AND subjob_id IS NOT NULL
    UNION
    SELECT t.subjob_id FROM family f JOIN tasks t ON t.job_id = f.job_id
    WHERE t.subjob_id IS NOT NULL
)
SELECT jsonb_object_agg(name, total) AS usage, rates
FROM (SELECT u.name, j.rates, sum(u.held::bigint) AS total
      FROM family f JOIN jobs j ON j.id = f.job_id
      CROSS JOIN LATERAL jsonb_each_text(j.usage) AS u(name, held)
      GROUP BY u.name, j.rates) AS totals
GROUP BY rates
"""


class PricedUsage(NamedTuple):
    """What jobs with the same `rates` have held together."""

    usage: Mapping[str, int]
    rates: Mapping[str, str] | None


async def of_subjobs(connection: Connection, job_id: str) -> list[PricedUsage]:
    return [PricedUsage(*row) for row in await connection.fetch(OF_SUBJOBS, job_id)]
