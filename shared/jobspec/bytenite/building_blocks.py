"""What is registered for jobs of ByteNite: apps, engines and templates, as clients push them."""

import re
import shlex
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from shared.definition import Amount
from shared.definition.quantities import memory_text, parse_memory
from shared.jobspec.bytenite.form import Form
from shared.jobspec.bytenite.models import Config, DataSource, JobAppParams
from shared.jobspec.problems import Place, Problem, field_path

_FROM_THE_SERVER = (
    "createdAt",
    "hash",
    "isPublic",
    "link",
    "owner",
    "revision",
    "status",
    "tag",
    "updatedAt",
)
_GIB = 1 << 30
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAME_RULE = "must have 1 to 64 letters, digits, - and _"
_VERSION = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")


def _words(value: object) -> object:
    """A command may be one text."""
    if not isinstance(value, str):
        return value
    try:
        return shlex.split(value)
    except ValueError as error:  # the client's mistake
        raise ValueError(f"must be a command: {error}") from None


def _bytes(value: object) -> object:
    """A number is one of GiB."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return memory_text(int(value * _GIB))
        except (OverflowError, ValueError):  # as of 1e300: refused as the text that it is
            return str(value)
    return value


def _texts(value: object) -> object:
    return [value] if isinstance(value, str) else value


Entrypoint = Annotated[list[str], BeforeValidator(_words)]
Memory = Annotated[str, BeforeValidator(_bytes)]


class PlatformConfig(Form):
    """`container` is an image; `secrets` are the ids of stored ones that become variables."""

    container: str = ""
    private_image: bool = False
    username: str = ""
    token: str = ""
    secrets: list[str] = Field(default_factory=list)


class DeviceRequirements(Form):
    """`gpu` names models, one of which will do."""

    min_cpu: Annotated[float, Field(strict=False, allow_inf_nan=False)] = 0
    min_memory: Memory = ""
    gpu: Annotated[list[str], BeforeValidator(_texts)] = Field(default_factory=list)

    @property
    def memory(self) -> Amount | None:
        """Raises ValueError."""
        return Amount(parse_memory(self.min_memory), self.min_memory) if self.min_memory else None


class _Registration(Form):
    @model_validator(mode="before")
    @classmethod
    def _without_server_fields(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if name not in _FROM_THE_SERVER}


class App(_Registration):
    """A program in a container; with the platform `shell`, which is ours, `entrypoint` is what the
    worker itself runs, as tasks without an image."""

    name: str = ""
    version: str = ""
    description: str = ""
    platform: Literal["docker", "shell"] = "docker"
    entrypoint: Entrypoint = Field(default_factory=list)
    platform_config: PlatformConfig = PlatformConfig()
    device_requirements: DeviceRequirements = DeviceRequirements()


class Engine(App):
    type: Literal["partitioner", "assembler"] | None = None


class Template(_Registration):
    """Which app and engines, by their tags, and what jobs have that don't say it themselves."""

    id: str = ""
    description: str = ""
    app: str = ""
    partitioner: str = "passthrough"
    assembler: str = "passthrough"
    data_source: DataSource | None = None
    data_destination: DataSource | None = None
    params: JobAppParams = JobAppParams()
    config: Config = Config()


def app_problems(app: App) -> Iterator[Problem]:
    """What is wrong with an app or an engine."""
    if not _NAME.fullmatch(app.name):
        yield _at(("name",), _NAME_RULE, app.name)
    if not _VERSION.fullmatch(app.version):
        yield _at(("version",), "must be two numbers, such as 1.0", app.version)
    if not app.entrypoint:
        yield _at(("entrypoint",), "is required: the program of the app")
    if app.platform == "docker" and not app.platform_config.container:
        yield _at(("platformConfig", "container"), "is required: the image of the app")
    if isinstance(app, Engine) and app.type is None:
        yield _at(("type",), "is required: partitioner or assembler")
    if app.device_requirements.min_cpu < 0:
        place = ("deviceRequirements", "minCpu")
        yield _at(place, "must be at least 0", str(app.device_requirements.min_cpu))
    try:
        _ = app.device_requirements.memory
    except ValueError as error:  # the client's mistake
        place = ("deviceRequirements", "minMemory")
        yield _at(place, str(error), app.device_requirements.min_memory)


def template_problems(template: Template) -> Iterator[Problem]:
    if not _NAME.fullmatch(template.id):
        yield _at(("id",), _NAME_RULE, template.id)
    if not template.app:
        yield _at(("app",), "is required: the tag of an app")


def _at(place: Place, rule: str, value: str | None = None) -> Problem:
    return Problem(field_path(place), rule, None if value is None else repr(value), place=place)
