"""`conveyor metrics`: the reference of all metrics, drawn from what the code says of them."""

from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType

import click

import services.coordinator.api.connections
import services.coordinator.api.files.transfers
import services.coordinator.api.tork.cluster
import services.coordinator.api.tork.submission
import services.coordinator.commands
import services.coordinator.live.follower
import services.scheduler.metrics
import services.webhook_dispatcher.metrics
import services.worker.files.metrics
import services.worker.metrics
import shared.apply.batcher
import shared.broker.metrics
import shared.process.health
import shared.process.metrics
import shared.store.outbox
from shared.process.metrics import MetricSpec

_INTRODUCTION = """\
# Metrics

Every service serves `/metrics` in the text format of Prometheus: scheduler, worker and webhook
dispatcher at the address of `/health`, a coordinator in its API as `/metrics?format=prometheus`, or
if `Accept` contains `text/plain` (Prometheus sends it). The API requires the scope `read`, if
authentication is enabled.
`conveyor dev` shows all metrics on one page.

Scraping does no I/O, except that a coordinator queries Postgres for the totals, for up to 3 s.
While Postgres is down the totals are NaN. System-wide metrics have the same value on every replica:
use max(), not sum(). The label of the private queue of a worker is `node`. Each page also has
`process_…` (memory, CPU, open files) and `python_info`.
"""
_HEAD = "| metric | kind | meaning | guarantee | alert when |\n|---|---|---|---|---|"

_EVERYWHERE = (shared.process.health, shared.process.metrics, shared.broker.metrics)
_OF_STORES = (shared.apply.batcher, shared.store.outbox)

MODULES: dict[str, tuple[ModuleType, ...]] = {
    "coordinator": (
        *_EVERYWHERE,
        *_OF_STORES,
        services.coordinator.api.connections,
        services.coordinator.api.files.transfers,
        services.coordinator.api.tork.cluster,
        services.coordinator.api.tork.submission,
        services.coordinator.commands,
        services.coordinator.live.follower,
    ),
    "scheduler": (*_EVERYWHERE, *_OF_STORES, services.scheduler.metrics),
    "worker": (*_EVERYWHERE, services.worker.metrics, services.worker.files.metrics),
    "webhook dispatcher": (
        *_EVERYWHERE,
        services.webhook_dispatcher.metrics,
    ),
}
"""By service: the modules that define its metrics."""


def specs_in(modules: Sequence[ModuleType]) -> dict[str, MetricSpec]:
    """By full name: all that these modules define."""
    found = (value for module in modules for value in vars(module).values())
    return {value.full_name: value for value in found if isinstance(value, MetricSpec)}


def metrics_reference(services: Mapping[str, Sequence[ModuleType]]) -> str:
    """Markdown: a section for all services, and one for those that only some have."""
    by_service = {service: specs_in(modules) for service, modules in services.items()}
    sections: dict[tuple[str, ...], dict[str, MetricSpec]] = {}
    for name, spec in {n: t for found in by_service.values() for n, t in found.items()}.items():
        readers = tuple(service for service, found in by_service.items() if name in found)
        sections.setdefault(readers, {})[name] = spec
    pages = [_INTRODUCTION]
    for readers, specs_by_name in sorted(sections.items(), key=lambda s: -len(s[0])):
        title = (
            "Every service" if len(readers) == len(services) else ", ".join(readers).capitalize()
        )
        pages.append("\n".join([f"## {title}\n", _HEAD, *_rows(specs_by_name)]) + "\n")
    return "\n".join(pages)


def _rows(specs_by_name: Mapping[str, MetricSpec]) -> Iterator[str]:
    for name, spec in sorted(specs_by_name.items()):
        labels = "{" + ", ".join(spec.labels) + "}" if spec.labels else ""
        cells = [f"`{name}{labels}`", _kind(spec), spec.meaning, spec.shows, spec.alarm]
        yield "| " + " | ".join(cells) + " |"


def _kind(spec: MetricSpec) -> str:
    if spec.buckets:
        return "histogram"
    return "counter" if spec.is_counter else "gauge"


@click.command()
def metrics() -> None:
    """Print all metrics with their meanings as Markdown (docs/metrics.md)."""
    click.echo(metrics_reference(MODULES), nl=False)
