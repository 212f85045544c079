"""A deadline that has passed is refused."""

from datetime import UTC, datetime, timedelta, timezone

from shared.jobspec.deadlines import deadline_problems

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


def test_a_deadline_in_the_past_is_refused_with_field_value_and_rule() -> None:
    past = datetime(2030, 1, 1, 12, tzinfo=timezone(timedelta(hours=1)))
    (problem,) = deadline_problems(past, NOW)
    assert (problem.field, problem.value) == ("deadline", '"2030-01-01T12:00:00+01:00"')
    assert problem.rule == "must be in the future: it is 2030-01-01T12:00:00Z"
    assert list(deadline_problems(NOW + timedelta(seconds=1), NOW)) == []
    assert list(deadline_problems(None, NOW)) == []
