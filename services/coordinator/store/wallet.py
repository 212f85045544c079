"""The transactions of an owner, as they are listed, and top-ups."""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from shared.postgres.pool import Connection

# With the balance after each of them.
TRANSACTIONS = """
SELECT * FROM (
    SELECT t.id, t.kind, t.amount, t.unit, coalesce(i.name, t.job_id) AS job_id, t.job_name,
           t.template, t.reference, t.created_by, t.created_at,
           sum(t.amount) OVER (ORDER BY t.id) AS balance
    FROM wallet_transactions t LEFT JOIN job_identities i ON i.job_id = t.job_id
    WHERE t.owner = $1) AS listed
ORDER BY id DESC LIMIT $2 OFFSET $3
"""

COUNT = "SELECT count(*) FROM wallet_transactions WHERE owner = $1"

ADD_WALLET = "INSERT INTO wallets (owner) VALUES ($1) ON CONFLICT DO NOTHING"

TOP_UP = """
INSERT INTO wallet_transactions (owner, kind, amount, unit, reference, created_by)
VALUES ($1, 'top_up', $2, $3, $4, $5) ON CONFLICT (owner, reference) DO NOTHING
"""

TOPPED_UP = "SELECT amount FROM wallet_transactions WHERE owner = $1 AND reference = $2"

# What remains short is marked again by the next job that is to begin.
END_GRACE = "UPDATE wallets SET short_since = NULL WHERE owner = $1"

BALANCE = "SELECT coalesce(sum(amount), 0) FROM wallet_transactions WHERE owner = $1"


class TransactionRow(NamedTuple):
    """`balance` is what the owner had after it."""

    id: int
    kind: str
    amount: Decimal
    unit: str
    job_id: str | None
    job_name: str | None
    template: str | None
    reference: str | None
    created_by: str | None
    created_at: datetime
    balance: Decimal


class TopUp(NamedTuple):
    """With a `reference` that was used before nothing is added."""

    owner: str
    amount: Decimal
    unit: str
    reference: str
    created_by: str | None


async def transactions(
    connection: Connection, owner: str, limit: int, offset: int
) -> tuple[list[TransactionRow], int]:
    """The newest first, and how many there are."""
    rows = await connection.fetch(TRANSACTIONS, owner, limit, offset)
    total: int = await connection.fetchval(COUNT, owner)
    return [TransactionRow(*row) for row in rows], total


async def top_up(connection: Connection, new: TopUp) -> bool:
    """False where another amount was added with the reference."""
    async with connection.transaction():
        await connection.execute(ADD_WALLET, new.owner)
        await connection.execute(TOP_UP, *new)
        known: Decimal = await connection.fetchval(TOPPED_UP, new.owner, new.reference)
        if await connection.fetchval(BALANCE, new.owner) > 0:
            await connection.execute(END_GRACE, new.owner)
    return known == new.amount
