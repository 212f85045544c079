"""Services of the version before go on working with a database that a newer one has migrated: no
migration takes away or tightens what they read and write, unless it says so by its name."""

from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from shared.postgres.migrate import migrate, migrations

pytestmark = pytest.mark.real

COLUMNS = """
SELECT table_name || '.' || column_name AS column, data_type AS type,
       is_nullable = 'YES' AS may_be_null,
       is_nullable = 'YES' OR column_default IS NOT NULL OR is_identity = 'YES'
           OR is_generated = 'ALWAYS' AS may_be_left_out
FROM information_schema.columns WHERE table_schema = 'public'
"""

CONSTRAINTS = """
SELECT t.relname || '.' || c.conname AS name, t.relname AS table,
       pg_get_constraintdef(c.oid) AS rule
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE n.nspname = 'public' AND c.contype <> 'n'
UNION ALL
SELECT indexname, tablename, indexdef FROM pg_indexes
WHERE schemaname = 'public' AND indexdef LIKE 'CREATE UNIQUE%'
"""

NOT_STRICTER = {
    "jobs.only_final_expire": "loosened: jobs of other final states are deleted too",
    "tasks.running_has_lease": "loosened: tasks of a kind that came along have none",
    "tasks.running_has_node": "loosened: tasks of a kind that came along have none",
    "tasks.children_have_indexes": "about columns that came along, null in what older code writes",
    "tasks.tasks_kind_check": "about a column that came along, with a default",
    "tasks.pending_has_due": "loosened: an execution that waits for a node has no time",
    "jobs.jobs_spec_version_check": "about a column that came along, with a default",
    "jobs.jobs_kept_running_check": "about a column that came along, with a default",
    "jobs.jobs_budget_check": "about a column that came along, null in what older code writes",
    "jobs.jobs_priority_check": "about a column that came along, null in what older code writes",
    "templates.templates_language_check": "about a column that came along, null in older rows",
    "jobs.jobs_hold_check": "about a column that came along, null in what older code writes",
    "tasks.tasks_engine_rejections_check": "about a column that came along, with a default",
    "schedules.schedules_state_check": "loosened: schedules that have ended",
    "schedules.schedules_overlap_check": "loosened: more policies",
    "webhook_deliveries.webhook_deliveries_state_check": "about a column that came along",
    "webhook_deliveries.webhook_deliveries_endpoint_id_fkey": "about a column that came along",
    "users_with_identity_by_name": "about a column that came along, null in older rows",
    "job_tasks.job_tasks_waiting_for_check": "about a column that came along, with a default",
}

Schema = dict[str, dict[str, Any]]


async def rows(connection: asyncpg.Connection, query: str, key: str) -> Schema:
    return {row[key]: dict(row) for row in await connection.fetch(query)}


def taken_away(before: Schema, after: Schema) -> Iterator[str]:
    tables = {name.partition(".")[0] for name in before}
    for name, column in before.items():
        if name not in after:
            yield f"{name} is gone"
        elif (column["type"], column["may_be_null"]) != (
            after[name]["type"],
            after[name]["may_be_null"],
        ):
            yield f"{name} is another"
    for name, column in after.items():
        is_new = name not in before and name.partition(".")[0] in tables
        if is_new and not column["may_be_left_out"]:
            yield f"{name} must be written"


def stricter(before: Schema, after: Schema, tables: set[str]) -> set[str]:
    return {n for n, rule in after.items() if rule["table"] in tables and before.get(n) != rule}


async def test_no_migration_takes_away_what_services_of_the_version_before_need(
    empty_postgres_dsn: str,
) -> None:
    found: set[str] = set()
    connection = await asyncpg.connect(empty_postgres_dsn)
    columns: Schema = {}
    rules: Schema = {}
    for number, migration in enumerate(migrations(), start=1):
        await migrate(empty_postgres_dsn, migrations()[:number])
        columns_now = await rows(connection, COLUMNS, "column")
        rules_now = await rows(connection, CONSTRAINTS, "name")
        if not migration.takes_away:
            assert list(taken_away(columns, columns_now)) == [], str(migration)
            tables = {name.partition(".")[0] for name in columns}
            found |= stricter(rules, rules_now, tables)
        columns, rules = columns_now, rules_now
    await connection.close()
    assert found == NOT_STRICTER.keys(), "a rule for what older services write"
