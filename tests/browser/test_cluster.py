"""The pages of the cluster: nodes, queues, throughput, dead letters, each with its acts."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import aio_pika
import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser.axe import check_accessible
from tests.support.browser.guard import Guard
from tests.support.browser.keyboard import tab_to
from tests.support.browser.stack import Stack
from tests.support.servers.postgres import PrivatePostgres
from tests.support.servers.rabbitmq import PrivateRabbit
from tests.support.services.cluster import Cluster, Service

NODES = "/ui/cluster/nodes"
QUEUES = "/ui/cluster/queues"
LETTERS = "/ui/cluster/dead-letters"


def act(page: Page, name: str, note: str = "") -> None:
    """Press the button, say why, and confirm."""
    page.get_by_role("button", name=name, exact=True).click()
    if note:
        page.get_by_label("Note: why").fill(note)
    page.get_by_role("button", name=re.compile(f"^{name} .+")).click()


@pytest.fixture
def node(stack: Stack) -> Iterator[str]:
    """The name of the worker, which takes tasks again afterwards."""
    [node] = stack.call("GET", "/nodes?status=UP")
    yield node["name"]
    with suppress(AssertionError):  # it takes them
        stack.call("PUT", f"/nodes/{node['id']}/uncordon")


def test_a_node_is_cordoned_drained_and_used_again(page: Page, stack: Stack, node: str) -> None:
    release = stack.directory / "drained"
    wait = f"while [ ! -e {release} ]; do sleep 0.1; done"
    job_id = stack.submit(f"name: holds the node\ntasks: [{{name: held task, run: '{wait}'}}]")
    stack.until(job_id, "RUNNING")
    page.goto(NODES)
    expect(page.get_by_role("table")).to_contain_text("default 8 slots")
    page.get_by_role("link", name=node, exact=True).first.click()

    act(page, "Cordon", note="new disk")
    expect(page.locator(".page-head")).to_contain_text("Cordoned")
    expect(page.get_by_role("main")).to_contain_text("new disk")
    act(page, "Drain")
    expect(page.get_by_text("Draining: 1 task left.")).to_be_visible()
    expect(page.get_by_role("link", name="held task")).to_have_attribute(
        "href", re.compile(f"^/ui/jobs/{job_id}\\?task=")
    )
    check_accessible(page)
    release.touch()
    expect(page.get_by_text("Drained: nothing runs here")).to_be_visible()
    tab_to(page, "^Uncordon$")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=re.compile("^Uncordon .+"))).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator(".page-head")).to_contain_text("Up")
    assert stack.until(job_id)["state"] == "COMPLETED"


def test_nodes_are_found_by_labels_and_grouped_by_them(page: Page, guard: Guard, node: str) -> None:
    page.goto(NODES)
    page.get_by_label("Label selector").fill("region=nowhere")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("No worker matches")).to_be_visible()
    expect(page).to_have_url(re.compile(r"labels=region"))
    page.get_by_role("link", name="Show all").click()
    page.get_by_label("Group by label").select_option("name")
    expect(page.get_by_role("rowheader")).to_contain_text(f"name={node}")
    check_accessible(page)
    guard.expect("400")
    page.goto(f"{NODES}?labels=((")
    expect(page.get_by_role("alert")).to_contain_text("must be a label selector")


def test_a_queue_that_nobody_serves_is_explained_and_deleted(page: Page, stack: Stack) -> None:
    job_id = stack.submit("name: lonely\ntasks: [{name: a, queue: nobodys, run: 'true'}]")
    page.goto("/ui/cluster")
    wrong = page.get_by_role("list", name="What is wrong")
    expect(wrong).to_contain_text("No worker serves queue nobodys: 1 task waits.")
    wrong.get_by_role("listitem").filter(has_text="nobodys").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("nobodys")
    expect(page.get_by_text("CONVEYOR_WORKER_QUEUES=nobodys:4 conveyor worker")).to_be_visible()
    stack.call("PUT", f"/jobs/{job_id}/cancel")
    page.get_by_role("button", name="Delete the queue").click()
    page.get_by_role("button", name="Delete nobodys").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Queues")
    table = page.get_by_role("table", name="Queues of tasks")
    expect(table).to_contain_text("highcpu")
    expect(table).not_to_contain_text("nobodys")
    check_accessible(page)


def figures(chart: Locator) -> Locator:
    """The cells of its table that have a figure."""
    return chart.get_by_role("cell").filter(has_text=re.compile(r"^[0-9.,]+[kM]?$"))


def test_charts_have_points_that_can_be_read_by_keyboard_and_as_a_table(
    page: Page, stack: Stack
) -> None:
    for _ in range(3):
        stack.until(stack.submit("name: counted\ntasks: [{name: a, run: 'true'}]"))
    stack.eventually(
        lambda: stack.call("GET", "/metrics/history")["whole"].get("jobsCompleted", 0) >= 3
    )
    page.goto("/ui/cluster")
    chart = page.get_by_role("figure", name="Jobs per minute")
    expect(chart.locator("canvas")).to_be_visible()
    slider = chart.get_by_role("slider")
    slider.focus()
    page.keyboard.press("End")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"completed [0-9.,]+"))
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("completed –"))
    chart.get_by_text("Figures as a table").click()
    expect(figures(chart).first).to_be_visible()
    check_accessible(page)
    expect(chart.locator("canvas")).to_be_visible()  # drawn anew for each theme

    page.get_by_role("link", name="14 days").click()
    expect(page).to_have_url(re.compile(r"range=14d"))
    expect(page.get_by_role("heading", name="Last 14 days")).to_be_visible()
    page.goto(f"{QUEUES}/default")
    chart = page.get_by_role("figure", name="Tasks per minute")
    chart.get_by_text("Figures as a table").click()
    expect(figures(chart).first).to_be_visible()
    check_accessible(page)


def test_who_is_no_administrator_sees_no_acts(sign_in: Callable[..., Page]) -> None:
    page = sign_in("cleo")
    page.goto(NODES)
    page.get_by_role("table").get_by_role("link").first.click()
    expect(page.get_by_text("Tasks on this node")).to_be_visible()
    expect(page.get_by_role("button", name="Cordon")).to_have_count(0)
    expect(page.get_by_role("link", name="Dead letters")).to_have_count(0)
    page.goto(LETTERS)
    expect(page.get_by_text("Dead letters are for administrators")).to_be_visible()
    check_accessible(page)


def test_no_dead_letter_is_good_news(page: Page) -> None:
    page.goto(LETTERS)
    expect(page.get_by_text("That is good: every message was processed.")).to_be_visible()
    check_accessible(page)


@pytest.fixture
def services(
    private_rabbit: PrivateRabbit, private_postgres: PrivatePostgres, tmp_path: Path
) -> Iterator[Cluster]:
    cluster = Cluster(private_rabbit.url, private_postgres.tcp_dsn, tmp_path)
    yield cluster
    cluster.close()


async def publish(url: str, queue: str, *bodies: bytes) -> None:
    connection = await aio_pika.connect(url)
    async with connection, connection.channel() as channel:
        for body in bodies:
            await channel.default_exchange.publish(aio_pika.Message(body), routing_key=queue)


def up(service: Service) -> Service:
    ends_at = time.monotonic() + 90
    while time.monotonic() < ends_at:
        service.raise_if_ended()
        with suppress(httpx.TransportError):
            if httpx.get(f"{service.url}/health").status_code == 200:
                return service
        time.sleep(0.1)
    raise AssertionError(service.end_of_log)


def test_dead_letters_are_read_requeued_and_deleted(
    new_page: Callable[[Stack], tuple[Page, Guard]],
    services: Cluster,
    private_rabbit: PrivateRabbit,
    tmp_path: Path,
) -> None:
    # Given messages that a scheduler could not read
    coordinator, scheduler = (up(services.start(name)) for name in ("coordinator", "scheduler"))
    told = b'{"kind": "tidings", "job_id": "j1", "v": 1}'
    with ThreadPoolExecutor(1) as thread:  # Playwright has a loop of its own in this one
        thread.submit(
            asyncio.run, publish(private_rabbit.url, "heartbeats", b"no JSON", told, b"again")
        ).result()
    with httpx.Client(base_url=coordinator.url) as api:
        stack = Stack(coordinator.url, api, tmp_path)
        stack.eventually(lambda: stack.call("GET", "/dead-letters")["totalItems"] == 3)
        scheduler.stop()
        page, _ = new_page(stack)

        page.goto(LETTERS)
        letters = page.get_by_role("article", name="Dead letter from heartbeats")
        expect(letters).to_have_count(3)
        check_accessible(page)
        of_job = letters.filter(has=page.get_by_role("link", name="j1"))
        expect(of_job).to_contain_text("tidings")
        of_job.get_by_role("button", name="Show contents").click()
        expect(of_job.get_by_label("Contents")).to_contain_text('"kind": "tidings"')
        of_job.get_by_role("button", name="Requeue").click()
        expect(letters).to_have_count(2)
        assert stack.call("GET", "/queues/heartbeats")["size"] == 1

        letters.first.get_by_role("button", name="Delete").click()
        letters.first.get_by_role("button", name="Delete the message").click()
        expect(letters).to_have_count(1)
        page.get_by_label("Queue").select_option("heartbeats")
        page.get_by_role("button", name="Requeue all").click()
        page.get_by_role("button", name="Requeue 1 dead letter of heartbeats").click()
        expect(page.get_by_role("main").get_by_text("1 message requeued.")).to_be_visible()
        expect(page.get_by_text("No dead letter came from heartbeats")).to_be_visible()
        assert stack.call("GET", "/queues/heartbeats")["size"] == 2


def test_a_killed_worker_is_seen_on_the_open_page_of_a_job(
    new_page: Callable[[Stack], tuple[Page, Guard]], services: Cluster, tmp_path: Path
) -> None:
    # Given the page of a job whose task runs on a worker
    short = {"CONVEYOR_WORKER_LEASE_SECONDS": "5", "CONVEYOR_WORKER_HEARTBEAT_SECONDS": "0.5"}
    coordinator = up(services.start("coordinator"))
    services.start("scheduler", CONVEYOR_SCHEDULE_LIVENESS_GRACE_SECONDS="1")
    doomed = services.start("worker", short, CONVEYOR_WORKER_NAME="doomed")
    go = tmp_path / "go"
    with httpx.Client(base_url=coordinator.url) as api:
        stack = Stack(coordinator.url, api, tmp_path)
        wait = f"until [ -e {go} ]; do sleep 0.1; done"
        job_id = stack.submit(f"name: outlives\ntasks: [{{name: held, run: '{wait}'}}]")
        page, _ = new_page(stack)
        page.goto(f"/ui/jobs/{job_id}")
        row = page.get_by_role("row").filter(has_text="held")
        expect(row).to_contain_text("doomed")
        page.evaluate("window.isStillHere = true")

        # When the worker is killed, then the row says that the task waits, and who has it next
        doomed.kill()
        expect(row).to_contain_text("Scheduled")
        expect(row).not_to_contain_text("doomed")
        services.start("worker", CONVEYOR_WORKER_NAME="heir")
        expect(row).to_contain_text("heir")
        expect(row).to_contain_text("Running")
        go.touch()
        expect(row).to_contain_text("Completed")
        expect(page.locator(".page-head")).to_contain_text("Completed")
        assert page.evaluate("window.isStillHere")
        page.close()  # the coordinator ends before the browser
