"""What each role sees: nothing that is refused, neither by itself nor when a button is pressed."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Response, expect

from tests.support.browser.guard import Guard
from tests.support.browser.stack import Stack

JOB = "name: of roles\ntags: [roles]\ntasks: [{name: a, run: 'true'}]"
SCHEDULE = JOB + "\nschedule: {cron: '0 0 1 1 *'}"
MOST_BUTTONS = 30
ON_TASKS = ("Run again from here",)


@pytest.fixture(scope="module")
def pages(protected_stack: Stack) -> list[str]:
    """Each address of the page, with things that everybody may see."""
    stack = protected_stack
    stack.add_user("rolf")
    headers = {"Content-Type": "text/yaml"}
    job = stack.submit(JOB)
    stack.until(job)
    schedule = stack.call("POST", "/scheduled-jobs", content=SCHEDULE, headers=headers)["id"]
    node = stack.call("GET", "/nodes")[0]["id"]
    shared = {"secret": "of roles", "permissions": [{"user": "rolf", "access": "view"}]}
    stack.call("PUT", "/secrets/of-roles", json=shared)
    task = stack.job(job)["execution"][0]["id"]
    return [
        *("/", f"/ui/jobs/{job}", "/ui/submit", "/ui/schedules", f"/ui/schedules/{schedule}"),
        *(f"/ui/jobs/{job}?task={task}", "/ui/secrets"),
        *("/ui/webhooks", "/ui/cluster", "/ui/cluster/nodes", f"/ui/cluster/nodes/{node}"),
        *("/ui/cluster/queues", "/ui/cluster/dead-letters", "/ui/account", "/ui/users"),
    ]


@pytest.fixture
def with_key(
    protected_stack: Stack, new_page: Callable[[Stack], tuple[Page, Guard]]
) -> Callable[..., Page]:
    def signed_in(*scopes: str) -> Page:
        new = {"name": "of roles", "scopes": scopes, "user": "rolf"}
        key = protected_stack.call("POST", "/keys", json=new)["key"]
        page, _ = new_page(protected_stack)
        page.goto("/ui/sign-in")
        page.get_by_role("button", name="Use an API key").click()
        page.get_by_label("API key").fill(key)
        page.keyboard.press("Enter")
        page.wait_for_url("**/")
        return page

    return signed_in


def refused(page: Page) -> list[str]:
    """Grows with each answer that says that the user may not."""
    found: list[str] = []

    def look(response: Response) -> None:
        if response.status in (401, 403):
            found.append(f"{page.url}: {response.request.method} {response.url}")

    page.on("response", look)
    return found


def press_each_button(page: Page, path: str) -> None:
    """What can't be undone asks first: it is only asked."""
    for place in range(MOST_BUTTONS):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        buttons = shown_buttons(page)
        if place >= len(buttons):
            return
        buttons[place].click()
        page.wait_for_load_state()


def shown_buttons(page: Page) -> list[Locator]:
    # A job that is submitted for each role would be in the way of other tests.
    shown = page.locator("main button:visible:enabled")
    return shown.filter(has_not_text=re.compile("^Submit")).all()


def test_a_key_that_reads_changes_nothing_and_is_refused_nothing(
    pages: list[str], with_key: Callable[..., Page]
) -> None:
    page = with_key("read")
    found = refused(page)
    for path in pages:
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        for name in (
            "Delete",
            "Cancel",
            "Restart",
            "Pause",
            "Run now",
            "Requeue",
            "Drain",
            *ON_TASKS,
        ):
            shown = page.get_by_role("button", name=name, exact=True)
            assert shown.count() == 0, f"{path}: {name}"
        press_each_button(page, path)
    expect(page.get_by_role("link", name="Submit a job")).to_have_count(0)
    assert found == []


def test_a_user_is_refused_nothing(pages: list[str], sign_in: Callable[..., Page]) -> None:
    page = sign_in("rolf")
    found = refused(page)
    for path in pages:
        press_each_button(page, path)
    assert found == []


def test_an_administrator_is_refused_nothing(
    pages: list[str], sign_in: Callable[..., Page]
) -> None:
    page = sign_in("ada", "admin")
    found = refused(page)
    for path in pages:
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="Submit a job")).to_be_visible()
    assert found == []


def test_a_key_that_only_submits_is_told_so(with_key: Callable[..., Page]) -> None:
    page = with_key("submit")
    found = refused(page)
    page.goto("/ui/webhooks")
    expect(page.get_by_text("You may submit jobs, but not read them")).to_be_visible()
    expect(page.get_by_role("navigation", name="Sections")).to_have_count(0)
    page.get_by_role("main").get_by_role("link", name="Submit a job").click()
    page.wait_for_url("**/ui/submit")
    assert found == []


def test_who_is_not_signed_in_sees_the_sign_in_and_asks_for_nothing_else(
    pages: list[str], anonymous_page: Page
) -> None:
    found = refused(anonymous_page)
    for path in pages:
        anonymous_page.goto(path)
        expect(anonymous_page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert found == []
