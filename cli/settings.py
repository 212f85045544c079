"""`conveyor settings`: the reference of all settings."""

import click
from pydantic import BaseModel

from cli.migrate import MigrateSettings
from services.coordinator.settings import CoordinatorSettings
from services.dev.settings import DevBlock
from services.scheduler.settings import SchedulerSettings
from services.webhook_dispatcher.settings import DispatcherSettings
from services.worker.settings import WorkerSettings
from shared.process.settings.loading import Settings
from shared.process.settings.reference import settings_reference


class _DevSettings(Settings):
    """What `conveyor dev` reads beside the settings of all services. Its own defaults for those
    hang on the machine, so they aren't part of the page."""

    dev: DevBlock = DevBlock()


SETTINGS: dict[str, type[BaseModel]] = {
    "coordinator": CoordinatorSettings,
    "scheduler": SchedulerSettings,
    "worker": WorkerSettings,
    "webhook-dispatcher": DispatcherSettings,
    "migrate": MigrateSettings,
    "dev": _DevSettings,
}


@click.command()
def settings() -> None:
    """Print all settings with their defaults and meanings as Markdown (docs/settings.md)."""
    click.echo(settings_reference(SETTINGS), nl=False)
