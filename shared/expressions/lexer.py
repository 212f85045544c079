"""Text to tokens, escapes in quoted text included. Columns count characters from 1."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from shared.expressions.budget import MAX_SOURCE
from shared.expressions.errors import ExpressionError

_SIMPLE = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\",
}  # fmt: skip
_ESCAPE = re.compile(
    r"""\\(?: x(?P<x>[0-9a-fA-F]{2}) | u(?P<u>[0-9a-fA-F]{4}) | U(?P<U>[0-9a-fA-F]{8})
      | u\{(?P<braced>[0-9a-fA-F]{1,6})\} | (?P<octal>[0-3][0-7]{2}) | (?P<simple>.) | $)""",
    re.VERBOSE | re.DOTALL,
)


def unescaped(quoted: str, column: int) -> str:
    """The text that a literal, quotes included, stands for. ExpressionError for a bad escape."""
    body = quoted[1:-1]
    if "\\" not in body:
        return body

    def meant(match: re.Match[str]) -> str:
        simple = match["simple"]
        if simple is not None:
            if simple == quoted[0]:
                return simple
            if simple in _SIMPLE:
                return _SIMPLE[simple]
            raise ExpressionError(f"bad escape \\{simple}", column=column + match.start() + 1)
        return _character(match, column)

    return _ESCAPE.sub(meant, body)


def _character(match: re.Match[str], column: int) -> str:
    octal = match["octal"]
    digits = match["x"] or match["u"] or match["U"] or match["braced"]
    code = int(octal, 8) if octal is not None else int(digits or "110000", 16)
    if code > 0x10FFFF:
        raise ExpressionError("no such character", column=column + match.start() + 1)
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else chr(code)


class Sort(StrEnum):
    NAME = "name"
    NUMBER = "number"
    TEXT = "text"
    OPERATOR = "operator"
    BRACKET = "bracket"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    sort: Sort
    value: str
    column: int

    def __str__(self) -> str:
        return "end of expression" if self.sort is Sort.END else f"{self.sort} {self.value!r}"


WORD_OPERATORS = frozenset(
    {"not", "in", "or", "and", "matches", "contains", "startsWith", "endsWith", "let", "if", "else"}
)
_TOKEN = re.compile(
    r"""(?P<space>\s+ | //[^\n]* | /\*.*?\*/)
      | (?P<number>0[xX][0-9a-fA-F_]* | 0[oO][0-7_]* | 0[bB][01_]*
          | (?:[0-9][0-9_]*(?:\.(?!\.)[0-9_]*)? | \.[0-9][0-9_]*) (?:[eE][+-]?[0-9_]*)?)
      | (?P<name>[^\W\d][\w$]* | \$[\w$]*)
      | (?P<raw>`(?:[^`] | ``)*`)
      | (?P<text>"(?:[^"\\\n] | \\.)*" | '(?:[^'\\\n] | \\.)*')
      | \#(?P<pointer>[\w$]*)
      | (?P<bracket>[()\[\]{}])
      | (?P<operator>\?\.|\?\?|\?|\.\.|\.|\|\|?|::?|[,;%+\-^/]|[&!=*<>][&=*]?)
    """,
    re.VERBOSE | re.DOTALL,
)


def tokens_of(source: str) -> list[Token]:
    """All tokens, the last one END. ExpressionError for text that isn't of the language."""
    if len(source) > MAX_SOURCE:
        raise ExpressionError(
            f"an expression has at most {MAX_SOURCE} characters", column=MAX_SOURCE + 1
        )
    tokens: list[Token] = []
    position = 0
    while position < len(source):
        match = _TOKEN.match(source, position)
        if match is None:
            raise _unreadable(source, position)
        if match.lastgroup == "pointer":
            tokens.extend(_pointer(match))
        elif match.lastgroup != "space":
            tokens.append(_token(match))
        position = match.end()
    tokens.append(Token(Sort.END, "", max(len(source), 1)))
    return tokens


def _pointer(match: re.Match[str]) -> Iterator[Token]:
    """`#`, and the name that stands right behind it, be it a word operator."""
    yield Token(Sort.OPERATOR, "#", match.start() + 1)
    if match["pointer"]:
        yield Token(Sort.NAME, match["pointer"], match.start() + 2)


def _token(match: re.Match[str]) -> Token:
    group, word, column = match.lastgroup, match.group(), match.start() + 1
    if group == "number":
        after = match.string[match.end() : match.end() + 1]
        if after and (after.isalnum() or after in "_$"):
            raise ExpressionError(f"bad number {word + after!r}", column=column)
        return Token(Sort.NUMBER, word, column)
    if group == "name":
        return Token(Sort.OPERATOR if word in WORD_OPERATORS else Sort.NAME, word, column)
    if group == "raw":
        return Token(Sort.TEXT, word[1:-1].replace("``", "`"), column)
    if group == "text":
        return Token(Sort.TEXT, unescaped(word, column), column)
    return Token(Sort.BRACKET if group == "bracket" else Sort.OPERATOR, word, column)


def _unreadable(source: str, position: int) -> ExpressionError:
    character = source[position]
    if character in "'\"`":
        return ExpressionError("a text isn't closed", column=position + 1)
    return ExpressionError(f"unexpected character {character!r}", column=position + 1)
