"""The example job files that are installed with the services and the command."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from pathlib import Path

FOLDER = (Path(__file__).parent / "examples").resolve()


@dataclass(frozen=True, slots=True)
class Template:
    """`shows` is a sentence without its dot."""

    name: str
    shows: str
    is_scheduled: bool
    text: str


@cache
def templates() -> Mapping[str, Template]:
    """By name, in the order of names."""
    read = map(_read, FOLDER.glob("*.yaml"))
    return {each.name: each for each in sorted(read, key=attrgetter("name"))}


def _read(path: Path) -> Template:
    text = path.read_text(encoding="utf-8")
    is_scheduled = "\nschedule:" in text
    return Template(path.stem, _shows(text), is_scheduled, text)


def _shows(text: str) -> str:
    """The first sentence of the comment at the top of the file."""
    comment, _, _ = text.partition("# yaml-language-server")
    sentence, _, _ = comment.replace("\n#", "").removeprefix("# ").partition(". ")
    return sentence.strip().removesuffix(".")
