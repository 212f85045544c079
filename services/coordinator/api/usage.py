"""What is shown of what attempts have held, and of what that costs."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from services.coordinator.api.replies import Answer
from services.coordinator.store.family_usage import PricedUsage
from shared.lifecycle import NOTHING, Rates, Usage
from shared.store.row_values import rates_of, usage_of


class UsageView(Answer):
    """What was held of workers. A task without limits counts as one processor and 1 GiB."""

    attempts: int | None = None
    """Of a job: how many attempts have ended that a worker ran."""
    run_seconds: float
    """How long they ran."""
    cpu_seconds: float
    """Processors times seconds."""
    memory_gib_seconds: float
    """GiB of memory times seconds."""
    gpu_seconds: float | None = None
    """GPUs times seconds."""
    amount: str | None = None
    """Of a job: what it costs, exactly, where prices are set."""
    unit: str | None = None
    """Of `amount`."""


def shown_usage(
    row: Mapping[str, int], rates: Mapping[str, str] | None = None
) -> dict[str, object]:
    """Of a task; with `rates`, if they are set, of a job."""
    usage = usage_of(row)
    assert usage is not None  # noqa: S101 - as the row is not empty
    shown = _held(usage)
    if prices := rates_of(rates):
        shown |= _price(prices.price(usage), prices.unit)
    return shown


def shown_together(parts: Sequence[PricedUsage]) -> dict[str, object]:
    """Of several jobs; what they cost only where all have prices in one unit."""
    total, amount, units = Usage(), NOTHING, set[str | None]()
    for part in parts:
        usage, prices = Usage(**part.usage), rates_of(part.rates)
        total, amount = total.plus(usage), amount + _or_nothing(prices, usage)
        units.add(prices.unit if prices else None)
    shown = _held(total)
    if len(units) == 1 and (unit := units.pop()) is not None:
        shown |= _price(amount, unit)
    return shown


def _or_nothing(prices: Rates | None, usage: Usage) -> Decimal:
    return prices.price(usage) if prices else NOTHING


def _held(usage: Usage) -> dict[str, object]:
    shown: dict[str, object] = {
        "runSeconds": usage.run_ms / 1000,
        "cpuSeconds": usage.cpu_us / 1_000_000,
        "memoryGibSeconds": round(usage.memory_mib_ms / 1_024_000, 3),
    }
    if usage.gpu_ms:
        shown["gpuSeconds"] = usage.gpu_ms / 1000
    return shown


def _price(amount: Decimal, unit: str) -> dict[str, object]:
    return {"amount": amount_text(amount), "unit": unit}


def price_of(rates: Mapping[str, str] | None, usage: Mapping[str, int] | None) -> Decimal:
    prices = rates_of(rates)
    return prices.price(usage_of(usage)) if prices else NOTHING


def amount_text(amount: Decimal) -> str:
    """As a plain number without zeros at its end."""
    text = f"{amount:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"
