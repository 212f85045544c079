"""What $TORK_PROGRESS may hold: one number, 0 to 100."""

import math


def parse_progress(raw: bytes) -> float | None:
    """The number, held within 0..100; None for anything else (a half-written file included)."""
    try:
        value = float(raw)
    except ValueError:  # empty, or caught in the middle of a write: the next look will tell
        return None
    return min(max(value, 0.0), 100.0) if math.isfinite(value) else None
