"""Label selectors as in Kubernetes, which are what lists are filtered by: `env=prod,tier in (a,b)`,
`gpu`, `!spot`, `cores>4`."""

import re

from services.coordinator.api.errors import BadRequest
from shared.definition import Constraint
from shared.definition.placement import Operator

_KEY = r"[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?"
_TERM = re.compile(
    rf"\s*(?:(?P<absent>!)\s*(?P<not>{_KEY})"
    rf"|(?P<set>{_KEY})\s+(?P<in>in|notin)\s*\((?P<values>[^()]*)\)"
    rf"|(?P<key>{_KEY})\s*(?:(?P<operator>==|!=|=|>|<)\s*(?P<value>[A-Za-z0-9._-]*))?)\s*"
)
_OPERATORS: dict[str, Operator] = {"=": "=", "==": "==", "!=": "!=", ">": "gt", "<": "lt"}
_WHOLE = re.compile(r"-?[0-9]{1,18}")


def parse_selector(text: str) -> tuple[Constraint, ...]:
    """All must match. Raises BadRequest."""
    found: list[Constraint] = []
    rest = text
    while rest.strip():
        match = _TERM.match(rest)
        end = match.end() if match else 0
        if match is None or (end < len(rest) and rest[end] != ","):
            raise BadRequest(
                f"labels: {text!r} is not allowed: must be a label selector, such as "
                "'env=prod,tier in (a,b),!spot'"
            )
        found.append(_constraint(match))
        rest = rest[end + 1 :]
    return tuple(found)


def _constraint(match: re.Match[str]) -> Constraint:
    if match["absent"]:
        return Constraint(key=match["not"], operator="!")
    if match["set"]:
        operator: Operator = "in" if match["in"] == "in" else "notin"
        values = tuple(value.strip() for value in match["values"].split(","))
        return Constraint(key=match["set"], operator=operator, values=values)
    if not match["operator"]:
        return Constraint(key=match["key"], operator="exists")
    value, operator = match["value"], _OPERATORS[match["operator"]]
    if operator in ("gt", "lt") and not _WHOLE.fullmatch(value):
        raise BadRequest(f"labels: {value!r} is not allowed: must be a whole number after > and <")
    return Constraint(key=match["key"], operator=operator, values=(value,))
