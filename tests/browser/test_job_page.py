"""One job in the browser: what it does, where it fails and waits, and all acts on it."""

import re
from collections.abc import Callable

import httpx
from playwright.sync_api import Page, expect

from tests.support.browser.axe import check_accessible
from tests.support.browser.guard import Guard
from tests.support.browser.keyboard import tab_to
from tests.support.browser.stack import Stack


def open_job(page: Page, job_id: str, query: str = "") -> None:
    page.goto(f"/ui/jobs/{job_id}{query}")


def head(page: Page, state: str) -> None:
    """The job is in the state, as its head says."""
    expect(page.locator(".page-head").get_by_text(state, exact=True)).to_be_visible()


def test_a_job_is_followed_to_its_end_without_reloading(page: Page, stack: Stack) -> None:
    gate = stack.directory / "followed"
    job_id = stack.submit(f"""
name: followed <b>to its end</b>
description: waits for a file
concurrency: 3
startRate: 600/m
tags: [followed]
inputs: {{who: world, deep: {{list: [1, 2]}}}}
secrets: {{key: hush-hush}}
output: "{{{{ tasks.said }}}}"
tasks:
- {{name: first, var: said, run: "echo -n '{{\\"n\\": 7}}' > $TORK_OUTPUT"}}
- name: family
  parallel:
    tasks:
    - {{name: quick child, run: "true"}}
    - {{name: slow child, run: "until [ -e {gate} ]; do sleep 0.1; done"}}
- {{name: after all, run: "true"}}
""")
    open_job(page, job_id)
    head(page, "Running")
    expect(page.locator(".job-head .facts")).to_contain_text("Concurrency3Start rate600/m")
    expect(page.get_by_role("heading", level=1)).to_have_text("followed <b>to its end</b>")
    expect(page.get_by_role("row").filter(has_text="slow child")).to_contain_text("Running")
    expect(page.get_by_role("row").filter(has_text="after all")).to_contain_text("Not started")
    page.get_by_role("button", name="Children of family").click()
    expect(page.get_by_role("row").filter(has_text="slow child")).to_have_count(0)
    check_accessible(page)

    gate.touch()

    head(page, "Completed")
    expect(page.get_by_role("row").filter(has_text="after all")).to_contain_text("Completed")
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    page.get_by_role("link", name="Data").click()
    expect(page.get_by_role("region", name="Inputs")).to_contain_text("world")
    expect(page.get_by_role("region", name="Output")).to_contain_text("n: 7")
    expect(page.get_by_role("region", name="Secrets")).to_contain_text("[REDACTED]")
    expect(page.get_by_text("hush-hush")).to_have_count(0)
    page.get_by_role("link", name="Definition").click()
    expect(page.get_by_text("slow child")).to_be_visible()
    page.get_by_role("link", name="Files", exact=True).click()
    expect(page.get_by_text("No task has kept a file")).to_be_visible()
    expect(page.get_by_role("link", name="Versions")).to_have_count(0)
    page.goto(f"{page.url.partition('?')[0]}?tab=versions")
    expect(page.get_by_text("This job has no versions")).to_be_visible()


def test_a_failure_is_shown_where_it_happened_and_mended(page: Page, stack: Stack) -> None:
    mended = stack.directory / "mended"
    job_id = stack.submit(f"""
name: fails at first
tasks:
- name: pictures
  each:
    list: "{{{{ sequence(0, 3) }}}}"
    task:
      name: "picture {{{{ item.index }}}}"
      env: {{I: "{{{{ item.index }}}}"}}
      run: "[ $I != 1 ] || [ -e {mended} ] || {{ echo no such picture; exit 4; }}"
      retry: {{limit: 1, initialDelay: 100ms}}
- {{name: publish, run: "true", reuse: true}}
""")
    stack.until(job_id, "FAILED")
    open_job(page, job_id)
    note = page.get_by_role("region", name="Where it failed")
    expect(note).to_contain_text("picture 1 (#1 of pictures)")
    expect(note).to_contain_text("no such picture")
    check_accessible(page)
    note.get_by_role("link", name="Open the task and its log").click()
    task = page.get_by_role("article", name="Task picture 1")
    expect(task).to_contain_text("exit code 4")
    attempts = task.get_by_role("region", name="Attempts")
    expect(attempts.get_by_role("listitem")).to_have_count(2)
    attempts.get_by_role("link", name="Attempt 1").click()
    expect(attempts.get_by_role("link", name="Attempt 1")).to_have_attribute("aria-current", "true")
    check_accessible(page)

    mended.touch()
    page.get_by_role("button", name="Restart").click()

    head(page, "Completed")
    page.get_by_role("button", name="Run again", exact=True).click()
    page.wait_for_url(lambda url: job_id not in url)
    head(page, "Completed")
    again = page.url
    page.get_by_role("link", name="publish").click()
    reused = page.get_by_role("article", name="Task publish").locator(".facts")
    expect(reused).to_contain_text("Reusedid the same work as publish, completed")
    reused.get_by_role("link", name="publish").click()
    expect(reused).to_contain_text("Reusenot reused: no task of the same owner completed")
    page.goto(again)
    expect(page.get_by_role("link", name="Run again with edits").first).to_have_attribute(
        "href", f"/ui/submit?from={page.url.rsplit('/', 1)[1]}"
    )
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete the job").click()
    page.wait_for_url("**/")


def test_a_partitioned_job_shows_its_phases_and_runs_again_from_one_of_them(
    page: Page, stack: Stack
) -> None:
    mended = stack.directory / "mended chunk"
    job_id = stack.submit(f"""
name: in chunks
tasks:
- name: words
  sources: [{{inline: "a\\nb\\nc\\n", target: words.txt}}]
  partition:
    split: {{builtin: lines, params: {{linesPerChunk: 1}}}}
    task: {{run: "[ $CHUNK_INDEX != 1 ] || [ -e '{mended}' ]"}}
    assemble: {{run: "true"}}
    onFailure: finish
""")
    stack.until(job_id, "FAILED")
    open_job(page, job_id)
    phases = page.get_by_role("list", name="Phases of words").get_by_role("listitem")
    expect(phases).to_have_text(
        [
            re.compile("Split.*Completed"),
            re.compile("Chunks.*Failed.*1 failed"),
            "AssembleNot started",
        ]
    )
    check_accessible(page)
    mended.touch()
    page.get_by_role("button", name="Restart").click()
    head(page, "Completed")
    expect(phases.nth(1)).to_contain_text("3 of 3")

    phases.nth(2).get_by_role("link", name="Assemble").click()
    page.get_by_role("button", name="Run again from here").click()
    page.get_by_role("button", name="Run from here").click()
    stages = page.get_by_role("list", name="Phases", exact=True).get_by_role("listitem")
    expect(stages).to_have_count(3)
    head(page, "Completed")
    expect(page.get_by_role("row").filter(has_text="assemble")).to_contain_text("2 attempts")
    expect(page.get_by_role("row").filter(has_text="partition")).not_to_contain_text("attempts")


def test_a_waiting_job_says_why_and_is_cancelled_by_keyboard(page: Page, stack: Stack) -> None:
    job_id = stack.submit("{name: waits, tasks: [{name: on a gpu, queue: nobody, run: x}]}")
    stack.until(job_id, "SCHEDULED")
    open_job(page, job_id)
    note = page.get_by_role("region", name="What it waits for")
    expect(note).to_contain_text("no worker serves queue 'nobody'")
    expect(note).to_contain_text("CONVEYOR_WORKER_QUEUES=nobody:2 conveyor worker")
    tab_to(page, "Cancel")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Cancel the job")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Cancel the job")).to_be_focused()
    page.keyboard.press("Enter")
    head(page, "Cancelled")


def test_a_placed_job_says_what_each_node_lacks_and_is_rolled_back(
    page: Page, stack: Stack
) -> None:
    task = "{{name: far, run: x, placement: {{count: {n}, constraints: ['region={at}']}}}}"
    job = f"{{{{name: placed far, tasks: [{task}]}}}}"
    job_id = stack.submit(job.format(n=2, at="mars"))
    stack.eventually(lambda: stack.call("GET", f"/jobs/{job_id}/placement")["waiting"])
    stack.call(
        "PUT",
        f"/jobs/{job_id}",
        content=job.format(n=3, at="venus"),
        headers={"Content-Type": "text/yaml"},
    )
    open_job(page, job_id)
    note = page.get_by_role("region", name="What it waits for")
    expect(note.get_by_role("row")).to_contain_text(["Node", "must be = venus"])
    page.get_by_role("link", name="Versions").click()
    page.get_by_role("link", name="2, current").click()
    expect(page.get_by_role("region", name="Version 2")).to_contain_text("venus")
    page.get_by_role("button", name="Roll back to 1").click()
    page.get_by_role("button", name="Roll back", exact=True).click()
    expect(page.get_by_role("link", name="3, current")).to_be_visible()
    stack.call("PUT", f"/jobs/{job_id}/cancel")


def test_a_job_with_a_service_is_not_offered_to_run_again_from_one_of_its_tasks(
    page: Page, stack: Stack
) -> None:
    service = "{name: serve, run: sleep 1000, placement: {type: service}}"
    job_id = stack.submit(f"{{name: serves, tasks: [{{name: first, run: 'true'}}, {service}]}}")
    job = stack.until(job_id)
    assert stack.api.put(f"/jobs/{job_id}/restart", json={"from": 1}).status_code == 400
    for task in job["execution"]:
        open_job(page, job_id, f"?task={task['id']}")
        expect(page.locator(".task-title")).to_be_visible()
        expect(page.get_by_role("button", name="Run again from here")).to_have_count(0)
    expect(page.locator(".job-head .facts")).to_contain_text(re.compile(r"Used[\d.]+ CPU s"))


def test_a_sub_job_and_its_parent_lead_to_each_other(page: Page, stack: Stack) -> None:
    inner = "{name: the inner job, tasks: [{name: deep, run: 'true'}]}"
    job_id = stack.submit(f"{{name: the outer job, tasks: [{{name: in, subjob: {inner}}}]}}")
    stack.until(job_id)
    open_job(page, job_id)
    page.get_by_role("link", name="Open its job").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("the inner job")
    page.get_by_role("link", name="the outer job").click()
    page.get_by_role("link", name="Its sub-job: the inner job").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("the inner job")


def test_kept_files_are_browsed_and_downloaded(page: Page, stack: Stack) -> None:
    job_id = stack.submit("""
name: keeps files
tasks:
- name: make
  run: mkdir -p out/deep; echo one > out/a.txt; echo two > out/deep/b.txt; echo r > report.txt
  artifacts: [{name: report, path: report.txt}, {name: all, path: out}]
- name: count
  sources: [{artifact: make.report, target: in.txt}]
  run: wc -c < in.txt > size.txt
  artifacts: [{name: size, path: size.txt}]
""")
    stack.until(job_id, "COMPLETED")
    open_job(page, job_id, "?tab=files")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download make/report").click()
    assert download.value.path().read_text() == "r\n"
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all as a tar").click()
    assert b"b.txt" in download.value.path().read_bytes()
    page.get_by_role("link", name="make/all/").click()
    page.get_by_role("link", name="deep/").click()
    crumbs = page.get_by_label("Directory").get_by_role("link")
    expect(crumbs).to_have_text(["Files", "all"])  # `make` is no directory
    with page.expect_download() as download:
        page.get_by_role("link", name="b.txt", exact=True).click()
    assert download.value.path().read_text() == "two\n"
    open_job(page, job_id, "?tab=files")
    page.get_by_role("link", name="What made them").click()
    graph = page.get_by_role("region", name="Provenance")
    expect(graph.locator(".graph-body")).to_have_count(5)
    expect(graph.get_by_role("button", name="report")).to_contain_text("after make; before count")
    check_accessible(page)
    count = graph.get_by_role("link", name=re.compile("^count"))
    count.press("ArrowRight")
    expect(graph.get_by_role("button", name="size")).to_be_focused()
    count.click()
    expect(page.get_by_role("article", name="Task count")).to_be_visible()


def test_very_many_children_are_counted_filtered_and_scrolled(page: Page, stack: Stack) -> None:
    job_id = stack.submit("""
name: very many
tasks:
- name: crowd
  each:
    list: "{{ sequence(0, 1000) }}"
    task: {name: "one {{ item.index }}", run: x, if: 'false'}
""")
    open_job(page, job_id)
    page.get_by_role("link", name="1,000 of 1,000 ended").click()
    expect(page.get_by_role("button", name="Skipped 1,000")).to_be_visible()
    rows = page.get_by_role("table", name="Tasks").get_by_role("row")
    expect(rows.filter(has_text="#0")).to_be_visible()
    assert rows.count() < 100
    page.mouse.move(600, 600)
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(page.get_by_role("row").filter(has_text="#999")).to_be_visible()
    assert rows.count() < 100
    page.evaluate("window.scrollTo(0, 0)")
    page.get_by_label("Index").fill("777")
    expect(rows).to_have_count(2)
    expect(page).to_have_url(re.compile("index=777"))
    page.reload()
    expect(page.get_by_role("row").filter(has_text="one 777")).to_be_visible()
    page.get_by_label("Index").fill("")
    page.get_by_label("Name").fill("nobody")
    expect(page.get_by_text("No task is like that")).to_be_visible()


def test_who_may_only_view_a_job_sees_no_act(
    protected_stack: Stack, sign_in: Callable[..., Page]
) -> None:
    page = sign_in("jobviewer")
    job_id = protected_stack.submit("""
name: of others
tasks: [{name: a, queue: none, run: x}]
permissions: [{user: jobviewer, access: view}]
""")
    protected_stack.add_user("canceller", "admin")
    job = f"{protected_stack.url}/jobs/{job_id}"
    auth = "canceller", protected_stack.users["canceller"]
    assert httpx.post(f"{job}/lock", auth=auth).is_success
    open_job(page, job_id)
    expect(page.get_by_role("heading", level=1)).to_have_text("of others")
    for act in ("Cancel", "Run again", "Restart", "Delete"):
        expect(page.get_by_role("button", name=act)).to_have_count(0)
    facts = page.locator(".facts > div")
    expect(facts.filter(has_text="Locked")).to_contain_text(re.compile("by canceller until .*:"))
    assert httpx.put(f"{job}/cancel", auth=auth).is_success
    expect(facts.filter(has_text="Cancelled")).to_contain_text("by canceller")


def test_an_address_without_a_job_is_friendly(guarded: tuple[Page, Guard], stack: Stack) -> None:
    page, guard = guarded
    guard.expect("404")
    open_job(page, "nosuchjob")
    expect(page.get_by_text("There is no job at this address")).to_be_visible()
    job_id = stack.submit("{name: called so, tasks: [{name: a, run: 'true'}]}")
    open_job(page, job_id[:12])
    page.wait_for_url(f"**/ui/jobs/{job_id}")
    open_job(page, job_id, "?task=nosuchtask")
    expect(page.get_by_text("There is no such task")).to_be_visible()
