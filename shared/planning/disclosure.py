"""What may be shown of a job: its secrets taken out, and what is kept encrypted opened."""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Protocol, TypeVar, cast

import structlog

from shared.definition import Encoded, Webhook, changed
from shared.planning.secrets import hidden_values
from shared.process.redaction import REDACTED, Redactor, map_texts
from shared.process.sealing import Sealer, SealingError

log = structlog.get_logger(__name__)

T = TypeVar("T")

_MOST_JOBS = 256


class Redacting(Protocol):
    def value(self, value: T) -> T:
        """`value` (as JSON has it) as it may be shown."""
        ...


class _Disclosure:
    def __init__(self, sealer: Sealer, redactor: Redactor) -> None:
        self._sealer = sealer
        self._redactor = redactor
        self._changes = bool(redactor) or sealer.encrypts

    def value(self, value: T) -> T:
        if isinstance(value, str):
            return cast(T, self._text(value))
        return map_texts(value, self._text) if self._changes else value

    def _text(self, text: str) -> str:
        try:
            return self._redactor.text(self._sealer.open_text(text))
        except SealingError as error:  # its key is gone
            log.error("sealed_text_unreadable", effect="it is hidden", error=str(error))
            return REDACTED


class _Nothing:
    """For a job whose secrets can't be read: any of its texts may hold one."""

    def value(self, value: T) -> T:
        return map_texts(value, lambda _: REDACTED)


def redacting(sealer: Sealer, sealed: str | None) -> Redacting:
    """What shows the texts of a job; `sealed` as its row has it."""
    try:
        secrets = sealer.secrets_in(sealed)
    except SealingError as error:  # showing too little is better than showing a secret
        log.error("secrets_unreadable", effect="all texts of the job are hidden", error=str(error))
        return _Nothing()
    return redacting_known(sealer, secrets)


def redacting_known(sealer: Sealer, secrets: Mapping[str, str]) -> Redacting:
    """The same of a job that has these secrets."""
    return _Disclosure(sealer, Redactor(hidden_values(secrets)))


def opened_task(sealer: Sealer, kept: Encoded) -> Encoded:
    """A submitted task as its row has it; empty when it can't be read."""
    try:
        return sealer.opened(kept)
    except SealingError as error:  # its key is gone
        log.error("sealed_task_unreadable", effect="it is hidden", error=str(error))
        return {}


def opened_webhook(sealer: Sealer, kept: Webhook) -> Webhook:
    """As it was submitted. Raises SealingError."""
    open_text = sealer.open_text
    headers = {name: open_text(value) for name, value in kept.headers.items()}
    condition = kept.condition and open_text(kept.condition)
    return changed(kept, url=open_text(kept.url), headers=headers, condition=condition)


def redactors(sealer: Sealer) -> Callable[[str | None], Redacting]:
    """`redacting` by `sealed`, unsealed once for each job of a stream."""
    return lru_cache(_MOST_JOBS)(partial(redacting, sealer))
