"""The key that lets the first client in, made where none could have been made over HTTP."""

from services.coordinator.credentials.api_keys import new_key
from services.coordinator.store.access import AccessStore
from services.coordinator.store.access_keys import NewKey
from shared.postgres.pool import create_pool
from shared.process.settings.blocks import PostgresSettings


async def make_first_key(settings: PostgresSettings) -> str | None:
    """A key that may do everything; None when there is a valid one already.

    Raises DatabaseUnavailable. Two at the same moment may both make one: both are shown.
    """
    pool = await create_pool(settings.dsn.get_secret_value(), settings, name="conveyor migrate")
    try:
        store = AccessStore(pool)
        if await store.has_admin_key():
            return None
        key = new_key()
        await store.add_key(
            NewKey(id=key.id, name="first key", digest=key.digest, scopes=["admin"])
        )
        return key.text
    finally:
        await pool.close()
