"""Times and texts as people read them."""

from datetime import UTC, datetime

_UNITS = (("d", 86400), ("h", 3600), ("min", 60))


def ago(time: str | None, now: datetime) -> str:
    """`time` as the API writes it: how long before `now`."""
    if time is None:
        return ""
    seconds = (now - datetime.fromisoformat(time)).total_seconds()
    if seconds < -1:
        return f"in {coarse(-seconds)}"
    return f"{coarse(seconds)} ago" if seconds >= 1 else "just now"


def took(started: str | None, ended: str | None, now: datetime) -> str:
    """From start to end, or to `now` for what still runs; empty for what hasn't started."""
    if started is None:
        return ""
    return exact(seconds_between(started, ended, now))


def seconds_between(started: str, ended: str | None, now: datetime) -> float:
    end = datetime.fromisoformat(ended) if ended else now
    return max(0.0, (end - datetime.fromisoformat(started)).total_seconds())


def coarse(seconds: float) -> str:
    """In the largest unit that fits: `5 min`."""
    for name, size in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} s"


def exact(seconds: float) -> str:
    """`40 ms`, `1.2 s`, `2 min 5 s`, `3 h 20 min`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def exact_bytes(size: int) -> str:
    """`512 B`, `1.2 MB`: in powers of ten, as progress bars count."""
    amount, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 999.95:
            break
        amount, unit = amount / 1000, larger
    return f"{size} B" if unit == "B" else f"{amount:.1f} {unit}"


def printable(text: str) -> str:
    """One line without what would steer the terminal; its spaces stay."""
    return "".join(c if c.isprintable() else " " for c in text)


def one_line(text: str) -> str:
    return " ".join(printable(text).split())


def cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def now() -> datetime:
    return datetime.now(UTC)
