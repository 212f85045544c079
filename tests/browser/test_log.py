"""The log of a job in a browser: any line of it, both streams, colours, search, and as it grows."""

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.support.browser.axe import check_accessible
from tests.support.browser.guard import Guard
from tests.support.browser.stack import Stack

LINES = 200_000


def job(name: str, *scripts: str) -> str:
    tasks = "".join(f"- {{name: task {n}, run: {s!r}}}\n" for n, s in enumerate(scripts, 1))
    return f"name: {name}\ntasks:\n{tasks}"


def script(stack: Stack, name: str, text: str) -> str:
    """A file's: nothing of a job's file is in its way."""
    path = Path(stack.directory, name)
    path.write_text(text)
    return f"bash {path}"


def line(page: Page, number: int) -> Locator:
    return page.locator(f'[data-line="{number}"] .log-text')


def test_both_streams_and_colours_are_shown_and_what_could_harm_is_seen(
    stack: Stack, page: Page
) -> None:
    text = r"""
        echo plain; sleep 0.3; echo broken >&2; sleep 0.3
        printf '\033[1;31mred\033[0m and \033[38;5;226myellow\033[0m\n'
        printf '10 %%\r55 %%\r100 %%\n'
        printf 'over\342\200\256ride <script>alert(1)</script>\n'
        head -c 1000000 /dev/zero | tr '\0' x; echo
        echo last
    """
    job_id = stack.submit(job("streams", script(stack, "streams.sh", text), "echo of the second"))
    stack.until(job_id, "COMPLETED")
    page.goto(f"/ui/jobs/{job_id}?tab=log")
    expect(line(page, 1)).to_have_text("plain")
    expect(page.locator('[data-line="2"]')).to_have_class(re.compile("log-stderr"))
    expect(page.locator('[data-line="2"]').get_by_title("standard error")).to_be_visible()
    expect(line(page, 3).locator("span").first).to_have_css("font-weight", "600")
    expect(line(page, 4)).to_have_text("100 %")
    expect(line(page, 5)).to_have_text("over⟨U+202E⟩ride <script>alert(1)</script>")
    expect(line(page, 6).get_by_role("button")).to_be_visible()
    expect(page.get_by_text("The log is complete.")).to_be_visible()
    page.get_by_label("Time stamps").select_option("Times")
    page.get_by_role("button", name="Wrap").click()
    expect(line(page, 8)).to_have_text("of the second")
    check_accessible(page)
    page.get_by_label("Task", exact=True).select_option(label="task 2 – completed")
    page.wait_for_url("**task=**")
    expect(line(page, 1)).to_have_text("of the second")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert "of the second" in Path(download.value.path()).read_text()


def test_any_line_of_a_long_log_is_there_and_found_by_keyboard(
    stack: Stack, page: Page, guard: Guard
) -> None:
    guard.expect("400")  # of what is no regular expression
    text = f"seq -f 'this is line %.0f of a long log, which goes on and on' {LINES}"
    job_id = stack.submit(job("long", script(stack, "long.sh", text)))
    stack.until(job_id, "COMPLETED")
    page.goto(f"/ui/jobs/{job_id}?tab=log")
    expect(line(page, LINES)).to_be_visible()
    assert page.locator(".log-line").count() < 200
    page.get_by_role("log").focus()
    page.keyboard.press("g")
    expect(line(page, 1)).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("LINE 12345")
    expect(page.get_by_role("search").get_by_role("status")).to_have_text("1 of 11 lines")
    expect(line(page, 12_345).locator("mark")).to_have_text("line 12345")
    page.keyboard.press("Enter")
    expect(line(page, 123_450)).to_be_visible()
    page.keyboard.press("Shift+Enter")
    expect(line(page, 12_345)).to_be_visible()
    page.get_by_role("button", name="Regular expression").click()
    page.get_by_label("Search the log").fill(r"line 1\d{5} ")
    expect(page.get_by_role("search").get_by_role("status")).to_contain_text("10,000+")
    page.get_by_label("Search the log").fill("(")
    expect(page.get_by_role("search").get_by_role("status")).to_contain_text("regular expression")
    page.goto(f"/ui/jobs/{job_id}?tab=log&line=150000")
    expect(line(page, 150_000)).to_be_visible()
    expect(page.locator(".log-linked")).to_have_attribute("data-line", "150000")


def test_a_log_is_followed_until_one_scrolls_up(stack: Stack, page: Page) -> None:
    more, over = stack.directory / "more", stack.directory / "over"
    text = f"""
        seq 100
        until test -e {more}; do sleep 0.05; done; seq 101 300
        until test -e {over}; do sleep 0.05; done; echo the end
    """
    job_id = stack.submit(job("growing", script(stack, "growing.sh", text)))
    page.goto(f"/ui/jobs/{job_id}?tab=log")
    expect(line(page, 100)).to_be_visible()
    more.touch()
    expect(line(page, 300)).to_be_visible()
    page.get_by_role("log").hover()
    page.mouse.wheel(0, -2000)
    expect(page.get_by_role("button", name="Jump to end")).to_be_visible()
    over.touch()
    page.get_by_role("button", name="1 new line").click()
    expect(line(page, 301)).to_have_text("the end")
    expect(page.get_by_text("The log is complete.")).to_be_visible()


def test_an_empty_log_says_why(stack: Stack, page: Page) -> None:
    silent = stack.submit(job("silent", "true"))
    stack.until(silent, "COMPLETED")
    page.goto(f"/ui/jobs/{silent}?tab=log")
    expect(page.get_by_text("wrote nothing to standard output")).to_be_visible()
    waiting = stack.submit("name: waits\ntasks: [{name: a, run: 'true', queue: nobody-is-here}]")
    page.goto(f"/ui/jobs/{waiting}?tab=log")
    expect(page.get_by_text("has not started yet")).to_be_visible()
