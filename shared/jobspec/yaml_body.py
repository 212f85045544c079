"""YAML text to plain values, safely: no objects, no alias bombs, no duplicate keys.

Only the events are taken from PyYAML (from its C half when that was built): it would compose a
graph of nodes first, without bounds, in one step that lets no other thread run. Making values is
ours, because its own rules are those of YAML 1.1, where `on` is true and a date is no text.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import yaml

from shared.jobspec.plain_scalar import PlainScalar
from shared.jobspec.problems import (
    MAX_DEPTH,
    MAX_VALUES,
    TOO_DEEP,
    TOO_MANY,
    InvalidJob,
    Problem,
)
from shared.jobspec.yaml_slips import BRACES, UNDEFINED_ALIAS, slip_in

MAX_REPEATED_CHARACTERS = 1024 * 1024
"""What aliases may add to the text of a job: three characters can stand for all that was sent."""
_TOO_MANY = f"{TOO_MANY}, aliases counted"

_CORE = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(_CORE + kind for kind in ("int", "float", "bool", "null"))
_MERGE = "<<"

# Without libyaml: the same answers, ten times slower.
_Loader: Any = yaml.CBaseLoader if yaml.__with_libyaml__ else yaml.BaseLoader

_Event: TypeAlias = Any
"""One of `yaml.events`, which names the attributes of none."""


def load_yaml(text: str) -> object:
    """Dicts with text keys, lists, PlainScalar, str and None. Raises InvalidJob.

    What is repeated by an alias is one object, wherever it stands.
    """
    try:
        return _Reader(yaml.parse(text, Loader=_Loader)).document()
    except yaml.YAMLError as error:  # whatever PyYAML objects to, the client can mend
        raise InvalidJob([_syntax_problem(text, error)]) from None


class _Mark(Protocol):
    """Where something stands; both halves of PyYAML have their own."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


@dataclass(frozen=True, slots=True)
class _Anchored:
    """A value with a name, and how many values and characters it is made of."""

    value: object
    values: int
    characters: int


class _Reader:
    """Counts values and characters as they are made, each use of an alias anew, so that a bomb
    stops before it is built."""

    def __init__(self, events: Iterator[_Event]) -> None:
        self._events = events
        self._anchors: dict[str, _Anchored | None] = {}  # None: not at its end yet
        self._values = self._characters = self._repeated = self._depth = 0

    def document(self) -> object:
        made: object = None
        next(self._events)  # the stream starts
        if isinstance(next(self._events), yaml.DocumentStartEvent):
            made = self._value(next(self._events))
            self._expect_end()
        return made

    def _expect_end(self) -> None:
        """A separator may follow, a second document may not."""
        for event in self._events:
            if isinstance(event, yaml.NodeEvent) and getattr(event, "value", None) != "":
                raise _refused("expected a single document in the stream", event.start_mark)

    def _value(self, event: _Event) -> object:
        if isinstance(event, yaml.AliasEvent):
            return self._repeat(event)
        values, characters = self._values, self._characters
        self._values += 1
        if self._values > MAX_VALUES:
            raise _refused(_TOO_MANY, event.start_mark)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        made = self._scalar(event) if isinstance(event, yaml.ScalarEvent) else self._nested(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(
                made, self._values - values, self._characters - characters
            )
        return made

    def _repeat(self, event: _Event) -> object:
        if event.anchor not in self._anchors:
            raise _refused(UNDEFINED_ALIAS, event.start_mark)
        anchored = self._anchors[event.anchor]
        if anchored is None:
            raise _refused(f"the alias {event.anchor!r} stands within itself", event.start_mark)
        self._values += anchored.values
        self._characters += anchored.characters
        self._repeated += anchored.characters
        if self._values > MAX_VALUES:
            raise _refused(_TOO_MANY, event.start_mark)
        if self._repeated > MAX_REPEATED_CHARACTERS:
            rule = f"aliases repeat more than {MAX_REPEATED_CHARACTERS} characters"
            raise _refused(rule, event.start_mark)
        return anchored.value

    def _scalar(self, event: _Event) -> str | None:
        text: str = event.value
        self._characters += len(text)
        is_plain = event.tag is None and event.implicit[0]
        if is_plain or event.tag in _PLAIN_TAGS:
            plain = PlainScalar(text)
            return None if plain.is_null else plain
        _expect_tag(event, "str")
        return text

    def _nested(self, event: _Event) -> object:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _refused(TOO_DEEP, event.start_mark)
        made = (
            self._list(event) if isinstance(event, yaml.SequenceStartEvent) else self._dict(event)
        )
        self._depth -= 1
        return made

    def _list(self, event: _Event) -> list[object]:
        _expect_tag(event, "seq")
        made = []
        while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
            made.append(self._value(item))
        return made

    def _dict(self, event: _Event) -> dict[str, object]:
        _expect_tag(event, "map")
        merged: dict[str, object] = {}
        own: dict[str, object] = {}
        while not isinstance(key_event := next(self._events), yaml.MappingEndEvent):
            key = self._key(key_event)
            if key == _MERGE and getattr(key_event, "implicit", (False,))[0]:
                merged = self._merged(next(self._events)) | merged
            elif key in own:
                raise _refused(f"duplicate key {key!r}", key_event.start_mark)
            else:
                own[key] = self._value(next(self._events))
        return merged | own

    def _key(self, event: _Event) -> str:
        if isinstance(event, yaml.ScalarEvent) and event.anchor is None:
            self._characters += len(event.value)
            return str(event.value)
        key = self._value(event) if isinstance(event, yaml.ScalarEvent | yaml.AliasEvent) else None
        if not isinstance(key, str):
            is_braces = getattr(event, "flow_style", False) and not isinstance(
                event, yaml.SequenceStartEvent
            )
            raise _refused(BRACES if is_braces else "a key must be text", event.start_mark)
        return str(key)

    def _merged(self, event: _Event) -> dict[str, object]:
        value = self._value(event)
        result: dict[str, object] = {}
        for source in value if isinstance(value, list) else [value]:
            if not isinstance(source, dict):
                raise _refused("'<<' takes a mapping or a list of mappings", event.start_mark)
            result = source | result  # the earlier source wins
        return result


def _expect_tag(event: _Event, kind: str) -> None:
    if event.tag not in (None, _CORE + kind, "!"):
        # Its name may be a password that begins so.
        rule = "a tag is not allowed (a value that starts with '!' needs quotes)"
        raise _refused(rule, event.start_mark)


def _syntax_problem(text: str, error: yaml.YAMLError) -> Problem:
    if slip := slip_in(text, error, yaml.scan(text, Loader=_Loader)):
        rule, line, column = slip
        return Problem("", f"not valid YAML: {rule}", line=line, column=column)
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "not readable"
    return _problem(f"not valid YAML: {reason}", getattr(error, "problem_mark", None))


def _refused(rule: str, mark: _Mark | None) -> InvalidJob:
    return InvalidJob([_problem(rule, mark)])


def _problem(rule: str, mark: _Mark | None) -> Problem:
    if mark is None:
        return Problem("", rule)
    # Of braces that need quotes the second pair is met first, as a key.
    return Problem("", rule, line=mark.line + 1, column=mark.column + (rule != BRACES))
