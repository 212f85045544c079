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
from dataclasses import dataclass, field
from itertools import count
from typing import TypeVar

import orjson

from shared.definition import Program, SubJobDefinition, TaskDefinition, changed, map_parts
from shared.expressions import ExpressionError, has_expression, names_in
from shared.jobspec.limits import OWN_SECRETS
from shared.process.redaction import Redactor

OF_TASKS = (f"{OWN_SECRETS}registry.", f"{OWN_SECRETS}subjob.")
"""How the secrets are named that stood in tasks: the tasks of sub-jobs read them as well."""
OF_INPUTS = f"{OWN_SECRETS}input."
"""How the inputs of a sub-job that hold a secret are kept: by their name, as JSON."""

_SAY_NOTHING = ("", "true", "false")
_NO_SECRET = ("index",)  # of an item whose value may be one

P = TypeVar("P", bound=Program)


def extract_secrets(
    tasks: Sequence[TaskDefinition], secrets: dict[str, str]
) -> tuple[TaskDefinition, ...]:
    """`tasks` at any depth without such values; these are added to `secrets`."""
    extraction = _Extraction(secrets)
    return tuple(map_parts(task, extraction.of_program, extraction.of_subjob) for task in tasks)


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
        if not job.secrets:
            return job
        secrets = {
            name: value if not value or has_expression(value) else self._moved("subjob", value)
            for name, value in job.secrets.items()
        }
        return changed(job, secrets=secrets)

    def _moved(self, kind: str, value: str) -> str:
        return moved_to_secrets(f"{kind}.{next(self._numbers)}", value, self._secrets)


def moved_to_secrets(name: str, value: str, secrets: dict[str, str]) -> str:
    """The expression that reads `value`, which is kept in `secrets` from now on."""
    secrets[OWN_SECRETS + name] = value
    return '{{ secrets["' + OWN_SECRETS + name + '"] }}'


def without_secret_inputs(
    inputs: Mapping[str, object], secrets: dict[str, str]
) -> dict[str, object]:
    """`inputs` as they may be shown; those that hold one of `secrets` are added to these."""
    redactor = Redactor(secrets.values())
    shown = {name: redactor.value(value) for name, value in inputs.items()}
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


@dataclass(frozen=True, slots=True)
class SecretTaint:
    """Collects in `found` what was made of secrets and `redactor` doesn't know. `items` are names
    of variables whose values are secret, as `item` in an `each` over a secret."""

    redactor: Redactor
    items: Collection[str] = ()
    found: set[str] = field(default_factory=set)

    def look(self, template: str, value: object) -> None:
        """`value` is what `template` gave, as JSON has it."""
        if self.reads_secrets(template):
            news = (text for text in _texts(value) if self.redactor.text(text) == text)
            self.found.update(text for text in news if text not in _SAY_NOTHING)

    def told(self, template: str, error: str) -> str:
        """What may be said of the `error` of evaluating it: errors quote values."""
        try:
            is_hidden = self.reads_secrets(template)
        except ExpressionError:  # it doesn't compile: no value was ever in reach
            return error
        return "an expression fails; why is not told, as it reads secrets" if is_hidden else error

    def reads_secrets(self, template: str) -> bool:
        """Of an expression that compiles."""
        return bool(self.redactor) and any(map(self._is_secret, names_in(template)))

    def _is_secret(self, path: tuple[str, ...]) -> bool:
        if path[:1] in ((), ("secrets",)):
            return True
        return path[0] in self.items and path[1:2] != _NO_SECRET


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
