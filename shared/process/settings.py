"""Settings: the blocks the services are made of, and how they are read.

Each service has one class of settings, made of blocks. `CONVEYOR_<BLOCK>_<FIELD>` in the
environment, or `field` in the table `[block]` of the TOML file that CONVEYOR_CONFIG names, gives a
value; the environment wins. A block's name is a single word, so that the variable's name can be
split; a field that is a quantity ends in its unit.
"""

import os
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from shared.process.setting_errors import SettingsError, describe
from shared.process.setting_names import PREFIX, unknown_names

__all__ = ["CONFIG_VARIABLE", "Settings", "SettingsError", "load"]

CONFIG_VARIABLE = "CONVEYOR_CONFIG"


class Settings(BaseSettings):
    """The base of every service's settings: fields are blocks (see `shared.process.blocks`)."""

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
        file = _config_file()
        if file is None:
            return init_settings, env_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)


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
        raise SettingsError(describe(settings_class, error) + slips) from None
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
