"""At which prices jobs run, and whether balances are charged for them."""

from dataclasses import dataclass, replace
from datetime import timedelta

from shared.lifecycle import Job, Rates
from shared.process.settings.blocks import CostSettings

NOBODY = "guest"
"""Whose balance pays for jobs that nobody in particular submits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Without `rates` nothing has a price. Where it `charges`, a job that ends is paid from a
    balance, and one is refused whose balance does not suffice and did not for longer than
    `grace`."""

    rates: Rates | None = None
    charges: bool = False
    grace: timedelta = timedelta(0)

    def agreed(self, job: Job, creator: str | None) -> Job:
        """A new job. What it costs is settled now, whatever prices become."""
        return replace(job, rates=self.rates, payer=(creator or NOBODY) if self.charges else None)

    def agreed_again(self, job: Job) -> Job:
        """A draft that begins."""
        return replace(job, rates=self.rates)


FREE = Terms()


def terms_of(settings: CostSettings) -> Terms:
    rates = Rates(
        cpu_second=settings.price_per_cpu_second,
        gib_second=settings.price_per_gib_second,
        gpu_second=settings.price_per_gpu_second,
        unit=settings.unit,
    )
    has_prices = any((rates.cpu_second, rates.gib_second, rates.gpu_second))
    return Terms(
        rates=rates if has_prices else None,
        charges=settings.wallet,
        grace=timedelta(hours=settings.grace_hours),
    )
