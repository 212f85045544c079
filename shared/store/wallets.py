"""The balances of those who pay for jobs: sums of transactions, less what is held for jobs.

Payments lock nothing, so a job that ends waits for no other of its owner. Only who has a job
admitted waits for others of the same owner, each of which may take what is left.
"""

from collections.abc import Collection

from shared.lifecycle.metering import Charge
from shared.planning.terms import Wallet
from shared.postgres.pool import Connection

# In the order of owners, so that two transactions can't lock each other out.
LOCK_WALLETS = "SELECT owner FROM wallets WHERE owner = ANY($1::text[]) ORDER BY owner FOR UPDATE"

WALLETS = """
SELECT o.owner,
    (SELECT coalesce(sum(t.amount), 0) FROM wallet_transactions t WHERE t.owner = o.owner)
        AS balance,
    (SELECT coalesce(sum(j.hold), 0) FROM jobs j
     WHERE j.payer = o.owner AND j.hold IS NOT NULL
       AND j.state IN ('PENDING', 'SCHEDULED', 'RUNNING')) AS held,
    w.owner IS NOT NULL AS was_topped_up, w.short_since
FROM unnest($1::text[]) AS o(owner) LEFT JOIN wallets w ON w.owner = o.owner
"""

MARK_SHORT = """
UPDATE wallets SET short_since = CASE WHEN owner = ANY($2::text[])
    THEN coalesce(short_since, now()) END
WHERE owner = ANY($1::text[]) AND (short_since IS NOT NULL) <> (owner = ANY($2::text[]))
"""

# What a job was charged is known under its lock: the same total comes twice only by mistake, and
# then it was paid.
CHARGE = """
INSERT INTO wallet_transactions
    (owner, kind, amount, unit, job_id, job_total, job_name, template)
SELECT c.owner, 'payment', -c.amount, c.unit, c.job_id, c.total, j.name,
       coalesce(j.template, (SELECT v.document -> 'templateInfo' ->> 'id' FROM job_versions v
                             WHERE v.job_id = j.id AND v.version = j.spec_version))
FROM unnest($1::text[], $2::text[], $3::numeric[], $4::numeric[], $5::text[])
     AS c(owner, job_id, amount, total, unit)
JOIN jobs j ON j.id = c.job_id
ON CONFLICT DO NOTHING
"""


async def read_wallets(connection: Connection, owners: Collection[str]) -> dict[str, Wallet]:
    rows = await connection.fetch(WALLETS, sorted(owners))
    return {
        row["owner"]: Wallet(
            owner=row["owner"],
            balance=row["balance"],
            held=row["held"],
            was_topped_up=row["was_topped_up"],
            short_since=row["short_since"],
        )
        for row in rows
    }


async def lock_wallets(connection: Connection, owners: Collection[str]) -> dict[str, Wallet]:
    """As they are once every other transaction is over that had them locked."""
    await connection.execute(LOCK_WALLETS, sorted(owners))
    return await read_wallets(connection, owners)


async def mark_short(
    connection: Connection, owners: Collection[str], short: Collection[str]
) -> None:
    """Of `owners`, the balance of those that are `short` did not suffice just now."""
    await connection.execute(MARK_SHORT, list(owners), list(short))


async def charge(connection: Connection, charges: Collection[Charge]) -> None:
    """In the transaction that saves what each of the jobs was charged."""
    columns = zip(*((c.owner, c.job_id, c.amount, c.total, c.unit) for c in charges), strict=True)
    await connection.execute(CHARGE, *map(list, columns))
