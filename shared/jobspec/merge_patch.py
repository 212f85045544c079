"""A change of some fields, applied to the submission that is stored: JSON merge patch (RFC 7396).

Pure.
"""

from collections.abc import Mapping
from typing import Any

from shared.process.redaction import REDACTED


def merged(stored: Any, patch: Any) -> Any:  # noqa: ANN401 - JSON
    """`stored` with the fields of `patch`: a mapping changes the fields that it names, null takes
    one away, anything else takes the place of what is there."""
    if not isinstance(patch, Mapping):
        return patch
    fields = dict(stored) if isinstance(stored, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            fields.pop(name, None)
        else:
            fields[name] = merged(fields.get(name), value)
    return fields


def patch_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What makes `after` of `before`, if neither has a null."""
    patch: dict[str, Any] = {name: None for name in before if name not in after}
    for name, value in after.items():
        was = before.get(name)
        if isinstance(was, Mapping) and isinstance(value, Mapping):
            if inner := patch_between(was, value):
                patch[name] = inner
        elif name not in before or was != value:
            patch[name] = value
    return patch


def with_hidden(patch: Any, shown: Any, stored: Any) -> Any:  # noqa: ANN401 - JSON
    """`patch` with what is stored where it repeats what answers show in place of a secret.

    Of a list an entry is the same when its place and its `name` are: another task's secret must not
    come in.
    """
    match patch, shown, stored:
        case str(), str(), str() if REDACTED in patch and patch == shown:
            return stored
        case dict(), dict(), dict():
            return {
                name: with_hidden(value, shown.get(name), stored.get(name))
                for name, value in patch.items()
            }
        case list(), list(), list():
            ends = [None] * len(patch)
            return [
                with_hidden(value, was, is_) if _is_same(value, was) else value
                for value, was, is_ in zip(patch, shown + ends, stored + ends, strict=False)
            ]
        case _:
            return patch


def _is_same(entry: Any, shown: Any) -> bool:  # noqa: ANN401 - JSON
    if not isinstance(entry, dict) or not isinstance(shown, dict):
        return False
    return all(entry.get(key) == shown.get(key) for key in ("name", "url"))
