"""Why an execution can't have a node, for one node and for a thousand."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from shared.definition import Constraint


class Sort(IntEnum):
    """The nearest to fitting first: what passes by itself, what somebody can change, what a node
    will never be."""

    TOGETHER = 0
    ROOM = 1
    EXECUTIONS = 2
    FAMILY = 3
    PORT = 4
    HOLD = 5
    OBSTACLE = 6
    CAPACITY = 7
    LABEL = 8
    PUBLISHER = 9
    STORAGE = 10
    ENGINE = 11
    NODES = 12


_TEXTS = {
    Sort.TOGETHER: "room on {value} {subject}, {rule}",
    Sort.ROOM: "{value} {subject} free, {rule}",
    Sort.EXECUTIONS: "runs {value} executions already",
    Sort.FAMILY: "has {value} of this task already",
    Sort.PORT: "{subject} is in use",
    Sort.HOLD: "is on hold: {value}",
    Sort.OBSTACLE: "is {value}",
    Sort.CAPACITY: "has {value} {subject} in all, {rule}",
    Sort.LABEL: "{subject} is {value}, {rule}",
    Sort.PUBLISHER: "has no {subject}",
    Sort.STORAGE: "has no {subject}",
    Sort.ENGINE: "has engines {value}, {rule}",
    Sort.NODES: "the task is on {value} {subject} already, {rule}",
}

_COUNTED = (Sort.TOGETHER, Sort.CAPACITY, Sort.NODES)
"""Of these, the subject is what is counted."""
_NAMED = (Sort.HOLD, Sort.OBSTACLE, Sort.LABEL, Sort.ENGINE)
"""Of these, the values of several nodes are told beside each other."""


@dataclass(frozen=True, slots=True)
class Miss:
    """One thing that a node lacks: of `subject` it has `value`, and `rule` is what is wanted.
    `distance` compares nodes that lack the same."""

    sort: Sort
    subject: str
    value: str = ""
    rule: str = ""
    distance: float = 0.0

    @property
    def text(self) -> str:
        return self.text_with(self.value)

    def text_with(self, value: str) -> str:
        is_one = self.sort in _COUNTED and value in ("1", "at most 1")
        subject = self.subject.removesuffix("s") if is_one else self.subject
        return _TEXTS[self.sort].format(subject=subject, value=value, rule=self.rule)


@dataclass(frozen=True, slots=True)
class NodeMisses:
    """What one node lacks, nothing if it fits."""

    node_id: str
    name: str
    misses: tuple[Miss, ...]

    @property
    def reasons(self) -> list[str]:
        return [miss.text for miss in self.misses]


_RESOURCE_NAMES = {"millicpus": "CPUs", "memory": "memory", "disk": "disk", "gpus": "GPUs"}
_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")
_MOST_VALUES = 3
_MOST_GROUPS = 5


def label_miss(constraint: Constraint, labels: Mapping[str, str]) -> Miss:
    label = labels.get(constraint.key)
    value = "missing" if label is None else f"'{label}'"
    subject, rule = f"label {constraint.key}", rule_of(constraint)
    return Miss(Sort.LABEL, subject, value, rule)


def rule_of(constraint: Constraint) -> str:
    match constraint.operator:
        case "exists":
            return "must exist"
        case "!":
            return "must not exist"
        case operator:
            values = ", ".join(value or "''" for value in constraint.values)
            return f"must be {operator} {values}"


def amount_miss(sort: Sort, resource: str, has: int, total: int, wanted: int) -> Miss:
    has = max(has, 0)
    value, wish = amount_text(resource, has), f"{amount_text(resource, wanted)} wanted"
    if sort is Sort.ROOM:
        value = f"{value} of {amount_text(resource, total)}"
    return Miss(sort, _RESOURCE_NAMES[resource], value, wish, wanted - has)


def amount_text(resource: str, amount: int) -> str:
    """`3.5`, `512 MiB`, `2`; all GPUs as `all`."""
    if resource == "millicpus":
        return f"{amount / 1000:g}"
    if resource == "gpus":
        return str(amount) if amount < 1_000_000 else "all"
    size, unit = float(amount), "B"
    for larger in _UNITS:
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:.4g} {unit}"


def summary(nodes: Sequence[NodeMisses]) -> str:
    """Nodes that lack the same told together, the nearest to fitting first."""
    if not nodes:
        return "no node is online"
    groups: dict[tuple[object, ...], list[tuple[Miss, ...]]] = defaultdict(list)
    for node in nodes:
        decisive = _decisive(node.misses)
        groups[tuple((miss.sort, miss.subject, miss.rule) for miss in decisive)].append(decisive)
    ranked = sorted(groups.values(), key=lambda group: (_rank(group[0]), -len(group)))
    texts = [_group_text(group) for group in ranked[:_MOST_GROUPS]]
    rest = sum(map(len, ranked[_MOST_GROUPS:]))
    return "; ".join([*texts, f"{_count(rest)} for other reasons"] if rest else texts)


def _decisive(misses: tuple[Miss, ...]) -> tuple[Miss, ...]:
    """Those that would still be in the way if all that is nearer were mended."""
    worst = max((miss.sort for miss in misses), default=None)
    return tuple(miss for miss in misses if miss.sort is worst)


def _rank(misses: tuple[Miss, ...]) -> tuple[int, int]:
    return (misses[0].sort, len(misses)) if misses else (-1, 0)


def _group_text(group: Sequence[tuple[Miss, ...]]) -> str:
    if not group[0]:
        return f"{_count(len(group))}: fits, and is taken in the next round"
    texts = [_joined([misses[place] for misses in group]) for place in range(len(group[0]))]
    return f"{_count(len(group))}: {' and '.join(texts)}"


def _joined(misses: Sequence[Miss]) -> str:
    """Of what many nodes lack: the nearest amount, or some of the values."""
    nearest = min(misses, key=lambda miss: miss.distance)
    counts = Counter(miss.value for miss in misses)
    values = sorted(counts, key=lambda value: (-counts[value], value))
    if len(values) == 1:
        return nearest.text
    if nearest.sort not in _NAMED:
        return nearest.text_with(f"at most {nearest.value}" if nearest.distance else nearest.value)
    more = len(values) - _MOST_VALUES
    named = values[:_MOST_VALUES] + ([f"{more} other values"] if more > 0 else [])
    return nearest.text_with(" or ".join([", ".join(named[:-1]), named[-1]]))


def _count(number: int) -> str:
    return f"{number:,} node{'s' * (number != 1)}"
