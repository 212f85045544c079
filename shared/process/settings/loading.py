"""Settings: the blocks the services are made of, and how they are read.

Each service has one class of settings, made of blocks. `CONVEYOR_<BLOCK>_<FIELD>` in the
environment, or `field` in the table `[block]` of the TOML file that CONVEYOR_CONFIG names, gives a
value; the environment wins. A block's name is a single word, so that the variable's name can be
split; a field that is a quantity ends in its unit.
"""

import os
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import ClassVar, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from shared.process.settings.blocks import (
    BrokerSettings,
    LogSettings,
    PostgresSettings,
    SealingSettings,
    TracingSettings,
)

PREFIX = "CONVEYOR_"
# Variables that aren't settings of a service: the file's name, what clients read, and the tests.
_NOT_SETTINGS = re.compile(r"CONVEYOR_(CONFIG|URL|API_KEY|USER|PASSWORD|TEST_.*)")
# Kubernetes sets these by itself for each of its Services, for instance conveyor-broker.
_SERVICE_LINK = re.compile(r".*(_SERVICE_HOST|_SERVICE_PORT(_.*)?|_PORT(_\d+_.*)?)")

RENAMED = {
    "CONVEYOR_SCHEDULE_CALM_SECONDS": "CONVEYOR_SCHEDULE_LIVENESS_GRACE_SECONDS",
}
"""The new name of a variable by its old one. A service whose old setting is set does not start."""

CONFIG_VARIABLE = "CONVEYOR_CONFIG"


@dataclass(frozen=True, slots=True)
class Setting:
    block: str
    name: str
    field: FieldInfo

    @property
    def variable(self) -> str:
        return variable_name(self.block, self.name)


def variable_name(*path: str) -> str:
    return PREFIX + "_".join(path).upper()


def blocks_of(settings_class: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The blocks by name. Raises TypeError when the class isn't made of one-word blocks."""
    blocks: dict[str, type[BaseModel]] = {}
    for name, field in settings_class.model_fields.items():
        block = field.annotation
        if "_" in name or not (isinstance(block, type) and issubclass(block, BaseModel)):
            raise TypeError(f"{settings_class.__name__}.{name} is not a block with a one-word name")
        blocks[name] = block
    return blocks


def settings_of(settings_class: type[BaseModel]) -> Iterator[Setting]:
    for block_name, block in blocks_of(settings_class).items():
        for name, field in block.model_fields.items():
            yield Setting(block_name, name, field)


def is_secret(field: FieldInfo) -> bool:
    return "SecretStr" in str(field.annotation) or field.annotation is SecretStr


def unknown_names(
    settings_class: type[BaseModel], tables: dict[str, object], also_known: Collection[str]
) -> list[str]:
    """A message for each name that is nobody's setting but resembles one of this service.

    Those of other blocks are left alone: they may belong to another service.
    """
    known = {setting.variable: f"[{setting.block}] {setting.name}" for setting in
             settings_of(settings_class)}  # fmt: skip
    ours = tuple(variable_name(block, "") for block in blocks_of(settings_class))
    problems = []
    for variable, spelled in _names_in_use(tables):
        if variable in known or variable in also_known:
            continue
        renamed = RENAMED.get(variable)
        close = get_close_matches(variable, known, n=1, cutoff=0.85)
        if renamed in known:
            problems.append(f"{spelled} has a new name: {_as_spelled(renamed, spelled, known)}")
        elif close:
            guess = _as_spelled(close[0], spelled, known)
            problems.append(f"{spelled}: there is no such setting; did you mean {guess}?")
        elif variable.startswith(ours):
            problems.append(f"{spelled}: there is no such setting")
    return problems


def _as_spelled(variable: str, spelled: str, known: Mapping[str, str]) -> str:
    """As a key of the file where `spelled` is one, else as a variable."""
    return known[variable] if spelled.startswith("[") else variable


def _names_in_use(tables: dict[str, object]) -> Iterator[tuple[str, str]]:
    """The variable's name, and as the user spelled it, of all that is set."""
    for variable in sorted(map(str.upper, os.environ)):
        is_foreign = _NOT_SETTINGS.fullmatch(variable) or _SERVICE_LINK.fullmatch(variable)
        if variable.startswith(PREFIX) and not is_foreign:
            yield variable, variable
    for block, table in tables.items():
        for name in table if isinstance(table, dict) else ():
            yield variable_name(block, name), f"[{block}] {name}"


class SettingsError(Exception):
    """The settings can't be used as they stand; one problem a line."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(["the settings can't be used:", *(f"  {p}" for p in problems)]))


class Settings(BaseSettings):
    """The base of every service's settings: fields are blocks (see `settings.blocks`)."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        # A list is written with commas, by a validator of its own, not as JSON.
        enable_decoding=False,
        # One file and one environment serve all services: each ignores the blocks of the others.
        # What looks like a slip is found by `unknown_names`.
        extra="ignore",
        # A block with a default of its own can still be changed field by field.
        nested_model_default_partial_update=True,
        frozen=True,
    )

    _reads_environment: ClassVar[bool] = True
    """Whether more is read than what is given in code."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given in code wins, then the environment, then the file."""
        if not cls._reads_environment:
            return (init_settings,)
        file = _config_file()
        if file is None:
            return init_settings, env_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)


class ServiceSettings(Settings):
    """What every service reads."""

    log: LogSettings = LogSettings()
    broker: BrokerSettings
    encryption: SealingSettings = SealingSettings()
    tracing: TracingSettings = TracingSettings()


class DatabaseServiceSettings(ServiceSettings):
    postgres: PostgresSettings


S = TypeVar("S", bound=Settings)


def load(settings_class: type[S], also_known: Collection[str] = ()) -> S:
    """The settings of one service, from the environment and the file.

    Raises SettingsError with a line for each bad, missing or mistyped value. `also_known` are
    names of variables that are meant for somebody else though they look like a slip of ours.
    """
    slips = unknown_names(settings_class, _tables_of_the_file(), also_known)
    try:
        settings = settings_class()
    except ValidationError as error:
        raise SettingsError(_describe(settings_class, error) + slips) from None
    if slips:
        raise SettingsError(slips)
    return settings


def _config_file() -> Path | None:
    name = os.environ.get(CONFIG_VARIABLE)
    return Path(name) if name else None


def _tables_of_the_file() -> dict[str, object]:
    file = _config_file()
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        # The operator named this file: going on without it would be a surprise.
        raise SettingsError([f"{CONFIG_VARIABLE}: can't read {file}: {error.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError([f"{CONFIG_VARIABLE}: {file} is not TOML: {error}"]) from None


def _describe(settings_class: type[BaseModel], error: ValidationError) -> list[str]:
    """A line for each problem: the variable, its value unless it is a secret, and the rule."""
    problems: list[str] = []
    for details in error.errors(include_url=False):
        problems += _describe_one(blocks_of(settings_class), details)
    return problems


def _describe_one(blocks: dict[str, type[BaseModel]], details: ErrorDetails) -> Iterable[str]:
    block_name, *rest = map(str, details["loc"])
    block = blocks[block_name]
    if not rest:
        return _describe_block(block_name, block, details)
    field = block.model_fields.get(rest[0])
    if field is None:  # `unknown_names` says so, with its guess
        return []
    variable = variable_name(block_name, rest[0])
    if details["type"] == "missing":
        return [_missing(variable, field)]
    return [f"{variable}={_shown(field, details['input'])}: {_rule(details)}"]


def _describe_block(name: str, block: type[BaseModel], details: ErrorDetails) -> Iterable[str]:
    """A whole block is missing (each required field is), or isn't a table."""
    if details["type"] != "missing":
        return [f"[{name}]: {_rule(details)}"]
    required = (item for item in block.model_fields.items() if item[1].is_required())
    return [_missing(variable_name(name, field_name), field) for field_name, field in required]


def _missing(variable: str, field: FieldInfo) -> str:
    meaning = field.description
    return f"{variable} is missing: {meaning}" if meaning else f"{variable} is missing"


def _shown(field: FieldInfo, value: object) -> str:
    return "(hidden)" if is_secret(field) else repr(value)


def _rule(details: ErrorDetails) -> str:
    message = details["msg"].removeprefix("Value error, ")
    return message if message[:2].isupper() else message[:1].lower() + message[1:]
