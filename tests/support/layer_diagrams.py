"""docs/layers.md: import-linter's drawing of the packages, as Mermaid diagrams; for `make docs`."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Set
from pathlib import Path

_ARROW = re.compile(r'"\.?([\w.]+)" ->\s+"\.?([\w.]+)"')
_INTRODUCTION = """\
# Layers

Drawn by import-linter (`make docs`). An arrow is an import; it is left out where a longer way leads
to the same package. `make layers` checks the floors, which are listed in `pyproject.toml`.
"""
_PACKAGES = {
    "All packages": ("cli", "services", "shared", "conveyor"),
    "shared": ("shared",),
    "coordinator": ("services.coordinator",),
    "scheduler": ("services.scheduler",),
    "worker": ("services.worker",),
    "webhook dispatcher": ("services.webhook_dispatcher",),
}

Arrows = Set[tuple[str, str]]


def layers_page() -> str:
    sections = [_INTRODUCTION]
    for title, packages in _PACKAGES.items():
        arrows = (f"    {a} --> {b}" for a, b in sorted(without_shortcuts(_drawn(packages))))
        diagram = "\n".join(("```mermaid", "flowchart TD", *arrows, "```"))
        sections.append(f"## {title}\n\n{diagram}\n")
    return "\n".join(sections)


def without_shortcuts(arrows: Arrows) -> Arrows:
    """`arrows` form no circle."""
    return {(a, b) for a, b in arrows if b not in _reached(a, arrows - {(a, b)})}


def _reached(start: str, arrows: Arrows) -> set[str]:
    found: set[str] = set()
    left = [start]
    while left:
        here = left.pop()
        after = {b for a, b in arrows if a == here} - found
        found |= after
        left += after
    return found


def _drawn(packages: tuple[str, ...]) -> Arrows:
    tool = Path(sys.executable).with_name("import-linter")
    command = [str(tool), "drawgraph", *packages]
    # Its cache is in the directory it runs in, and knows what has changed by package, whatever the
    # drawing: one with several packages would make those of a single one after it out of date.
    with tempfile.TemporaryDirectory() as empty:
        drawn = subprocess.run(command, capture_output=True, text=True, check=True, cwd=empty)
    return set(_ARROW.findall(drawn.stdout))


if __name__ == "__main__":
    sys.stdout.write(layers_page())
