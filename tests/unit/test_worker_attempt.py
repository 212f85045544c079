"""One dispatch on a worker: what is started, what is reported, in which order."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import Mock

import pytest

from conveyor.extensions.runtimes import (
    Outcome,
    RuntimeDeclined,
    RuntimeRejected,
    RuntimeUnavailable,
)
from services.worker.blame import Fault
from services.worker.held_tasks import Interruption
from services.worker.node_hold import NodeHold
from shared.broker.in_process import InProcessBroker
from shared.messages import Finished, Returned
from shared.process.sealing import Sealer
from tests.support.attempts import KEY, Bed, Scripted


@pytest.fixture
async def bed() -> AsyncIterator[Bed]:
    broker = InProcessBroker()
    await broker.start()
    bed = Bed(Scripted(), broker)
    yield bed
    await bed.context.telemetry.close()


@pytest.mark.parametrize("why", [Interruption.STOPPED, Interruption.LEASE_LOST])
async def test_a_task_that_is_stopped_and_granted_at_once_is_not_started(
    bed: Bed, why: Interruption
) -> None:
    attempt, held = bed.attempt()
    held.grant()
    held.interrupt(why)
    await attempt.run()
    assert "start" not in bed.runtime.asked


async def test_a_worker_that_is_no_longer_sure_of_its_lease_does_not_start_the_task(
    bed: Bed,
) -> None:
    # Given a grant that came in time, and a process that was frozen before it could start
    attempt, held = bed.attempt()
    held.grant()
    bed.lease_is_valid = False
    await attempt.run()
    # Then nothing starts, and the task is handed back at once
    assert "start" not in bed.runtime.asked
    assert [type(r) for r in await bed.reports()] == [Returned]


async def test_a_task_whose_lease_was_lost_is_stopped_and_then_handed_back(bed: Bed) -> None:
    attempt, held = bed.attempt()
    held.grant()
    running = asyncio.create_task(attempt.run())
    while "start" not in bed.runtime.asked:
        await asyncio.sleep(0)
    held.interrupt(Interruption.LEASE_LOST)
    await running
    assert bed.runtime.asked == ["start", "stop", "close"]
    assert [type(r) for r in await bed.reports()] == [Returned]


async def test_the_log_of_a_task_that_is_stopped_is_sent_and_said_to_end_with_its_phases(
    bed: Bed,
) -> None:
    attempt, held = bed.attempt()
    held.grant()
    running = asyncio.create_task(attempt.run())
    while "start" not in bed.runtime.asked:
        await asyncio.sleep(0)
    assert bed.runtime.write is not None
    await bed.runtime.write(b"last words")
    await asyncio.sleep(0.002)  # less than a millisecond is not told
    assert bed.held_tasks.phases == {"task": "run"}  # in heartbeats meanwhile
    held.interrupt(Interruption.STOPPED)
    await running
    [report] = await bed.reports()
    assert isinstance(report, Finished)
    assert (report.error, report.log_parts) == ("stopped", 1)
    assert [timing.phase for timing in report.timings] == ["run"]
    assert [part.contents for part in report.log] == ["last words"]


async def interrupted(bed: Bed, why: Interruption, **definition: object) -> None:
    attempt, held = bed.attempt(**definition)  # type: ignore[arg-type]  # sealed is not among them
    held.grant()
    running = asyncio.create_task(attempt.run())
    while "start" not in bed.runtime.asked:
        await asyncio.sleep(0)
    held.interrupt(why)
    await running


@pytest.mark.parametrize(
    ("why", "is_asked"),
    [
        (Interruption.STOPPED, True),
        (Interruption.TIMED_OUT, True),
        (Interruption.DRAINED, True),
        (Interruption.SUPERSEDED, False),
        (Interruption.LEASE_LOST, False),
    ],
)
async def test_a_task_is_asked_to_end_unless_another_worker_may_run_it(
    bed: Bed, why: Interruption, is_asked: bool
) -> None:
    await interrupted(bed, why)
    asked = ["start", *(["terminate"] if is_asked else []), "stop", "close"]
    assert bed.runtime.asked == asked


@pytest.mark.parametrize(
    ("period", "asked"),
    [("50ms", ["start", "terminate", "stop", "close"]), ("0s", ["start", "stop", "close"])],
)
async def test_a_task_that_does_not_end_in_its_grace_is_killed(
    bed: Bed, period: str, asked: list[str]
) -> None:
    bed.runtime.obeys = False
    grace = {"seconds": 0.05 if period == "50ms" else 0.0, "text": period}
    await interrupted(bed, Interruption.STOPPED, grace_period=grace)
    assert bed.runtime.asked == asked


async def test_a_grace_ends_with_the_lease(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.worker.stopping._LEASE_LOOK_SECONDS", 0.01)
    bed.runtime.obeys = False
    running = asyncio.create_task(
        interrupted(bed, Interruption.STOPPED, grace_period={"seconds": 3600.0, "text": "1h"})
    )
    while "terminate" not in bed.runtime.asked:
        await asyncio.sleep(0)
    bed.lease_is_valid = False
    await running
    assert bed.runtime.asked[-2:] == ["stop", "close"]


async def test_a_task_that_can_not_be_asked_to_end_is_killed(bed: Bed) -> None:
    bed.runtime.obeys = False
    bed.runtime.terminate_error = RuntimeUnavailable("the engine is away")
    await interrupted(bed, Interruption.STOPPED, grace_period={"seconds": 0.01, "text": "10ms"})
    assert bed.runtime.asked == ["start", "terminate", "stop", "close"]


async def test_a_task_is_not_handed_back_while_its_engine_can_not_say_that_it_stopped(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.worker.stopping._STOP_AGAIN_SECONDS", 0)
    bed.runtime.wait_error = RuntimeUnavailable("the engine is gone")
    bed.runtime.stop_errors = [RuntimeUnavailable("still gone")]
    attempt, held = bed.attempt()
    held.grant()
    await attempt.run()
    assert bed.runtime.asked == ["start", "stop", "stop", "close"]
    assert [type(r) for r in await bed.reports()] == [Returned]


async def test_a_defect_of_the_worker_fails_the_task_instead_of_trying_it_for_ever(
    bed: Bed,
) -> None:
    bed.runtime.wait_error = KeyError("a bug")
    attempt, held = bed.attempt()
    held.grant()
    await attempt.run()
    [report] = await bed.reports()
    assert isinstance(report, Finished)
    assert report.error == "the worker failed: KeyError: 'a bug'"
    assert "close" in bed.runtime.asked


async def test_a_task_that_can_not_be_read_fails_with_the_reason(bed: Bed) -> None:
    attempt, held = bed.attempt(registry={"username": 7})
    held.grant()
    await attempt.run()
    [report] = await bed.reports()
    assert isinstance(report, Finished)
    assert report.error == "registry.username: Input should be a valid string"


async def test_no_secret_is_in_the_error_of_a_task_that_can_not_run(bed: Bed) -> None:
    bed.runtime.prepare_error = RuntimeRejected("no such image: hunter2-hunter2")
    sealed = Sealer([KEY]).seal({"definition": {}, "secrets": ["hunter2-hunter2"]})
    attempt, held = bed.attempt(sealed)
    held.grant()
    await attempt.run()
    [report] = await bed.reports()
    assert isinstance(report, Finished)
    assert report.error == "no such image: [REDACTED]"


async def test_what_comes_of_a_task_that_was_killed_for_its_silent_worker_is_no_result(
    bed: Bed,
) -> None:
    # Given a task that ends, and a table that says it was ended while the worker slept
    attempt, held = bed.attempt()
    held.grant()
    held.entry = Mock(is_ended=True)
    bed.runtime.ended.set()
    await attempt.run()
    # Then it is handed back, and neither failed nor done
    [report] = await bed.reports()
    assert isinstance(report, Returned)


async def handed_back(bed: Bed, **sealed: str) -> Returned:
    attempt, held = bed.attempt(**sealed)
    held.grant()
    await attempt.run()
    [report] = await bed.reports()
    assert isinstance(report, Returned)
    return report


async def test_a_task_that_a_well_engine_declines_is_handed_back_with_what_it_said(
    bed: Bed,
) -> None:
    bed.runtime.prepare_error = RuntimeDeclined("could not create hunter2-hunter2")
    sealed = Sealer([KEY]).seal({"definition": {}, "secrets": ["hunter2-hunter2"]})
    report = await handed_back(bed, sealed=sealed)
    assert (report.error, report.is_declined) == ("could not create [REDACTED]", True)
    assert bed.context.watch.missing() == ("scripted: could not create hunter2-hunter2",)


@pytest.mark.parametrize(
    ("said", "is_healthy"),
    [(RuntimeUnavailable("no"), True), (RuntimeDeclined("no"), False)],
)
async def test_an_engine_in_trouble_of_its_own_does_not_count_against_the_task(
    bed: Bed, said: Exception, is_healthy: bool
) -> None:
    bed.runtime.prepare_error = said
    bed.runtime.check_error = None if is_healthy else RuntimeUnavailable("gone")
    report = await handed_back(bed)
    assert (report.error, report.is_declined) == ("no", False)


async def test_what_the_engine_says_of_a_task_that_was_ended_does_not_count_against_it(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt, held = bed.attempt()
    held.grant()

    async def ended_from_outside() -> Outcome:
        held.interrupt(Interruption.DRAINED)
        raise RuntimeDeclined("killed under way")

    monkeypatch.setattr(bed.runtime, "wait", ended_from_outside)
    await attempt.run()
    [report] = await bed.reports()
    assert isinstance(report, Returned)
    assert not report.is_declined


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        ({"outcome": Outcome(111, "")}, [Fault.TEMPORARY]),
        ({"prepare_error": RuntimeDeclined("no")}, [Fault.DECLINED]),
        ({"wait_error": ValueError("a bug")}, [Fault.DEFECT]),
        ({"outcome": Outcome(1, "")}, []),
        ({"prepare_error": RuntimeRejected("no such image")}, []),
        ({"prepare_error": RuntimeUnavailable("the engine is away")}, []),
        ({}, ["forgotten"]),
    ],
)
async def test_failures_that_may_be_the_nodes_fault_are_counted_until_a_task_succeeds(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, told: dict[str, Any], counted: list[Fault | str]
) -> None:
    found: list[Fault | str] = []
    monkeypatch.setattr(NodeHold, "on_failure", lambda _, order, fault, at: found.append(fault))
    monkeypatch.setattr(NodeHold, "forget_failures", lambda _: found.append("forgotten"))
    for name, value in told.items():
        setattr(bed.runtime, name, value)
    attempt, held = bed.attempt()
    held.grant()
    bed.runtime.ended.set()
    await attempt.run()
    assert found == counted


@pytest.mark.parametrize(
    ("definition", "exit_code", "error"),
    [
        ({"success_codes": [0, 3]}, 3, None),
        ({"any_exit_code": True}, 77, None),
        ({"success_codes": [3]}, 0, "exit code 0 (not one of successCodes)"),
        ({"success_codes": [3]}, 4, "exit code 4"),
        ({}, 3, "exit code 3"),
    ],
)
async def test_a_task_succeeds_with_its_success_codes_alone(
    bed: Bed, definition: dict[str, Any], exit_code: int, error: str | None
) -> None:
    bed.runtime.outcome = Outcome(exit_code=exit_code, output="")
    attempt, held = bed.attempt(**definition)
    held.grant()
    bed.runtime.ended.set()
    await attempt.run()
    [report] = await bed.reports()
    assert isinstance(report, Finished)
    assert (report.error, report.exit_code) == (error, exit_code)
