"""Users, roles and keys, each on a connection of its own. All raise DatabaseUnavailable."""

from collections.abc import Collection

from services.coordinator.store import access_keys, access_roles, access_users
from services.coordinator.store.access_keys import KeyRow, NewKey, ValidKey
from services.coordinator.store.access_roles import RoleRow
from services.coordinator.store.access_users import Login, UserRow
from shared.postgres.pool import Pool, acquired


class AccessStore:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def login(self, username: str) -> Login | None:
        async with acquired(self._pool) as connection:
            return await access_users.login(connection, username)

    async def valid_key(self, key_id: str) -> ValidKey | None:
        """None when there is none, or it has ended."""
        async with acquired(self._pool) as connection:
            return await access_keys.valid_key(connection, key_id)

    async def key_was_used(self, key_id: str) -> None:
        async with acquired(self._pool) as connection:
            await access_keys.key_was_used(connection, key_id)

    async def add_user(self, username: str, name: str, password_hash: str) -> bool:
        """False when the name is taken."""
        async with acquired(self._pool) as connection:
            return await access_users.add_user(connection, username, name, password_hash)

    async def users(self) -> list[UserRow]:
        async with acquired(self._pool) as connection:
            return await access_users.users(connection)

    async def delete_user(self, username: str) -> bool:
        """Whether there was such a user."""
        async with acquired(self._pool) as connection:
            return await access_users.delete_user(connection, username)

    async def set_roles(self, username: str, roles: Collection[str]) -> bool:
        """False when a role or the user does not exist."""
        async with acquired(self._pool) as connection:
            return await access_users.set_roles(connection, username, roles)

    async def missing_users(self, usernames: Collection[str]) -> set[str]:
        async with acquired(self._pool) as connection:
            return await access_users.missing_users(connection, usernames)

    async def add_role(self, slug: str, name: str) -> bool:
        """False when the slug is taken."""
        async with acquired(self._pool) as connection:
            return await access_roles.add_role(connection, slug, name)

    async def roles(self) -> list[RoleRow]:
        async with acquired(self._pool) as connection:
            return await access_roles.roles(connection)

    async def missing_roles(self, slugs: Collection[str]) -> set[str]:
        async with acquired(self._pool) as connection:
            return await access_roles.missing_roles(connection, slugs)

    async def add_key(self, key: NewKey) -> KeyRow | None:
        """None when its user does not exist."""
        async with acquired(self._pool) as connection:
            return await access_keys.add_key(connection, key)

    async def keys(self, username: str | None) -> list[KeyRow]:
        """Newest first, of one user, or all for None."""
        async with acquired(self._pool) as connection:
            return await access_keys.keys(connection, username)

    async def delete_key(self, key_id: str, username: str | None) -> bool:
        """Whether there was such a key; with `username` only one of that user's."""
        async with acquired(self._pool) as connection:
            return await access_keys.delete_key(connection, key_id, username)

    async def has_admin_user(self) -> bool:
        """Whether there is a user who may do everything."""
        async with acquired(self._pool) as connection:
            return await access_users.has_admin_user(connection)

    async def has_admin_key(self) -> bool:
        """Whether there is a valid key that may do everything."""
        async with acquired(self._pool) as connection:
            return await access_keys.has_admin_key(connection)
