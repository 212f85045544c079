"""Warnings at start: of what works, and will surprise the operator later."""

import structlog

from services.coordinator.auth_settings import AuthSettings
from services.coordinator.store.access import has_admin_key, has_admin_user
from services.coordinator.store.connected import connected
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import Pool
from shared.process.sealing import Sealer

log = structlog.get_logger(__name__)


def warn_of_unencrypted_secrets(sealer: Sealer) -> None:
    """No reason to refuse to start: not all jobs have secrets."""
    if not sealer.encrypts:
        log.warning("secrets_stored_unencrypted", to_do="set CONVEYOR_ENCRYPTION_KEY")


def warn_of_short_password(settings: AuthSettings) -> None:
    """No reason to refuse to start: it was set by whoever may do everything anyway."""
    least = settings.password_min_length
    if 0 < len(settings.password.get_secret_value()) < least:
        log.warning(
            "operator_password_short",
            to_do=f"set a CONVEYOR_AUTH_PASSWORD of at least {least} characters",
        )


async def warn_without_admin(settings: AuthSettings, pool: Pool) -> None:
    """No reason to refuse to start: an admin may be made beside us, or in a database that is away.

    Nothing is said when the database can't be asked.
    """
    try:
        has_admin = await _has_admin(settings, pool)
    except DatabaseUnavailable:  # said elsewhere, again and again
        return
    if not has_admin:
        log.warning(
            "no_admin_configured",
            authentication=settings.type,
            to_do=f"set {_ways_in(settings)}",
        )


async def _has_admin(settings: AuthSettings, pool: Pool) -> bool:
    if (
        not settings.is_on
        or settings.password.get_secret_value()
        or settings.key.get_secret_value()
    ):
        return True
    if settings.takes_passwords and await connected(pool, has_admin_user):
        return True
    return settings.takes_keys and await connected(pool, has_admin_key)


def _ways_in(settings: AuthSettings) -> str:
    password = "CONVEYOR_AUTH_PASSWORD (and CONVEYOR_AUTH_USER)"  # noqa: S105 - what it is called
    key = "CONVEYOR_AUTH_KEY, or make a key with `conveyor migrate --first-key`"
    if not settings.takes_keys:
        return password
    return f"{password} or {key}" if settings.takes_passwords else key
