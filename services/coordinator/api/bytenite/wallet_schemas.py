"""What `/v1/wallet` and estimates take and answer."""

from datetime import datetime
from typing import Literal

from services.coordinator.api.bytenite.schemas import Pagination
from services.coordinator.api.replies import Answer
from shared.jobspec.bytenite.form import Form
from shared.jobspec.bytenite.models import Money


class Balance(Answer):
    """What is there to run jobs with."""

    total_balance: float
    """All top-ups less all payments."""
    available_balance: float
    """The same less what is held for jobs that have not ended."""
    amount_due: float
    """In dollars, what is missing of a balance below 0."""
    unit: str
    """Of the balances."""
    is_charged: bool
    """Whether jobs are charged; else amounts are information, and nothing is refused."""
    grace_ends_at: datetime | None = None
    """Until when jobs start although the balance does not suffice."""


class TransactionView(Answer):
    """A change of the balance."""

    id: str
    type: Literal["payment", "top_up"]
    account_from: str
    """Who pays."""
    account_to: str
    """Who is paid."""
    amount: float
    """More than 0, whoever pays."""
    unit: str
    exchange_rate: float
    """Dollars for a unit, today."""
    balance: float
    """What there was after it."""
    job_id: str | None = None
    """The job that was paid for."""
    job_name: str | None = None
    template_id: str | None = None
    """What the job was made of."""
    reference: str | None = None
    """Of a top-up."""
    created_at: datetime


class TransactionList(Answer):
    pagination: Pagination
    data: list[TransactionView]
    """The newest first."""


class ExchangeRate(Answer):
    exchange_rate: float
    """Dollars for a unit."""
    unit: str
    currency: str = "USD"


class AddTopUp(Form):
    """With the same `reference` it is added once."""

    owner: str
    amount: Money
    reference: str


class EstimationView(Answer):
    """By jobs of the same version of the app that have completed."""

    total_estimation: float
    """The median, in `unit`; 0 without prices or history."""
    low: float
    """A quarter of the past jobs cost less."""
    high: float
    """A quarter of the past jobs cost more."""
    unit: str
    cpu_seconds: float
    """The median of processors times seconds."""
    confidence: Literal["none", "low", "medium", "high"]
    """`none`: no such job has completed, and nothing is estimated."""
    runs: int
    """How many jobs it is made of."""
    basis: Literal["chunks", "input_bytes", "runs"] | None = None
    """What they were compared by."""
    units: int
    """How many of these the job has."""


class EstimationAnswer(Answer):
    estimation: EstimationView
