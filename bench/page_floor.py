"""The floor of the page's times: what it shows, as a document without scripts.

The same coordinator serves it to the same browser. What that takes is the browser's own.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from playwright.async_api import Browser

from services.coordinator.api.page import PAGE

_SCRIPTS = re.compile(r"<script.*?</script>|<link[^>]*rel=\"(module)?preload\"[^>]*>", re.DOTALL)


@asynccontextmanager
async def bare_document(browser: Browser, url: str, selector: str) -> AsyncIterator[str]:
    """Its address: what the page at `url` shows once `selector` is there."""
    page = await browser.new_page()
    await page.goto(url)
    await page.wait_for_selector(selector)
    content = await page.content()
    await page.close()
    file = PAGE / "assets" / "bare.html"
    file.write_text(_SCRIPTS.sub("", content), encoding="utf-8")
    parts = urlsplit(url)
    try:
        yield f"{parts.scheme}://{parts.netloc}/ui/assets/{file.name}"
    finally:
        file.unlink()
