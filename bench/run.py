"""What every benchmark is given, and how they sum up their rounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.ground import Resources


@dataclass(frozen=True, slots=True)
class Run:
    """`quick` asks for smaller sizes; with `profile` the services leave profiles in that folder;
    `minutes` is how long row v watches live updates, where its own time is not to be taken."""

    ground: Resources
    quick: bool
    profile: Path | None
    minutes: float | None = None


def spread(values: Sequence[float], form: str = ".1f") -> str:
    """The median, with the least and the greatest: what the machine's noise did."""
    texts = (format(value, form) for value in (median(values), min(values), max(values)))
    return "{} ({} to {})".format(*texts)
