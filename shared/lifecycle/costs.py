"""What is held of workers, and the prices of that. Whole numbers and decimals: sums are exact."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

_MILLIS = 1000
_CPU_MICROS = 1_000_000
_GIB_MILLIS = 1024 * 1000
_CENT_OF_CENT = Decimal("0.000001")
NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Of so many `attempts`: how long they ran, and processors, memory and GPUs times the time in
    which they were held."""

    attempts: int = 0
    run_ms: int = 0
    cpu_us: int = 0
    memory_mib_ms: int = 0
    gpu_ms: int = 0

    def plus(self, other: "Usage") -> "Usage":
        return Usage(
            attempts=self.attempts + other.attempts,
            run_ms=self.run_ms + other.run_ms,
            cpu_us=self.cpu_us + other.cpu_us,
            memory_mib_ms=self.memory_mib_ms + other.memory_mib_ms,
            gpu_ms=self.gpu_ms + other.gpu_ms,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Prices in `unit`, of a processor, a GiB and a GPU for a second."""

    cpu_second: Decimal = NOTHING
    gib_second: Decimal = NOTHING
    gpu_second: Decimal = NOTHING
    unit: str = ""

    def price(self, usage: Usage | None) -> Decimal:
        """Rounded half up to six digits, once for all of it."""
        if usage is None:
            return NOTHING
        exact = (
            self.cpu_second * usage.cpu_us / _CPU_MICROS
            + self.gib_second * usage.memory_mib_ms / _GIB_MILLIS
            + self.gpu_second * usage.gpu_ms / _MILLIS
        )
        return exact.quantize(_CENT_OF_CENT, ROUND_HALF_UP)
