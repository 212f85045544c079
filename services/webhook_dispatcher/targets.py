"""Where an event is sent, and under which headers: the texts of a webhook, evaluated for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from shared.definition import Webhook
from shared.expressions import Allowance, ExpressionError, has_expression, render
from shared.jobspec.headers import check_header_value, is_reserved
from shared.jobspec.urls import check_url
from shared.planning.secrets import SecretTaint
from shared.process.signing import read_secret


class Unsendable(ValueError):
    """The request can't be made: the text names the field and says why, without a secret."""


@dataclass(frozen=True, slots=True)
class Target:
    """`secret` signs the request; None: the operator's does. `error` says why it can't be sent; of
    what is told of it, `url` is "" if that can't be called."""

    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    secret: str | None = None
    error: str | None = None


class JobNames(Protocol):
    """Of the job that an event is about: both are costly, and most webhooks read nothing."""

    @property
    def sending_names(self) -> Mapping[str, object]: ...

    @property
    def secrets(self) -> Mapping[str, str]: ...


def target_of(webhook: Webhook, event: JobNames, allowance: Allowance) -> Target:
    """`webhook` evaluated for `event`. Raises SealingError."""
    texts = _Texts(event, allowance)
    url = ""
    try:
        url = texts.url(webhook.url)
        secret = texts.secret(webhook.secret) if webhook.secret else None
        return Target(url, dict(texts.headers(webhook.headers)), secret)
    except Unsendable as error:
        return Target(url, error=str(error))


class _Texts:
    """Blanks and line ends around what is evaluated mean nothing: files of secrets end in one."""

    def __init__(self, event: JobNames, allowance: Allowance) -> None:
        self._event = event
        self._allowance = allowance

    def url(self, template: str) -> str:
        url = self._text("url", template)
        if not url:
            raise Unsendable("url: is empty")
        try:
            check_url(url)
        except ValueError as error:
            raise Unsendable(f"url: {error}") from None
        return url

    def headers(self, templates: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        for name, template in templates.items():
            if is_reserved(name):  # of a job from before they were refused
                continue
            value = self._text(f"headers.{name}", template)
            try:
                yield name, check_header_value(value)
            except ValueError as error:
                raise Unsendable(f"headers.{name}: {error}") from None

    def secret(self, template: str) -> str:
        secret = self._text("secret", template)
        try:
            read_secret(secret)
        except ValueError as error:
            raise Unsendable(f"secret: {error}") from None
        return secret

    def _text(self, field: str, template: str) -> str:
        if not has_expression(template):
            return template.strip()
        try:
            return render(template, self._event.sending_names, self._allowance, nil="").strip()
        except ExpressionError as error:
            taint = SecretTaint(self._event.secrets, self._event.sending_names)
            told = taint.redacted(taint.told(template, str(error)))
            raise Unsendable(f"{field}: {told}") from None
