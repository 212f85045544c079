"""Expressions, compiled once and kept: source to tree to checked closures to a value; and the names
and paths that an expression reads.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from shared.expressions import tree
from shared.expressions.budget import MAX_HEIGHT, Allowance, Meter
from shared.expressions.checker import check
from shared.expressions.compiler import Compiler
from shared.expressions.errors import ExpressionError
from shared.expressions.frame import Code, Frame
from shared.expressions.json_text import plain
from shared.expressions.kinds import Kind, kind_of_value
from shared.expressions.parser import parse
from shared.expressions.rewrites import rewritten
from shared.expressions.signatures import FUNCTIONS, PREDICATES
from shared.expressions.values import Numbers

Path = tuple[str, ...]
_WHOLE_SCOPE: Path = ()


def top_names(root: tree.Node) -> tuple[str, ...]:
    """Every name an expression mentions that the scope may define, in a fixed order.

    `let` variables are among them: one may not bear the name of something in scope.
    """
    found: set[str] = set()
    for node in _all(root):
        if isinstance(node, tree.Name | tree.Let):
            found.add(node.name)
        if isinstance(node, tree.Member) and _is_scope(node.base):
            found |= {key for key in [_constant_key(node)] if key is not None}
    return tuple(sorted(found))


def paths_in(root: tree.Node) -> frozenset[Path]:
    """The member paths read from the scope, each as long as its keys are constant texts.

    `tasks.a.b` reads ("tasks", "a", "b"), `tasks[inputs.x]` ("tasks",) and ("inputs", "x");
    `$env` as a whole reads (), which is everything.
    """
    found: set[Path] = set()
    waiting: list[tuple[tree.Node, frozenset[str]]] = [(root, frozenset())]
    while waiting:
        node, hidden = waiting.pop()
        path = _path(node, hidden)
        if path is not None:
            found.add(path)
            continue
        if isinstance(node, tree.Let):
            waiting.append((node.value, hidden))
            waiting.append((node.body, hidden | {node.name}))
            continue
        waiting.extend((child, hidden) for child in tree.children(node))
    return frozenset(found)


def _path(node: tree.Node, hidden: frozenset[str]) -> Path | None:
    """The path if the whole node is one; None if its parts have to be looked at."""
    keys: list[str] = []
    while isinstance(node, tree.Member | tree.Chain):
        if isinstance(node, tree.Chain):
            node = node.inner
            continue
        key = _constant_key(node)
        if key is None:
            return None
        keys.append(key)
        node = node.base
    if not isinstance(node, tree.Name) or node.name in hidden:
        return None
    if node.name in FUNCTIONS or node.name in PREDICATES:
        return None
    start = [] if node.name == "$env" else [node.name]
    return (*start, *reversed(keys)) or _WHOLE_SCOPE


def _constant_key(node: tree.Member) -> str | None:
    key = node.key
    return key.value if isinstance(key, tree.Constant) and isinstance(key.value, str) else None


def _is_scope(node: tree.Node) -> bool:
    return isinstance(node, tree.Name) and node.name == "$env"


def _all(root: tree.Node) -> Iterator[tree.Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(tree.children(node))


_KEPT = 2_048  # compiled expressions; those of a busy coordinator's job types fit


@dataclass(frozen=True, slots=True)
class Parsed:
    root: tree.Node  # as written: what is checked
    runnable: tree.Node
    size: int
    names: tuple[str, ...]  # what it reads from the scope, and only that


@dataclass(frozen=True, slots=True)
class Program:
    code: Code
    size: int
    local_count: int


@lru_cache(maxsize=_KEPT)
def parsed(source: str) -> Parsed:
    root = parse(source)
    size, height = tree.size_and_height(root)
    if height > MAX_HEIGHT:
        raise ExpressionError(f"is nested more than {MAX_HEIGHT} deep", column=1)
    return Parsed(root, rewritten(root), size, top_names(root))


@lru_cache(maxsize=_KEPT)
def paths_of(source: str) -> frozenset[Path]:
    """The member paths it reads. ExpressionError for a syntax error."""
    return paths_in(parsed(source).root)


@lru_cache(maxsize=_KEPT)
def functions_of(source: str) -> frozenset[str]:
    """The names of the functions it calls. ExpressionError for a syntax error."""
    nodes = _all(parsed(source).root)
    return frozenset(node.name for node in nodes if isinstance(node, tree.Builtin))


@lru_cache(maxsize=_KEPT)
def _program(source: str, kinds: tuple[Kind | None, ...], numbers: Numbers) -> Program:
    """Compiled for names of those kinds, in the order of `Parsed.names`; None: not in scope."""
    found = parsed(source)
    pairs = zip(found.names, kinds, strict=True)
    strict = check(found.root, {name: kind for name, kind in pairs if kind is not None})
    compiler = Compiler(numbers, strict)
    code = compiler.code(found.runnable)
    return Program(code, found.size, compiler.local_count)


def compiled(source: str, kinds: Mapping[str, Kind] | None) -> None:
    """Refuses an expression that can't work; None allows any name."""
    try:
        check(parsed(source).root, kinds)
    except ExpressionError as error:  # told its source, then passed on
        raise error.within(source) from None
    except RecursionError:  # only where the caller itself is already deep
        raise ExpressionError("is nested too deep", source=source) from None


def run(source: str, names: Mapping[str, object], meter: Meter, numbers: Numbers) -> object:
    """The value of an expression, as a value of the language. ExpressionError is all it raises."""
    try:
        kinds = _kinds(parsed(source).names, names, numbers)
        program = _program(source, kinds, numbers)
        meter.spend(program.size)
        return program.code(Frame(names, meter, program.local_count))
    except ExpressionError as error:  # told its source, then passed on
        raise error.within(source) from None
    except RecursionError:  # only where the caller itself is already deep
        raise ExpressionError("is nested too deep", source=source) from None


def result(
    source: str,
    names: Mapping[str, object],
    numbers: Numbers = "exact",
    allowance: Allowance | None = None,
) -> tuple[object, object]:
    """The value, and the same as JSON data."""
    meter = Meter()
    try:
        if allowance is None:
            value = run(source, names, meter, numbers)
            return value, plain(value, meter)
        return _allowed(source, names, meter, numbers, allowance)
    except ExpressionError as error:  # of the result as a whole: told its source, then passed on
        raise error.at(1).within(source) from None
    except RecursionError:  # only where the caller itself is already deep
        raise ExpressionError("is nested too deep", source=source) from None


def _allowed(
    source: str,
    names: Mapping[str, object],
    meter: Meter,
    numbers: Numbers,
    allowance: Allowance,
) -> tuple[object, object]:
    """The same; what fails has its price as well."""
    allowance.require()
    try:
        value = run(source, names, meter, numbers)
        data = plain(value, meter)
    finally:
        allowance.take(meter)
    allowance.require()
    return value, data


def _kinds(
    read: tuple[str, ...], names: Mapping[str, object], numbers: Numbers
) -> tuple[Kind | None, ...]:
    return tuple([kind_of_value(names[n], numbers) if n in names else None for n in read])
