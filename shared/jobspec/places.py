"""Where in the text of a submission a field is: found only once something is wrong with it."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from json import JSONDecoder
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed leaves it out
from typing import Any

import yaml

from shared.jobspec.problems import KEY, Place, Problem

Mark = tuple[int, int]
"""Line and column, both from 1."""

Finder = Callable[[Place], Mark | None]

_Loader: Any = yaml.CBaseLoader if yaml.__with_libyaml__ else yaml.BaseLoader
_MERGE = "<<"
_BLANK = re.compile(r"[ \t\n\r]*")


def located(problems: Sequence[Problem], find: Finder) -> list[Problem]:
    """The problems with line and column, as far as their places are in the text."""
    return [_located(problem, find) for problem in problems]


def _located(problem: Problem, find: Finder) -> Problem:
    mark = find(problem.place) if problem.line is None and problem.place is not None else None
    return problem if mark is None else replace(problem, line=mark[0], column=mark[1])


@dataclass(slots=True)
class _Node:
    """A part of a YAML text: where it begins, and its entries if it is a mapping or a list, each
    with the mark of its key. `is_single`: a text that is not empty."""

    mark: Mark
    is_single: bool = False
    entries: dict[int | str, tuple[Mark, "_Node"]] = field(default_factory=dict)


def places_in_yaml(text: str) -> Finder:
    """A single value is where it begins; a mapping or a list, and what has no value, at its key.

    JSON that is no YAML for PyYAML is read as JSON.
    """
    try:
        root = _Nodes(yaml.parse(text, Loader=_Loader)).root()
    except yaml.YAMLError:
        return places_in_json(text)

    def find(place: Place) -> Mark | None:
        mark, node = (1, 1), root
        for part in place:
            if part not in node.entries:
                break  # what is missing: its surroundings
            mark, node = node.entries[part]
        return node.mark if node.is_single and place[-1:] != (KEY,) else mark

    return find


class _Nodes:
    """Read from events, as composing would let no other thread run. What an alias repeats is one
    node, so it is no larger than the text."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str | None, _Node] = {}

    def root(self) -> _Node:
        for event in self._events:
            if isinstance(event, yaml.NodeEvent):
                return self._node(event)
        return _Node((1, 1))

    def _node(self, event: Any) -> _Node:  # noqa: ANN401 - as in `yaml_body`
        if isinstance(event, yaml.AliasEvent):
            return self._anchors[event.anchor]
        node = _Node((event.start_mark.line + 1, event.start_mark.column + 1))
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        if isinstance(event, yaml.SequenceStartEvent):
            self._read_list(node)
        elif isinstance(event, yaml.MappingStartEvent):
            self._read_mapping(node)
        else:
            node.is_single = getattr(event, "value", "") != ""
        return node

    def _read_list(self, node: _Node) -> None:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            item = self._node(event)
            node.entries[len(node.entries)] = (item.mark, item)

    def _read_mapping(self, node: _Node) -> None:
        merged: dict[int | str, tuple[Mark, _Node]] = {}
        while not isinstance(key := next(self._events), yaml.MappingEndEvent):
            mark = self._node(key).mark
            value = self._node(next(self._events))
            if getattr(key, "value", "") == _MERGE:
                for source in [value, *(item for _, item in value.entries.values())]:
                    merged = {**source.entries, **merged}
            else:
                node.entries[getattr(key, "value", "")] = (mark, value)
        node.entries = {**merged, **node.entries}


def places_in_json(text: str) -> Finder:
    """The same in a JSON text that is valid."""

    @cache
    def entries(at: int) -> Mapping[int | str, tuple[int, int]]:
        return dict(_json_entries(text, at))

    def find(place: Place) -> Mark | None:
        at = mark = _skipped(text, 0)
        for part in place:
            entry = entries(at).get(part)
            if entry is None:
                break
            mark, at = entry
        if text[at] not in "[{" and place[-1:] != (KEY,):
            mark = at
        return mark_of(text, mark)

    return find


def _json_entries(text: str, at: int) -> Iterator[tuple[int | str, tuple[int, int]]]:
    """Of a mapping or list that begins at `at`: where each key is (in a list: the item itself), and
    where its value."""
    part: int | str
    is_mapping, number = text[at] == "{", 0
    at = _skipped(text, at + 1) if text[at] in "{[" else len(text)
    while at < len(text) and text[at] not in "]}":
        mark, part = at, number
        if is_mapping:
            part, at = scanstring(text, at + 1)
            at = _skipped(text, _skipped(text, at) + 1)
        yield part, (mark, at)
        at = _skipped(text, _DECODER.raw_decode(text, at)[1])
        at, number = (_skipped(text, at + 1) if text[at] == "," else at), number + 1


def mark_of(text: str, at: int) -> Mark:
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _skipped(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


_DECODER = JSONDecoder(parse_int=str, parse_float=str)
