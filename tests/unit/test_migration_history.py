"""Which migrations are still to be run, and when none may be."""

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
