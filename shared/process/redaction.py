"""Takes secret values out of whatever is shown: answers, webhooks, errors, events, logs.

A secret is known as it was given and without the blanks around it, by each of its lines, by its
lines joined (`echo $KEY`), and by all of these as JSON, URLs, shells and base64 spell them.
"""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar, cast
from urllib.parse import quote, quote_plus

REDACTED = "[REDACTED]"

_SHORTEST_INSIDE_TEXT = 4
"""What is shorter is taken out only where it stands alone: a secret of `1` would garble all."""
_SHORTEST_INSIDE_BASE64 = 6
_MOST_LINES = 1000
_LONGEST_REMEMBERED = 2_000
_LONGEST_HELD = 64 * 1024

_LEFT_BY_ENCODERS = ("", "/", "!'()*~", ";,/?:@&=+$!'()*#~")  # by curl, Python, JavaScript's two
_ESCAPED_IN_URL = re.compile("%[0-9A-F]{2}")
_BASE64_END = re.compile("[A-Za-z0-9+/_-]?={0,2}")
_BASE64_LINE = re.compile("[ \t]*[A-Za-z0-9+/]{60,80}\r?\n")
_BASE64_BLOCK = re.compile(r"\n(?:[ \t]*[A-Za-z0-9+/]{60,80}\r?\n)+[ \t]*[A-Za-z0-9+/]*={0,2}")
_URL_SAFE = str.maketrans("+/", "-_")

T = TypeVar("T")
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Forms:
    """How a secret may look: `inside` any text; `alone`, without a letter or digit beside it; and
    what is in base64 (`encoded`, with how many characters before it hold a part)."""

    inside: frozenset[str]
    alone: frozenset[str]
    encoded: frozenset[tuple[str, int]]


class Redactor:
    """Replaces the given secret values by [REDACTED], those that overlap by one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._whole = frozenset(secrets)
        forms = [_forms(secret) for secret in self._whole]
        self._inside = frozenset[str]().union(*(each.inside for each in forms))
        self._encoded = frozenset[tuple[str, int]]().union(*(each.encoded for each in forms))
        alone = frozenset[str]().union(*(each.alone for each in forms))
        self._alone = _standing_alone(alone) if alone else None
        texts = (*self._inside, *alone, *(text for text, _ in self._encoded))
        self._longest = max(map(len, texts), default=0) + 4  # base64 ends in up to three more

    def __bool__(self) -> bool:
        return bool(self._inside or self._alone)

    def text(self, text: str, but: "Redactor | None" = None) -> str:
        """`text` without the secrets, but for those that `but` knows and nothing overlaps."""
        if not self or (but is not None and but.text(text) == REDACTED):
            return text
        if text in self._whole and text.strip():
            return REDACTED
        spans = self._spans(text)
        if but is not None:
            spans = [(start, end) for start, end in spans if but.text(text[start:end]) != REDACTED]
        return _without(text, spans)

    def value(self, value: T) -> T:
        """`value` (as JSON has it) with every string in it redacted; keys stay as they are."""
        return map_texts(value, self.text) if self else value

    def leading(self, text: str) -> tuple[str, str]:
        """What of `text` can be shown although more follows, redacted; and the rest as it is,
        which may hold the beginning of a secret."""
        end = max(len(text) - self._longest, text.rfind("\n") + 1, 0)
        end = _before_base64(text, end) if self._encoded else end
        spans = self._spans(text)
        cut = next((start for start, stop in spans if start < end < stop), end)
        if end - cut <= _LONGEST_HELD:  # else secrets follow one another without an end
            end = cut
        inside = [(start, min(stop, end)) for start, stop in spans if start < end]
        return _without(text[:end], inside), text[end:]

    def _spans(self, text: str) -> list[Span]:
        found: list[Span] = []
        for form in self._inside:
            if form in text:
                found += _occurrences(text, form)
        if self._alone is not None:
            found += [match.span() for match in self._alone.finditer(text)]
        for form, before in self._encoded:
            if form in text:
                found += [_widened(text, span, before) for span in _occurrences(text, form)]
        if self._encoded and "\n" in text:
            found += self._blocks(text)
        return _merged(found) if found else found

    def _blocks(self, text: str) -> Iterator[Span]:
        """Base64 in lines, which may end within the secret."""
        for block in _BASE64_BLOCK.finditer("\n" + text):  # found by what it begins with: faster
            if self._is_within(block.group()):
                yield block.start(), block.start() + len(block.group().rstrip()) - 1

    def _is_within(self, block: str) -> bool:
        joined = "".join(block.split())
        return any(form in joined for form, _ in self._encoded)


def map_texts(value: T, change: Callable[[str], str]) -> T:
    """`value` (as JSON has it) with every string in it changed; keys stay as they are."""

    def changed(value: object) -> object:
        match value:
            case str():
                return change(value)
            case dict():
                return {key: changed(item) for key, item in value.items()}
            case list() | tuple():
                return [changed(item) for item in value]
            case _:
                return value

    return cast(T, changed(value))


def _without(text: str, spans: Iterable[Span]) -> str:
    parts: list[str] = []
    shown = 0
    for start, end in spans:
        parts += (text[shown:start], REDACTED)
        shown = end
    return "".join((*parts, text[shown:])) if parts else text


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _occurrences(text: str, form: str) -> Iterator[Span]:
    """Those that overlap as one."""
    size = len(form)
    start = text.find(form)
    while start >= 0:
        last = start
        while (further := text.rfind(form, last + 1, last + 2 * size - 1)) > 0:
            last = further
        yield start, last + size
        start = text.find(form, last + size)


def _widened(text: str, span: Span, before: int) -> Span:
    """With the characters of base64 beside it that hold a part of the secret."""
    start, end = span
    ending = _BASE64_END.match(text, end)
    return max(start - before, 0), ending.end() if ending else end


def _before_base64(text: str, end: int) -> int:
    """Where the lines of base64 begin that end at `end`: more of them may follow."""
    begin = end
    while begin and end - begin < _LONGEST_HELD:
        line = text.rfind("\n", 0, begin - 1) + 1
        if not _BASE64_LINE.fullmatch(text, line, begin):
            break
        begin = line
    return begin


def _standing_alone(forms: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(forms, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")


def _forms(secret: str) -> _Forms:
    return _kept_forms(secret) if len(secret) <= _LONGEST_REMEMBERED else _made_forms(secret)


def _made_forms(secret: str) -> _Forms:
    texts = set(_texts(secret))
    spelled = {form for text in texts for form in _spellings(text)}
    encoded: set[tuple[str, int]] = set()
    if whole := secret.strip():
        data = whole.encode(errors="replace")
        encoded.update(_inside_base64(data))
        if len(whole) <= _SHORTEST_INSIDE_BASE64:
            spelled |= {base64.b64encode(each).decode() for each in (data, data + b"\n")}
    inside = frozenset(form for form in spelled if len(form) >= _SHORTEST_INSIDE_TEXT)
    return _Forms(inside, frozenset(spelled) - inside, frozenset(encoded))


_kept_forms = lru_cache(1024)(_made_forms)


def _texts(secret: str) -> Iterator[str]:
    """The secret, and what shells and editors make of its lines; nothing that is all blank."""
    if not secret.strip():
        return
    yield secret.strip()  # what is around it is left, lest a line of a log loses its end
    lines = [line.strip() for line in secret.splitlines()]
    if len(lines) > 1:
        yield " ".join(secret.split())
        yield "".join(lines)
        yield from (line for line in lines[:_MOST_LINES] if any(map(str.isalnum, line)))


def _spellings(text: str) -> Iterator[str]:
    yield text
    if text.isascii() and text.isalnum():
        return
    for spelled in (text, *_as_json(text)):
        yield spelled
        yield json.dumps(spelled)[1:-1]  # a text of JSON within JSON
    for safe in _LEFT_BY_ENCODERS:
        yield from _as_url(quote(text, safe=safe, errors="replace"))
    yield from _as_url(quote_plus(text, errors="replace"))
    if "'" in text:  # as `set -x` prints it
        yield text.replace("'", "'\\''")
        yield text.replace("'", "'\"'\"'")


def _as_json(text: str) -> Iterator[str]:
    """As Python, JavaScript, PHP and Go have it."""
    spelled, unicode = json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]
    yield spelled
    yield unicode
    yield spelled.replace("/", "\\/")
    yield unicode.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _as_url(quoted: str) -> Iterator[str]:
    yield quoted
    yield _ESCAPED_IN_URL.sub(lambda match: match.group().lower(), quoted)


def _inside_base64(data: bytes) -> Iterator[tuple[str, int]]:
    """What all base64 has in common that `data` stands in, wherever it begins there."""
    for shift, mixed in enumerate((0, 2, 3)):  # so many characters hold what stands before it
        end = (shift + len(data)) * 8 // 6
        text = base64.b64encode(bytes(shift) + data).decode()[mixed:end]
        if len(text) >= _SHORTEST_INSIDE_BASE64:
            yield text, min(mixed, 1)
            yield text.translate(_URL_SAFE), min(mixed, 1)
