"""The page without a mouse."""

import re

from playwright.sync_api import Page, expect

from tests.support.browser.guard import Guard
from tests.support.browser.keyboard import focused, tab_to
from tests.support.browser.stack import Stack

JOB = """\
name: walked to
tasks:
  - name: wait
    run: until test -e {gate}; do sleep 0.1; done
"""


def test_a_job_is_submitted_found_opened_and_cancelled_by_keyboard_alone(
    page: Page, guard: Guard, stack: Stack
) -> None:
    guard.expect("400")  # the answers of dry runs while it is half written
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    page.keyboard.press("Tab")
    assert (first := focused(page))
    assert first["name"] == "Skip to the content"
    # Written and submitted
    tab_to(page, "^Submit a job$")
    page.keyboard.press("Enter")
    expect(page.locator(".submit-editor[data-ready=true]")).to_be_visible()
    tab_to(page, "^Job file")
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(JOB.format(gate=stack.directory / "never"))
    page.keyboard.press("Escape")
    tab_to(page, "^Submit")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/ui/jobs/\w+"))
    job_id = page.url.rpartition("/")[2]
    stack.until(job_id, "RUNNING")
    # Found and opened
    page.goto("/")
    tab_to(page, "^Search jobs$")
    page.keyboard.type("walked")
    expect(page).to_have_url(re.compile("walked"))
    tab_to(page, "^walked to$")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(job_id))
    # Cancelled, after a question that has the focus
    tab_to(page, "^Cancel$")
    page.keyboard.press("Enter")
    if (at := focused(page)) is None or at["name"] != "Cancel the job":
        tab_to(page, "^Cancel the job$")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Cancelled").first).to_be_visible()
    assert stack.until(job_id)["state"] == "CANCELLED"
