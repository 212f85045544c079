"""Jobs for a schedule: the same language, with `schedule` and without `wait`."""

import pytest

from tests.support.jobs.submissions import Json, refusal, scheduled, with_task

FULL = {"cron": "0/5 * * * *", "timezone": "Europe/Berlin", "overlap": "skip", "catchUp": "all"}
NOON, TEN = "2026-06-01T12:00:00Z", "2026-06-02T10:00:00+02:00"
WAYS = "schedule: must have exactly one of cron, crons, interval and at, not "
MOMENT = "must be a time with its offset such as 2026-06-01T12:00:00Z"


@pytest.mark.parametrize(
    "schedule",
    [
        FULL,
        {"cron": "@daily"},
        {"cron": "@every 90s", "overlap": "bufferOne", "maxRuns": 3},
        {"crons": ["0 9 * * *", "TZ=Asia/Tokyo @daily"], "jitter": "5m", "pauseOnFailure": 2},
        {"crons": ["@daily", "@weekly"], "timezone": "Europe/Berlin", "overlap": "bufferAll"},
        {"interval": "90s", "startAt": NOON, "endAt": TEN, "overlap": "cancelOther"},
        {"at": TEN, "catchUp": {"policy": "one", "window": "1h"}},
        {"cron": "@hourly", "catchUp": {"policy": "all", "window": "1h", "limit": 3}},
    ],
)
def test_a_schedule_is_kept_as_it_was_submitted(schedule: Json) -> None:
    job = with_task(run="x") | {"schedule": schedule}
    assert scheduled(job).as_submitted() == job


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ({}, f"{WAYS}none"),
        (FULL | {"interval": "1h"}, f"{WAYS}cron and interval"),
        ({"crons": ["@daily"], "at": NOON, "interval": "1h"}, f"{WAYS}crons and interval and at"),
        ({"crons": []}, "schedule.crons: must have at least 1 entry"),
        (
            {"crons": ["@daily", "61 * * * *"]},
            'schedule.crons[1]: "61 * * * *" is not allowed: minute: 61: must be between 0 and 59',
        ),
        (
            {"crons": ["@daily", "TZ=UTC @daily"], "timezone": "Asia/Tokyo"},
            'schedule.crons[1]: "TZ=UTC @daily" is not allowed: cron names the time zone UTC, '
            "timezone says Asia/Tokyo",
        ),
        ({"interval": "500ms"}, 'schedule.interval: "500ms" is not allowed: must be at least 1s'),
        ({"interval": "1.5s"}, 'schedule.interval: "1.5s" is not allowed: must be whole seconds'),
        (
            {"interval": "1h", "timezone": "UTC"},
            'schedule.timezone: "UTC" is not allowed: is only for cron and crons',
        ),
        ({"at": "tomorrow"}, f'schedule.at: "tomorrow" is not allowed: {MOMENT}'),
        ({"at": "2026-06-01"}, f'schedule.at: "2026-06-01" is not allowed: {MOMENT}'),
        (
            {"at": "2026-02-30T12:00:00Z"},
            'schedule.at: "2026-02-30T12:00:00Z" is not allowed: must be a time that exists: '
            "day is out of range for month",
        ),
        (
            {"at": "9999-12-31T23:59:59Z"},
            'schedule.at: "9999-12-31T23:59:59Z" is not allowed: '
            "must be between the years 1970 and 8999",
        ),
        (
            {"at": NOON, "endAt": TEN},
            f'schedule.endAt: "{TEN}" is not allowed: '
            "is not for a schedule with at, which fires once",
        ),
        (
            {"interval": "1h", "startAt": TEN, "endAt": NOON},
            f'schedule.endAt: "{NOON}" is not allowed: must not be before startAt, {TEN}',
        ),
        (
            {"cron": "0 0 1 1 *", "startAt": NOON, "endAt": TEN},
            "schedule: a schedule that never fires: no time of it is within its bounds",
        ),
        (FULL | {"maxRuns": 0}, "schedule.maxRuns: 0 is not allowed: must be at least 1"),
        (
            FULL | {"pauseOnFailure": 0},
            "schedule.pauseOnFailure: 0 is not allowed: must be at least 1",
        ),
        (
            FULL | {"jitter": "0s"},
            'schedule.jitter: "0s" is not allowed: must be longer than zero',
        ),
        (
            FULL | {"overlap": "maybe"},
            "schedule.overlap: \"maybe\" is not allowed: must be 'allow', 'skip', 'bufferOne', "
            "'bufferAll' or 'cancelOther'",
        ),
        (
            FULL | {"catchUp": "some"},
            "schedule.catchUp: \"some\" is not allowed: must be 'none', 'one', 'all' or an object "
            "with a policy",
        ),
        (FULL | {"catchUp": {}}, "schedule.catchUp.policy: is required"),
        (
            FULL | {"catchUp": {"policy": "one", "limit": 3}},
            "schedule.catchUp.limit: 3 is not allowed: is only for the policy all",
        ),
        (
            FULL | {"catchUp": {"policy": "none", "window": "1h"}},
            'schedule.catchUp.window: "1h" is not allowed: is only for the policies one and all',
        ),
        (FULL | {"timeZone": "UTC"}, "schedule.timeZone: unknown field, did you mean 'timezone'?"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(schedule: Json, message: str) -> None:
    assert refusal(with_task(run="x") | {"schedule": schedule}, scheduled) == message


def test_a_scheduled_job_has_a_schedule_and_does_not_wait() -> None:
    assert refusal(with_task(run="x"), scheduled) == "schedule: is required"
    job = with_task(run="x") | {"schedule": FULL, "wait": {"timeout": "1m"}}
    rule = "wait: is only for POST /jobs: a scheduled job starts later"
    assert refusal(job, scheduled) == rule


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
