"""What a template gives for some variables."""

from collections.abc import Iterator, Mapping, Sequence

from cli.go_template.errors import Mark, TemplateError
from cli.go_template.functions import FUNCTIONS, is_true, kind_of, printed
from cli.go_template.parser import parse
from cli.go_template.tree import (
    Branch,
    Call,
    Chain,
    Command,
    Constant,
    Function,
    Leave,
    Nodes,
    Operand,
    Pipeline,
    Template,
    Value,
)

_DEEPEST = 200
_MOST_STEPS = 200_000
_CHARACTERS_OF_STEP = 1000
_NOTHING = object()


def render(text: str, variables: Mapping[str, str]) -> str:
    """A variable that is not given is an error. Raises TemplateError."""
    try:
        template = parse(text)
        execution = _Execution(template, dict(variables), _Bounds(max(_MOST_STEPS, len(text))))
        return "".join(execution.nodes(template.nodes))
    except RecursionError:  # of the parser, or of the execution
        raise TemplateError("its actions are nested too deeply") from None


class _Bounds:
    """Of a whole execution: a slip in a loop ends with an error, not with all memory taken. Long
    texts count as more steps."""

    def __init__(self, most_steps: int) -> None:
        self._most, self._steps = most_steps, 0

    def step(self, mark: Mark | None = None, text: Value = "") -> None:
        self._steps += 1 + (len(text) // _CHARACTERS_OF_STEP if isinstance(text, str) else 0)
        if self._steps > self._most:
            raise TemplateError(f"it takes more than {self._most} steps", mark)


class _Left(Exception):
    """A `break` or a `continue` on its way to its loop."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class _Execution:
    """`_variables` are names and values, the newest last."""

    def __init__(self, template: Template, dot: Value, bounds: _Bounds, depth: int = 0) -> None:
        self._template, self._dot, self._bounds, self._depth = template, dot, bounds, depth
        self._variables: list[tuple[str, Value]] = [("$", dot)]

    def nodes(self, nodes: Nodes) -> Iterator[str]:
        known = len(self._variables)
        for node in nodes:
            match node:
                case str():
                    self._bounds.step(text=node)
                    yield node
                case Leave(kind):
                    raise _Left(kind)
                case Branch():
                    yield from self._branch(node)
                case Call():
                    yield from self._call(node)
                case Pipeline():
                    value = self._declared(node)
                    if not node.variables:
                        yield printed(value)
        del self._variables[known:]

    def _branch(self, branch: Branch) -> Iterator[str]:
        known = len(self._variables)
        if branch.kind == "range":
            yield from self._range(branch)
        else:
            value = self._declared(branch.pipeline)
            nodes = branch.body if is_true(value) else branch.otherwise
            dot = self._dot
            if branch.kind == "with" and is_true(value):
                self._dot = value
            yield from self.nodes(nodes)
            self._dot = dot
        del self._variables[known:]

    def _range(self, branch: Branch) -> Iterator[str]:
        pipeline = branch.pipeline
        over = self._value(pipeline)
        items = _items(over, pipeline.mark)
        if isinstance(over, int) and len(pipeline.variables) > 1:
            raise TemplateError("range over a number has one variable", pipeline.mark)
        if not items:
            yield from self.nodes(branch.otherwise)
        dot, known = self._dot, len(self._variables)
        for key, item in items:
            self._bounds.step(pipeline.mark)
            self._dot = item
            values = (item,) if len(pipeline.variables) == 1 else (key, item)
            for name, value in zip(pipeline.variables, values, strict=False):
                self._set(name, value, assigns=pipeline.assigns)
            try:
                yield from self.nodes(branch.body)
            except _Left as left:
                if left.kind == "break":
                    break
            finally:
                del self._variables[known:]
        self._dot = dot

    def _call(self, call: Call) -> Iterator[str]:
        if call.name not in self._template.named:
            raise TemplateError(f"template {call.name!r} is not defined", call.mark)
        if self._depth == _DEEPEST:
            raise TemplateError(f"template {call.name!r} calls itself too often", call.mark)
        dot = self._value(call.pipeline) if call.pipeline else None
        self._bounds.step(call.mark)
        inner = _Execution(self._template, dot, self._bounds, self._depth + 1)
        yield from inner.nodes(self._template.named[call.name])

    def _declared(self, pipeline: Pipeline) -> Value:
        value = self._value(pipeline)
        for name in pipeline.variables:
            self._set(name, value, assigns=pipeline.assigns)
        return value

    def _set(self, name: str, value: Value, *, assigns: bool) -> None:
        if not assigns:
            self._variables.append((name, value))
            return
        at = max(at for at, (known, _) in enumerate(self._variables) if known == name)
        self._variables[at] = (name, value)

    def _value(self, pipeline: Pipeline) -> Value:
        value: Value = _NOTHING
        for command in pipeline.commands:
            try:
                value = self._result(command, value)
            except TemplateError as error:
                raise error.at(command.mark) from None
            self._bounds.step(command.mark, value)
        return value

    def _result(self, command: Command, piped: Value) -> Value:
        first, *rest = command.operands
        if not isinstance(first, Function):
            if first == Constant(None):
                raise TemplateError("nil is no value to print")
            if rest or piped is not _NOTHING:
                raise TemplateError("only a function takes values after it")
            return self._operand(first)
        if first.name in ("and", "or"):
            return self._first(first.name, rest, piped)
        arguments = [self._operand(operand) for operand in rest]
        if piped is not _NOTHING:
            arguments.append(piped)
        try:
            return FUNCTIONS[first.name](*arguments)
        except TypeError:  # of the call: the functions check what they are given
            reason = f"{first.name} doesn't take {len(arguments)} values"
            raise TemplateError(reason) from None

    def _first(self, name: str, operands: Sequence[Operand], piped: Value) -> Value:
        """The first that decides; what is after it is not evaluated."""
        value: Value = _NOTHING
        for operand in operands:
            value = self._operand(operand)
            if is_true(value) is (name == "or"):
                return value
        value = value if piped is _NOTHING else piped
        if value is _NOTHING:
            raise TemplateError(f"{name} wants at least one value")
        return value

    def _operand(self, operand: Operand) -> Value:
        match operand:
            case Constant(value):
                return value
            case Function(name):
                return self._result(Command(Mark(1, 1), (Function(name),)), _NOTHING)
            case Chain(start, fields):
                value = self._start(start)
                for field in fields:
                    value = _field(value, field)
                return value

    def _start(self, start: str | Pipeline | None) -> Value:
        if start is None:
            return self._dot
        if isinstance(start, Pipeline):
            return self._value(start)
        return next(value for name, value in reversed(self._variables) if name == start)


def _field(value: Value, name: str) -> Value:
    if not isinstance(value, dict):
        raise TemplateError(f"a {kind_of(value)} has no field {name!r}")
    if name not in value:
        raise TemplateError(f"variable {name!r} is not given", missing=name)
    return value[name]


def _items(value: Value, mark: Mark) -> list[tuple[Value, Value]]:
    match value:
        case bool():
            pass
        case int():
            if value > _MOST_STEPS:
                raise TemplateError(f"range must take at most {_MOST_STEPS} steps", mark)
            return [(number, number) for number in range(value)]
        case list():
            return list(enumerate(value))
        case dict():
            return sorted(value.items())
        case None:
            return []
    raise TemplateError(f"range can't go over a {kind_of(value)}", mark)
