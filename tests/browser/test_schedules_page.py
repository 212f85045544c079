"""Scheduled jobs in a browser: the list, the calendar, and all acts on one."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.support.browser.axe import check_accessible
from tests.support.browser.guard import Guard
from tests.support.browser.stack import Stack


def schedule(stack: Stack, name: str, inputs: dict[str, Any] | None = None, **times: Any) -> str:
    body = {"name": name, "tasks": [{"name": "a", "run": "true"}], "schedule": times}
    body |= {"inputs": inputs} if inputs else {}
    return str(stack.call("POST", "/scheduled-jobs", json=body)["id"])


def test_schedules_are_listed_with_their_times_and_last_runs(page: Page, stack: Stack) -> None:
    schedule(stack, "ledgers", cron="0 2 * * 1-5", timezone="Europe/Berlin")
    triggered = schedule(stack, "by request", cron="@yearly")
    page.goto("/ui/schedules")
    ledgers = page.get_by_role("row").filter(has_text="ledgers")
    expect(ledgers).to_contain_text("Active")
    expect(ledgers).to_contain_text("Monday to Friday at 02:00 (Europe/Berlin)")
    expect(ledgers).to_contain_text("no run yet")
    # The run of another comes by itself
    stack.call("POST", f"/scheduled-jobs/{triggered}/trigger")
    other = page.get_by_role("row").filter(has_text="by request")
    expect(other.get_by_role("link", name="Completed")).to_be_visible()
    page.get_by_role("searchbox", name="Search schedules").fill("ledger")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?q=ledger$"))
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="Paused", exact=True).click()
    expect(page.get_by_role("heading", name="No schedule matches")).to_be_visible()


def test_the_calendar_shows_what_is_to_come(page: Page, stack: Stack) -> None:
    schedule(stack, "midnight in Berlin", cron="0 0 * * *", timezone="Europe/Berlin")
    schedule(stack, "each minute", cron="* * * * *")
    page.goto("/ui/schedules?view=calendar&day=2030-03-25")
    days = page.get_by_role("region")
    expect(days).to_have_count(7)
    for day in range(7):
        expect(days.nth(day)).to_contain_text("00:00 midnight in Berlin")
    expect(page.get_by_text("Often:")).to_be_visible()
    expect(page.get_by_role("link", name="each minute")).to_have_count(1)
    page.get_by_role("link", name="Day", exact=True).click()
    expect(days).to_have_count(1)
    page.get_by_role("link", name="Later").click()
    expect(page).to_have_url(re.compile("day=2030-03-26&span=day"))
    expect(days).to_contain_text("midnight in Berlin")
    check_accessible(page)


def test_a_schedule_is_triggered_paused_resumed_and_deleted(page: Page, stack: Stack) -> None:
    inputs = {"day": "today", "sizes": [1, 2]}
    schedule_id = schedule(stack, "to act on", inputs, cron="0 3 * * *")
    page.goto(f"/ui/schedules/{schedule_id}")
    expect(page.get_by_role("heading", level=1)).to_have_text("to act on")
    page.get_by_role("button", name="Run now").click()
    page.get_by_label("day").fill("yesterday")
    check_accessible(page)
    page.get_by_role("button", name="Yes, run it now").click()
    made = page.get_by_role("link", name="Job created: open it")
    expect(made).to_be_visible()
    job = stack.call("GET", f"/jobs/{str(made.get_attribute('href')).split('/')[-1]}")
    assert job["inputs"] == {**inputs, "day": "yesterday"}
    runs = page.get_by_role("table", name="Runs, newest first")
    expect(runs).to_contain_text("by request")
    expect(runs.get_by_role("link", name="Completed")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    page.get_by_label("Why it is paused").fill("moving house")
    page.get_by_role("button", name="Yes, pause").click()
    expect(page.get_by_text("Paused: moving house")).to_be_visible()
    expect(page.get_by_text("None while it is paused")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("moving house")).to_have_count(0)
    check_accessible(page)
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Yes, delete").click()
    expect(page).to_have_url(re.compile("/ui/schedules$"))
    assert stack.api.get(f"/scheduled-jobs/{schedule_id}").status_code == 404


def test_the_next_times_are_shown_while_a_cron_is_typed(
    page: Page, stack: Stack, guard: Guard
) -> None:
    guard.expect("400")  # what is half typed
    schedule_id = schedule(stack, "to edit", cron="0 3 * * *")
    page.goto(f"/ui/schedules/{schedule_id}?tab=edit")
    cron = page.get_by_role("textbox", name="Cron")
    cron.fill("0 9 * *")
    expect(page.get_by_role("alert")).to_contain_text("five")
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    cron.fill("30 4 1 1 *")
    times = page.locator(".schedules-whole time")
    expect(times.first).to_have_attribute("datetime", re.compile("-01-01T04:30:00Z"))
    page.get_by_label("Time zone").fill("Europe/Berlin")
    expect(times.first).to_have_attribute("datetime", re.compile("-01-01T03:30:00Z"))
    page.get_by_label("While the last job runs").select_option("skip")
    with page.expect_response(lambda answer: answer.request.method in ("PUT", "PATCH")):
        page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    now = stack.call("GET", f"/scheduled-jobs/{schedule_id}")
    assert (now["cron"], now["timezone"], now["overlap"]) == ("30 4 1 1 *", "Europe/Berlin", "skip")
    # An interval in its place
    page.get_by_label("Fires by").select_option("interval")
    page.get_by_role("textbox", name="Interval").fill("90m")
    expect(times).not_to_have_count(0)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Every 90m")).to_be_visible()
    check_accessible(page)


def test_times_that_have_passed_are_made_up_for_after_a_preview(page: Page, stack: Stack) -> None:
    schedule_id = schedule(stack, "to backfill", cron="0 * * * *")
    page.goto(f"/ui/schedules/{schedule_id}?tab=backfill")
    page.get_by_label("From").fill("2026-06-01T02:30")
    page.get_by_label("To", exact=True).fill("2026-06-01T05:00")
    page.get_by_role("button", name="Preview").click()
    result = page.get_by_role("region", name="Result")
    expect(result).to_contain_text("3 jobs would be created")
    page.get_by_role("button", name="Create 3 jobs").click()
    expect(result).to_contain_text("3 jobs created")
    expect(result.get_by_role("link")).to_have_count(3)
    check_accessible(page)
    page.get_by_role("button", name="Preview").click()
    expect(result).to_contain_text("Each time of this range has its job.")
