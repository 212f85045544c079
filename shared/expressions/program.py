"""Expressions, compiled once and kept: source to tree to checked closures to a value."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from shared.expressions import tree
from shared.expressions.budget import Meter
from shared.expressions.checker import check
from shared.expressions.compiler import Compiler
from shared.expressions.errors import ExpressionError
from shared.expressions.frame import Code, Frame
from shared.expressions.json_text import plain
from shared.expressions.kinds import ANY, Kind, kind_of_value
from shared.expressions.parser import parse
from shared.expressions.reads import Path, paths_in, top_names

_KEPT = 2_048  # compiled expressions; those of a busy coordinator's job types fit


@dataclass(frozen=True, slots=True)
class Parsed:
    root: tree.Node
    size: int
    names: tuple[str, ...]  # what it reads from the scope, and only that
    paths: frozenset[Path]


@dataclass(frozen=True, slots=True)
class Program:
    code: Code
    size: int
    local_count: int


@lru_cache(maxsize=_KEPT)
def parsed(source: str) -> Parsed:
    root = parse(source)
    return Parsed(root, tree.size_and_height(root)[0], top_names(root), paths_in(root))


@lru_cache(maxsize=_KEPT)
def _program(source: str, kinds: tuple[Kind | None, ...]) -> Program:
    """Compiled for names of those kinds, in the order of `Parsed.names`; None: not in scope."""
    found = parsed(source)
    pairs = zip(found.names, kinds, strict=True)
    check(found.root, {name: kind for name, kind in pairs if kind is not None})
    compiler = Compiler()
    code = compiler.code(found.root)
    return Program(code, found.size, compiler.local_count)


def compiled(source: str, names: Collection[str] | None) -> None:
    """Refuses an expression that can't work; None allows any name."""
    try:
        root = parsed(source).root
        check(root, None if names is None else dict.fromkeys(names, ANY))
    except ExpressionError as error:  # told its source, then passed on
        raise error.within(source) from None
    except RecursionError:  # only where the caller itself is already deep
        raise ExpressionError("is nested too deep", source=source) from None


def run(source: str, names: Mapping[str, object], meter: Meter | None = None) -> object:
    """The value of an expression, as a value of the language. ExpressionError is all it raises."""
    meter = meter or Meter()
    try:
        program = _program(source, _kinds(parsed(source).names, names))
        meter.spend(program.size)
        return program.code(Frame(names, meter, program.local_count))
    except ExpressionError as error:  # told its source, then passed on
        raise error.within(source) from None
    except RecursionError:  # only where the caller itself is already deep
        raise ExpressionError("is nested too deep", source=source) from None


def result(source: str, names: Mapping[str, object]) -> tuple[object, object]:
    """The value, and the same as JSON data."""
    meter = Meter()
    value = run(source, names, meter)
    try:
        return value, plain(value, meter)
    except ExpressionError as error:  # told its source, then passed on
        raise error.within(source) from None
    except RecursionError:  # only where the caller itself is already deep
        raise ExpressionError("is nested too deep", source=source) from None


def _kinds(read: tuple[str, ...], names: Mapping[str, object]) -> tuple[Kind | None, ...]:
    return tuple([kind_of_value(names[name]) if name in names else None for name in read])
