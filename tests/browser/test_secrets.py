"""Stored secrets in a browser: kept, shared, replaced and deleted, and never shown."""

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.support.browser.axe import check_accessible
from tests.support.browser.guard import Guard
from tests.support.browser.stack import Stack


def row(page: Page, secret_id: str) -> Locator:
    return page.get_by_role("row").filter(has_text=secret_id)


def test_a_secret_is_stored_replaced_and_deleted_without_being_shown(
    page: Page, guard: Guard, stack: Stack
) -> None:
    guard.expect("400")
    page.goto("/ui/secrets?new=1")
    page.get_by_label("Id").fill("shop-bucket")
    page.get_by_label("Kind").select_option("aws")
    page.get_by_label("Access key").fill("AKIASHOP")
    page.get_by_label("Secret", exact=True).fill("hush-shop")
    page.get_by_label("Description").fill("Bucket of the shop")
    page.get_by_label("Expires").fill("2100-01-01T12:00")
    page.get_by_label("May use it").fill("role:nobody")
    page.get_by_role("button", name="Store the secret").click()
    expect(page.get_by_role("alert")).to_contain_text("nobody")
    check_accessible(page)

    page.get_by_label("May use it").fill("role:public")
    page.get_by_role("button", name="Store the secret").click()
    expect(row(page, "shop-bucket")).to_contain_text("AKIASHOP")
    expect(row(page, "shop-bucket")).to_contain_text("role:public")
    assert stack.call("GET", "/secrets/shop-bucket")["expiresAt"] == "2100-01-01T11:00:00Z"

    row(page, "shop-bucket").get_by_role("link", name="Replace").click()
    expect(page.get_by_label("Access key")).to_have_value("AKIASHOP")
    expect(page.get_by_label("Secret", exact=True)).to_have_value("")
    page.get_by_label("Secret", exact=True).fill("hush-again")
    page.get_by_label("Expires").fill("2020-01-01T12:00")
    page.get_by_role("button", name="Replace the secret").click()
    expect(row(page, "shop-bucket")).to_contain_text("Expired")
    expect(page.get_by_text("hush")).to_have_count(0)

    row(page, "shop-bucket").get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete the secret").click()
    expect(row(page, "shop-bucket")).to_have_count(0)


def test_who_may_only_use_a_secret_can_neither_replace_nor_delete_it(
    protected_stack: Stack, sign_in: Callable[..., Page]
) -> None:
    page = sign_in("sue")
    for access in ("view", "operate"):
        shared = {"secret": "of ours", "permissions": [{"user": "sue", "access": access}]}
        protected_stack.call("PUT", f"/secrets/to-{access}", json=shared)
    page.goto("/ui/secrets")
    expect(row(page, "to-operate").get_by_role("button", name="Delete")).to_be_visible()
    expect(row(page, "to-view")).to_contain_text("user:sue")
    expect(row(page, "to-view").get_by_role("button")).to_have_count(0)
    page.goto("/ui/secrets?replace=to-view")
    expect(page.get_by_role("heading", level=1)).to_have_text("Secrets")
