"""Lists as the settings spell them: in one text, with commas."""


def listed(text: str) -> tuple[str, ...]:
    """`a, b` as ("a", "b")."""
    return tuple(filter(None, (part.strip() for part in text.split(","))))
