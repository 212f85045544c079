"""The key that lets the first client in, made where none could have been made over HTTP."""

from services.coordinator.credentials import new_key
from services.coordinator.store.access import NewKey, add_key, has_admin_key
from shared.postgres.pool import acquired, create_pool
from shared.process.settings.blocks import PostgresSettings


async def make_first_key(settings: PostgresSettings) -> str | None:
    """A key that may do everything; None when there is a valid one already.

    Raises DatabaseUnavailable. Two at the same moment may both make one: both are shown.
    """
    pool = await create_pool(settings.dsn.get_secret_value(), settings, name="conveyor migrate")
    try:
        async with acquired(pool) as connection:
            if await has_admin_key(connection):
                return None
            key = new_key()
            new = NewKey(id=key.id, name="first key", digest=key.digest, scopes=["admin"])
            await add_key(connection, new)
        return key.text
    finally:
        await pool.close()
