"""What a setting is called in the environment and in the file, and which names look like a slip."""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

PREFIX = "CONVEYOR_"
# Variables that aren't settings of a service: the file's name, what clients read, and the tests.
_NOT_SETTINGS = re.compile(r"CONVEYOR_(CONFIG|URL|API_KEY|USER|PASSWORD|TEST_.*)")
# Kubernetes sets these by itself for each of its Services, for instance conveyor-broker.
_SERVICE_LINK = re.compile(r".*(_SERVICE_HOST|_SERVICE_PORT(_.*)?|_PORT(_\d+_.*)?)")

RENAMED = {
    "CONVEYOR_SCHEDULE_CALM_SECONDS": "CONVEYOR_SCHEDULE_LIVENESS_GRACE_SECONDS",
}
"""The new name of a variable by its old one. A service whose old setting is set does not start."""


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
