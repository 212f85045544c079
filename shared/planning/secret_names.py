"""What is secret by its name, whatever its value."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeVar, cast

from shared.jobspec.headers import is_secret_header
from shared.jobspec.limits import OWN_SECRETS
from shared.process.redaction import REDACTED

T = TypeVar("T")

_LONGEST_REMEMBERED = 100

_SECRET_NAME = re.compile("SECRET|PASSWORD|ACCESS_KEY", re.IGNORECASE)  # as in Tork
_TEMPLATES = re.compile(r"\s*(?:[A-Za-z]{1,12} +)?(?:\{\{.*?\}\}\s*)+")
"""Nothing but expressions, behind the scheme of an Authorization header perhaps."""
_OWN_SECRET = f'"{OWN_SECRETS}'  # what was moved there from this very place


def hide_by_name(values: T) -> T:
    """A mapping with the values of secret names replaced; anything else unchanged."""
    if not isinstance(values, dict):
        return values
    return cast(T, {k: REDACTED if v and is_secret_name(k) else v for k, v in values.items()})


def hide_literals(env: Mapping[str, str]) -> dict[str, str]:
    """As `hide_by_name`, but for values that are expressions: a copy of the job needs them."""
    return {k: REDACTED if is_secret_name(k) and not _is_copied(v) else v for k, v in env.items()}


def hide_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The same of HTTP headers, of which more names are secret."""
    return {
        name: REDACTED
        if _OWN_SECRET in value or (is_secret_header(name) and not _is_copied(value))
        else value
        for name, value in headers.items()
    }


def hide_secret(value: str) -> str:
    """The same of what is a secret itself."""
    return value if _is_copied(value) else REDACTED


def _is_copied(value: str) -> bool:
    return not value or (_TEMPLATES.fullmatch(value) is not None and _OWN_SECRET not in value)


def kept_in_clear(value: object, seal: Callable[[str], str]) -> object:
    """Of a definition (its JSON form), with what is secret by its name hidden at any depth, and
    the URLs of webhooks sealed: they hold tokens as a rule."""
    match value:
        case dict():
            return {name: _kept_field(name, field, seal) for name, field in value.items()}
        case list():
            return [kept_in_clear(item, seal) for item in value]
        case _:
            return value


def _kept_field(name: str, value: object, seal: Callable[[str], str]) -> object:
    match name, value:
        case "env", dict():
            return hide_literals(value)
        case "headers", dict():
            return hide_headers(value)
        case "inputs", dict():
            return hide_by_name(value)
        case "url", str():
            return seal(value)
        case _:
            return kept_in_clear(value, seal)


def is_secret_name(name: str) -> bool:
    if len(name) > _LONGEST_REMEMBERED:
        return _SECRET_NAME.search(name) is not None
    return _is_short_secret_name(name)


@lru_cache(1024)  # the tasks of a job have the same names again and again
def _is_short_secret_name(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None
