"""Keeps secrets out of answers: by their value, and by names that sound like one."""

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Protocol, TypeVar, cast

import structlog

from shared.process.redaction import REDACTED, Redactor
from shared.process.sealing import Sealer, SealingError

log = structlog.get_logger(__name__)

T = TypeVar("T")

_MOST_JOBS = 256
_LONGEST_REMEMBERED = 100

_SOUNDS_SECRET = re.compile(
    "SECRET|PASSWORD|PASSWD|TOKEN|ACCESS_?KEY|API_?KEY|PRIVATE_?KEY|CREDENTIAL"
    "|AUTHORIZATION|COOKIE",
    re.IGNORECASE,
)


class Redacting(Protocol):
    def value(self, value: T) -> T:
        """`value` (as JSON has it) with secrets replaced."""
        ...


class _RedactAll:
    """For a job whose secrets can't be read: any of its texts may hold one."""

    def value(self, value: T) -> T:
        return cast(T, self._walk(value))

    def _walk(self, value: object) -> object:
        match value:
            case str():
                return REDACTED
            case dict():
                return {key: self._walk(item) for key, item in value.items()}
            case list() | tuple():
                return [self._walk(item) for item in value]
            case _:
                return value


def redacting(sealer: Sealer, sealed: str | None) -> Redacting:
    """What takes a job's secrets out of its answers; `sealed` as its row has it."""
    try:
        secrets = sealer.secrets_in(sealed)
    except SealingError as error:  # showing too little is better than showing a secret
        log.error("secrets_unreadable", effect="all texts of the job are hidden", error=str(error))
        return _RedactAll()
    return Redactor(secrets.values())


def hide_by_name(values: T) -> T:
    """A mapping with the values of secret-sounding names replaced; anything else unchanged."""
    if not isinstance(values, dict):
        return values
    shown = {k: REDACTED if v and _sounds_secret(k) else v for k, v in values.items()}
    return cast(T, shown)


def _sounds_secret(name: str) -> bool:
    if len(name) > _LONGEST_REMEMBERED:
        return _SOUNDS_SECRET.search(name) is not None
    return _short_sounds_secret(name)


@lru_cache(1024)  # the tasks of a job have the same names again and again
def _short_sounds_secret(name: str) -> bool:
    return _SOUNDS_SECRET.search(name) is not None


def redactors(sealer: Sealer) -> Callable[[str | None], Redacting]:
    """What takes secrets out by `sealed`, unsealed once for each job of a stream."""
    return lru_cache(_MOST_JOBS)(partial(redacting, sealer))
