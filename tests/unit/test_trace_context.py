"""Where the spans of a job belong, and how that is to_traceparent."""

import uuid

import pytest

from shared.tracing.current import current_traceparent, step
from shared.tracing.protocol import (
    TraceContext,
    from_traceparent,
    job_context,
    task_context,
    to_traceparent,
)


def test_the_trace_of_a_job_has_the_jobs_id() -> None:
    job_id = uuid.uuid4().hex
    assert to_traceparent(job_context(job_id)).split("-")[1] == job_id
    assert task_context(job_id, "t").trace_id == job_context(job_id).trace_id


def test_each_service_comes_to_the_same_places() -> None:
    places = {job_context("j"), task_context("j", "a"), task_context("j", "b"), job_context("k")}
    assert len(places) == 4
    assert task_context("j", "a") in places


def test_a_traceparent_is_read_as_it_is_written() -> None:
    place = TraceContext(1, 2, is_sampled=True)
    assert to_traceparent(place) == "00-00000000000000000000000000000001-0000000000000002-01"
    assert from_traceparent(to_traceparent(place)) == place
    assert from_traceparent(f"cc-{1:032x}-{2:016x}-00-what.comes.later") == place._replace(
        is_sampled=False
    )


@pytest.mark.parametrize(
    "text",
    [None, "", "garbage", f"00-{0:032x}-{2:016x}-01", f"00-{1:032x}-{0:016x}-01", "00-1-2-1"],
)
def test_what_is_no_traceparent_is_as_good_as_none(text: str | None) -> None:
    assert from_traceparent(text) is None


def test_without_a_trace_a_step_of_it_is_nothing() -> None:
    with step("a"), step("b"):
        assert current_traceparent() is None
