"""YAML text to plain values, safely: no objects, no alias bombs, no duplicate keys.

Only the node graph is taken from PyYAML (from its C half when that was built); making values of it
is ours, because its own rules are those of YAML 1.1, where `on` is true and a date is no text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import yaml
from yaml.composer import Composer
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import Resolver
from yaml.scanner import Scanner

from shared.jobspec.plain_scalar import PlainScalar
from shared.jobspec.problems import MAX_DEPTH, TOO_DEEP, InvalidJob, Problem

MAX_VALUES = 100_000

_PLAIN = "!plain"
_CORE = "tag:yaml.org,2002:"
_MERGE = "<<"


class _PlainResolver(Resolver):
    """Every value without quotes and tag gets the tag `!plain`."""

    yaml_implicit_resolvers = {None: [(_PLAIN, re.compile(""))]}  # noqa: RUF012 - PyYAML's protocol


class _PythonLoader(Reader, Scanner, Parser, Composer, _PlainResolver):
    def __init__(self, stream: str) -> None:
        Reader.__init__(self, stream)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        _PlainResolver.__init__(self)


if yaml.__with_libyaml__:
    from yaml._yaml import CParser

    class _Loader(CParser, _PlainResolver):
        def __init__(self, stream: str) -> None:
            CParser.__init__(self, stream)
            _PlainResolver.__init__(self)

else:  # a PyYAML without libyaml: the same answers, ten times slower
    _Loader = _PythonLoader  # type: ignore[assignment, misc]  # same protocol, other parentage


def load_yaml(text: str) -> object:
    """Dicts with text keys, lists, PlainScalar, str and None. Raises InvalidJob."""
    try:
        _refuse_deep_nesting(text)
        node = _Loader(text).get_single_node()
    except yaml.YAMLError as error:  # whatever PyYAML objects to, the client can mend
        raise _refused(_syntax_text(error), getattr(error, "problem_mark", None)) from None
    return _Builder().value(node) if node is not None else None


def _refuse_deep_nesting(text: str) -> None:
    """Measured on the flat stream of events: the composers recurse, and the one in C overflows the
    process's stack (no exception, a crash) on a few hundred thousand brackets."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):  # type: ignore[arg-type]  # names its own only
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _refused(TOO_DEEP, event.start_mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Mark(Protocol):
    """Where something stands; both halves of PyYAML have their own."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


@dataclass(slots=True)
class _Builder:
    """Counts values as they are made, each use of an alias anew, so that a bomb stops early."""

    made: int = 0
    depth: int = 0

    def value(self, node: yaml.Node) -> object:
        self.made += 1
        if self.made > MAX_VALUES:
            raise _refused(f"more than {MAX_VALUES} values, aliases counted", node.start_mark)
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        self.depth += 1
        if self.depth > MAX_DEPTH:  # an alias inside its own anchor ends here too
            raise _refused(TOO_DEEP, node.start_mark)
        made = self._list(node) if isinstance(node, yaml.SequenceNode) else self._dict(node)
        self.depth -= 1
        return made

    def _list(self, node: yaml.SequenceNode) -> list[object]:
        _expect_tag(node, "seq")
        return list(map(self.value, node.value))  # a comprehension would be one more frame a level

    def _dict(self, node: yaml.Node) -> dict[str, object]:
        _expect_tag(node, "map")
        merged: dict[str, object] = {}
        own: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = _key(key_node)
            if key == _MERGE and key_node.tag == _PLAIN:
                merged = self._merged(value_node) | merged
            elif key in own:
                raise _refused(f"duplicate key {key!r}", key_node.start_mark)
            else:
                own[key] = self.value(value_node)
        return merged | own

    def _merged(self, node: yaml.Node) -> dict[str, object]:
        result: dict[str, object] = {}
        for source in _merge_sources(node):
            value = self.value(source)
            if not isinstance(value, dict):
                raise _refused("'<<' takes a mapping or a list of mappings", source.start_mark)
            result = value | result  # the earlier source wins
        return result


def _merge_sources(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    else:
        yield node


def _scalar(node: yaml.ScalarNode) -> str | None:
    text: str = node.value
    if node.tag in (_PLAIN, *(_CORE + kind for kind in ("int", "float", "bool", "null"))):
        plain = PlainScalar(text)
        return None if plain.is_null else plain
    _expect_tag(node, "str")
    return text


def _key(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    raise _refused("a key must be text", node.start_mark)


def _expect_tag(node: yaml.Node, kind: str) -> None:
    if node.tag not in (_CORE + kind, "!"):
        raise _refused(f"the tag {node.tag!r} is not allowed", node.start_mark)


def _syntax_text(error: yaml.YAMLError) -> str:
    parts = (getattr(error, name, None) for name in ("context", "problem", "reason"))
    return "not valid YAML: " + (", ".join(filter(None, parts)) or "not readable")


def _refused(rule: str, mark: _Mark | None) -> InvalidJob:
    where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
    return InvalidJob([Problem("", rule + where)])
