"""What is too much for one message leaves in several; nothing of it is missing."""

import asyncio
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from services.worker.reporter import Report, Reporter
from shared.broker.in_process import InProcessBroker
from shared.lifecycle import Job, JobState, Parent, ReportToParent
from shared.messages import Claim, Finished, Reports, SubJobSignals, decode
from shared.messages.chunks import in_chunks
from shared.messages.queues import COMPLETIONS
from shared.store.outgoing import messages_for

MOST_OF_RABBITMQ = 16 * 1024 * 1024
NOW = datetime(2026, 1, 1, tzinfo=UTC)
WORST = "\x01" * 1024 * 1024  # six bytes each


@given(st.lists(st.integers(0, 3_000_000)))
def test_portions_hold_all_in_order_and_are_no_more_than_a_message_may_be(sizes: list[int]) -> None:
    portions = list(in_chunks(sizes, lambda size: size))
    assert [size for portion in portions for size in portion] == sizes
    assert all(portions)
    assert all(6 * sum(portion) < MOST_OF_RABBITMQ for portion in portions if len(portion) > 1)


def test_what_a_batch_says_of_large_results_is_sent_in_messages_that_rabbitmq_takes() -> None:
    jobs = [
        Job(
            id=f"j{number}",
            state=JobState.COMPLETED,
            task_count=1,
            created_at=NOW,
            parent=Parent(job_id="p", task_id="t", dispatch=1),
            result=WORST,
        )
        for number in range(5)
    ]
    messages = messages_for([ReportToParent(job) for job in jobs])
    assert all(len(message.body) < MOST_OF_RABBITMQ for message in messages)
    told: list[str] = []
    for message in messages:
        match decode(message.body):
            case SubJobSignals(ended=ended):
                assert message.queue == COMPLETIONS
                told += [end.subjob_id for end in ended]
    assert sorted(told) == sorted(job.id for job in jobs)


async def test_reports_of_large_results_that_become_ready_together_are_all_sent() -> None:
    broker = InProcessBroker()
    await broker.start()
    reporter = Reporter(broker, "n", 30)
    refs = [{"job_id": "j", "task_id": f"t{number}", "dispatch": 1} for number in range(4)]
    claim = Claim(job_id="j", task_id="t", dispatch=1)
    reports: list[Report] = [claim, *(Finished(**ref, result=WORST) for ref in refs)]
    async with asyncio.TaskGroup() as group:
        for report in reports:
            group.create_task(reporter.report(report))
    sizes: list[int] = []
    finished: list[str] = []
    stats = await broker.queue_stats(COMPLETIONS)
    assert stats is not None
    async with broker.peek(COMPLETIONS, stats.size) as deliveries:
        for delivery in deliveries:
            message = decode(delivery.body)
            assert isinstance(message, Reports)
            sizes.append(len(delivery.body))
            finished += [report.task_id for report in message.finished]
    await broker.close()
    assert len(sizes) > 1
    assert max(sizes) < MOST_OF_RABBITMQ
    assert finished == [ref["task_id"] for ref in refs]
