"""The editor: what is typed, checked and submitted there."""

import re
import shutil
import subprocess
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.support.availability import unavailable
from tests.support.browser.axe import check_accessible
from tests.support.browser.guard import Guard, fits_in_width
from tests.support.browser.stack import Stack

EMPTY = "name: my job"
JOB = """\
name: {name}
inputs:
  city: Rome
secrets:
  token: hunter22
tasks:
  - name: tell
    run: echo "$CITY $TOKEN"
    env:
      CITY: "{{{{ inputs.city }}}}"
      TOKEN: "{{{{ secrets.token }}}}"
"""
PROBLEMS = "Problems"


def opened(page: Page, address: str = "/ui/submit") -> None:
    page.goto(address)
    expect(page.locator(".submit-editor[data-ready=true]")).to_be_visible()
    expect(page.locator(".cm-content")).to_contain_text("name")


def write(page: Page, text: str) -> None:
    """Instead of all that is there."""
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def verdict(page: Page, text: str) -> Locator:
    return page.locator(".submit-bar").get_by_text(text)


def complete(page: Page, name: str) -> None:
    """Take what is offered. A list that has just opened takes no keys yet."""
    chosen = page.get_by_role("option", name=name, selected=True)
    expect(chosen).to_be_visible()
    page.wait_for_timeout(150)
    page.keyboard.press("Enter")
    expect(chosen).to_be_hidden()


def submitted(page: Page) -> str:
    """The id of the job whose page is opened."""
    page.wait_for_url(re.compile(r"/ui/jobs/\w+"))
    return page.url.rpartition("/")[2]


def test_a_job_is_written_by_keyboard_with_completion_checked_at_its_line_and_submitted(
    page: Page, guard: Guard, stack: Stack
) -> None:
    guard.expect("400")  # the answers of dry runs while it is half written
    page.goto("/")
    assert not [url for url in guard.requests if "editor" in url], "only its own page loads it"
    opened(page)
    page.keyboard.press("Tab")  # the first is the link to skip the navigation
    page.locator(".cm-content").focus()
    page.keyboard.press("Control+End")
    page.keyboard.type("    ret")
    complete(page, "retry")
    page.keyboard.type("limi")
    complete(page, "limit")
    page.keyboard.type("900")

    problems = page.get_by_role("list", name=PROBLEMS)
    expect(problems).to_contain_text("tasks[0].retry.limit")
    expect(problems).to_contain_text("line 6")
    expect(page.locator(".cm-lintRange-error")).to_have_text("900")
    problems.get_by_role("button").click()
    page.keyboard.press("End")
    for _ in "900":
        page.keyboard.press("Backspace")
    page.keyboard.type("2")
    expect(verdict(page, "No errors")).to_be_visible()

    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Submit the job")).to_be_focused()
    page.keyboard.press("Control+Enter")
    job = stack.until(submitted(page), "COMPLETED")
    assert (job["name"], job["tasks"][0]["retry"]["limit"]) == ("my job", 2)


def test_mistakes_of_yaml_show_while_it_is_typed_and_warnings_before_it_is_submitted(
    page: Page, guard: Guard
) -> None:
    guard.expect("400")
    opened(page)
    write(page, "name: x\ntasks: [\n")
    expect(page.get_by_role("list", name=PROBLEMS)).to_contain_text("YAML")
    write(page, "name: x\ntasks:\n  - name: a\n    queue: nobody-serves-it\n    run: echo\n")
    expect(verdict(page, "1 warning")).to_be_visible()
    expect(page.get_by_role("list", name=PROBLEMS)).to_contain_text("line 4")
    page.get_by_text("queue", exact=True).hover()
    expect(page.locator(".cm-help")).to_contain_text("Which workers get the task")
    check_accessible(page)


def test_two_clicks_make_one_job(page: Page, stack: Stack) -> None:
    opened(page)
    write(page, "name: clicked-twice\ntasks:\n  - name: a\n    run: echo\n")
    expect(verdict(page, "No errors")).to_be_visible()
    page.get_by_role("button", name="Submit the job").dblclick()
    submitted(page)
    assert stack.call("GET", "/jobs?name=clicked-twice")["totalItems"] == 1


def test_an_example_is_found_looked_at_and_taken_and_a_draft_outlives_the_page(
    page: Page, guard: Guard
) -> None:
    guard.expect("400")
    opened(page)
    page.get_by_role("button", name="Examples").click()
    page.get_by_label("Search examples").fill("cron")
    expect(page.get_by_text("No example has these words")).to_be_visible()
    page.get_by_label("Search examples").fill("scheduled job")
    page.get_by_role("button", name=re.compile("^schedule scheduled")).click()
    expect(page.get_by_label("Preview of schedule")).to_contain_text("Europe/Berlin")
    check_accessible(page)
    page.get_by_role("button", name="Use this example").click()
    expect(verdict(page, "first at")).to_be_visible()
    expect(page.get_by_role("button", name="Create the schedule")).to_be_visible()

    write(page, "name: draft\nsecrets: {token: hunter22}\ntasks:\n  - name: a\n    run: echo\n")
    expect(page.get_by_text("The draft is kept in this browser")).to_be_visible()
    page.get_by_role("link", name="Schedules").click()
    page.get_by_role("button", name="Leave", exact=True).click()
    page.wait_for_url("**/ui/schedules")
    assert "hunter22" not in page.evaluate("JSON.stringify(localStorage)")
    opened(page)
    expect(page.get_by_text("is back, without its secrets")).to_be_visible()
    expect(page.locator(".cm-content")).to_contain_text('token: ""')
    page.get_by_role("button", name="Discard the draft").click()
    expect(page.locator(".cm-content")).to_contain_text(EMPTY)


def test_an_upload_is_sent_named_and_used_by_the_job(
    page: Page, guard: Guard, stack: Stack, tmp_path: Path
) -> None:
    guard.expect("400")
    (tmp_path / "data.txt").write_text("from the page")
    opened(page)
    write(page, "name: upload\ntasks:\n  - name: read\n    run: cat data.txt\n")
    page.set_input_files("input[type=file][multiple]", tmp_path / "data.txt")
    expect(page.get_by_text("Sent as data")).to_be_visible()
    expect(page.locator(".cm-content")).to_contain_text("uploads:")
    page.get_by_role("button", name="Use in the task at the cursor").click()
    expect(page.locator(".cm-content")).to_contain_text("target: data.txt")
    expect(verdict(page, "No errors")).to_be_visible()
    page.get_by_role("button", name="Submit the job").click()
    job_id = submitted(page)
    assert stack.until(job_id)["state"] == "COMPLETED"
    assert log_of(stack, job_id).endswith("from the page")


def test_a_video_is_cut_transcoded_and_joined_from_the_page(
    page: Page, stack: Stack, tmp_path: Path
) -> None:
    if shutil.which("ffmpeg") is None:
        unavailable("the video job: ffmpeg is not installed here")
    video = tmp_path / "video.mp4"
    source = ["-f", "lavfi", "-i", "testsrc=size=160x120:rate=5", "-t", "30"]
    subprocess.run(
        ["ffmpeg", "-v", "error", *source, "-g", "5", "-c:v", "mpeg4", video], check=True
    )
    opened(page)
    page.get_by_role("button", name="Examples").click()
    page.get_by_label("Search examples").fill("video")
    page.get_by_role("button", name=re.compile("^transcode-video")).click()
    page.get_by_role("button", name="Use this example").click()
    page.set_input_files("input[type=file][multiple]", video)
    expect(page.get_by_text("Sent as video")).to_be_visible()
    expect(verdict(page, "No errors")).to_be_visible()
    page.get_by_role("button", name="Submit the job").click()
    job_id = submitted(page)
    phases = page.get_by_label("Phases of transcode")
    expect(phases).to_contain_text("6 of 6")
    assert stack.until(job_id)["state"] == "COMPLETED"
    page.goto(f"/ui/jobs/{job_id}?tab=files&path=transcode/output&depth=2")
    with page.expect_download() as download:
        page.get_by_role("link", name="video.mp4", exact=True).click()
    shown = ["-show_entries", "format=duration", "-of", "csv=p=0"]
    duration = subprocess.check_output(["ffprobe", "-v", "error", *shown, download.value.path()])
    assert abs(float(duration) - 30) < 1


def test_a_job_runs_again_with_other_values_and_its_secrets_or_with_edits_and_new_ones(
    page: Page, guard: Guard, stack: Stack
) -> None:
    guard.expect("400")
    first = stack.submit(JOB.format(name="again"))
    stack.until(first, "COMPLETED")
    opened(page, f"/ui/submit?from={first}")
    expect(page.get_by_text("Left empty, it keeps its value.")).to_be_visible()
    expect(page.locator(".cm-content")).not_to_contain_text("hunter22")
    page.get_by_label("city").fill("Oslo")
    check_accessible(page)
    page.get_by_role("button", name="Run again").click()
    second = submitted(page)
    assert stack.until(second, "COMPLETED")["inputs"] == {"city": "Oslo"}
    assert "Oslo [REDACTED]" in log_of(stack, second)

    opened(page, f"/ui/submit?from={second}")
    page.get_by_text('echo "$CITY $TOKEN"').click()
    page.keyboard.press("End")
    page.keyboard.insert_text("; echo edited")
    expect(page.get_by_text("its secrets are not taken over")).to_be_visible()
    page.get_by_label("token").fill("another-secret")
    expect(verdict(page, "No errors")).to_be_visible()
    page.get_by_role("button", name="Run again").click()
    third = submitted(page)
    stack.until(third, "COMPLETED")
    assert "Oslo [REDACTED]\nedited" in log_of(stack, third)


def log_of(stack: Stack, job_id: str) -> str:
    parts = stack.call("GET", f"/jobs/{job_id}/log")["items"]
    return "".join(part["contents"] for part in parts)


def test_a_schedule_is_edited_and_keeps_its_secrets(page: Page, guard: Guard, stack: Stack) -> None:
    guard.expect("400")
    job = JOB.format(name="nightly") + "schedule:\n  cron: 0 6 * * *\n"
    headers = {"Content-Type": "application/yaml"}
    made = stack.call("POST", "/scheduled-jobs", content=job, headers=headers)
    opened(page, f"/ui/submit?schedule={made['id']}")
    page.get_by_text("0 6 * * *").click()
    page.keyboard.press("Home")
    page.keyboard.press("End")
    page.keyboard.press("Shift+Home")
    page.keyboard.insert_text("  cron: 0 7 * * *")
    expect(verdict(page, "No errors")).to_be_visible()
    page.get_by_role("button", name="Save the schedule").click()
    page.wait_for_url(f"**/ui/schedules/{made['id']}")
    now = stack.call("GET", f"/scheduled-jobs/{made['id']}")
    assert (now["cron"], now["version"]) == ("0 7 * * *", 2)


def test_a_file_is_opened_and_formatted_and_the_page_fits_a_phone(
    page: Page, guard: Guard, tmp_path: Path
) -> None:
    guard.expect("400")
    file = tmp_path / "job.json"
    file.write_text('{"name": "from a file", "tasks": [{"name": "a", "run": "echo"}]}')
    page.set_viewport_size({"width": 360, "height": 740})
    opened(page)
    page.set_input_files("input[type=file]:not([multiple])", file)
    expect(page.locator(".cm-content")).to_contain_text("from a file")
    page.get_by_role("button", name="Format").click()
    expect(page.locator(".cm-line")).to_have_count(10)
    expect(verdict(page, "No errors")).to_be_visible()
    assert fits_in_width(page)


def test_who_may_not_submit_is_told_why(anonymous_page: Page, protected_stack: Stack) -> None:
    new = {"name": "reader", "scopes": ["read"]}
    key = protected_stack.call("POST", "/keys", json=new)["key"]
    anonymous_page.request.post("/session", data={"key": key})
    anonymous_page.goto("/ui/submit")
    expect(anonymous_page.get_by_text("You can't submit jobs")).to_be_visible()
    expect(anonymous_page.get_by_text("lacks the permission “submit”")).to_be_visible()
    check_accessible(anonymous_page)
