"""Migrations: numbered .sql files, forward only, each in a transaction, each run once.

Services of two versions run side by side while one is exchanged for the other, so a migration only
adds. One that takes away what an earlier version reads or writes comes a release after the code
that no longer needs it, and is called `contract_…`: older services refuse such a database alone.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import asyncpg
import structlog

from shared.postgres.errors import translated_errors
from shared.process.run import CannotStart

log = structlog.get_logger()

FILE_NAME = re.compile(r"(?P<version>\d{4})_(?P<name>[a-z0-9_]+)\.sql")
# Any number will do, as long as nobody else locks it: "conveyor" in ASCII.
LOCK_KEY = int.from_bytes(b"conveyor") >> 1

CREATE_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)"""
SELECT_APPLIED = "SELECT version, name, checksum FROM schema_migrations ORDER BY version"
RECORD = "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)"
LOCK = "SELECT pg_advisory_lock($1)"


class MigrationRejected(CannotStart):
    """The database and this version of the code don't fit each other; the text says how."""


@dataclass(frozen=True, slots=True)
class _Numbered:
    version: int
    name: str

    @property
    def takes_away(self) -> bool:
        return self.name.startswith("contract_")

    def __str__(self) -> str:
        return f"{self.version:04}_{self.name}"


@dataclass(frozen=True, slots=True)
class Migration(_Numbered):
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Applied(_Numbered):
    checksum: str


def migrations() -> list[Migration]:
    """Those of this version of the code, in order. Raises MigrationRejected for a gap."""
    found = [
        Migration(int(match["version"]), match["name"], file.read_text(encoding="utf-8"))
        for file in files("shared.postgres.migrations").iterdir()
        if (match := FILE_NAME.fullmatch(file.name))
    ]
    found.sort(key=lambda migration: migration.version)
    if [migration.version for migration in found] != list(range(1, len(found) + 1)):
        names = ", ".join(map(str, found))
        raise MigrationRejected(f"the migrations are not numbered 1, 2, 3…: {names}")
    return found


def newest_version() -> int:
    """The version of the schema that this code was written for."""
    return migrations()[-1].version


async def migrate(dsn: str, available: Sequence[Migration] | None = None) -> list[str]:
    """Bring the database up to this version of the code; the names of those that were run.

    Several may call this at once: one runs them, the others wait and find nothing to do. Raises
    MigrationRejected, or DatabaseUnavailable.
    """
    known = migrations() if available is None else available
    with translated_errors():
        connection = await asyncpg.connect(dsn, timeout=10)
        try:
            # Ends with the connection, so nobody waits for a runner that was killed.
            await connection.execute(LOCK, LOCK_KEY)
            return await _run_pending(connection, known)
        finally:
            await connection.close()


async def _run_pending(connection: asyncpg.Connection, known: Sequence[Migration]) -> list[str]:
    await connection.execute(CREATE_TABLE)
    applied = [Applied(**row) for row in await connection.fetch(SELECT_APPLIED)]
    pending = pending_migrations(known, applied)
    for migration in pending:
        await _run(connection, migration)
    return [str(migration) for migration in pending]


async def _run(connection: asyncpg.Connection, migration: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(RECORD, migration.version, migration.name, migration.checksum)
    except (asyncpg.SyntaxOrAccessError, asyncpg.IntegrityConstraintViolationError) as error:
        # Running it again gives the same: the database holds what the migration doesn't expect.
        raise MigrationRejected(f"migration {migration} can't be run: {error}") from error
    log.info("schema_migrated", migration=str(migration))


def pending_migrations(
    known: Sequence[Migration], applied: Sequence[Applied]
) -> Sequence[Migration]:
    """Those still to be run, in order. Raises MigrationRejected when the history is another, or
    when a newer version has taken away what this one needs."""
    newer = applied[len(known) :]
    for one in newer:
        if one.takes_away:
            raise MigrationRejected(
                f"the database is too new for this version of Conveyor: it has migration "
                f"{one}, the newest known here is {known[-1] if known else 'none'}; "
                f"run the version that made it, or a later one"
            )
    if newer:
        log.warning("newer_schema_found", newest=str(newer[-1]))
    for migration, record in zip(known, applied, strict=False):
        if (record.version, record.checksum) != (migration.version, migration.checksum):
            raise MigrationRejected(
                f"migration {migration} is not what was run as {record}: "
                "a migration that was released must never change"
            )
    return known[len(applied) :]
