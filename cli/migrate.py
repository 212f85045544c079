"""`conveyor migrate`: migrates the Postgres schema and creates the first API key."""

import asyncio
import time

import click

from cli.exit_codes import EXIT_USAGE, fail
from services.coordinator.first_key import make_first_key
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.migrate import MigrationRejected
from shared.postgres.migrate import migrate as run_migrations
from shared.process.logging import configure_logging
from shared.process.settings.blocks import LogSettings, PostgresSettings
from shared.process.settings.loading import Settings, SettingsError, load

_RETRY_SECONDS = 0.5

_FIRST_KEY = """
This API key has all scopes. The API requires keys with CONVEYOR_AUTH_TYPE key or any. The key is
not shown again:

    export CONVEYOR_API_KEY={key}
    export CONVEYOR_URL={url}

    conveyor list
    curl -H "X-API-Key: $CONVEYOR_API_KEY" {url}/jobs

`conveyor keys` creates keys with fewer scopes.
"""


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
    help="Seconds to wait until Postgres is reachable.",
)
@click.option(
    "--first-key",
    is_flag=True,
    help="Create an API key with all scopes and print it, unless an admin key exists.",
)
@click.option(
    "--url",
    envvar="CONVEYOR_URL",
    default="http://127.0.0.1:8000",
    show_default=True,
    help="Address of the API in the output of --first-key.",
)
def migrate(wait_seconds: float, first_key: bool, url: str) -> None:
    """Migrate the schema of the database at CONVEYOR_POSTGRES_DSN.

    Run it before starting services of a new version. It is safe to run repeatedly or concurrently.
    """
    try:
        settings = load(MigrateSettings)
    except SettingsError as error:
        fail(str(error), EXIT_USAGE)
    configure_logging(settings.log, service="migrate")
    try:
        done = asyncio.run(_migrate(settings.postgres.dsn.get_secret_value(), wait_seconds))
    except (MigrationRejected, DatabaseUnavailable) as error:
        fail(f"the schema was not migrated: {error}")
    click.echo(f"migrated: {', '.join(done)}" if done else "the schema is up to date")
    if first_key:
        _print_first_key(settings.postgres, url)


def _print_first_key(postgres: PostgresSettings, url: str) -> None:
    try:
        key = asyncio.run(make_first_key(postgres))
    except DatabaseUnavailable as error:
        fail(f"no key was created: {error}")
    click.echo(_FIRST_KEY.format(key=key, url=url) if key else "an admin key already exists")


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
