"""One clear text for all that is wrong with the settings."""

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from shared.process.setting_names import blocks_of, variable_name


class SettingsError(Exception):
    """The settings can't be used as they stand; one problem a line."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(["the settings can't be used:", *(f"  {p}" for p in problems)]))


def describe(settings_class: type[BaseModel], error: ValidationError) -> list[str]:
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
    variable = variable_name(block_name, rest[0])
    if details["type"] == "missing" or field is None:
        return [_missing(variable, field)]
    return [f"{variable}={_shown(field, details['input'])}: {_rule(details)}"]


def _describe_block(name: str, block: type[BaseModel], details: ErrorDetails) -> Iterable[str]:
    """A whole block is missing (each required field is), or isn't a table."""
    if details["type"] != "missing":
        return [f"[{name}]: {_rule(details)}"]
    required = (item for item in block.model_fields.items() if item[1].is_required())
    return [_missing(variable_name(name, field_name), field) for field_name, field in required]


def _missing(variable: str, field: FieldInfo | None) -> str:
    meaning = field.description if field else None
    return f"{variable} is missing: {meaning}" if meaning else f"{variable} is missing"


def _shown(field: FieldInfo, value: object) -> str:
    return "(hidden)" if is_secret(field) else repr(value)


def is_secret(field: FieldInfo) -> bool:
    return "SecretStr" in str(field.annotation) or field.annotation is SecretStr


def _rule(details: ErrorDetails) -> str:
    message = details["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
