"""What a setting is called in the environment and in the file, and which names look like a slip."""

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic import BaseModel
from pydantic.fields import FieldInfo

PREFIX = "CONVEYOR_"
# Variables that aren't settings of a service: the file's name, what clients read, and the tests.
_NOT_SETTINGS = re.compile(r"CONVEYOR_(CONFIG|URL|API_KEY|USER|PASSWORD|TEST_.*)")
# Kubernetes sets these by itself for each of its Services, for instance conveyor-broker.
_SERVICE_LINK = re.compile(r".*(_SERVICE_HOST|_SERVICE_PORT(_.*)?|_PORT(_\d+_.*)?)")


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
        close = get_close_matches(variable, known, n=1, cutoff=0.85)
        if close or variable.startswith(ours):
            in_file = spelled != variable
            guess = (known[close[0]] if in_file else close[0]) if close else ""
            hint = f"; did you mean {guess}?" if guess else ""
            problems.append(f"{spelled}: there is no such setting{hint}")
    return problems


def _names_in_use(tables: dict[str, object]) -> Iterator[tuple[str, str]]:
    """The variable's name, and as the user spelled it, of all that is set."""
    for variable in sorted(map(str.upper, os.environ)):
        is_foreign = _NOT_SETTINGS.fullmatch(variable) or _SERVICE_LINK.fullmatch(variable)
        if variable.startswith(PREFIX) and not is_foreign:
            yield variable, variable
    for block, table in tables.items():
        for name in table if isinstance(table, dict) else ():
            yield variable_name(block, name), f"[{block}] {name}"
