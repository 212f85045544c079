"""A task's log on its way out: complete, in order, in parts, without secrets."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.worker.task_log import PART_CHARACTERS, TaskLog
from shared.broker.in_process import InProcessBroker
from shared.broker.publisher import Publisher
from shared.messages import PARTS_PER_DISPATCH, LogPart, TaskRef, Telemetry, decode
from shared.messages.queues import TELEMETRY
from shared.process.redaction import Redactor

REF = TaskRef(job_id="job", task_id="task", dispatch=1)
LONG = 3600.0  # no flush by time


@pytest.fixture
async def broker() -> AsyncIterator[InProcessBroker]:
    broker = InProcessBroker()
    await broker.start()
    yield broker
    await broker.close()


def task_log(broker: InProcessBroker, *secrets: str, flush_seconds: float = LONG) -> TaskLog:
    return TaskLog(REF, "n1", Publisher(broker), Redactor(secrets), flush_seconds)


async def parts_sent(broker: InProcessBroker, count: int) -> list[LogPart]:
    parts: list[LogPart] = []
    async with broker.consume(TELEMETRY, prefetch=100) as consumer:
        while len(parts) < count:
            for delivery in await consumer.batch(100):
                message = decode(delivery.body)
                assert isinstance(message, Telemetry)
                parts += message.logs
                await delivery.ack()
    return parts


async def test_a_short_log_leaves_with_the_report(broker: InProcessBroker) -> None:
    log = task_log(broker)
    await log.write(b"hello\n")
    await log.write(b"world")
    [part] = await log.finish()
    assert (part.contents, part.number) == ("hello\nworld", 1)
    assert log.last_words == "hello\nworld"


async def test_a_line_of_ours_is_not_joined_to_what_the_task_has_written(
    broker: InProcessBroker,
) -> None:
    log = task_log(broker)
    await log.write_line(b"[conveyor] source 1: 5 B fetched\n")
    await log.write(b"no such thing")
    await log.write_line(b"[conveyor] artifact log: 1 kB kept\n")
    [part] = await log.finish()
    assert part.contents.splitlines()[1:] == ["no such thing", "[conveyor] artifact log: 1 kB kept"]
    assert log.last_words == "no such thing"


async def test_the_last_words_are_those_of_the_task_itself(broker: InProcessBroker) -> None:
    log = task_log(broker)
    for line in (b"[conveyor] source 1: 5 B brought\n", b"hello\n", b"no such thing\n"):
        await log.write(line)
    await log.write(b"[conveyor] artifact log: 1 kB kept\n" * 100)
    [part] = await log.finish()
    assert part.contents.count("kept") == 100
    assert log.last_words == "hello\nno such thing"


async def test_lines_leave_after_a_while_without_waiting_for_the_end(
    broker: InProcessBroker,
) -> None:
    log = task_log(broker, flush_seconds=0.01)
    await log.write(b"still running\n")
    [part] = await parts_sent(broker, 1)
    assert part.contents == "still running\n"


async def test_a_task_started_again_goes_on_with_its_log(broker: InProcessBroker) -> None:
    again = TaskRef(job_id="job", task_id="task", dispatch=2)
    log = TaskLog(again, "n1", Publisher(broker), Redactor(), LONG)
    await log.write(b"started\n")
    [part] = await log.finish()
    assert part.number == PARTS_PER_DISPATCH + 1
    assert log.part_count == 1


async def test_a_burst_leaves_in_numbered_parts_that_end_at_line_ends(
    broker: InProcessBroker,
) -> None:
    log = task_log(broker)
    text = "".join(f"line {n}\n" for n in range(100_000))
    for start in range(0, len(text), 60_000):
        await log.write(text[start : start + 60_000].encode())
    tail = await log.finish()
    parts = await parts_sent(broker, log.part_count - len(tail)) + tail
    assert [part.number for part in parts] == list(range(1, log.part_count + 1))
    assert "".join(part.contents for part in parts) == text
    assert all(len(part.contents) <= PART_CHARACTERS for part in parts)


async def test_a_character_cut_in_two_by_a_read_arrives_whole(broker: InProcessBroker) -> None:
    log = task_log(broker)
    data = "für €".encode()
    for byte in data:
        await log.write(bytes([byte]))
    [part] = await log.finish()
    assert part.contents == "für €"


@given(st.lists(st.integers(1, 30), max_size=20), st.lists(st.booleans(), min_size=21, max_size=21))
def test_a_secret_never_shows_however_its_bytes_arrive(
    sizes: list[int], flushes: list[bool]
) -> None:
    secret = "s3cr3t-token"
    text = f"before {secret} between {secret}{secret}\nafter {secret}"

    async def write_in_pieces() -> str:
        broker = InProcessBroker()
        await broker.start()
        log = task_log(broker, secret)
        position = 0
        for size, flush in zip([*sizes, len(text)], flushes, strict=False):
            await log.write(text[position : position + size].encode())
            position += size
            if flush:
                await log._flush()
        tail = await log.finish()
        sent = log.part_count - len(tail)
        parts = await parts_sent(broker, sent) + tail if sent else tail
        await broker.close()
        return "".join(part.contents for part in parts)

    shown = asyncio.run(write_in_pieces())
    redacted = "[REDACTED]"
    assert shown == f"before {redacted} between {redacted}{redacted}\nafter {redacted}"


async def test_parts_tell_which_of_their_lines_are_of_stderr(broker: InProcessBroker) -> None:
    log = task_log(broker, "s3cret")
    await log.write(b"one\n")
    await log.write(b"two s3cret\nthree\n", 2)
    await log.write(b"four\n")
    await log.write(b"five", 2)
    [part] = await log.finish()
    assert part.contents == "one\ntwo [REDACTED]\nthree\nfour\nfive"
    assert part.stderr == [(2, 3), (5, 5)]


async def test_a_part_tells_that_it_continues_a_line(broker: InProcessBroker) -> None:
    log = task_log(broker)
    await log.write(b"x" * (PART_CHARACTERS + 5) + b"\nnext\n")
    first, second = await log.finish()
    assert (first.continues, second.continues) == (False, True)
    assert second.contents == "xxxxx\nnext\n"
