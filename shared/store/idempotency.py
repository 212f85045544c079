"""The keys under which clients submit, so that what is submitted twice is made once."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.planning.new_job import IdempotencyKey
from shared.postgres.pool import Connection

# A key that another transaction is just storing is waited for. In order, so that two of these can't
# lock each other out.
STORE_KEYS = """
INSERT INTO idempotency_keys (identity, key, body_hash, made_id)
SELECT identity, key, body_hash, made_id
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[])
     AS k(identity, key, body_hash, made_id)
ORDER BY identity, key
ON CONFLICT DO NOTHING
RETURNING made_id
"""

FORGET_KEY = "DELETE FROM idempotency_keys WHERE identity = $1 AND key = $2"

MOVE_KEY = "UPDATE idempotency_keys SET made_id = $3 WHERE identity = $1 AND key = $2"

FIRST_MADE = "SELECT body_hash, made_id FROM idempotency_keys WHERE identity = $1 AND key = $2"


@dataclass(frozen=True, slots=True)
class FirstMade:
    """What a key was used for: the hash of what was submitted, and the id of what it made."""

    body_hash: bytes
    made_id: str


async def store_keys(connection: Connection, keys: Mapping[str, IdempotencyKey]) -> set[str]:
    """Those of the ids whose key was used before, and which must not be made.

    `keys` are by the id of what is made, in this transaction.
    """
    if not keys:
        return set()
    rows = await connection.fetch(
        STORE_KEYS,
        [key.identity for key in keys.values()],
        [key.key for key in keys.values()],
        [key.body_hash for key in keys.values()],
        list(keys),
    )
    return keys.keys() - {row["made_id"] for row in rows}


async def forget_key(connection: Connection, key: IdempotencyKey) -> None:
    """Of what is not made after all."""
    await connection.execute(FORGET_KEY, key.identity, key.key)


async def move_key(connection: Connection, key: IdempotencyKey, made_id: str) -> None:
    """What it was used for turned out to be there already."""
    await connection.execute(MOVE_KEY, key.identity, key.key, made_id)


async def first_made(connection: Connection, key: IdempotencyKey) -> FirstMade | None:
    row = await connection.fetchrow(FIRST_MADE, key.identity, key.key)
    return None if row is None else FirstMade(**row)
