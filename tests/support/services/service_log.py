"""What the services wrote in their logs that nobody wants to read there."""

import json
from collections import Counter
from pathlib import Path


def complaints(log: Path, levels: tuple[str, ...] = ("error", "critical")) -> list[str]:
    """The lines of those levels, each once with its number; and what is no line of ours at all,
    such as an interpreter's last words."""
    counts: Counter[str] = Counter()
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if (text := _complaint(line, levels)) is not None:
                counts[text] += 1
    return [f"{text} ({count} times)" for text, count in counts.items()]


def _complaint(line: str, levels: tuple[str, ...]) -> str | None:
    if '"level":' in line and not any(f'"{level}"' in line for level in levels):
        return None  # most lines: not worth reading
    try:
        told = json.loads(line)
    except ValueError:  # no line of our logging
        return line.strip() or None
    if told.get("level") not in levels:
        return None
    return " ".join(f"{told[name]}" for name in ("level", "event", "error") if name in told)
