"""Debian's Chromium, driven by Playwright."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.support.availability import unavailable

PROGRAM = os.environ.get("CONVEYOR_TEST_CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",  # root can't have one
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",  # which is small in containers
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--force-color-profile=srgb",
]
DESKTOP = (1280, 800)
PHONE = (360, 740)
PATIENCE_MS = 120_000
"""A deadline only ends a test that hangs."""


@contextmanager
def running_chromium(*more: str) -> Iterator[Browser]:
    if not Path(PROGRAM).exists():
        unavailable(f"Chromium is not installed ({PROGRAM})")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=PROGRAM, args=[*ARGUMENTS, *more], chromium_sandbox=False
        )
        try:
            yield browser
        finally:
            browser.close()


def new_context(
    browser: Browser, url: str, size: tuple[int, int] = DESKTOP, theme: str = "light"
) -> BrowserContext:
    """A user of their own. Nothing moves by itself, so that pictures and checks see the end."""
    width, height = size
    context = browser.new_context(
        base_url=url,
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="Europe/Berlin",
        accept_downloads=True,
    )
    context.set_default_timeout(PATIENCE_MS)
    return context
