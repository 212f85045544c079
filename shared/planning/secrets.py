"""Secrets: kept out of the tasks and inputs that are stored, known again in what is made of them.

A registry's password, or a sub-job's secret, that stands in a task becomes a secret of the job
under a name no client can choose, and an expression that reads it takes its place. An input of a
sub-job that holds a secret of its parent becomes one as JSON, and is taken from there when inputs
are read.

What an expression makes of a secret (a password in a JSON secret, a token as base64) no longer
looks like it, so what takes secrets out by their value would pass it over. What the expression
reads tells.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count
from typing import TypeVar

import orjson

from conveyor.extensions.tasks import Program
from shared.definition import SubJobDefinition, TaskDefinition, Webhook, changed, map_parts
from shared.expressions import (
    ExpressionError,
    answer,
    expressions_in,
    has_expression,
    names_in,
)
from shared.jobspec.limits import OWN_SECRETS
from shared.planning.secret_names import hide_by_name, is_secret_name
from shared.process.redaction import REDACTED, Redactor

OF_TASKS = (f"{OWN_SECRETS}registry.", f"{OWN_SECRETS}subjob.")
"""How the secrets are named that stood in tasks: the tasks of sub-jobs read them as well."""
OF_INPUTS = f"{OWN_SECRETS}input."
"""How inputs that hold a secret, or are one by their name, are kept: by their name, as JSON."""

_DERIVED = f"{OWN_SECRETS}derived."
_MOST_DERIVED = 1000
"""What one child of thousands makes of a secret is hidden in its own log and definition anyway."""

_SAY_NOTHING = ("", "true", "false")
_SHORTEST = 4  # of a number, as the length of a secret is none, and of what is one by its name
_MAY_HOLD_SECRETS = ("inputs", "tasks")
_NO_SECRET = ("index",)  # of an item whose value may be one

P = TypeVar("P", bound=Program)
V = TypeVar("V")


def extract_secrets(
    tasks: Sequence[TaskDefinition], secrets: dict[str, str]
) -> tuple[TaskDefinition, ...]:
    """`tasks` at any depth without such values; these are added to `secrets`."""
    extraction = _Extraction(secrets)
    return tuple(map_parts(task, extraction.of_program, extraction.of_subjob) for task in tasks)


def extract_signing_secrets(
    webhooks: Sequence[Webhook], secrets: dict[str, str]
) -> tuple[Webhook, ...]:
    """`webhooks` without those that stand in them; these are added to `secrets`."""
    return tuple(
        webhook
        if not webhook.secret or has_expression(webhook.secret)
        else changed(webhook, secret=moved_to_secrets(f"webhook.{n}", webhook.secret, secrets))
        for n, webhook in enumerate(webhooks)
    )


class _Extraction:
    def __init__(self, secrets: dict[str, str]) -> None:
        self._secrets = secrets
        self._numbers = count(1)

    def of_program(self, program: P) -> P:
        login = program.registry
        if login is None or not login.password or has_expression(login.password):
            return program
        password = self._moved("registry", login.password)
        return changed(program, registry=changed(login, password=password))

    def of_subjob(self, job: SubJobDefinition) -> SubJobDefinition:
        if not job.secrets and not any(webhook.secret for webhook in job.webhooks):
            return job
        secrets = {name: self._read(value) for name, value in job.secrets.items()}
        webhooks = tuple(
            changed(webhook, secret=webhook.secret and self._read(webhook.secret))
            for webhook in job.webhooks
        )
        return changed(job, secrets=secrets, webhooks=webhooks)

    def _read(self, value: str) -> str:
        """An expression that gives it."""
        return value if not value or has_expression(value) else self._moved("subjob", value)

    def _moved(self, kind: str, value: str) -> str:
        return moved_to_secrets(f"{kind}.{next(self._numbers)}", value, self._secrets)


def moved_to_secrets(name: str, value: str, secrets: dict[str, str]) -> str:
    """The expression that reads `value`, which is kept in `secrets` from now on."""
    secrets[OWN_SECRETS + name] = value
    return '{{ secrets["' + OWN_SECRETS + name + '"] }}'


def without_secret_inputs(
    inputs: Mapping[str, object], secrets: dict[str, str]
) -> dict[str, object]:
    """`inputs` as they may be shown; those that hold one of `secrets`, or are secret by their name,
    are added to these."""
    redactor = Redactor(hidden_values(secrets))
    shown = hide_by_name({name: redactor.value(value) for name, value in inputs.items()})
    for name, value in inputs.items():
        if shown[name] != value:
            secrets[OF_INPUTS + name] = orjson.dumps(value).decode()
    return shown


def all_inputs(shown: Mapping[str, object], secrets: Mapping[str, str]) -> Mapping[str, object]:
    """The inputs as they were given."""
    hidden = {
        name.removeprefix(OF_INPUTS): orjson.loads(value)
        for name, value in secrets.items()
        if name.startswith(OF_INPUTS)
    }
    return {**shown, **hidden} if hidden else shown


def hidden_values(secrets: Mapping[str, str]) -> list[str]:
    """What of a job's secrets must not be seen anywhere. An input is hidden under its own name."""
    return [value for name, value in secrets.items() if not name.startswith(OF_INPUTS)]


def with_derived(secrets: Mapping[str, str], found: Collection[str]) -> Mapping[str, str]:
    """`secrets` with what was made of them, so that it is hidden in all that the job leaves."""
    known = sum(name.startswith(_DERIVED) for name in secrets)
    named = enumerate(sorted(set(found) - set(secrets.values())), start=known + 1)
    return {**secrets, **{f"{_DERIVED}{n}": text for n, text in named if n <= _MOST_DERIVED}}


def without_derived(secrets: Mapping[str, str]) -> Mapping[str, str]:
    """As `secrets` were before anything was made of them."""
    return {name: value for name, value in secrets.items() if not name.startswith(_DERIVED)}


class SecretTaint:
    """Collects in `found` what was made of secrets and doesn't look like them.

    `names` are what expressions read: a result or an input that holds a secret makes what is read
    of it one as well, but for what can be seen beside the secret. `items` are names of variables
    whose values are secret, as `item` in an `each` over a secret.
    """

    def __init__(
        self, secrets: Mapping[str, str], names: Mapping[str, object], items: Collection[str] = ()
    ) -> None:
        self.redactor = Redactor(hidden_values(secrets))
        self.found: set[str] = set()
        self._has_secrets = bool(secrets)
        self._secrets = [value for value in hidden_values(secrets) if value]
        self._names = names
        self._items = items
        self._seen: dict[tuple[str, ...], str | None] = {}

    def look(self, template: str) -> None:
        """At what each expression of `template` gives, which all have been evaluated."""
        if not self._has_secrets:
            return
        for expression in expressions_in(template):
            source = f"{{{{ {expression} }}}}"
            if (seen := self._seen_beside(source)) is not None:
                given = answer(source, self._names)
                is_number = type(given.value) in (int, float)
                texts = {given.text} if is_number else set(_texts(given.value))
                self.found.update(text for text in texts if self._is_news(text, seen, is_number))

    def told(self, template: str, error: str) -> str:
        """What may be said of the `error` of evaluating it: errors quote values."""
        try:
            is_hidden = self.reads_secrets(template)
        except ExpressionError:  # it doesn't compile: no value was ever in reach
            return error
        return (
            "an expression failed: the reason is hidden because it reads secrets"
            if is_hidden
            else error
        )

    def reads_secrets(self, template: str) -> bool:
        """Of an expression that compiles."""
        return self._has_secrets and self._seen_beside(template) is not None

    def redacted(self, value: V) -> V:
        """`value` without secrets, and without what was found."""
        return Redactor((*self._secrets, *self.found)).value(value)

    def left_out(self, text: str) -> str:
        """`text` without what was found; a secret that stands by itself stays, as it is known."""
        if not self.found:
            return text
        return Redactor((*self._secrets, *self.found)).text(text, but=self.redactor)

    def _seen_beside(self, template: str) -> str | None:
        """What may be seen of the secret things that `template` reads; None if none is secret."""
        seen = [self._seen_at(path) for path in names_in(template)]
        secret = [text for text in seen if text is not None]
        return "\n".join(secret) if secret else None

    def _seen_at(self, path: tuple[str, ...]) -> str | None:
        if path[:1] in ((), ("secrets",)):
            return ""
        if path[0] in self._items:
            return None if path[1:2] == _NO_SECRET else ""
        if path[0] not in _MAY_HOLD_SECRETS:
            return None
        if (place := path[:2]) not in self._seen:
            value: object = self._names.get(path[0])
            if len(place) == 2 and isinstance(value, Mapping):
                value = value.get(place[1])
            self._seen[place] = self._seen_of(place, value)
        return self._seen[place]

    def _seen_of(self, place: tuple[str, ...], value: object) -> str | None:
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        if place[0] == "inputs" and is_secret_name(place[-1]) and len(text) >= _SHORTEST:
            return ""
        shown = self.redactor.text(text)
        return None if shown == text else shown

    def _is_news(self, text: str, seen: str, is_number: bool) -> bool:
        if text in _SAY_NOTHING or (is_number and len(text) < _SHORTEST) or text in seen:
            return False
        shown = self.redactor.text(text)
        known = any(secret in text for secret in self._secrets if len(secret) >= _SHORTEST)
        return shown != REDACTED and not (known and self._shows_nothing_else(text, shown))

    def _shows_nothing_else(self, text: str, shown: str) -> bool:
        """What is redacted in a text may be a part of what an expression cut out of a secret."""
        beside = (part.strip() for part in shown.split(REDACTED))
        parts = [text, *(part for part in beside if len(part) >= _SHORTEST)]
        return not any(part in secret for part in parts for secret in self._secrets)


def _texts(value: object) -> Iterator[str]:
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                yield text
            case dict() as mapping:
                waiting.extend(mapping.values())
            case list() | tuple() as items:
                waiting.extend(items)
