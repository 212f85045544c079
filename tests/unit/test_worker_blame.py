"""Which failures put a node on hold, and for how long."""

from hypothesis import given
from hypothesis import strategies as st

from services.worker.blame import NO_FAILURE, Fault, HoldRules, Streak, after_failure

RULES = HoldRules(jobs=3, first_seconds=60, most_seconds=300)


def failing(
    streak: Streak,
    *jobs: str,
    now: float = 1.0,
    fault: Fault = Fault.TEMPORARY,
    rules: HoldRules = RULES,
) -> Streak:
    for job in jobs:
        streak = after_failure(streak, job, fault, now, now, rules)
    return streak


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c", "d", None]),  # None: a success
            st.floats(0, 1000),  # how long its attempt took
            st.floats(0, 1000),  # until the next one ends
        )
    )
)
def test_a_node_is_held_only_when_several_jobs_have_failed_since_its_last_success(
    ends: list[tuple[str | None, float, float]],
) -> None:
    streak, failed, now = NO_FAILURE, set[str](), 0.0
    for job, took, wait in ends:
        now += wait
        if job is None:
            streak, failed = NO_FAILURE, set()
            continue
        before, failed = streak, failed | {job}
        streak = after_failure(streak, job, Fault.TEMPORARY, now - took, now, RULES)
        assert set(streak.faults) == failed
        if streak.held_until != before.held_until:
            assert len(failed) >= RULES.jobs
            assert job not in before.faults  # however often it fails
            assert now - took >= before.held_until  # it was begun after the hold before
            assert now + 60 <= streak.held_until <= now + 300


def test_each_hold_is_twice_as_long_as_the_one_before_up_to_the_maximum() -> None:
    streak, now = failing(NO_FAILURE, "a", "b"), 1.0
    assert streak.held_until == 0
    for job, seconds in [("c", 60), ("d", 120), ("e", 240), ("f", 300), ("g", 300)]:
        streak = failing(streak, job, now=now)
        assert streak.held_until == now + seconds
        now = streak.held_until


def test_what_was_begun_before_a_hold_does_not_make_another() -> None:
    held = failing(NO_FAILURE, "a", "b", "c")
    late = after_failure(held, "d", Fault.TEMPORARY, 0.5, held.held_until + 10, RULES)
    assert late.held_until == held.held_until


def test_no_node_is_held_where_that_is_turned_off() -> None:
    off = HoldRules(jobs=0, first_seconds=60, most_seconds=300)
    assert failing(NO_FAILURE, *"abcdefghij", rules=off) == NO_FAILURE


def test_the_reason_says_what_failed_and_how_often() -> None:
    streak = failing(failing(NO_FAILURE, "a", "b"), "c", fault=Fault.DECLINED)
    assert streak.reason == (
        "attempts of 3 jobs failed in a row (2 with exit code 111, 1 declined by the runtime)"
    )


def test_of_a_node_on_which_nothing_succeeds_the_latest_jobs_are_remembered() -> None:
    streak = failing(NO_FAILURE, *(f"job-{number}" for number in range(1100)))
    assert (len(streak.faults), "job-1099" in streak.faults) == (1000, True)
