"""The timeline and the graph of a job, by mouse and by keys, while it runs."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.support.browser.axe import check_accessible
from tests.support.browser.guard import Guard
from tests.support.browser.stack import Stack

JOB = """
name: timeline
tasks:
  - name: build
    pre: [{{name: before, run: sleep 0.1}}]
    run: mkdir out; sleep 0.2; head -c 3000000 /dev/zero > out/data
    artifacts: [{{name: out, path: out}}]
  - name: flaky
    run: "test -e {directory}/flaky-$ID || {{ touch {directory}/flaky-$ID; exit 3; }}"
    env: {{ID: "{{{{ job.id }}}}"}}
    retry: {{limit: 2, initialDelay: 300ms}}
  - name: checks
    parallel: {{tasks: [{{name: lint, run: sleep 0.1}}, {{name: types, run: sleep 0.1}}]}}
  - name: regions
    each:
      list: "{{{{ sequence(0, 100) }}}}"
      minSuccess: 99
      task: {{name: region, env: {{I: "{{{{ item.index }}}}"}}, run: "[ $I != 7 ]"}}
  - name: scan
    placement: {{type: batch, count: 2}}
    run: "true"
  - name: report
    subjob: {{name: report, tasks: [{{name: send, run: "true"}}]}}
  - name: last
    run: "until test -e {directory}/go-$ID; do sleep 0.05; done"
    env: {{ID: "{{{{ job.id }}}}"}}
"""

NEEDS = """
name: graph
tasks:
  - {{name: fetch, run: "true"}}
  - {{name: compile, needs: [fetch], run: "true"}}
  - {{name: lint, needs: [fetch], run: "exit 4", allowFailure: true}}
  - name: package
    needs: [compile]
    parallel: {{tasks: [{{name: deb, run: "true"}}, {{name: rpm, run: "true"}}]}}
  - name: publish
    needs: [package, lint]
    run: "until test -e {directory}/go-$ID; do sleep 0.05; done"
    env: {{ID: "{{{{ job.id }}}}"}}
"""


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name))


def wait_for_task(stack: Stack, job_id: str, name: str, state: str) -> None:
    def is_there() -> bool:
        attempts = stack.call("GET", f"/jobs/{job_id}/timeline")["attempts"]
        return any((a["name"], a["state"]) == (name, state) for a in attempts)

    stack.eventually(is_there)


def test_the_timeline_shows_where_the_time_of_a_running_job_goes(page: Page, stack: Stack) -> None:
    job_id = stack.submit(JOB.format(directory=stack.directory))
    wait_for_task(stack, job_id, "last", "RUNNING")
    page.goto(f"/ui/jobs/{job_id}?tab=timeline")

    # Each row says in words what it draws
    expect(row(page, "build")).to_contain_text(
        re.compile("Completed: .*pre tasks .*run .*files out")
    )
    expect(row(page, "flaky")).to_contain_text("attempt 2")
    expect(row(page, "lint")).to_be_visible()
    expect(row(page, "regions")).to_contain_text("100 of 100 children ended, 1 failed")
    expect(row(page, "region [7]")).to_have_count(0)
    expect(row(page, "scan [1]")).to_contain_text("Completed: ")

    # By keys: to a row, its details, its attempts below
    row(page, "build").focus()
    page.keyboard.press("ArrowDown")
    details = page.get_by_role("region", name="Details of the row")
    expect(details).to_contain_text("Waits before a retry")
    page.keyboard.press("ArrowRight")
    expect(row(page, "Attempt 1")).to_contain_text("Failed")
    page.keyboard.press("ArrowDown")
    expect(details).to_contain_text("attempt 1 of 2")
    expect(details).to_contain_text("Exit code 3")

    # Of many children what failed comes first; a sub-job has its own below
    row(page, "regions").get_by_role("button").click()
    expect(row(page, "region [7]")).to_be_visible()
    row(page, "regions").get_by_role("button").click()
    row(page, "report").get_by_role("button").click()
    expect(row(page, "send")).to_be_visible()

    # The time axis: nearer, moved, and all of it again, by keys, wheel and drag
    ticks = page.locator(".timeline-axis text")
    fitted = ticks.all_text_contents()
    page.keyboard.press("+")
    expect(ticks.first).not_to_have_text(fitted[0])
    page.keyboard.press("0")
    track = row(page, "build").get_by_role("gridcell")
    track.hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    zoomed = ticks.all_text_contents()
    box = track.bounding_box()
    assert box
    page.mouse.move(box["x"] + 300, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 80, box["y"] + 10, steps=5)
    page.mouse.up()
    expect(page).to_have_url(re.compile("tab=timeline$"))  # a drag is no click
    expect(ticks.last).not_to_have_text(zoomed[-1])
    page.get_by_role("button", name="Fit").click()
    check_accessible(page)

    # It goes on by itself
    (stack.directory / f"go-{job_id}").touch()
    expect(row(page, "last")).to_contain_text("Completed")
    row(page, "last").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("task=[0-9a-f]{32}"))


def test_the_graph_shows_what_waits_for_what(page: Page, stack: Stack) -> None:
    job_id = stack.submit(NEEDS.format(directory=stack.directory))
    wait_for_task(stack, job_id, "publish", "RUNNING")
    page.goto(f"/ui/jobs/{job_id}?tab=graph")

    def node(name: str) -> Locator:
        return page.locator(f'.graph-body[title="{name}"]')

    expect(node("lint")).to_contain_text("Failed")
    expect(node("package")).to_contain_text("2/2")

    # The keys follow the edges
    node("fetch").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".graph-body:focus")).to_have_text(re.compile("compile|lint"))
    page.keyboard.press("ArrowLeft")
    expect(node("fetch")).to_be_focused()
    page.get_by_role("button", name="Fold package").click()
    expect(node("deb")).to_have_count(0)

    # The same in words
    page.get_by_text("The graph as a list").click()
    expect(page.get_by_role("listitem").filter(has_text="publish:")).to_contain_text("running")
    check_accessible(page)
    (stack.directory / f"go-{job_id}").touch()
    expect(node("publish")).to_contain_text("Completed")
    node("publish").click()
    expect(page).to_have_url(re.compile("task=[0-9a-f]{32}"))


def test_a_job_of_ten_thousand_children_has_few_rows_in_the_page(
    page: Page, stack: Stack, guarded: tuple[Page, Guard]
) -> None:
    # Given the answer of a job with so many; to run them would take minutes
    job_id = stack.submit("name: many\ntasks: [{name: a, run: 'true'}]")
    stack.until(job_id)
    page.route(
        "**/jobs/*/timeline",
        lambda route: route.fulfill(body=json.dumps(of_many()), content_type="application/json"),
    )
    page.goto(f"/ui/jobs/{job_id}?tab=timeline")
    expect(row(page, "all")).to_contain_text("10,000 of 10,000 children ended, 100 failed")
    expect(page.locator(".timeline-density")).to_have_count(1)

    row(page, "all").get_by_role("button").click()
    grid = page.get_by_role("treegrid")
    expect(grid).to_have_attribute("aria-rowcount", "10001")
    expect(row(page, "[7]")).to_contain_text("Failed")
    assert page.get_by_role("row").count() < 100
    row(page, "all").focus()
    page.keyboard.press("End")
    expect(page.locator('[aria-rowindex="10001"]')).to_be_focused()
    page.get_by_label("Children").select_option("In order")
    page.keyboard.press("Home")
    expect(page.get_by_role("row").nth(1)).to_contain_text("[0]")


def of_many(count: int = 10_000) -> dict[str, Any]:
    start = datetime(2026, 1, 1, tzinfo=UTC)

    def at(seconds: float) -> str:
        return (start + timedelta(seconds=seconds)).isoformat()

    def attempt(id_: str, ends: float, **more: Any) -> dict[str, Any]:
        times = {"createdAt": at(0), "startedAt": at(ends - 1), "endedAt": at(ends)}
        return {"id": id_, "name": "all", "state": "COMPLETED", "position": 1, **times, **more}

    counts = {"size": count, "completions": count, "failures": count // 100}
    children = [
        attempt(
            *(f"{n:032x}", n / 10 + 1),
            kind="task",
            parentId="all",
            childIndex=n,
            name="region",
            state="FAILED" if n % 100 == 7 else "COMPLETED",
        )
        for n in range(count)
    ]
    return {
        "state": "COMPLETED",
        "createdAt": at(0),
        "endedAt": at(count / 10 + 1),
        "now": at(count),
        "tasks": [{"name": "all", "kind": "each"}],
        "attempts": [attempt("all", count / 10 + 1, kind="each", children=counts), *children],
        "isComplete": True,
    }
