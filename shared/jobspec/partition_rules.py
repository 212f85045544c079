"""The rules of what deals the objects of a source out to the executions of a task."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from shared.expressions import has_expression
from shared.expressions.dates.reading import is_layout
from shared.jobspec.file_rules import Rule, check_filter

_FIELDS: Mapping[str, str] = {
    "pattern": "regex",
    "startIndex": "substring",
    "endIndex": "substring",
    "dateFormat": "date",
}
"""By its name on the wire, the type that each field is for."""


class PartitionLike(Protocol):
    """A partition as it is submitted, or as it is in a definition."""

    @property
    def type(self) -> str: ...
    @property
    def pattern(self) -> str | None: ...
    @property
    def start(self) -> int | None: ...
    @property
    def end(self) -> int | None: ...
    @property
    def date_format(self) -> str | None: ...


def check_layout(text: str) -> None:
    if not is_layout(text):
        raise ValueError("must be the layout of a date as Go has it, such as 2006-01-02")


def partition_problems(partition: PartitionLike) -> Iterator[Rule]:
    """What it breaks, as far as it holds no expressions."""
    kind, start, end = partition.type, partition.start or 0, partition.end or 0
    values = (partition.pattern, partition.start, partition.end, partition.date_format)
    for (field, owner), value in zip(_FIELDS.items(), values, strict=True):
        if value and owner != kind:
            yield field, f"is only for {owner}, not for {kind}"
    if kind == "substring" and end <= start:
        yield "endIndex", f"must be greater than startIndex, {start}"
    checked = {"regex": ("pattern", check_filter), "date": ("dateFormat", check_layout)}
    if kind in checked:
        field, check = checked[kind]
        text = partition.pattern if kind == "regex" else partition.date_format
        if not text:
            yield field, f"is required for {kind}"
        elif not has_expression(text):
            try:
                check(text)
            except ValueError as error:
                yield field, str(error)
