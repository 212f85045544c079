"""The page in a real browser, on a running Conveyor.

A test is not asynchronous, and takes

- `page`: a Playwright page of a user of their own, at 1280 px, on a Conveyor without
  authentication. `page.goto("/ui/submit")` takes paths. The test fails when the page writes an
  error to the console, breaks the Content-Security-Policy or asks another host.
  `guard.expect("404")` allows an error whose text contains that; `guard.requests` has the
  addresses that were asked for.
- `stack`: that Conveyor. `stack.submit(yaml)`, `stack.until(job_id, "RUNNING")`,
  `stack.job(job_id)`, `stack.call("POST", "/webhooks", json=…)`, `stack.eventually(lambda: …)`;
  tasks run in shells, and can use files in `stack.directory` to wait for the test.
- `protected_stack`: the same with authentication; `sign_in("dora", "viewer")` gives a page on which
  a user of that name with these roles is signed in. On `anonymous_page` nobody is.

`check_accessible(page)` runs axe-core in both themes at both widths, `tab_to(page, "Cancel")` walks
by keyboard. Both Conveyors are shared by all tests of a process (`make test` runs two): jobs of
others are there, too, so give yours names of their own, and wait with Playwright's `expect`.
Before: `make page`. To watch: `-n 0 -k NAME`, and `page.screenshot(path="/tmp/a.png")`.
"""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser.chromium import PATIENCE_MS, new_context, running_chromium
from tests.support.browser.guard import Guard
from tests.support.browser.stack import AUTHENTICATION, Stack, running_stack

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture(scope="session")
def protected_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("protected"), AUTHENTICATION) as stack:
        yield stack


Guarded = tuple[Page, Guard]
Opener = Callable[[Stack], Guarded]


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Opener]:
    """Opens a page for a user of their own; what its guard has seen is checked at the end."""
    opened: list[Guarded] = []

    def open_page(stack: Stack) -> Guarded:
        context = new_context(browser, stack.url)
        guard = Guard(context, stack.url)
        opened.append((context.new_page(), guard))
        return opened[-1]

    yield open_page
    for page, _ in opened:
        page.context.close()
    for _, guard in opened:
        guard.check()


@pytest.fixture
def guarded(stack: Stack, new_page: Opener) -> Guarded:
    return new_page(stack)


@pytest.fixture
def page(guarded: Guarded) -> Page:
    return guarded[0]


@pytest.fixture
def guard(guarded: Guarded) -> Guard:
    return guarded[1]


@pytest.fixture
def anonymous_page(protected_stack: Stack, new_page: Opener) -> Page:
    page, guard = new_page(protected_stack)
    guard.expect("401")  # the answer to who asks, as long as nobody is signed in
    return page


@pytest.fixture
def sign_in(protected_stack: Stack, new_page: Opener) -> Callable[..., Page]:
    """`sign_in(name, *roles)`: the list of jobs, as that user sees it."""

    def signed_in(name: str, *roles: str) -> Page:
        protected_stack.add_user(name, *roles)
        page, guard = new_page(protected_stack)
        guard.expect("401")
        page.goto("/ui/sign-in")
        page.get_by_label("User name").fill(name)
        page.get_by_label("Password").fill(protected_stack.users[name])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/")
        return page

    return signed_in
