"""Values of the core as a column of JSON keeps them, and read again."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.definition import Defaults, Encoded, Reuse, encode
from shared.lifecycle import (
    Children,
    JobLock,
    Parent,
    PlacementRules,
    PlacementType,
    Rates,
    RetryPolicy,
    Slots,
    StartRate,
    Usage,
)


def retry_row(policy: RetryPolicy) -> dict[str, object]:
    """The policy as kept in `tasks.retry`; times in seconds. Defaults are left out."""
    if policy == RetryPolicy():
        return {}
    return {
        "limit": policy.limit,
        "initial_delay": policy.initial_delay.total_seconds(),
        "scaling_factor": policy.scaling_factor,
        "max_delay": policy.max_delay.total_seconds(),
        "jitter": policy.jitter,
        "on": None if policy.on is None else sorted(policy.on),
        "reset_after": None if (reset := policy.reset_after) is None else reset.total_seconds(),
        **{name: value for name in _OF_MEMORY if (value := getattr(policy, name)) not in (None, 1)},
    }


def retry_of(row: Mapping[str, Any]) -> RetryPolicy:
    if not row:
        return RetryPolicy()
    return RetryPolicy(
        limit=row["limit"],
        initial_delay=timedelta(seconds=row["initial_delay"]),
        scaling_factor=row["scaling_factor"],
        max_delay=timedelta(seconds=row["max_delay"]),
        jitter=row["jitter"],
        on=None if (on := row.get("on")) is None else frozenset(on),
        reset_after=None if (after := row.get("reset_after")) is None else timedelta(seconds=after),
        **{name: row[name] for name in _OF_MEMORY if name in row},
    )


_OF_MEMORY = ("memory_factor", "most_memory", "memory_scale")


def placement_row(rules: PlacementRules | None) -> dict[str, object] | None:
    """Times in seconds."""
    if rules is None:
        return None
    return {
        "type": rules.type.value,
        "priority": rules.priority,
        "max_unavailable": rules.max_unavailable,
        "healthy_after": rules.healthy_after.total_seconds(),
        "demand": rules.demand,
    }


def placement_of(row: Mapping[str, Any] | None) -> PlacementRules | None:
    if row is None:
        return None
    return PlacementRules(
        type=PlacementType(row["type"]),
        priority=row["priority"],
        max_unavailable=row["max_unavailable"],
        healthy_after=timedelta(seconds=row["healthy_after"]),
        demand=row["demand"],
    )


def children_row(children: Children | None) -> dict[str, int] | None:
    """What came later is left out where it says nothing: a service of the version before may read
    the row."""
    if children is None:
        return None
    row = asdict(children)
    return {name: value for name, value in row.items() if value != _SAYS_NOTHING.get(name, ...)}


_SAYS_NOTHING = {"running": 0, "finishes": False, "most": 0, "opened": None, "sequence": 0}
"""Fields of `Children` that came later."""


def children_of(row: Mapping[str, Any] | None) -> Children | None:
    return Children(**row) if row else None


def usage_row(usage: Usage | None) -> dict[str, int] | None:
    return asdict(usage) if usage else None


def rates_row(rates: Rates | None) -> dict[str, str] | None:
    """Decimals as texts."""
    return {name: str(value) for name, value in asdict(rates).items()} if rates else None


def rates_of(row: Mapping[str, Any] | None) -> Rates | None:
    if not row:
        return None
    unit = row["unit"]
    return Rates(unit=unit, **{name: Decimal(row[name]) for name in row if name != "unit"})


def amount_row(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def lock_row(lock: JobLock | None) -> dict[str, object] | None:
    return asdict(lock) if lock else None


def lock_of(row: Mapping[str, Any] | None) -> JobLock | None:
    if row is None:
        return None
    at, expires_at = (datetime.fromisoformat(row[name]) for name in ("at", "expires_at"))
    return JobLock(row["by"], row["key"], at, expires_at)


def slots_row(slots: Slots | None) -> dict[str, object] | None:
    """What says nothing is left out."""
    return {name: value for name, value in asdict(slots).items() if value} if slots else None


def slots_of(row: Mapping[str, Any] | None) -> Slots | None:
    if row is None:
        return None
    rate, paid_until = row.get("rate"), row.get("paid_until")
    read = {
        "rate": StartRate(**rate) if rate else None,
        "paid_until": datetime.fromisoformat(paid_until) if paid_until else None,
    }
    return Slots(**{**row, **read})


def usage_of(row: Mapping[str, Any] | None) -> Usage | None:
    return Usage(**row) if row else None


def encoded(value: Defaults | Reuse | None) -> Encoded | None:
    return encode(value) if value else None


def dispatch_of(parent: Parent | None) -> int | None:
    return parent.dispatch if parent else None
