"""What the scheduler makes of the database's clock, held against its own."""

from services.scheduler.due_times import DatabaseClock, Look, Verdict

EPOCH = 1_700_000_000.0
HOUR = 3600.0


def look(own: float, *, ahead: float = 0.0, took: float = 0.01) -> Look:
    """A look at `own` seconds of our clock, by a database whose clock is that far ahead."""
    return Look(EPOCH + own + ahead, own - took / 2, own + took / 2)


def test_of_the_first_look_nothing_is_known_and_then_it_is_steady() -> None:
    clock = DatabaseClock()
    verdicts = [clock.judge(look(own)) for own in (1, 2, 3, 100, 101)]
    assert verdicts == [Verdict.FIRST, *[Verdict.STEADY] * 4]


def test_a_clock_that_is_set_is_noticed_once_and_believed_from_then_on() -> None:
    clock = DatabaseClock()
    clock.judge(look(1))
    verdicts = [clock.judge(look(own, ahead=HOUR)) for own in (2, 3)]
    verdicts += [clock.judge(look(own)) for own in (4, 5)]
    steady = Verdict.STEADY
    assert verdicts == [Verdict.SET_FORWARD, steady, Verdict.SET_BACK, steady]


def test_what_happened_while_the_database_was_away_is_noticed_as_well() -> None:
    clock = DatabaseClock()
    clock.judge(look(1))
    assert clock.judge(look(10_000, ahead=5)) is Verdict.SET_FORWARD


def test_a_look_that_took_long_says_nothing_and_the_next_one_all_the_more() -> None:
    clock = DatabaseClock()
    clock.judge(look(1))
    assert clock.judge(look(20, ahead=HOUR, took=5)) is Verdict.UNSURE
    assert clock.judge(look(21, ahead=HOUR)) is Verdict.SET_FORWARD


def test_clocks_that_drift_apart_are_no_change() -> None:
    clock = DatabaseClock()
    clock.judge(look(0))
    # Half a thousandth, which is what a bad clock does
    drifting = [clock.judge(look(own, ahead=own / 2000)) for own in range(1, 10_000, 10)]
    assert set(drifting) == {Verdict.STEADY}


def test_a_change_too_small_to_end_a_lease_is_no_change() -> None:
    clock = DatabaseClock()
    clock.judge(look(0))
    assert clock.judge(look(1, ahead=0.3)) is Verdict.STEADY
    assert clock.judge(look(2, ahead=-0.3)) is Verdict.STEADY
