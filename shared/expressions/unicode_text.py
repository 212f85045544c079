"""Texts as the language sees them: UTF-8 bytes, any of which may be cut out.

A byte that isn't valid UTF-8 lives in a Python str as a lone low surrogate (`surrogateescape`), so
cutting a character in two and joining it again gives the character back, as it does in Go.
"""

_REPLACED = dict.fromkeys(range(56448, 56576), "�")
WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680"
    + "".join(map(chr, range(0x2000, 0x200B)))
    + ("\u2028\u2029\u202f\u205f\u3000")
)


def to_bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that no byte stands behind: JSON's "\\ud800"
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def from_bytes(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def joined_up(text: str) -> str:
    """The same bytes, with neighbouring halves of a character made one again."""
    return text if text.isascii() else from_bytes(to_bytes(text))


def printable(text: str) -> str:
    """The text as it leaves the language: each stray byte is U+FFFD."""
    return text if text.isascii() else joined_up(text).translate(_REPLACED)


def byte_length(text: str) -> int:
    return len(text) if text.isascii() else len(to_bytes(text))


def upper(text: str) -> str:
    return text.upper() if text.isascii() else "".join(map(_upper_one, text))


def lower(text: str) -> str:
    return text.lower() if text.isascii() else "".join(map(_lower_one, text))


def _upper_one(character: str) -> str:
    """One character to one character: ß stays ß, since Go never lengthens a text here."""
    for mapped in (character.upper(), character.title()):
        if len(mapped) == 1:
            return mapped
    return character


def _lower_one(character: str) -> str:
    mapped = character.lower()
    return mapped if len(mapped) == 1 else mapped[0]
