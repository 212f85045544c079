"""From the pieces of a template to its tree."""

from collections.abc import Sequence

from cli.go_template.errors import Mark, TemplateError
from cli.go_template.functions import FUNCTIONS, LAZY
from cli.go_template.lexer import Action, Word, constant, pieces
from cli.go_template.tree import (
    Branch,
    Call,
    Chain,
    Command,
    Constant,
    Function,
    Leave,
    Node,
    Nodes,
    Operand,
    Pipeline,
    Template,
)

_CONSTANTS = {"true": True, "false": False, "nil": None}
_KEYWORDS = frozenset(
    {"if", "with", "range", "else", "end", "define", "template", "block", "break", "continue"}
)


def parse(text: str) -> Template:
    """Raises TemplateError."""
    return _Parser(list(pieces(text))).template()


class _Parser:
    """`_variables` are those that are known at the point that is read."""

    def __init__(self, found: list[str | Action]) -> None:
        self._pieces, self._at = found, 0
        self._variables = ["$"]
        self._loops = 0
        self._made = Template()

    def template(self) -> Template:
        self._made.nodes, ending = self._nodes(top=True)
        if ending is not None:
            raise TemplateError(f"unexpected {{{{{ending.words[0].text}}}}}", ending.mark)
        return self._made

    def _nodes(self, *, top: bool = False) -> tuple[Nodes, Action | None]:
        """Up to the `else` or `end` that closes them, which comes with them."""
        nodes: list[Node] = []
        while self._at < len(self._pieces):
            piece = self._pieces[self._at]
            self._at += 1
            if isinstance(piece, str):
                nodes.append(piece)
            elif piece.words and piece.words[0].text in ("else", "end"):
                return tuple(nodes), piece
            else:
                nodes += self._node(piece)
        if not top:
            raise TemplateError("{{end}} is missing", self._last_mark())
        return tuple(nodes), None

    def _last_mark(self) -> Mark:
        return next(p.mark for p in reversed(self._pieces) if isinstance(p, Action))

    def _node(self, action: Action) -> list[Node]:
        if not action.words:
            raise TemplateError("an action must not be empty", action.mark)
        first, rest = action.words[0], _Words(action.words[1:], action.mark)
        match first.text if first.kind == "name" else "":
            case "if" | "with" | "range" as kind:
                return [self._branch(kind, rest)]
            case "break" | "continue" as kind:
                rest.expect_end()
                if not self._loops:
                    raise TemplateError(f"{{{{{kind}}}}} outside of a range", action.mark)
                return [Leave(kind)]
            case "define":
                self._define(rest)
                return []
            case "block":
                name = rest.name()
                pipeline = self._pipeline(rest)
                self._made.named[name] = self._body_of_template(action.mark)
                return [Call(action.mark, name, pipeline)]
            case "template":
                name = rest.name()
                return [Call(action.mark, name, self._pipeline(rest) if rest.left else None)]
        return [self._pipeline(_Words(action.words, action.mark))]

    def _define(self, words: "_Words") -> None:
        name = words.name()
        words.expect_end()
        self._made.named[name] = self._body_of_template(words.mark)

    def _body_of_template(self, mark: Mark) -> Nodes:
        variables, self._variables = self._variables, ["$"]
        nodes, ending = self._nodes()
        self._variables = variables
        if ending is None or ending.words[0].text != "end":
            raise TemplateError("a template must end with {{end}}", mark)
        return nodes

    def _branch(self, kind: str, words: "_Words") -> Branch:
        known = len(self._variables)
        pipeline = self._pipeline(words, in_range=kind == "range")
        self._loops += kind == "range"
        body, ending = self._nodes()
        self._loops -= kind == "range"
        otherwise: Nodes = ()
        if ending is not None and ending.words[0].text == "else":
            otherwise = self._otherwise(ending)
        del self._variables[known:]
        return Branch(kind, pipeline, body, otherwise)  # type: ignore[arg-type]  # one of the three

    def _otherwise(self, ending: Action) -> Nodes:
        """What stands after an `else`, which may be another `if` or `with` at once."""
        words = _Words(ending.words[1:], ending.mark)
        if words.left:
            kind = words.take().text
            if kind not in ("if", "with"):
                raise TemplateError(f"unexpected {kind!r} after else", ending.mark)
            return (self._branch(kind, words),)
        nodes, last = self._nodes()
        if last is None or last.words[0].text != "end":
            raise TemplateError("only one {{else}} is allowed", last.mark if last else ending.mark)
        return nodes

    def _pipeline(self, words: "_Words", *, in_range: bool = False) -> Pipeline:
        mark = words.mark
        variables, assigns = words.declared(in_range=in_range)
        commands = self._commands(words)
        words.expect_end()
        if assigns:
            for name in variables:
                self._known(name, mark)
        else:
            self._variables += variables
        return Pipeline(mark, commands, tuple(variables), assigns)

    def _commands(self, words: "_Words") -> tuple[Command, ...]:
        commands: list[Command] = []
        while True:
            commands.append(self._command(words))
            if not words.accept("|"):
                return tuple(commands)

    def _command(self, words: "_Words") -> Command:
        mark = words.next_mark
        operands: list[Operand] = []
        while words.left and words.peek.text not in ("|", ")"):
            operands.append(self._operand(words))
        if not operands:
            raise TemplateError("a value is missing", mark)
        return Command(mark, tuple(operands))

    def _operand(self, words: "_Words") -> Operand:
        word = words.take()
        match word.kind:
            case "text" | "raw" | "char" | "number":
                return Constant(constant(word))
            case "dot":
                return Chain(None)
            case "field":
                return Chain(None, (word.text[1:], *words.fields()))
            case "variable":
                return Chain(self._known(word.text, word.mark), tuple(words.fields()))
            case "name":
                return self._named(word)
        if word.text != "(":
            raise TemplateError(f"unexpected {word.text!r}", word.mark)
        inner = Pipeline(word.mark, self._commands(words))
        if not words.accept(")"):
            raise TemplateError("a bracket is not closed", word.mark)
        return Chain(inner, tuple(words.fields()))

    def _named(self, word: Word) -> Operand:
        if word.text in _CONSTANTS:
            return Constant(_CONSTANTS[word.text])
        if word.text in _KEYWORDS:
            raise TemplateError(f"unexpected {word.text!r}", word.mark)
        if word.text not in FUNCTIONS and word.text not in LAZY:
            raise TemplateError(f"function {word.text!r} is not defined", word.mark)
        return Function(word.text)

    def _known(self, name: str, mark: Mark) -> str:
        if name not in self._variables:
            raise TemplateError(f"variable {name!r} is not defined", mark)
        return name


class _Words:
    def __init__(self, words: Sequence[Word], mark: Mark) -> None:
        self._words, self._at, self.mark = words, 0, mark

    @property
    def left(self) -> bool:
        return self._at < len(self._words)

    @property
    def peek(self) -> Word:
        return self._words[self._at]

    @property
    def next_mark(self) -> Mark:
        return self.peek.mark if self.left else self.mark

    def take(self) -> Word:
        self._at += 1
        return self._words[self._at - 1]

    def accept(self, text: str) -> bool:
        found = self.left and self.peek.kind == "sign" and self.peek.text == text
        self._at += found
        return found

    def expect_end(self) -> None:
        if self.left:
            raise TemplateError(f"unexpected {self.peek.text!r}", self.peek.mark)

    def name(self) -> str:
        if not self.left or self.peek.kind not in ("text", "raw"):
            raise TemplateError("the name of a template must be a text in quotes", self.mark)
        return str(constant(self.take()))

    def fields(self) -> list[str]:
        """Those that follow at once."""
        found: list[str] = []
        while self.left and self.peek.kind == "field" and self.peek.is_glued:
            found.append(self.take().text[1:])
        return found

    def declared(self, *, in_range: bool) -> tuple[list[str], bool]:
        """The variables before `:=` or `=`, and whether it is the latter."""
        start, names = self._at, list[str]()
        while self.left and self.peek.kind == "variable":
            names.append(self.take().text)
            if self.accept(":="):
                return self._few(names, in_range=in_range), False
            if self.accept("="):
                return self._few(names, in_range=in_range), True
            if not self.accept(","):
                break
        self._at = start
        return [], False

    def _few(self, names: list[str], *, in_range: bool) -> list[str]:
        if len(names) > 1 + in_range:
            raise TemplateError("too many variables", self.mark)
        return names
