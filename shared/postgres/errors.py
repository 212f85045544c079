"""Errors of the database, sorted by what the caller should do.

    DatabaseUnavailable          try later: it can't be reached, is full, or took too long
    └── TransactionConflict      try again at once: two transactions got in each other's way

Everything else that asyncpg raises (a broken constraint, wrong SQL) passes through unchanged: the
caller expects it by its own class, or it is a bug.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg


class DatabaseUnavailable(Exception):
    """Postgres can't do this now; later it can."""


class TransactionConflict(DatabaseUnavailable):
    """The transaction was rolled back because of another one; it can be repeated at once."""


_CONFLICTS = (
    asyncpg.TransactionRollbackError,  # serialization failure, deadlock
    # A migration changed a table while a prepared statement knew the old one.
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
)
_UNAVAILABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,  # too many connections, disk full, out of memory
    asyncpg.OperatorInterventionError,  # shut down, starting up, statement cancelled
    asyncpg.PostgresSystemError,  # the server's own disk fails
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby that is not promoted yet
    asyncpg.IdleInTransactionSessionTimeoutError,
    # A database that is being set up or a password that is being changed; the text says which.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    # Used in the moment between the server's last words and the end of the connection.
    asyncpg.InternalClientError,
    OSError,  # connection refused or reset, no such host
    TimeoutError,
)
# All statements of a release are prepared against its schema in a test, so in production these can
# only mean that the schema, or its last part, is still to come.
_NOT_YET_MIGRATED = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise our two errors for asyncpg's. Put only database calls in it: any time-out counts."""
    try:
        yield
    except _CONFLICTS as error:
        raise TransactionConflict(_text(error)) from error
    except _UNAVAILABLE as error:
        raise DatabaseUnavailable(_text(error)) from error
    except _NOT_YET_MIGRATED as error:
        raise DatabaseUnavailable(f"{_text(error)}: is the schema up to date?") from error
    except asyncpg.InterfaceError as error:
        # asyncpg has one class for a lost connection or closing pool and for wrong use.
        if "clos" not in str(error):
            raise
        raise DatabaseUnavailable(_text(error)) from error


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__
