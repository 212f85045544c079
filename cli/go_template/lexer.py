"""The text of a template in pieces: what stays as it is, and the words of each action."""

import ast
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from cli.go_template.errors import Mark, Marks, TemplateError

_OPENING = re.compile(r"\{\{(-(?=[ \t\r\n]))?")
_CLOSING = re.compile(r"((?<=[ \t\r\n])-)?\}\}")
_COMMENT = re.compile(r"[ \t\r\n]*/\*.*?\*/[ \t\r\n]*", re.DOTALL)
_BLANK = " \t\r\n"
_WORD = re.compile(
    r"""(?P<text>"(?:\\.|[^"\\\n])*")
    |(?P<raw>`[^`]*`)
    |(?P<char>'(?:\\.[^']*|[^'\\\n])')
    |(?P<number>[+-]?(?:0[xXbBoO][0-9a-fA-F_]+|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?))
    |(?P<field>\.[^\W\d]\w*)
    |(?P<dot>\.)
    |(?P<variable>\$\w*)
    |(?P<name>[^\W\d]\w*)
    |(?P<sign>:=|[=|(),])""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Word:
    """`is_glued`: nothing is between it and the word before."""

    kind: str
    text: str
    mark: Mark
    is_glued: bool = False


@dataclass(frozen=True)
class Action:
    mark: Mark
    words: tuple[Word, ...]


def pieces(template: str) -> Iterator[str | Action]:
    """Raises TemplateError."""
    marks = Marks(template)
    at, trims = 0, False
    while opening := _OPENING.search(template, at):
        text = template[at : opening.start()]
        text = text.lstrip(_BLANK) if trims else text
        yield text.rstrip(_BLANK) if opening[1] else text
        words, closing = _action(template, opening.end(), opening.start(), marks)
        if words is not None:
            yield Action(marks.of(opening.start()), words)
        at, trims = closing.end(), bool(closing[1])
    yield template[at:].lstrip(_BLANK) if trims else template[at:]


def _action(
    template: str, at: int, start: int, marks: Marks
) -> tuple[tuple[Word, ...] | None, re.Match[str]]:
    """Its words, None of a comment, and its end. `start` is that of the action."""
    if (comment := _COMMENT.match(template, at)) is not None:
        closing = _CLOSING.match(template, comment.end()) or _CLOSING.match(
            template, comment.end() - 1
        )
        if closing is None:
            raise TemplateError("a comment must end with its action: */}}", marks.of(start))
        return None, closing
    words: list[Word] = []
    while True:
        begin = at
        while at < len(template) and template[at] in _BLANK:
            at += 1
        if (closing := _CLOSING.match(template, at)) is not None:
            return tuple(words), closing
        if at == len(template):
            raise TemplateError("an action that begins here has no }}", marks.of(start))
        found = _WORD.match(template, at)
        if found is None:
            reason = f"unexpected {template[at]!r} in an action"
            raise TemplateError(reason, marks.of(at))
        kind = found.lastgroup or ""
        words.append(Word(kind, found[0], marks.of(at), bool(words) and begin == at))
        at = found.end()


def constant(word: Word) -> str | int | float:
    """Of a text or a number. Raises TemplateError."""
    text = word.text
    if word.kind == "raw":
        return text[1:-1].replace("\r", "")
    try:
        if word.kind == "text":
            return str(ast.literal_eval(text))
        if word.kind == "char":
            return ord(ast.literal_eval(text))
        return _whole(int(text, 8 if text.isdecimal() and text[0] == "0" else 0))
    except (ValueError, SyntaxError, TypeError):  # a fraction is left, or a slip
        return _fraction(word)


def _whole(number: int) -> int:
    if not -(2**63) <= number < 2**63:
        raise ValueError("must fit in 64 bits")
    return number


def _fraction(word: Word) -> int | float:
    if word.kind == "number":
        try:
            found = _whole(int(word.text)) if word.text.isdecimal() else float(word.text)
        except ValueError:  # told below
            found = math.inf
        if math.isfinite(found):
            return found
    raise TemplateError(f"{word.text} is no valid {_CALLED[word.kind]}", word.mark)


_CALLED = {"text": "text", "char": "character", "number": "number"}
