"""Which migrations are still to be run, and when none may be."""

import re

import pytest

from shared.postgres.migrate import (
    Applied,
    Migration,
    MigrationRejected,
    migrations,
    pending_migrations,
)

FIRST = Migration(1, "jobs", "CREATE TABLE jobs ()")
SECOND = Migration(2, "nodes", "CREATE TABLE nodes ()")


def applied(*run: Migration) -> list[Applied]:
    return [Applied(m.version, m.name, m.checksum) for m in run]


def test_only_what_was_not_run_yet_is_pending() -> None:
    assert pending_migrations([FIRST, SECOND], []) == [FIRST, SECOND]
    assert pending_migrations([FIRST, SECOND], applied(FIRST)) == [SECOND]
    assert pending_migrations([FIRST, SECOND], applied(FIRST, SECOND)) == []


def test_a_database_to_which_a_newer_version_has_added_is_fit_for_an_older_one() -> None:
    assert pending_migrations([FIRST], applied(FIRST, SECOND)) == []


def test_a_database_from_which_a_newer_version_has_taken_away_is_refused() -> None:
    taken = Migration(2, "contract_jobs", "ALTER TABLE jobs DROP COLUMN old")
    last = Migration(3, "nodes", "CREATE TABLE nodes ()")
    with pytest.raises(MigrationRejected, match=r"too new.*0002_contract_jobs.*0001_jobs"):
        pending_migrations([FIRST], applied(FIRST, taken, last))


def test_a_migration_that_was_changed_after_it_ran_is_refused() -> None:
    changed = Migration(1, "jobs", "CREATE TABLE jobs (id text)")
    with pytest.raises(MigrationRejected, match="0001_jobs is not what was run as 0001_jobs"):
        pending_migrations([changed, SECOND], applied(FIRST))


def test_the_migrations_that_ship_are_numbered_without_a_gap() -> None:
    versions = [migration.version for migration in migrations()]
    assert versions == list(range(1, len(versions) + 1))


UNRELEASED_FROM = 61


def test_no_migration_reads_all_jobs_or_tasks_while_nobody_else_can() -> None:
    for migration in migrations()[UNRELEASED_FROM - 1 :]:
        sql = re.sub(r"--.*", "", migration.sql)
        for table in re.findall(r"ALTER TABLE (jobs|tasks)\b", sql):
            assert f"INDEX {table}_" not in sql, f"{migration} makes an index of a locked table"
            [altered] = re.findall(rf"ALTER TABLE {table}\b[^;]*", sql)
            assert altered.count("CHECK") == altered.count("NOT VALID"), (
                f"{migration} checks {table}"
            )
