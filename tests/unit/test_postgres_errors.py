"""Errors of the database: which ones pass by themselves."""

import asyncpg
import pytest

from shared.postgres.errors import DatabaseUnavailable, TransactionConflict, translated_errors


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(111, "refused"),
        TimeoutError(),
        asyncpg.ConnectionDoesNotExistError("connection was closed"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.AdminShutdownError("terminating connection"),
        asyncpg.TooManyConnectionsError("too many clients"),
        asyncpg.DiskFullError("no space left"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InterfaceError("pool is closing"),
    ],
)
def test_an_outage_is_unavailable_and_says_why(error: Exception) -> None:
    with pytest.raises(DatabaseUnavailable) as caught, translated_errors():
        raise error
    assert str(caught.value)
    assert not isinstance(caught.value, TransactionConflict)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UndefinedTableError("no such table"),
        asyncpg.UndefinedColumnError("no such column"),
        asyncpg.UndefinedFunctionError("no such function"),
    ],
)
def test_a_schema_of_which_a_part_is_still_to_come_is_unavailable(error: Exception) -> None:
    with pytest.raises(DatabaseUnavailable, match="is the schema up to date"), translated_errors():
        raise error


@pytest.mark.parametrize(
    "error", [asyncpg.SerializationError("conflict"), asyncpg.DeadlockDetectedError("deadlock")]
)
def test_two_transactions_in_each_others_way_are_a_conflict(error: Exception) -> None:
    with pytest.raises(TransactionConflict), translated_errors():
        raise error


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UniqueViolationError("duplicate key"),
        asyncpg.PostgresSyntaxError("syntax error"),
        asyncpg.InterfaceError("another operation is in progress"),
        ValueError("ours"),
    ],
)
def test_a_bug_or_a_broken_constraint_passes_through(error: Exception) -> None:
    with pytest.raises(type(error)), translated_errors():
        raise error
