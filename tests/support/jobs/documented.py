"""The complete jobs on docs/language.md, with the results that it states."""

import re
from dataclasses import dataclass
from pathlib import Path

LANGUAGE = (Path(__file__).parents[3] / "docs" / "language.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```yaml\n(name: ([^\n]*)\n.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class DocumentedJob:
    text: str
    result: str | None
    """What follows the arrow behind its `output`."""


def jobs_of(page: str) -> dict[str, DocumentedJob]:
    return {name: DocumentedJob(text, _result(text)) for text, name in _BLOCK.findall(page)}


def _result(text: str) -> str | None:
    found = re.search(r"^output: .* # → (.*)$", text, re.MULTILINE)
    return found[1] if found else None
