"""`make screenshots`: pictures of the page with samples, for the documentation."""

import asyncio
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from playwright.sync_api import Browser, expect

from services.dev.postgres.embedded import EmbeddedPostgres
from shared.postgres.migrate import migrate
from tests.support.browser.chromium import DESKTOP, PHONE, new_context, running_chromium
from tests.support.browser.samples import Samples, samples_on
from tests.support.browser.stack import ROOT, running_stack

_IMAGES = ROOT / "docs/images"
# Both tables hold what schedulers count: here, a quiet morning and a busy noon.
_CLUSTER = """
INSERT INTO cluster_samples (at, seconds, jobs_submitted, jobs_completed, jobs_failed,
    jobs_cancelled, tasks_completed, tasks_failed, tasks_running, workers, cpu_percent,
    job_latency, queue_time)
SELECT now() - make_interval(secs => 15 * (240 - n)), 15, 2 + load, 2 + load, load / 9, 0,
       9 + 4 * load, load / 6, load / 2.0, 4, 18 + 4 * load,
       jsonb_build_object('30', 4 + load, '33', 2 + load / 3, '36', load / 8),
       jsonb_build_object('14', 9 + load, '18', 1 + load / 4)
FROM unnest($1::int[]) WITH ORDINALITY AS loads (load, n)
"""
_QUEUE = """
INSERT INTO queue_samples (queue, at, seconds, size, max_size, oldest_seconds, subscribers, running,
    scheduled, started)
SELECT 'default', now() - make_interval(secs => 15 * (240 - n)), 15, load / 2.0, load,
       CASE WHEN load > 6 THEN load / 3.0 END, 4, load / 2.0, 9 + 4 * load, 9 + 4 * load
FROM unnest($1::int[]) WITH ORDINALITY AS loads (load, n)
"""


@dataclass(frozen=True)
class Picture:
    name: str
    address: str
    theme: str = "light"
    size: tuple[int, int] = DESKTOP


def pictures(samples: Samples) -> Sequence[Picture]:
    job = {name: f"/ui/jobs/{id}" for name, id in samples.job_ids.items()}
    return (
        Picture("jobs", "/"),
        Picture("jobs-dark", "/", theme="dark"),
        Picture("jobs-phone", "/", size=PHONE),
        Picture("job", job["build"]),
        Picture("job-timeline", f"{job['build']}?tab=timeline"),
        Picture("job-graph-dark", f"{job['build']}?tab=graph", theme="dark"),
        Picture("job-children", job["thumbnails"]),
        Picture("job-failed", job["import"]),
        Picture("job-waiting", job["training"]),
        Picture("job-log", f"{job['report']}?tab=log"),
        Picture("submit", "/ui/submit"),
        Picture("schedules", "/ui/schedules"),
        Picture("webhooks", "/ui/webhooks"),
        Picture("cluster", "/ui/cluster"),
        Picture("cluster-dark", "/ui/cluster", theme="dark"),
    )


def take(browser: Browser, url: str, picture: Picture) -> None:
    context = new_context(browser, url, picture.size, picture.theme)
    page = context.new_page()
    page.goto(picture.address)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    # Event streams are never idle, so what was asked for is waited for by the eye's measure.
    page.wait_for_timeout(1500)
    page.screenshot(path=_IMAGES / f"{picture.name}.png", animations="disabled", caret="hide")
    context.close()


async def fill_history(data: Path) -> None:
    """An hour of samples, in the database that `conveyor dev` will find in `data`."""
    loads = [round(8 + 7 * math.sin(n / 18) + 2 * math.sin(n / 3)) for n in range(240)]
    data.mkdir(mode=0o700)
    async with EmbeddedPostgres(data / "postgres") as dsn:
        await migrate(dsn)
        connection = await asyncpg.connect(dsn)
        for statement in (_CLUSTER, _QUEUE):
            await connection.execute(statement, loads)
        await connection.close()


def main() -> None:
    _IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="conveyor-pictures-") as name:
        directory = Path(name)
        asyncio.run(fill_history(directory / "data"))
        with (
            running_stack(directory, {"CONVEYOR_WORKER_NAME": "worker-1"}) as stack,
            samples_on(stack) as samples,
            running_chromium() as browser,
        ):
            for picture in pictures(samples):
                take(browser, stack.url, picture)


if __name__ == "__main__":
    main()
