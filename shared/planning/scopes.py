"""The variables of the tasks around a child, sealed as a whole where one of them is secret."""

from shared.lifecycle import Scope
from shared.process.sealing import Sealer

SEALED = "sealed"


def is_sealed(scope: Scope | None) -> bool:
    return scope is not None and isinstance(scope.get(SEALED), str)


def opened_scope(scope: Scope | None, sealer: Sealer) -> dict[str, object]:
    """In clear. Raises SealingError."""
    if scope is None:
        return {}
    if is_sealed(scope):
        return sealer.unseal(str(scope[SEALED]))
    return dict(scope)


def sealed_scope(scope: Scope, sealer: Sealer) -> Scope:
    return {SEALED: sealer.seal(dict(scope))}
