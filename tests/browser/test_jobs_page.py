"""The list of jobs in a browser: live, searched, filtered, acted on, by mouse and by keyboard."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.support.browser.axe import check_accessible
from tests.support.browser.guard import Guard
from tests.support.browser.stack import Stack


def job(name: str, run: str = "true", tags: str = "") -> str:
    return f"name: {name}\ntags: [{tags}]\ntasks: [{{name: a, run: {run!r}}}]"


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def test_new_jobs_appear_and_change_by_themselves(page: Page, stack: Stack) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    waits = f"until [ -e {stack.directory}/go ]; do sleep 0.1; done"
    job_id = stack.submit(job("live one", waits, "blue"))
    live = row(page, "live one")
    expect(live).to_contain_text("Running")
    expect(live.get_by_role("link", name="blue")).to_be_visible()
    expect(live.get_by_role("progressbar")).to_be_visible()
    (stack.directory / "go").touch()
    expect(live).to_contain_text("Completed")
    live.get_by_role("link", name="live one").click()
    expect(page).to_have_url(re.compile(f"/ui/jobs/{job_id}$"))


def test_what_is_read_does_not_move_when_new_jobs_come(page: Page, stack: Stack) -> None:
    for number in range(30):
        last = stack.submit(job(f"filler {number}"))
    stack.until(last)
    page.goto("/")
    expect(row(page, "filler 29")).to_be_visible()
    page.evaluate("window.scrollTo(0, 600)")
    stack.submit(job("came later"))
    button = page.get_by_role("button", name=re.compile("Show 1 new job"))
    expect(button).to_be_visible()
    expect(row(page, "came later")).to_have_count(0)
    button.click()
    expect(row(page, "came later")).to_be_visible()
    expect(button).to_have_count(0)


def test_the_list_has_no_end_and_can_be_sorted_by_age(page: Page, stack: Stack) -> None:
    names = [f"endless {number}" for number in range(60)]
    for name in names:
        stack.submit(job(name))
    page.goto("/?q=endless")
    rows = page.locator(".jobs-row")
    expect(row(page, names[-1])).to_be_visible()
    assert rows.count() < 50
    page.wait_for_function(  # what follows is read when the end is near
        """name => {
            window.scrollTo(0, document.body.scrollHeight);
            return [...document.querySelectorAll(".jobs-link")].some((a) => a.textContent === name);
        }""",
        arg=names[0],
    )
    assert rows.count() < 50
    page.get_by_role("link", name="Age").click()
    expect(page).to_have_url(re.compile(r"\?q=endless&order=oldest$"))
    page.keyboard.press("Home")
    expect(rows.first).to_contain_text(names[0])
    before = _heap(page)
    page.evaluate(  # rows come in sight and leave it again
        """async () => {
            for (let n = 0; n < 150; n++) {
                scrollTo(0, n % 2 ? 0 : document.body.scrollHeight);
                await new Promise(requestAnimationFrame);
            }
        }"""
    )
    assert _heap(page) < before + 2_000_000


def _heap(page: Page) -> int:
    """The bytes of what is still used."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    return int(session.send("Runtime.getHeapUsage")["usedSize"])


def test_search_and_filters_are_in_the_address(page: Page, stack: Stack) -> None:
    stack.until(stack.submit(job("apple picking", tags="fruit")))
    stack.until(stack.submit(job("apple falling", "exit 3", "fruit, windy")))
    page.goto("/")
    search = page.get_by_role("searchbox", name="Search jobs")
    search.fill("apple")
    expect(page).to_have_url(re.compile(r"\?q=apple$"))
    rows = page.locator(".jobs-row")
    expect(rows).to_have_count(2)
    page.get_by_role("link", name=re.compile(r"^Failed 1$")).click()
    expect(page).to_have_url(re.compile(r"q=apple&state=FAILED$"))
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("exit code 3")
    page.go_back()
    expect(rows).to_have_count(2)
    row(page, "apple falling").get_by_role("link", name="windy").click()
    expect(page).to_have_url(re.compile(r"tag=windy"))
    expect(rows).to_have_count(1)
    page.reload()
    expect(rows).to_have_count(1)
    page.goto("/?q=nothing+is+called+so")
    expect(page.get_by_role("heading", name="No job matches")).to_be_visible()
    page.get_by_role("link", name="Clear all filters").click()
    expect(row(page, "apple picking")).to_be_visible()


def test_a_search_that_can_not_be_read_is_told_in_the_words_of_the_server(
    page: Page, guard: Guard
) -> None:
    guard.expect("400")
    page.goto("/?since=nonsense")
    expect(page.get_by_role("alert")).to_contain_text("must be a time")


def test_several_jobs_are_cancelled_restarted_and_deleted_with_a_result_for_each(
    page: Page, stack: Stack, guard: Guard
) -> None:
    guard.expect("404")  # of the job that another client deletes
    ids = [stack.submit(job(f"batch {number}", "sleep 600")) for number in range(3)]
    stack.until(stack.submit(job("batch done")))
    page.goto("/?q=batch")
    expect(page.locator(".jobs-row")).to_have_count(4)
    page.get_by_role("checkbox", name="Select batch done").click()
    page.get_by_role("checkbox", name="Select batch 0").click(modifiers=["Shift"])
    bar = page.get_by_role("region", name="Selected jobs")
    expect(bar).to_contain_text("4 jobs selected")
    bar.get_by_role("button", name="Cancel 3").click()
    bar.get_by_role("button", name="Yes, cancel").click()
    for number, job_id in enumerate(ids):
        expect(row(page, f"batch {number}")).to_contain_text("Cancelled")
        stack.until(job_id, "CANCELLED")
    # One that is final by now is refused, and the row says why
    page.get_by_role("checkbox", name="Select all that are loaded").check()
    bar.get_by_role("button", name="Restart 3").click()
    stack.call("DELETE", f"/jobs/{ids[0]}")
    bar.get_by_role("button", name="Yes, restart").click()
    expect(row(page, "batch 0")).to_contain_text("Not possible: no such job")
    expect(row(page, "batch 1")).to_contain_text("Running")
    stack.call("PUT", f"/jobs/{ids[1]}/cancel")
    stack.call("PUT", f"/jobs/{ids[2]}/cancel")
    expect(row(page, "batch 2").locator(".state")).to_have_text("Cancelled")
    page.get_by_role("checkbox", name="Select batch 0").uncheck()
    bar.get_by_role("button", name=re.compile("^Delete")).click()
    bar.get_by_role("button", name="Yes, delete").click()
    expect(page.locator(".jobs-row")).to_have_count(1)


def test_the_list_is_driven_by_keys(page: Page, stack: Stack) -> None:
    for number in range(3):
        stack.until(stack.submit(job(f"keyed {number}")))
    page.goto("/?q=keyed")
    expect(page.locator(".jobs-row")).to_have_count(3)
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="keyed 1")).to_be_focused()
    page.keyboard.press("x")
    expect(page.get_by_role("checkbox", name="Select keyed 1")).to_be_checked()
    page.keyboard.press("j")
    page.keyboard.press("Shift+X")
    expect(page.get_by_role("region", name="Selected jobs")).to_contain_text("2 jobs selected")
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="Selected jobs")).to_have_count(0)
    page.keyboard.press("k")
    page.keyboard.press("x")
    again = page.get_by_role("link", name="Run again with edits")
    expect(again).to_have_attribute("href", re.compile(r"/ui/submit\?from=\w+$"))
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search jobs")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/ui/jobs/"))


def test_who_may_only_view_a_job_has_no_button_that_acts_on_it(
    protected_stack: Stack, sign_in: Callable[..., Page]
) -> None:
    page = sign_in("vera")
    shared = "permissions: [{user: vera, access: view}]\n"
    protected_stack.submit(shared + job("only to be seen", "sleep 600"))
    expect(row(page, "only to be seen")).to_contain_text("Running")
    page.get_by_role("checkbox", name="Select only to be seen").click()
    bar = page.get_by_role("region", name="Selected jobs")
    expect(bar.get_by_role("button")).to_have_text(["Clear selection"])
    page.reload()  # the same of what was read as of what came by itself
    page.get_by_role("checkbox", name="Select only to be seen").click()
    expect(bar.get_by_role("button")).to_have_text(["Clear selection"])


def test_the_list_has_no_findings_of_axe(page: Page, stack: Stack) -> None:
    stack.until(stack.submit(job("seen by axe", "exit 1", "a, b, c, d")))
    page.goto("/")
    page.get_by_role("checkbox", name="Select seen by axe").click()
    page.get_by_text("More filters").click()
    check_accessible(page)
    page.goto("/?q=nothing+is+called+so")
    expect(page.get_by_role("heading", name="No job matches")).to_be_visible()
    check_accessible(page)


def test_where_colours_are_forced_lines_say_what_backgrounds_said(page: Page, stack: Stack) -> None:
    stack.until(stack.submit(job("in few colours")))
    page.emulate_media(forced_colors="active")
    page.goto("/?q=few+colours")
    page.get_by_label("Select in few colours").click()
    expect(row(page, "in few colours")).to_have_css("outline-style", "solid")
    expect(page.locator(".jobs-row .badge")).to_have_css("border-top-width", "1px")
