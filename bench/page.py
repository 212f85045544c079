"""(v) The page in Chromium: how soon it shows what, and what many open pages cost."""

import asyncio
import time
from collections.abc import Sequence

import aiohttp
import asyncpg
from playwright.async_api import Browser, BrowserContext, CDPSession, async_playwright

from bench.page_floor import bare_document
from bench.page_rows import FAMILY, LOGGED, PARENT, fill_family, fill_log
from bench.run import Run, spread
from bench.searching import JOBS, QUICK_JOBS, fill_jobs
from bench.services import COORDINATOR, Services
from bench.table import Table
from bench.usage import cpu_seconds, difference
from tests.support.browser.chromium import ARGUMENTS, PROGRAM
from tests.support.services.cluster import Service

CHILDREN, QUICK_CHILDREN = 10_000, 1_000
LOG_PARTS, QUICK_LOG_PARTS = 800, 80  # of 64 KB
_ROUNDS = 7
_WARM = 3  # a browser keeps compiled what it has run twice
_PAGES = 100
_WATCHED_SECONDS = 20
_LIVE_MINUTES, _QUICK_LIVE_MINUTES = 3.0, 1 / 3
_JOB, _CHILD = "a[href*='/ui/jobs/']", ".task-row .state"
_STREAM = "/events?types=job&every=1s"
# A frame later is one that a reader of the page sees.
_UNTIL_PAINTED = """selector => new Promise((resolve) => {
  const look = () => {
    if (!document.querySelector(selector)) return requestAnimationFrame(look);
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
  };
  look();
})"""
# How far a frame is from the one before, while the page scrolls through all for two seconds.
_FRAMES = """() => new Promise((resolve) => {
  const times = [];
  const top = document.documentElement.scrollHeight - innerHeight;
  const frame = (now) => {
    times.push(now);
    const done = (now - times[0]) / 2000;
    scrollTo(0, top * Math.min(done, 1));
    if (done < 1) requestAnimationFrame(frame);
    else resolve(times.slice(1).map((time, i) => time - times[i]));
  };
  requestAnimationFrame(frame);
})"""


_Row = tuple[str, str, str, str]


async def measure(run: Run) -> Table:
    jobs = QUICK_JOBS if run.quick else JOBS
    children = QUICK_CHILDREN if run.quick else CHILDREN
    parts = QUICK_LOG_PARTS if run.quick else LOG_PARTS
    minutes = run.minutes or (_QUICK_LIVE_MINUTES if run.quick else _LIVE_MINUTES)
    await fill_jobs(run.ground.dsn, jobs)
    connection = await asyncpg.connect(run.ground.dsn)
    await fill_family(connection, children)
    await fill_log(connection, parts)
    await connection.close()
    services = Services(run.ground, run.profile)
    try:
        coordinator = await services.start(COORDINATOR)
        family = f"{coordinator.url}/ui/jobs/{FAMILY}?parent={PARENT}"
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=PROGRAM, args=ARGUMENTS)
            rows = [
                *await _opened(browser, f"list of {jobs:,} jobs", coordinator.url, _JOB),
                *await _opened(browser, f"job with {children:,} children", family, _CHILD),
                await _scrolled(browser, family),
                *await _log_rows(browser, coordinator, parts),
                await _memory(browser, coordinator, 60 * minutes),
            ]
            await browser.close()
        rows.append(await _watched(coordinator, 0))
        rows.append(await _watched(coordinator, 2))
    finally:
        await services.stop_all()
    return Table(
        f"(v) the page in Chromium, {_ROUNDS} rounds where there is a spread",
        ("measured", "value", "bare document", "ratio"),
        rows,
        (
            "Times are from the request of the page to the frame with the rows in it.",
            "The bare document shows the same without scripts: in turns, in the same browser.",
        ),
    )


async def _opened(browser: Browser, name: str, url: str, selector: str) -> list[_Row]:
    """For the first time, and by somebody who has been there: the browser has the scripts."""
    known = await browser.new_context()
    rows: list[_Row] = []
    async with bare_document(browser, url, selector) as bare:
        for title, by in ((name, browser), (f"{name}, again", known)):
            times = [
                (await _painted(by, url, selector), await _painted(by, bare, selector))
                for _ in range(_WARM + _ROUNDS)
            ]
            rows.append((f"{title}: ms", *_compared(times[_WARM:], ".0f")))
    await known.close()
    return rows


async def _painted(browser: Browser | BrowserContext, url: str, selector: str) -> float:
    page = await browser.new_page()
    await page.goto(url, wait_until="commit")
    milliseconds: float = await page.evaluate(_UNTIL_PAINTED, selector)
    await page.close()
    return milliseconds


async def _scrolled(browser: Browser, url: str) -> _Row:
    async with bare_document(browser, url, _CHILD) as bare:
        times = [
            (await _frames_per_second(browser, url), await _frames_per_second(browser, bare))
            for _ in range(_ROUNDS)
        ]
    return "scrolling through the children: frames/s", *_compared(times, ".0f")


async def _frames_per_second(browser: Browser, url: str) -> float:
    page = await browser.new_page()
    await page.goto(url)
    await page.wait_for_selector(_CHILD)
    gaps: list[float] = await page.evaluate(_FRAMES)
    await page.close()
    return 1000 * len(gaps) / sum(gaps)


def _compared(pairs: Sequence[tuple[float, float]], form: str) -> tuple[str, str, str]:
    ours, bare = zip(*pairs, strict=True)
    ratios = [mine / its for mine, its in pairs]
    return spread(ours, form), spread(bare, form), spread(ratios, ".2f")


async def _log_rows(browser: Browser, coordinator: Service, parts: int) -> list[_Row]:
    size = f"log of {parts * 64 / 1000:.0f} MB"
    url = f"{coordinator.url}/ui/jobs/{LOGGED}?tab=log"
    opened, again = await _opened(browser, size, url, ".log-text")
    page = await browser.new_page()
    await page.goto(url)
    await page.wait_for_selector(".log-text")
    times = []
    for number in range(_ROUNDS):
        began = time.perf_counter()
        await page.get_by_label("Search the log").fill(f"needle {number}")
        await page.wait_for_selector("mark")
        times.append((time.perf_counter() - began) * 1000)
        await page.get_by_label("Search the log").fill("")
        await page.wait_for_selector("mark", state="detached")
    await page.close()
    return [opened, again, (f"{size}, a rare word found: ms", spread(times, ".0f"), "", "")]


async def _memory(browser: Browser, coordinator: Service, seconds: float) -> _Row:
    """Of the list of jobs, while jobs are submitted; after each third of the time."""
    page = await browser.new_page()
    await page.goto(coordinator.url)
    await page.wait_for_selector("a[href*='/ui/jobs/']")
    session = await page.context.new_cdp_session(page)
    heaps = [await _heap(session)]
    for _ in range(3):
        made = await _submitting(coordinator, seconds / 3, per_second=20)
        heaps.append(await _heap(session))
    await page.close()
    text = ", ".join(f"{heap:.1f}" for heap in heaps)
    return f"heap of the list after 0 to 3 × {made} live jobs: MB", text, "", ""


async def _heap(session: CDPSession) -> float:
    await session.send("HeapProfiler.collectGarbage")
    usage = await session.send("Runtime.getHeapUsage")
    return float(usage["usedSize"]) / 1e6


async def _submitting(coordinator: Service, seconds: float, per_second: float) -> int:
    """How many jobs were submitted; nobody runs them."""
    job = {"name": "live", "tasks": [{"name": "a", "run": "true", "queue": "nobody"}]}
    ends_at, made = time.monotonic() + seconds, 0
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < ends_at:
            async with session.post(f"{coordinator.url}/jobs", json=job) as answer:
                answer.raise_for_status()
            made += 1
            await asyncio.sleep(1 / per_second)
    return made


async def _watched(coordinator: Service, jobs_per_second: float) -> _Row:
    """The coordinator's share of a core with all pages open, whose streams are as the list's."""

    async def read(session: aiohttp.ClientSession) -> None:
        async with session.get(coordinator.url + _STREAM) as answer:
            async for _ in answer.content:
                pass

    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        alone = await _share(coordinator, jobs_per_second)
        readers = [asyncio.create_task(read(session)) for _ in range(_PAGES)]
        await asyncio.sleep(2)
        share = await _share(coordinator, jobs_per_second)
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
    name = f"{_PAGES} lists open, {jobs_per_second:g} jobs/s: coordinator, % of a core (without)"
    return name, f"{share:.1f} ({alone:.1f})", "", ""


async def _share(coordinator: Service, jobs_per_second: float) -> float:
    before, began = cpu_seconds([coordinator]), time.perf_counter()
    if jobs_per_second:
        await _submitting(coordinator, _WATCHED_SECONDS, jobs_per_second)
    else:
        await asyncio.sleep(_WATCHED_SECONDS)
    used = difference(cpu_seconds([coordinator]), before)[coordinator.name]
    return 100 * used / (time.perf_counter() - began)
