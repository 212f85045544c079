"""At which prices jobs run, and whether balances are charged for them."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from shared.lifecycle import NOTHING, Job, Rates
from shared.process.settings.blocks import CostSettings

NOBODY = "guest"
"""Whose balance pays for jobs that nobody in particular submits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """What an owner has: `held` of the balance is kept for jobs that have not ended. `short_since`
    is when it first did not suffice."""

    owner: str
    balance: Decimal = NOTHING
    held: Decimal = NOTHING
    was_topped_up: bool = False
    short_since: datetime | None = None

    @property
    def available(self) -> Decimal:
        return self.balance - self.held

    def suffices(self, needed: Decimal) -> bool:
        return self.available > 0 and self.available >= needed

    def less(self, needed: Decimal) -> "Wallet":
        return replace(self, held=self.held + needed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Without `rates` nothing has a price. Where it `charges`, a job that ends is paid from a
    balance, and one is refused whose balance does not suffice and did not for longer than
    `grace`: that is given to who has paid before."""

    rates: Rates | None = None
    charges: bool = False
    grace: timedelta = timedelta(0)
    unit: str = "BYC"
    dollars_per_unit: Decimal = Decimal(1)

    def agreed(self, job: Job, creator: str | None) -> Job:
        """A new job. What it costs is settled now, whatever prices become."""
        return replace(job, rates=self.rates, payer=(creator or NOBODY) if self.charges else None)

    def agreed_again(self, job: Job) -> Job:
        """A draft that begins."""
        return replace(job, rates=self.rates)

    def grace_ends_at(self, wallet: Wallet) -> datetime | None:
        return wallet.short_since and wallet.short_since + self.grace

    def is_in_grace(self, wallet: Wallet, now: datetime) -> bool:
        if not (self.grace and wallet.was_topped_up):
            return False
        return now < ((wallet.short_since or now) + self.grace)

    def refusal(self, wallet: Wallet, needed: Decimal) -> str:
        left = f"insufficient_balance: {wallet.available:f} {self.unit} are available"
        return f"{left}, and {needed:f} are needed" if needed else left


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
        unit=settings.unit,
        dollars_per_unit=settings.dollars_per_unit,
    )
