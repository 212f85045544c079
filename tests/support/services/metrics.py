"""Pages of metrics, read."""

import asyncio
from collections.abc import Callable, Mapping

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

PATIENCE_SECONDS = 60.0

Values = Mapping[str, float]
"""By `name{label="value",…}`, labels in their order, as on the page."""


def values(page: str) -> Values:
    """Our own metrics on `page`."""
    return {
        f"{sample.name}{_labels(sample.labels)}": sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name.startswith("conveyor_")
    }


def names(page: str) -> set[str]:
    """Of the families of ours on `page`, a counter's with `_total`."""
    return {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in text_string_to_metric_families(page)
        if family.name.startswith("conveyor_")
    }


async def page_of(session: aiohttp.ClientSession, url: str) -> str:
    """What Prometheus would get of the service at `url`."""
    headers = {"Accept": "text/plain;version=0.0.4;q=0.3,*/*;q=0.1"}
    async with session.get(f"{url}/metrics", headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.text()


async def values_when(
    session: aiohttp.ClientSession, url: str, condition: Callable[[Values], bool]
) -> Values:
    """The page as soon as `condition` holds of it. Raises TimeoutError with what it was last."""
    seen: Values = {}
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                seen = values(await page_of(session, url))
                if condition(seen):
                    return seen
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise TimeoutError(f"the page is still {seen}") from None


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}" if labels else ""
