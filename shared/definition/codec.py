"""The JSON form, for rows and messages: fields by name, those that are not set left out.

Written and read by pydantic, whose compiled code takes half the time of a walk in Python. What a
later version has added is passed over.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from shared.definition.types import (
    Defaults,
    JobDefinition,
    Permission,
    TaskDefinition,
    Webhook,
)

Encoded = dict[str, Any]
"""The JSON form. It is stored, sent, compared and redacted; only `decode_…` reads it."""

DEFINITION_ERROR = ValidationError
"""What reading raises for what is no definition: a ValueError."""

_Encodable = TaskDefinition | JobDefinition | Defaults | Webhook | Permission

_TASK = TypeAdapter(TaskDefinition)
_JOB = TypeAdapter(JobDefinition)
_DEFAULTS = TypeAdapter(Defaults)
_WEBHOOKS = TypeAdapter(tuple[Webhook, ...])
_PERMISSIONS = TypeAdapter(tuple[Permission, ...])
_ADAPTERS: dict[type, TypeAdapter[Any]] = {
    TaskDefinition: _TASK,
    JobDefinition: _JOB,
    Defaults: _DEFAULTS,
    Webhook: TypeAdapter(Webhook),
    Permission: TypeAdapter(Permission),
}


def encode(value: _Encodable) -> Encoded:
    made: Encoded = _ADAPTERS[type(value)].dump_python(value, mode="json", exclude_defaults=True)
    return made


def encode_all(values: Sequence[_Encodable]) -> list[Encoded]:
    return [encode(value) for value in values]


def decode_task(encoded: object) -> TaskDefinition:
    return _TASK.validate_python(encoded)


def decode_job(encoded: object) -> JobDefinition:
    return _JOB.validate_python(encoded)


def decode_defaults(encoded: object) -> Defaults | None:
    return None if encoded is None else _DEFAULTS.validate_python(encoded)


def decode_webhooks(encoded: object) -> tuple[Webhook, ...]:
    return _WEBHOOKS.validate_python(encoded)


def decode_permissions(encoded: object) -> tuple[Permission, ...]:
    return _PERMISSIONS.validate_python(encoded)
