"""What attempts hold of their workers, what that costs, and budgets."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from shared.lifecycle import (
    BudgetSpent,
    CancelTasks,
    Event,
    Ignored,
    Job,
    JobReleased,
    JobState,
    LeaseExpired,
    Rates,
    RetryPolicy,
    Task,
    TaskCancelled,
    TaskFailed,
    TaskKind,
    TaskReturned,
    TaskState,
    TaskSucceeded,
    TaskTimedOut,
    Usage,
    decide,
)
from shared.lifecycle.metering import Charge, charge_of
from shared.lifecycle.replacing import replace
from shared.planning.terms import FREE, NOBODY, Terms, Wallet, terms_of
from shared.process.settings.blocks import CostSettings
from tests.support.jobs.decided import NODE, NOW, a_job, decided, of, running, scheduled

EventOf = Callable[[Task], Event]
END = NOW + timedelta(seconds=90, microseconds=2500)
LIMITED = {"millicpus": 500, "memory": 512 * 1024 * 1024 + 1, "gpus": 2}
HELD = Usage(
    attempts=1, run_ms=90_002, cpu_us=45_001_000, memory_mib_ms=513 * 90_002, gpu_ms=180_004
)
RATES = Rates(cpu_second=Decimal("0.1"), gib_second=Decimal("0.01"), unit="BYC")
USED = Usage(attempts=2, run_ms=30_000, cpu_us=30_000_000, memory_mib_ms=1024 * 30_000)


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (lambda task: TaskSucceeded("job", task.id, 1, NODE), TaskState.COMPLETED),
        (lambda task: TaskFailed("job", task.id, 1, NODE, "broke"), TaskState.FAILED),
        (lambda task: TaskTimedOut("job", task.id, 1), TaskState.FAILED),
        (lambda task: TaskCancelled("job", task.id), TaskState.CANCELLED),
    ],
)
def test_an_attempt_counts_by_its_limits_and_the_time_it_ran_whatever_its_end(
    event: EventOf, state: TaskState
) -> None:
    job, task = running(resources=LIMITED)
    outcome = decided(decide(job, task, event(task), END))
    [ended] = [each for each in outcome.tasks if each.id == task.id]
    assert (ended.state, ended.usage, outcome.job.usage) == (state, HELD, HELD)
    again = decide(outcome.job, ended, event(task), END)
    assert isinstance(again, Ignored)


def test_an_attempt_without_limits_counts_as_one_processor_and_a_gib() -> None:
    job, task = running()
    outcome = decided(decide(job, task, TaskSucceeded("job", task.id, 1, NODE), END))
    assert outcome.job.usage == Usage(
        attempts=1, run_ms=90_002, cpu_us=90_002_000, memory_mib_ms=1024 * 90_002
    )


def test_memory_that_was_added_after_an_attempt_ran_out_of_it_counts() -> None:
    for most, gib in ((None, 4), (3 * 1024**3, 3)):
        policy = RetryPolicy(memory_factor=2.0, memory_scale=4.0, most_memory=most)
        job, task = running(resources={"memory": 1024**3}, retry=policy)
        outcome = decided(decide(job, task, TaskSucceeded("job", task.id, 1, NODE), END))
        assert outcome.job.usage is not None
        assert outcome.job.usage.memory_mib_ms == gib * 1024 * 90_002


def test_attempts_add_up() -> None:
    job, task = running(a_job(usage=USED), resources=LIMITED)
    outcome = decided(decide(job, task, TaskSucceeded("job", task.id, 1, NODE), END))
    assert outcome.job.usage == USED.plus(HELD)


def test_what_was_lost_or_handed_back_costs_nothing() -> None:
    for event in (LeaseExpired, TaskReturned):
        job, task = running()
        given = ("job", task.id, 1) if event is LeaseExpired else ("job", task.id, 1, NODE)
        outcome = decided(decide(job, task, event(*given), END))
        [again] = outcome.tasks
        assert (again.state, again.usage, outcome.job.usage) == (TaskState.SCHEDULED, None, None)


def test_a_task_that_no_worker_ran_costs_nothing() -> None:
    job, waiting = scheduled()
    cancelled = decided(decide(job, waiting, TaskCancelled("job", waiting.id), END))
    assert cancelled.job.usage is None
    family = waiting.plan.__class__(name="t", queue="", kind=TaskKind.EACH)
    assert family.kind.is_composite


def test_prices_are_exact() -> None:
    assert RATES.price(USED) == Decimal("3.3")
    assert RATES.price(None) == Rates().price(USED) == 0
    thirds = Rates(cpu_second=Decimal("0.000001"))
    assert thirds.price(Usage(cpu_us=500_000)) == Decimal("0.000001")
    many = [Usage(cpu_us=1)] * 10
    total = Usage()
    for each in many:
        total = total.plus(each)
    assert Rates(cpu_second=Decimal("0.1")).price(total) == Decimal("0.000001")


def test_a_job_fails_once_it_has_cost_its_budget_and_not_before() -> None:
    job, _ = running(a_job(usage=USED, rates=RATES, budget=Decimal("3.300001")))
    assert isinstance(decide(job, None, BudgetSpent("job"), END), Ignored)
    job, _ = running(a_job(usage=USED, rates=RATES, budget=Decimal("3.3")))
    outcome = decided(decide(job, None, BudgetSpent("job"), END))
    assert outcome.job.state is JobState.FAILED
    assert outcome.job.error == "budget_exceeded: it has cost 3.300000 of 3.3 BYC"
    assert of(outcome, CancelTasks) == [CancelTasks("job")]
    assert isinstance(decide(outcome.job, None, BudgetSpent("job"), END), Ignored)


def test_without_prices_a_budget_is_never_spent() -> None:
    job = a_job(usage=USED, budget=Decimal(1))
    assert job.cost == 0
    assert not job.has_spent_its_budget


def test_a_released_job_has_its_budget_and_its_hold() -> None:
    job = a_job(is_held=True)
    outcome = decided(decide(job, None, JobReleased("job", Decimal(5), Decimal(3)), NOW))
    assert (outcome.job.budget, outcome.job.hold) == (Decimal(5), Decimal(3))


def test_a_job_keeps_the_prices_at_which_it_was_submitted() -> None:
    settings = CostSettings(price_per_cpu_second="0.1", price_per_gib_second="0.01", wallet=True)
    terms = terms_of(settings)
    assert terms.rates == RATES
    agreed = terms.agreed(a_job(), "ann")
    assert (agreed.rates, agreed.payer) == (RATES, "ann")
    assert terms.agreed(a_job(), None).payer == NOBODY
    assert terms_of(CostSettings()) == FREE
    assert FREE.agreed(a_job(), "ann") == a_job()


def ended_job(**changes: object) -> Job:
    ended = {"state": JobState.COMPLETED, "usage": USED, "rates": RATES, "payer": "ann"}
    return a_job(**{**ended, **changes})


def test_a_job_that_has_ended_owes_what_it_costs_once() -> None:
    charge = charge_of(ended_job())
    assert charge == Charge("ann", "job", Decimal("3.3"), Decimal("3.3"), "BYC")
    assert charge_of(ended_job(charged=charge.total)) is None


def test_what_ends_later_is_owed_beside_what_was_charged() -> None:
    more = charge_of(ended_job(charged=Decimal("3.3"), usage=USED.plus(USED)))
    assert more == Charge("ann", "job", Decimal("3.3"), Decimal("6.6"), "BYC")


@pytest.mark.parametrize(
    "changes", [{"payer": None}, {"rates": None}, {"usage": None}, {"state": JobState.RUNNING}]
)
def test_nobody_owes_what_is_free_or_has_not_ended(changes: dict[str, object]) -> None:
    assert charge_of(ended_job(**changes)) is None


def test_a_balance_suffices_for_what_is_not_held_already() -> None:
    wallet = Wallet(owner="ann", balance=Decimal(10), held=Decimal(4))
    assert wallet.suffices(Decimal(6))
    assert not wallet.suffices(Decimal("6.000001"))
    assert not wallet.less(Decimal(6)).suffices(Decimal(0))


def test_grace_begins_when_a_balance_is_first_short_and_only_for_who_has_paid() -> None:
    terms = Terms(charges=True, grace=timedelta(hours=1))
    wallet = Wallet(owner="ann", was_topped_up=True)
    assert terms.is_in_grace(wallet, NOW)
    short = replace(wallet, short_since=NOW)
    assert terms.is_in_grace(short, NOW + timedelta(minutes=59))
    assert not terms.is_in_grace(short, NOW + timedelta(hours=1))
    assert not terms.is_in_grace(replace(wallet, was_topped_up=False), NOW)
    assert not Terms(charges=True).is_in_grace(wallet, NOW)
