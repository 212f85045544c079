"""`conveyor migrate`: the Postgres schema, brought up to date."""

import asyncio
import time

import click

from cli.ending import fail, settings_or_exit
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.migrate import MigrationRejected
from shared.postgres.migrate import migrate as run_migrations
from shared.process.blocks import LogSettings, PostgresSettings
from shared.process.logging import configure_logging
from shared.process.settings import Settings

_RETRY_SECONDS = 0.5


class MigrateSettings(Settings):
    postgres: PostgresSettings
    log: LogSettings = LogSettings()


@click.command()
@click.option(
    "--wait",
    "wait_seconds",
    default=30.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Seconds to wait for a Postgres that can't be reached yet.",
)
def migrate(wait_seconds: float) -> None:
    """Bring the schema of the database at CONVEYOR_POSTGRES_DSN up to date.

    Run it before the services of a new version. It is safe to run it again, or several at once.
    """
    settings = settings_or_exit(MigrateSettings)
    configure_logging(settings.log, service="migrate")
    try:
        done = asyncio.run(_migrate(settings.postgres.dsn.get_secret_value(), wait_seconds))
    except (MigrationRejected, DatabaseUnavailable) as error:
        fail(f"the schema was not changed: {error}")
    click.echo(f"migrated: {', '.join(done)}" if done else "the schema is up to date")


async def _migrate(dsn: str, wait_seconds: float) -> list[str]:
    give_up_at = time.monotonic() + wait_seconds
    while True:
        try:
            return await run_migrations(dsn)
        except DatabaseUnavailable:
            # It may still be starting: services and their database are often started together.
            if time.monotonic() >= give_up_at:
                raise
            await asyncio.sleep(_RETRY_SECONDS)
