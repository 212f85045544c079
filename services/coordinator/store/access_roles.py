"""Roles: names that users share and jobs can be opened to."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from shared.postgres.pool import Connection

ADD_ROLE = "INSERT INTO roles (slug, name) VALUES ($1, $2)"

ROLES = "SELECT slug, name, created_at FROM roles ORDER BY slug"

MISSING_ROLES = """
SELECT asked.slug FROM unnest($1::text[]) AS asked(slug)
LEFT JOIN roles r USING (slug) WHERE r.slug IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRow:
    slug: str
    name: str
    created_at: datetime


async def add_role(connection: Connection, slug: str, name: str) -> bool:
    """False when the slug is taken."""
    try:
        await connection.execute(ADD_ROLE, slug, name)
    except asyncpg.UniqueViolationError:  # asked and answered in one statement
        return False
    return True


async def roles(connection: Connection) -> list[RoleRow]:
    return [RoleRow(**row) for row in await connection.fetch(ROLES)]


async def missing_roles(connection: Connection, slugs: Collection[str]) -> set[str]:
    """Those of `slugs` that are no role."""
    return {row["slug"] for row in await connection.fetch(MISSING_ROLES, list(slugs))}
