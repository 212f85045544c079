"""What an expression reads: its names, and the paths below them."""

from collections.abc import Iterator

from shared.expressions import tree
from shared.expressions.signatures import FUNCTIONS, PREDICATES

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
