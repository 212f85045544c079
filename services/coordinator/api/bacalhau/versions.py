"""How two submissions of a job differ."""

from collections.abc import Mapping
from typing import Any

from services.coordinator.api import differences as of_any

_FROM_THE_SERVER = frozenset(("ID", "State", "Version", "Revision", "CreateTime", "ModifyTime"))

Document = Mapping[str, Any]


def is_changed(old: Document, new: Document) -> bool:
    return _submitted(old) != _submitted(new)


def differences(old: Document, new: Document) -> str:
    """In the unified form, of YAML; empty when there are none."""
    return of_any.differences(_submitted(old), _submitted(new))


def _submitted(document: Document) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in _FROM_THE_SERVER}
