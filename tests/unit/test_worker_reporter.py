"""What a worker tells the coordinators: nothing is lost, nothing outdated is sent."""

import asyncio
from collections.abc import Sequence

import pytest

from services.worker.reporter import RecentReports, Reporter
from shared.broker.in_process import InProcessBroker
from shared.broker.protocol import BrokerUnavailable, Outgoing
from shared.messages import Claim, Finished, Reports, Returned, TaskRef, decode


class Faulty(InProcessBroker):
    """Raises `errors`, one a publish, then keeps what it is given."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self.errors = list(errors)
        self.got: list[Reports] = []

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop(0)
        for message in messages:
            reports = decode(message.body)
            assert isinstance(reports, Reports)
            self.got.append(reports)


def claim(task_id: str) -> Claim:
    return Claim(job_id="job", task_id=task_id, dispatch=1)


async def test_a_claim_that_was_given_up_in_an_outage_is_not_made_after_it() -> None:
    # Given a claim that can't be sent, and its task given up meanwhile
    broker = Faulty(BrokerUnavailable("away"))
    reporter = Reporter(broker, "n1", 30)
    given_up = asyncio.create_task(reporter.report(claim("a")))
    while broker.errors:
        await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    # When the broker is back
    await reporter.report(Returned(job_id="job", task_id="b", dispatch=1))
    # Then only the rest is sent
    assert [r.claims for r in broker.got] == [[]]
    assert [r.task_id for r in broker.got[0].returned] == ["b"]


async def test_a_report_that_can_not_be_sent_at_all_is_told_and_the_next_one_goes_out() -> None:
    broker = Faulty(ValueError("a bug"))
    reporter = Reporter(broker, "n1", 30)
    with pytest.raises(ValueError, match="a bug"):
        await reporter.report(claim("a"))
    await reporter.report(claim("b"))
    assert [r.claims[0].task_id for r in broker.got] == ["b"]


def finished(task_id: str, result: str = "") -> Finished:
    return Finished(job_id="job", task_id=task_id, dispatch=1, result=result)


async def test_asked_what_became_of_a_task_the_worker_says_again_what_it_has_said() -> None:
    # Given a worker that has reported the end of one task, knows nothing of another, and runs one
    broker = Faulty()
    reporter = Reporter(broker, "n1", 30)
    await reporter.report(finished("known", "42"))
    # When it is asked about all three
    for name in ("known", "new", "running"):
        ref = TaskRef(job_id="job", task_id=name, dispatch=1)
        reporter.account_for(ref, is_in_hand=name == "running")
    await reporter.report(claim("later"))
    # Then the one is reported as before, the other given back, and the third said to run
    [_, *again] = broker.got
    assert [r.result for reports in again for r in reports.finished] == ["42"]
    assert [r.task_id for reports in again for r in reports.returned] == ["new"]
    assert [r.task_id for reports in again for r in reports.still_held] == ["running"]


@pytest.mark.parametrize("said", [RecentReports(most_reports=1), RecentReports(most_characters=3)])
def test_the_oldest_reports_are_forgotten_so_that_memory_stays_bounded(said: RecentReports) -> None:
    said.remember(finished("old", "12"))
    said.remember(finished("new", "34"))
    assert said.again(claim("new")) == finished("new", "34")
    assert isinstance(said.again(claim("old")), Returned)
    said.remember(finished("too much", "12345"))
    assert isinstance(said.again(claim("new")), Returned)
