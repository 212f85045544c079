"""`conveyor settings`: the reference of all settings, drawn from the classes themselves."""

from collections.abc import Iterator, Mapping

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cli.migrate import MigrateSettings
from services.coordinator.settings import CoordinatorSettings
from services.dev.settings import DevBlock
from services.scheduler.settings import SchedulerSettings
from services.webhook_dispatcher.settings import DispatcherSettings
from services.worker.settings import WorkerSettings
from shared.process.settings.loading import Settings, blocks_of, is_secret, variable_name

_INTRODUCTION = """\
# Settings

Each setting is an environment variable, or a key in the TOML file at `CONVEYOR_CONFIG`. The
environment takes precedence. A service with an invalid setting does not start and names it.
"""
_HEAD = "| variable | key | value | default | meaning |\n|---|---|---|---|---|"
_BOUNDS = {"minimum": "≥", "maximum": "≤", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}


Readers = dict[str, tuple[type[BaseModel], BaseModel | None]]
"""By service: the class of the block, and the block's default where the service has its own."""


def settings_reference(classes: Mapping[str, type[BaseModel]]) -> str:
    """Markdown: a section for each block, saying which of the services (by name) read it."""
    sections = [_INTRODUCTION]
    for name, readers in _blocks_and_readers(classes).items():
        sections.append(f"## {name}\n\nRead by: {', '.join(sorted(readers))}.\n")
        table = [_HEAD, *_rows(name, readers)]
        sections.append("\n".join(table) + "\n")
    return "\n".join(sections)


def _blocks_and_readers(classes: Mapping[str, type[BaseModel]]) -> dict[str, Readers]:
    found: dict[str, Readers] = {}
    for service, settings_class in classes.items():
        for name, block in blocks_of(settings_class).items():
            default = settings_class.model_fields[name].default
            own = default if isinstance(default, BaseModel) else None
            found.setdefault(name, {})[service] = (block, own)
    return found


def _rows(block_name: str, readers: Readers) -> Iterator[str]:
    fields = {name: (block, field) for block, _ in readers.values()
              for name, field in block.model_fields.items()}  # fmt: skip
    for name, (block, field) in fields.items():
        cells = [
            f"`{variable_name(block_name, name)}`",
            f"`[{block_name}] {name}`",
            _value(block.model_json_schema()["properties"][name]),
            _default(name, field, readers),
            field.description or "",
        ]
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _value(schema: Mapping[str, object]) -> str:
    """The kind of value, with its choices or bounds."""
    options = schema.get("anyOf")
    if isinstance(options, list):
        return " or ".join(_value(option) for option in options)
    choices = schema.get("enum")
    if isinstance(choices, list):
        return ", ".join(f"`{choice}`" for choice in choices)
    kind = {"null": "nothing", "array": "list"}.get(str(schema.get("type")), schema.get("type"))
    bounds = [f"{sign} {schema[key]}" for key, sign in _BOUNDS.items() if key in schema]
    return " ".join([str(kind or "text").replace("string", "text"), *bounds])


def _default(name: str, field: FieldInfo, readers: Readers) -> str:
    """The default, by service where they differ."""
    by_service = {
        service: getattr(own, name) if own is not None else field.get_default()
        for service, (block, own) in readers.items()
        if name in block.model_fields
    }
    if field.is_required():
        return "required"
    if is_secret(field):
        return "empty"
    if field.default_factory is not None:
        return "found at start"  # its value is this machine's, not the setting's
    if len(set(map(repr, by_service.values()))) == 1:
        return _shown(next(iter(by_service.values())))
    return ", ".join(f"{service} {_shown(value)}" for service, value in sorted(by_service.items()))


def _shown(value: object) -> str:
    """As one would write it: 30, not 30.0."""
    if value in ("", None):
        return "none"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


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
