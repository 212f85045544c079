"""Webhooks in a browser: every act, on real deliveries."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.axe import check_accessible
from tests.support.browser.guard import Guard
from tests.support.browser.stack import Stack


@dataclass
class Receiver:
    """Takes what is posted, or answers `status`."""

    url: str = ""
    status: int = 200
    got: list[Any] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.got.append((dict(self.headers), json.loads(body)))
            answer = b"what the receiver says"
            self.send_response(made.status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def create(page: Page, name: str, url: str) -> None:
    page.goto("/ui/webhooks?new=1")
    page.get_by_label("Description").fill(name)
    page.get_by_label("URL").fill(url)
    page.get_by_role("button", name="Create webhook").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def test_a_webhook_is_created_with_all_its_fields_and_edited(
    stack: Stack, page: Page, receiver: Receiver, guard: Guard
) -> None:
    guard.expect("400")
    page.goto("/ui/webhooks")
    expect(page.get_by_role("heading", level=1)).to_have_text("Webhooks")
    page.goto("/ui/webhooks?new=1")
    page.get_by_label("Description").fill("Every field 'ü' <b>")
    page.get_by_label("URL").fill("ftp://example.com")
    page.get_by_role("button", name="Create webhook").click()
    expect(page.get_by_label("URL")).to_have_attribute("aria-invalid", "true")
    check_accessible(page)
    page.get_by_label("URL").fill(receiver.url)
    page.get_by_label(re.compile("^task.StateChange")).check()
    page.get_by_label("Filter").fill("job.name == 'never'")
    page.get_by_label("Tags").fill("one, two")
    page.get_by_label("Rate limit").fill("5")
    page.get_by_label("Repeat also on").fill("404")
    page.get_by_label("Payload").select_option("thin")
    page.get_by_label(re.compile("One request at a time")).check()
    page.get_by_role("button", name="Add a header").click()
    page.get_by_label("Name of header 1").fill("X-Team")
    page.get_by_label("Value of header 1").fill("blue")
    page.get_by_role("button", name="Create webhook").click()
    secret = page.locator(".webhooks-secret code")
    expect(secret).to_contain_text("whsec_")
    check_accessible(page)
    [made] = [
        one for one in stack.call("GET", "/webhooks?size=20")["items"] if "ü" in one["description"]
    ]
    assert made["events"] == ["job.StateChange", "task.StateChange"]
    assert (made["tags"], made["retryOn"], made["ratePerSecond"]) == (["one", "two"], [404], 5)
    assert (made["payload"], made["ordered"], list(made["headers"])) == ("thin", True, ["X-Team"])

    page.get_by_role("button", name="I have it").click()
    expect(secret).to_have_count(0)
    page.get_by_role("link", name="Edit", exact=True).click()
    expect(page.get_by_label("Name of header 1")).to_have_value("X-Team")
    page.get_by_label("Description").fill("Edited")
    page.get_by_label("Filter").fill("")
    page.get_by_role("button", name="Remove header X-Team").click()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Edited")
    edited = stack.call("GET", f"/webhooks/{made['id']}")
    assert (edited["url"], edited.get("filter"), edited.get("headers")) == (made["url"], None, None)
    assert edited["tags"] == ["one", "two"]


def test_a_webhook_is_tested_given_another_secret_disabled_and_deleted(
    stack: Stack, page: Page, receiver: Receiver, guard: Guard
) -> None:
    guard.expect("404")  # the test's delivery is asked for before it is there
    create(page, "Everything else", receiver.url)
    secret = page.locator(".webhooks-secret code")
    first_secret = secret.text_content()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_role("heading", name="endpoint.Test")).to_be_visible()
    expect(page.locator(".badge", has_text="Delivered")).to_be_visible()
    expect(page.locator(".webhooks-body")).to_contain_text("endpoint.Test")
    page.get_by_text("What was answered").click()
    expect(page.get_by_text("what the receiver says")).to_be_visible()
    assert receiver.got[0][1]["type"] == "endpoint.Test"
    check_accessible(page)
    page.get_by_role("link", name="All deliveries").click()
    expect(page.locator(".badge", has_text="Working")).to_be_visible()

    page.get_by_role("button", name="Replace secret", exact=True).click()
    page.get_by_label("The old one signs as well").select_option("1h")
    page.get_by_role("button", name="Replace secret now").click()
    expect(secret).not_to_have_text(first_secret or "")
    expect(secret).to_contain_text("whsec_")
    expect(page.get_by_text("Old secret signs until")).to_be_visible()
    page.get_by_role("button", name="Disable", exact=True).click()
    page.get_by_role("button", name="Disable webhook").click()
    expect(page.locator(".badge", has_text="Disabled")).to_be_visible()
    expect(page.get_by_role("button", name="Send a test")).to_have_count(0)
    page.get_by_role("button", name="Enable").click()
    expect(page.locator(".badge", has_text="Working")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete webhook").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Webhooks")
    names = {one.get("description") for one in stack.call("GET", "/webhooks?size=20")["items"]}
    assert "Everything else" not in names


def test_what_was_given_up_is_shown_with_its_answer_and_sent_again(
    stack: Stack, page: Page, receiver: Receiver
) -> None:
    receiver.status = 422  # no use in repeating it
    create(page, "Fails at first", receiver.url)
    job = stack.submit("name: told of\ntasks: [{name: a, run: 'true'}]")
    stack.until(job)
    expect(page.locator(".badge", has_text="Failing")).to_be_visible()
    expect(page.get_by_text("No request has succeeded since")).to_be_visible()
    page.get_by_role("link", name="Given up").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("422")
    check_accessible(page)
    page.get_by_role("link", name="job.StateChange").first.click()
    page.get_by_text("What was answered").click()
    expect(page.get_by_text("what the receiver says")).to_be_visible()
    expect(page.locator(".webhooks-body")).to_contain_text("told of")
    receiver.status = 200
    page.get_by_role("button", name="Send again").click()
    expect(page.locator(".badge", has_text="Delivered")).to_be_visible()
    expect(page.locator(".webhooks-attempts > li")).to_have_count(2)
    page.get_by_role("link", name="All deliveries").click()
    page.get_by_role("link", name="Given up").click()
    page.get_by_role("button", name="Send all again").click()
    page.get_by_label("Given up since").select_option("1h")
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("region", name="Deliveries")).to_contain_text("sent again")
    expect(page.get_by_text("Nothing was given up")).to_be_visible()
    page.goto("/ui/webhooks")
    row = page.get_by_role("row", name=re.compile("Fails at first"))
    expect(row).to_contain_text("Working")
    check_accessible(page)
