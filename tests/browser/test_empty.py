"""A Conveyor that nobody has used yet: each page says what to do next."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener
from tests.support.browser.axe import check_accessible
from tests.support.browser.stack import Stack, running_stack

SAID = {
    "/": "No jobs yet",
    "/ui/schedules": "No schedules yet",
    "/ui/webhooks": "No webhooks yet",
    "/ui/secrets": "No secrets yet",
    "/ui/cluster/dead-letters": "No dead letters",
}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("fresh")) as stack:
        yield stack


@pytest.fixture
def page(fresh: Stack, new_page: Opener) -> Page:
    return new_page(fresh)[0]


@pytest.mark.parametrize(("path", "text"), SAID.items())
def test_an_empty_page_says_what_to_do_next(page: Page, path: str, text: str) -> None:
    page.goto(path)
    empty = page.locator(".empty")
    expect(empty.get_by_role("heading", name=text)).to_be_visible()
    # A sentence, and a link, a button or a command.
    expect(empty.locator("p, .empty-acts").first).to_be_visible()
    check_accessible(page)


def test_the_first_job_is_a_click_away(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Write the first job").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page).to_have_url("/ui/submit")
