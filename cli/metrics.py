"""`conveyor metrics`: the reference of all metrics."""

from types import ModuleType

import click

import services.coordinator.api.admission
import services.coordinator.api.tork.metrics
import services.coordinator.commands
import services.coordinator.live.follower
import services.scheduler.metrics
import services.webhook_dispatcher.metrics
import services.worker.metrics
import shared.apply.metrics
import shared.broker.metrics
import shared.process.health
import shared.process.process_metrics
import shared.store.outbox_metrics
from shared.process.metrics_reference import metrics_reference

_EVERYWHERE = (shared.process.health, shared.process.process_metrics, shared.broker.metrics)
_OF_STORES = (shared.apply.metrics, shared.store.outbox_metrics)

MODULES: dict[str, tuple[ModuleType, ...]] = {
    "coordinator": (
        *_EVERYWHERE,
        *_OF_STORES,
        services.coordinator.api.tork.metrics,
        services.coordinator.api.admission,
        services.coordinator.commands,
        services.coordinator.live.follower,
    ),
    "scheduler": (*_EVERYWHERE, *_OF_STORES, services.scheduler.metrics),
    "worker": (*_EVERYWHERE, services.worker.metrics),
    "webhook dispatcher": (
        *_EVERYWHERE,
        services.webhook_dispatcher.metrics,
    ),
}
"""By service: the modules that define its metrics."""


@click.command()
def metrics() -> None:
    """Print all metrics with their meanings as Markdown (docs/metrics.md)."""
    click.echo(metrics_reference(MODULES), nl=False)
