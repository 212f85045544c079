"""What a page needs first is asked for with the page itself, and only once."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.guard import Guard
from tests.support.browser.stack import Stack

EACH = "name: early\ntasks: [{name: many, each: {list: '{{ [1, 2] }}', task: {run: 'true'}}}]"
LINKS = "head link[rel=preload], head link[rel=modulepreload], head link[rel=stylesheet]"

KEEPS_FETCHED = """
window.fetched = new Set();
const before = window.fetch;
window.fetch = (what, ...more) => {
  window.fetched.add(new URL(what.url ?? what, location.href).href);
  return before(what, ...more);
};
"""
ARE_PRELOADED_USED = """() => [...document.querySelectorAll("head link[rel=preload]")]
  .every((link) => link.as !== "fetch" || window.fetched.has(link.href))"""


@pytest.fixture
def addresses(stack: Stack) -> dict[str, str]:
    """Of each kind of page; what is then on it."""
    job = stack.job(stack.submit(EACH))
    stack.until(job["id"], "COMPLETED")
    parent = stack.call("GET", f"/jobs/{job['id']}/tasks?parent=top")["items"][0]["id"]
    at = f"/ui/jobs/{job['id']}"
    return {
        "/": ".jobs-row",
        at: ".task-row .state",
        f"{at}?parent={parent}": ".task-row .state",
        f"{at}?tab=log": ".log-frame, .empty",
        f"{at}?tab=data": "section",
    }


def test_what_a_page_needs_first_is_named_in_its_head_and_asked_for_once(
    page: Page, guard: Guard, addresses: dict[str, str]
) -> None:
    page.route("**/events?*", lambda route: route.abort())  # when it opens, all is read again
    guard.expect("ERR_FAILED")
    for address, shown in addresses.items():
        guard.requests.clear()
        page.goto(address)
        expect(page.locator(shown).first).to_be_visible()

        named = page.eval_on_selector_all(LINKS, "all => all.map((link) => link.href)")

        asked = [path(each) for each in guard.requests]
        assert {each: asked.count(each) for each in map(path, named)} == dict.fromkeys(
            map(path, named), 1
        )
        assert any(re.match(r"/jobs[/?]", each) for each in map(path, named)), address
        first = next(n for n, each in enumerate(asked) if not is_static(each) and each not in
                     set(map(path, named)))  # fmt: skip
        assert set(map(path, named)) <= set(asked[:first]), (address, asked)


def test_all_that_is_preloaded_is_used(page: Page, guard: Guard, addresses: dict[str, str]) -> None:
    guard.expect("404")
    page.add_init_script(KEEPS_FETCHED)
    missing = f"/ui/jobs/{'0' * 32}"
    tabs = ["tab=log", "tab=files", "parent=" + "0" * 32, "tab=log&task=" + "0" * 32]
    for address in [*addresses, missing, *(f"{missing}?{tab}" for tab in tabs)]:
        page.goto(address)
        page.wait_for_function(ARE_PRELOADED_USED)  # else the console warns, some seconds later


def path(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def is_static(address: str) -> bool:
    return address.startswith(("/ui", "/session")) or address == "/"
