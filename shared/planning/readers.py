"""Entries among the readers of jobs: who may see one, and who may act on it, too."""

from collections.abc import Collection

EVERYBODY_ROLE = "public"
"""The role that everyone has."""


def view_only(entry: str) -> str:
    """Of an entry among a job's readers: the one that lets see, and not act."""
    return f"view:{entry}"


def operators(identity: str | None, roles: Collection[str]) -> list[str]:
    """The entries that let somebody act, sorted. `identity` is `user:x`, `key:id`, or nobody's."""
    entries = {f"role:{role}" for role in (*roles, EVERYBODY_ROLE)}
    return sorted(entries | ({identity} if identity else set()))


def readers(identity: str | None, roles: Collection[str]) -> list[str]:
    """The entries that let somebody see."""
    acting = operators(identity, roles)
    return acting + list(map(view_only, acting))
