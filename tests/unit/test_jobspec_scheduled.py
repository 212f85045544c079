"""Jobs for a schedule: the same language, with `schedule` and without `wait`."""

import pytest

from tests.support.jobs.submissions import Json, refusal, scheduled, with_task

FULL = {"cron": "0/5 * * * *", "timezone": "Europe/Berlin", "overlap": "skip", "catchUp": "all"}


@pytest.mark.parametrize("schedule", [FULL, {"cron": "@daily"}, {"cron": "@every 90s"}])
def test_a_schedule_is_kept_as_it_was_submitted(schedule: Json) -> None:
    job = with_task(run="x") | {"schedule": schedule}
    assert scheduled(job).as_submitted() == job


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "schedule: is required"),
        ({"schedule": {}}, "schedule.cron: is required"),
        (
            {"schedule": FULL, "wait": {"timeout": "1m"}},
            "wait: is only for POST /jobs: a scheduled job starts later",
        ),
        (
            {"schedule": FULL | {"overlap": "maybe"}},
            "schedule.overlap: \"maybe\" is not allowed: must be 'allow' or 'skip'",
        ),
        (
            {"schedule": FULL | {"catchUp": "some"}},
            "schedule.catchUp: \"some\" is not allowed: must be 'none', 'one' or 'all'",
        ),
        (
            {"schedule": FULL | {"timeZone": "UTC"}},
            "schedule.timeZone: unknown field, did you mean 'timezone'?",
        ),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(fields: Json, message: str) -> None:
    assert refusal(with_task(run="x") | fields, scheduled) == message


@pytest.mark.parametrize("cron", ["x", "61 * * * *", "* * * *", "0 0 31 2 *"])
def test_a_cron_expression_is_checked_at_once(cron: str) -> None:
    message = refusal(with_task() | {"schedule": {"cron": cron}}, scheduled)
    assert message.startswith(f'schedule.cron: "{cron}" is not allowed: ')


NO_ZONES = ["Mars/Base", "../etc/passwd", "Europe", "posixrules", "localtime", "Factory"]
NO_ZONES += ["posix/Europe/Berlin", "right/UTC", "zone.tab", "europe/berlin", "Local", "+01:00"]


@pytest.mark.parametrize("zone", NO_ZONES)
def test_a_time_zone_must_exist(zone: str) -> None:
    schedule = {"cron": "@daily", "timezone": zone}
    message = refusal(with_task() | {"schedule": schedule}, scheduled)
    assert message.startswith(f'schedule.timezone: "{zone}" is not allowed: must be the name of')
    message = refusal(with_task() | {"schedule": {"cron": f"TZ={zone} @daily"}}, scheduled)
    assert "must be the name of a time zone" in message


@pytest.mark.parametrize("zone", ["UTC", "Zulu", "Etc/GMT+5", "EST5EDT", "Asia/Calcutta"])
def test_old_and_short_names_of_zones_are_names_too(zone: str) -> None:
    job = with_task() | {"schedule": {"cron": "@daily", "timezone": zone}}
    assert scheduled(job).schedule.timezone == zone


def test_expressions_of_a_scheduled_job_are_checked_at_once() -> None:
    job = with_task(env={"AT": "{{ planned.at }}"}) | {"schedule": FULL}
    assert refusal(job, scheduled).startswith("tasks[0].env.AT: unknown name 'planned'")


def test_expressions_of_a_scheduled_job_and_only_of_one_read_when_it_was_due() -> None:
    job = with_task(env={"AT": "{{ schedule.scheduledAt }}"})
    assert scheduled(job | {"schedule": FULL})
    assert refusal(job).startswith("tasks[0].env.AT: unknown name 'schedule'")


def test_sub_jobs_and_webhooks_do_not_read_the_schedule() -> None:
    hook = {"url": "http://x", "headers": {"A": "{{ schedule.id }}"}}
    job = with_task() | {"schedule": FULL, "webhooks": [hook]}
    assert refusal(job, scheduled).startswith("webhooks[0].headers.A: unknown name 'schedule'")
    inner = {"name": "s", "tasks": [{"name": "t", "run": "x", "env": {"A": "{{schedule.id}}"}}]}
    job = {"name": "x", "tasks": [{"name": "t", "subjob": inner}], "schedule": FULL}
    assert "unknown name 'schedule'" in refusal(job, scheduled)


def test_the_rules_of_tasks_hold_in_a_scheduled_job_too() -> None:
    job = with_task(parallel={"tasks": [{"needs": []}]}) | {"schedule": FULL}
    assert refusal(job, scheduled) == (
        "tasks[0].parallel.tasks[0].needs: is only for the tasks of a job or sub-job"
    )
