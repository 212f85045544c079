"""The sign-in in a browser: in, out, and on after a session has ended."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.axe import check_accessible
from tests.support.browser.guard import Guard
from tests.support.browser.stack import Stack


def fill(page: Page, user: str, password: str) -> None:
    page.get_by_label("User name").fill(user)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def path_of(page: Page) -> str:
    return page.url.removeprefix(f"{urlsplit(page.url).scheme}://{urlsplit(page.url).netloc}")


def test_who_signs_in_is_where_they_wanted_to_go(
    protected_stack: Stack, anonymous_page: Page
) -> None:
    page = anonymous_page
    protected_stack.add_user("dora")
    page.goto("/ui/schedules?q=x")
    expect(page).to_have_title("Sign in · Conveyor")
    expect(page.get_by_label("User name")).to_be_focused()
    expect(page.get_by_role("navigation")).to_have_count(0)
    expect(page.get_by_role("link", name="Submit a job")).to_have_count(0)
    fill(page, "dora", "wrong")
    expect(page.get_by_role("alert")).to_have_text("The user name or the password is not right.")
    check_accessible(page)
    fill(page, "dora", "dora's password")
    expect(page.get_by_role("heading", level=1)).to_have_text("Schedules")
    assert path_of(page) == "/ui/schedules?q=x"
    expect(page).to_have_title("Schedules · Conveyor")


@pytest.mark.parametrize(
    ("to", "path"),
    [
        ("", "/"),
        ("%2Fui%2Fwebhooks", "/ui/webhooks"),
        ("https%3A%2F%2Fevil.example%2F", "/"),
        ("%2F%2Fevil.example%2F", "/"),
        ("%2F%5Cevil.example", "/"),
        ("javascript%3Aalert(1)", "/"),
    ],
)
def test_an_address_leads_nowhere_else(sign_in: Callable[..., Page], to: str, path: str) -> None:
    page = sign_in("dora")
    page.goto(f"/ui/sign-in?to={to}")
    page.wait_for_url(re.compile(re.escape(path) + "$"))
    assert path_of(page) == path


def test_a_guesser_is_told_to_wait(
    protected_stack: Stack, new_page: Callable[[Stack], tuple[Page, Guard]]
) -> None:
    page, guard = new_page(protected_stack)
    guard.expect("401")
    guard.expect("429")
    protected_stack.add_user("greta")
    page.goto("/ui/sign-in")
    for _ in range(6):
        page.get_by_label("User name").fill("greta")
        page.get_by_label("Password").fill("guess")
        with page.expect_response("**/session"):
            page.keyboard.press("Enter")
    waiting = page.get_by_role("button", name=re.compile("Try again in"))
    expect(page.get_by_role("alert")).to_contain_text("too many failed sign-ins")
    expect(waiting).to_have_count(0)
    fill(page, "greta", "greta's password")
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")


def test_a_key_signs_in_and_the_menu_says_who_and_leads_out(
    protected_stack: Stack, anonymous_page: Page
) -> None:
    page = anonymous_page
    key = protected_stack.call("POST", "/keys", json={"name": "watch", "scopes": ["read"]})
    page.goto("/")
    page.get_by_role("button", name="Use an API key").click()
    page.get_by_label("API key").fill("cvk_wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This key is not valid")
    page.get_by_label("API key").fill(key["key"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    expect(page.get_by_role("link", name="Submit a job")).to_have_count(0)
    page.locator("summary", has_text="API key").click()
    expect(page.locator(".account-facts")).to_contain_text(key["id"])
    check_accessible(page)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert page.context.cookies() == []
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_what_was_typed_is_there_after_a_session_has_ended(
    protected_stack: Stack, sign_in: Callable[..., Page]
) -> None:
    page = sign_in("hanna")
    page.goto("/ui/webhooks?new=1")
    page.get_by_label("Description").fill("what I typed")
    new = {"password": protected_stack.users["hanna"]}
    protected_stack.call("PUT", "/users/hanna/password", json=new)
    page.get_by_label("URL").fill("https://example.com/hook")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your session has ended.")).to_be_visible()
    fill(page, "hanna", "hanna's password")
    expect(page.get_by_label("Description")).to_have_value("what I typed")
    expect(page.get_by_label("URL")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="what I typed")).to_be_visible()


def test_a_page_that_only_watches_notices_that_its_session_has_ended(
    protected_stack: Stack, new_page: Callable[[Stack], tuple[Page, Guard]]
) -> None:
    page, guard = new_page(protected_stack)
    for error in ("401", "ERR_INCOMPLETE_CHUNKED_ENCODING"):
        guard.expect(error)
    protected_stack.add_user("jane")
    page.goto("/")
    with page.expect_request("**/events?*"):
        fill(page, "jane", "jane's password")
    new = {"password": protected_stack.users["jane"]}
    protected_stack.call("PUT", "/users/jane/password", json=new)
    expect(page.get_by_text("Your session has ended.")).to_be_visible()
    with page.expect_request("**/events?*"):
        fill(page, "jane", "jane's password")
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")


def test_a_user_ends_a_session_and_changes_their_password(
    protected_stack: Stack, sign_in: Callable[..., Page]
) -> None:
    other, page = sign_in("kim"), sign_in("kim")
    page.locator("summary", has_text="kim").click()
    page.get_by_role("link", name="Account", exact=True).click()
    sessions = page.get_by_role("region", name="Sessions")
    expect(sessions.get_by_text("This one")).to_have_count(1)
    check_accessible(page)
    sessions.get_by_role("button", name="End", exact=True).click()
    sessions.get_by_role("button", name="End the session").click()
    expect(sessions.locator("tbody tr")).to_have_count(1)
    other.goto("/ui/schedules")
    expect(other.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.get_by_label("Present password").fill(protected_stack.users["kim"])
    page.get_by_label("New password").fill("another password")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("The password is changed.").first).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Account")


def test_an_administrator_adds_a_user_and_shuts_them_out(sign_in: Callable[..., Page]) -> None:
    page = sign_in("ada", "admin")
    page.goto("/ui/users")
    page.get_by_label("User name").fill("lena")
    page.get_by_label("Password").fill("lena's password")
    page.get_by_role("button", name="Create user").click()
    row = page.get_by_role("row").filter(has_text="lena").first
    expect(row).to_contain_text("active")
    row.get_by_role("button", name="Roles and sessions of lena").click()
    page.get_by_role("checkbox", name="admin").click()
    expect(row).to_contain_text("admin")
    check_accessible(page)
    row.get_by_role("button", name="Disable").click()
    row.get_by_role("button", name="Disable lena").click()
    expect(row).to_contain_text("disabled")


def test_a_banner_stays_while_the_coordinator_is_away_and_so_does_what_was_typed(
    page: Page, guard: Guard
) -> None:
    guard.expect("ERR_INTERNET_DISCONNECTED")
    page.goto("/ui/webhooks?new=1")
    page.get_by_label("Description").fill("what I typed")
    page.get_by_label("URL").fill("https://example.com/hook")
    page.context.set_offline(True)
    page.keyboard.press("Enter")
    banner = page.get_by_text("This goes when it is back.")
    expect(banner).to_be_visible()
    page.context.set_offline(False)
    expect(banner).to_have_count(0)
    expect(page.get_by_label("Description")).to_have_value("what I typed")


def test_another_user_sees_nothing_of_the_one_before(
    protected_stack: Stack, sign_in: Callable[..., Page]
) -> None:
    protected_stack.add_user("ida")
    page = sign_in("hanna")
    page.goto("/ui/webhooks?new=1")
    page.get_by_label("Description").fill("what hanna typed")
    new = {"password": protected_stack.users["hanna"]}
    protected_stack.call("PUT", "/users/hanna/password", json=new)
    page.get_by_label("URL").fill("https://example.com/hook")
    page.keyboard.press("Enter")
    fill(page, "ida", "ida's password")
    expect(page.get_by_label("Description")).to_have_value("")


def test_a_page_of_another_origin_posts_no_job(stack: Stack, page: Page, guard: Guard) -> None:
    """As a form does, which asks nobody first."""
    guard.expect("403")
    guard.expect("favicon.ico")
    page.goto("about:blank")
    page.set_content(
        f'<form method="post" enctype="text/plain" action="{stack.url}/jobs">'
        '<input name="name: stolen&#10;tasks: [{name: a, run: exit 0}] #" value="x"></form>'
    )
    with page.expect_response("**/jobs") as answered:
        page.evaluate("document.forms[0].submit()")
    assert answered.value.status == 403
    found = httpx.get(f"{stack.url}/jobs", params={"q": "stolen"}).json()
    assert found["totalItems"] == 0
