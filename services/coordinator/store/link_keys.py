"""The key that links to files are signed with, the same for all coordinators."""

from shared.postgres.pool import Connection

LINK_KEY = "SELECT key FROM link_keys"


async def link_key(connection: Connection) -> bytes:
    key: bytes = await connection.fetchval(LINK_KEY)
    return key
