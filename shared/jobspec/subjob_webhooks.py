"""Which names an expression of a sub-job's webhook reads in the sub-job, and which around it."""

from collections.abc import Mapping

from shared.expressions import ExpressionError, as_template, names_in

_OF_EVENTS = ("job", "task")


def reads_own(expression: str, inputs: Mapping[str, object], secrets: Mapping[str, object]) -> bool:
    """Whether it reads `job`, `task`, or one of these inputs and secrets, which are the sub-job's.

    Then all of it is evaluated there, when an event is sent; else in the job around it, when the
    task begins.
    """
    try:
        paths = names_in(as_template(expression))
    except ExpressionError:  # told where it is evaluated
        return False
    known = {"inputs": inputs, "secrets": secrets}
    return any(not path or path[0] in _OF_EVENTS or _has(known, path) for path in paths)


def _has(known: Mapping[str, Mapping[str, object]], path: tuple[str, ...]) -> bool:
    """The whole of them, where it has any."""
    names = known.get(path[0], {})
    return path[1] in names if len(path) > 1 else bool(names)
