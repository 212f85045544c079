"""/docs, which is a page of its own."""

from playwright.sync_api import Page, expect

from services.coordinator.api.openapi import openapi_document
from services.coordinator.api.routes import ROUTES
from services.coordinator.api.webhooks.sent_bodies import SENT_EVENTS


def test_the_documentation_shows_every_operation(page: Page) -> None:
    paths = openapi_document(ROUTES, SENT_EVENTS)["paths"].values()
    page.goto("/docs")
    expect(page.locator("section").last).to_be_attached()
    shown = page.locator("section").evaluate_all("all => all.map((each) => each.id)")
    assert {each["operationId"] for methods in paths for each in methods.values()} <= set(shown)
