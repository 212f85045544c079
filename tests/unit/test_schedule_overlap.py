"""What a schedule makes, holds and skips while a job of its own is not final."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.overlap import Overlapped, overlapping
from shared.jobspec.overlap import HELD_LIMIT, Overlap

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def at(*hours: int) -> tuple[datetime, ...]:
    return tuple(NOON + timedelta(hours=hour) for hour in hours)


@pytest.mark.parametrize(
    ("overlap", "is_active", "expected"),
    [
        ("allow", False, Overlapped(made=at(1, 2, 3))),
        ("allow", True, Overlapped(made=at(1, 2, 3))),
        ("skip", False, Overlapped(made=at(3), skipped=at(1, 2))),
        ("skip", True, Overlapped(skipped=at(1, 2, 3))),
        ("bufferOne", False, Overlapped(made=at(1), held=at(2), skipped=at(3))),
        ("bufferOne", True, Overlapped(held=at(1), skipped=at(2, 3))),
        ("bufferAll", False, Overlapped(made=at(1), held=at(2, 3))),
        ("bufferAll", True, Overlapped(held=at(1, 2, 3))),
        ("cancelOther", False, Overlapped(made=at(3), skipped=at(1, 2))),
        ("cancelOther", True, Overlapped(made=at(3), skipped=at(1, 2), cancels=True)),
    ],
)
def test_each_policy_does_what_its_name_says(
    overlap: str, is_active: bool, expected: Overlapped
) -> None:
    assert overlapping(Overlap(overlap), at(1, 2, 3), (), is_active=is_active) == expected


def test_what_is_held_comes_before_what_is_due() -> None:
    free = overlapping(Overlap.BUFFER_ALL, at(3), at(1, 2), is_active=False)
    assert free == Overlapped(made=at(1), held=at(2, 3))
    full = overlapping(Overlap.BUFFER_ONE, at(2), at(1), is_active=True)
    assert full == Overlapped(held=at(1), skipped=at(2))


@pytest.mark.parametrize(
    ("overlap", "due", "is_active", "expected"),
    [
        ("allow", (), True, Overlapped(held=at(1, 2))),
        ("allow", at(3, 4), True, Overlapped(made=at(3, 4), held=at(1, 2))),
        ("allow", at(3), False, Overlapped(made=at(1, 3), held=at(2))),
        ("skip", (), False, Overlapped(made=at(1), held=at(2))),
        ("skip", at(3), False, Overlapped(made=at(1), held=at(2), skipped=at(3))),
        ("skip", at(3), True, Overlapped(held=at(1, 2), skipped=at(3))),
        ("bufferOne", at(3), False, Overlapped(made=at(1), held=at(2), skipped=at(3))),
        ("cancelOther", (), True, Overlapped(held=at(1, 2))),
        ("cancelOther", (), False, Overlapped(made=at(1), held=at(2))),
        ("cancelOther", at(3), True, Overlapped(made=at(3), held=at(1, 2), cancels=True)),
    ],
)
def test_what_is_held_runs_one_after_the_other_whatever_the_policy_is_by_now(
    overlap: str, due: tuple[datetime, ...], is_active: bool, expected: Overlapped
) -> None:
    assert overlapping(Overlap(overlap), due, at(1, 2), is_active=is_active) == expected


def test_nothing_is_cancelled_for_nothing() -> None:
    assert not overlapping(Overlap.CANCEL_OTHER, (), (), is_active=True).cancels


@given(
    st.sampled_from(Overlap),
    st.integers(0, 120),
    st.integers(0, 120),
    st.booleans(),
)
def test_each_firing_has_exactly_one_fate(
    overlap: Overlap, held: int, due: int, is_active: bool
) -> None:
    all_ = at(*range(held + due))
    found = overlapping(overlap, all_[held:], all_[:held], is_active=is_active)
    assert tuple(sorted(found.made + found.held + found.skipped)) == all_
    assert len(found.held) <= max(HELD_LIMIT, held)
    if is_active and overlap not in (Overlap.ALLOW, Overlap.CANCEL_OTHER):
        assert not found.made
