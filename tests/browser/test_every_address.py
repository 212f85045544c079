"""Each address of the page with what a busy Conveyor has: accessible, in its width, and silent."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.axe import check_accessible
from tests.support.browser.reach import lost_controls
from tests.support.browser.samples import TEMPLATE, Samples, samples_on
from tests.support.browser.stack import ROOT, Stack

TABLE = ROOT / "web/src/app/routes.tsx"
ADDRESSES = re.findall(r'path: "([^"]+)"', TABLE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def samples(stack: Stack) -> Iterator[Samples]:
    with samples_on(stack) as samples:
        yield samples


def addresses(samples: Samples, path: str) -> list[str]:
    """All of the kind: a job in each state, a webhook that works and one that fails."""
    ids = {
        "jobs": list(samples.job_ids.values()),
        "schedules": samples.schedule_ids,
        "webhooks": samples.endpoint_ids,
        "nodes": [samples.node_id],
        "queues": ["default"],
        "templates": [TEMPLATE],
    }
    before, is_of_one, _ = path.partition("/:id")
    return [f"{before}/{id}" for id in ids[before.rpartition("/")[2]]] if is_of_one else [path]


@pytest.mark.parametrize("path", ADDRESSES)
def test_it_is_accessible_at_each_width_and_in_both_themes(
    page: Page, samples: Samples, path: str
) -> None:
    for address in addresses(samples, path):
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        expect(page).to_have_title(re.compile(r".+ · Conveyor$"))
        page.wait_for_load_state("load")
        check_accessible(page)
        assert not lost_controls(page)


def test_every_tab_of_a_job_is_accessible(page: Page, samples: Samples) -> None:
    for name in ("report", "build", "thumbnails", "import"):
        page.goto(f"/ui/jobs/{samples.job_ids[name]}")
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        tabs = page.get_by_role("navigation", name="Of the job").get_by_role("link")
        expect(tabs.first).to_be_visible()
        for tab in range(tabs.count()):
            tabs.nth(tab).click()
            expect(tabs.nth(tab)).to_have_attribute("aria-current", "page")
            check_accessible(page)


def test_a_job_has_the_tabs_that_show_something(page: Page, samples: Samples) -> None:
    tabs = page.get_by_role("navigation", name="Of the job").get_by_role("link")
    page.goto(f"/ui/jobs/{samples.job_ids['build']}")
    expect(tabs.filter(has_text="Graph")).to_be_visible()
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"/ui/jobs/{samples.job_ids['report']}?tab=definition")
    expect(tabs.last).to_have_text("Definition")
    expect(tabs.last).to_be_in_viewport(ratio=0.9)
    expect(tabs.filter(has_text="Graph")).to_have_count(0)


def test_an_address_that_does_not_exist_leads_on(page: Page) -> None:
    page.goto("/ui/nothing")
    expect(page.get_by_text("There is no such page")).to_be_visible()
    page.get_by_role("link", name="See all jobs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
