"""The JSON form, for rows and messages: fields by name, those that are not set left out.

Written and read by pydantic, whose compiled code takes half the time of a walk in Python. What a
later version has added is passed over.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from shared.definition.types import (
    Defaults,
    JobDefinition,
    Permission,
    Reuse,
    TaskDefinition,
    Webhook,
)

T = TypeVar("T")

Encoded = dict[str, Any]
"""The JSON form. It is stored, sent, compared and redacted; only `decode_…` reads it."""


class InvalidDefinition(ValueError):
    """It can't be read; the text names the fields, and no value: one may be a secret."""


_Encodable = TaskDefinition | JobDefinition | Defaults | Webhook | Permission | Reuse


class _Adapters(dict[Any, TypeAdapter[Any]]):
    """By type, each made when it is needed: that takes long, and a service needs few."""

    def __missing__(self, kind: type[Any]) -> TypeAdapter[Any]:
        return self.setdefault(kind, TypeAdapter(kind))


_ADAPTERS = _Adapters()


def encode(value: _Encodable) -> Encoded:
    made: Encoded = _ADAPTERS[type(value)].dump_python(value, mode="json", exclude_defaults=True)
    return made


def encode_all(values: Sequence[_Encodable]) -> list[Encoded]:
    return [encode(value) for value in values]


def decode_task(encoded: object) -> TaskDefinition:
    """Raises InvalidDefinition, as all of these do."""
    return _decoded(TaskDefinition, encoded)


def decode_job(encoded: object) -> JobDefinition:
    return _decoded(JobDefinition, encoded)


def decode_defaults(encoded: object) -> Defaults | None:
    return None if encoded is None else _decoded(Defaults, encoded)


def decode_webhooks(encoded: object) -> tuple[Webhook, ...]:
    return _decoded(tuple[Webhook, ...], encoded)


def decode_permissions(encoded: object) -> tuple[Permission, ...]:
    return _decoded(tuple[Permission, ...], encoded)


def _decoded(kind: type[T], encoded: object) -> T:
    try:
        decoded: T = _ADAPTERS[kind].validate_python(encoded)
        return decoded
    except ValidationError as error:  # its own text quotes what it was given
        raise InvalidDefinition("; ".join(map(_told, error.errors()))) from None


def _told(detail: ErrorDetails) -> str:
    return f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}"
