"""Databases that are emptied instead of made anew: to copy one costs Postgres ten times as much.

One that a test has changed in more than its rows (its schema, its settings, its statistics) isn't
used again.
"""

from dataclasses import dataclass

import asyncpg

_LARGE_BYTES = 65_536  # a table that has grown beyond is truncated: it would be read for nothing

_OTHERS_LEAVE = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

_SHAPE = """
WITH tables AS (
    -- A table that was empty when it was last measured is planned for as empty ever after.
    SELECT oid, relname, relkind, reloptions, relpersistence, relpages > 0 AS measured FROM pg_class
    WHERE relnamespace = 'public'::regnamespace
)
SELECT md5(concat(
    (SELECT string_agg(t::text, '' ORDER BY oid) FROM tables AS t),
    (SELECT string_agg(concat(attrelid, attname, attnotnull, atttypid, attisdropped), ''
                       ORDER BY attrelid, attnum)
     FROM pg_attribute WHERE attrelid IN (SELECT oid FROM tables)),
    (SELECT string_agg(concat(oid, tgenabled), '' ORDER BY oid) FROM pg_trigger),
    (SELECT string_agg(concat(oid, convalidated), '' ORDER BY oid) FROM pg_constraint),
    (SELECT string_agg(concat(indexrelid, indisvalid), '' ORDER BY indexrelid) FROM pg_index),
    (SELECT string_agg(concat(oid, prosrc), '' ORDER BY oid)
     FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
    (SELECT string_agg(nspname, '' ORDER BY nspname)
     FROM pg_namespace WHERE nspname NOT LIKE 'pg%temp%'),
    (SELECT string_agg(setconfig::text, '') FROM pg_db_role_setting
     WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))),
    (SELECT count(*) FROM pg_statistic WHERE starelid IN (SELECT oid FROM tables))
))
"""

# What has no page has never had a row.
_WRITTEN_TABLES = """
SELECT relname, pg_relation_size(oid) AS size FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0
ORDER BY relname
"""

_SEQUENCES = """
SELECT sequencename AS name, start_value, last_value FROM pg_sequences WHERE schemaname = 'public'
"""


@dataclass(frozen=True)
class Migrated:
    """What a database is right after its migrations: its shape, and the rows that they wrote."""

    shape: str
    rows: dict[str, str]  # by table, as JSON
    sequences: dict[str, int | None]

    @classmethod
    async def of(cls, dsn: str) -> "Migrated":
        connection = await asyncpg.connect(dsn)
        try:
            shape = await connection.fetchval(_SHAPE)
            tables = [record["relname"] for record in await connection.fetch(_WRITTEN_TABLES)]
            rows = {table: await connection.fetchval(_rows_of(table)) for table in tables}
            sequences = {
                record["name"]: record["last_value"]
                for record in await connection.fetch(_SEQUENCES)
            }
            return cls(shape, {table: text for table, text in rows.items() if text}, sequences)
        finally:
            await connection.close()

    async def is_again(self, dsn: str) -> bool:
        """Whether it could be made so again: then it is, and nobody else is connected to it."""
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(_OTHERS_LEAVE)
            if await connection.fetchval(_SHAPE) != self.shape:
                return False
            async with connection.transaction():
                # Neither triggers nor foreign keys have a say.
                await connection.execute("SET LOCAL session_replication_role = replica")
                await self._restore_rows(connection)
            await self._restore_sequences(connection)
            return True
        finally:
            await connection.close()

    async def _restore_rows(self, connection: asyncpg.Connection) -> None:
        written = await connection.fetch(_WRITTEN_TABLES)
        large = [record["relname"] for record in written if record["size"] > _LARGE_BYTES]
        if large:
            await connection.execute(f"TRUNCATE {', '.join(large)} CASCADE")
        for table in (record["relname"] for record in written):
            rows = self.rows.get(table)
            if rows is None:
                await connection.execute(f"DELETE FROM {table}")
            elif await connection.fetchval(_rows_of(table)) != rows:
                await connection.execute(f"DELETE FROM {table}")
                await connection.execute(
                    f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, $1)",
                    rows,
                )

    async def _restore_sequences(self, connection: asyncpg.Connection) -> None:
        for record in await connection.fetch(_SEQUENCES):
            first = self.sequences[record["name"]]
            if record["last_value"] != first:
                await connection.execute(
                    "SELECT setval($1::text::regclass, $2, $3)",
                    record["name"],
                    record["start_value"] if first is None else first,
                    first is not None,
                )


def _rows_of(table: str) -> str:
    return f"SELECT json_agg(t ORDER BY t::text)::text FROM {table} AS t"
