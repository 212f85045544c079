"""Texts that expressions make of secrets: a password in a JSON secret, a token as base64.

They no longer look like the secret they came from, so what takes secrets out by their value would
pass them over. What an expression reads tells.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from shared.expressions import ExpressionError, names_in
from shared.process.redaction import Redactor

_SAY_NOTHING = ("", "true", "false")
_NO_SECRET = ("index",)  # of an item whose value may be one


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
