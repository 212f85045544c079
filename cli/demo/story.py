"""What the demo does, step by step."""

import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.text import Text

from cli.api.client import ApiClient
from cli.api.server import Server
from cli.api.session import YAML_TYPE, Body
from cli.api.views import JobView, job_view
from cli.demo.containers import Place, find_place
from cli.demo.job_file import EXAMPLE, read_job_file, wants_image, with_image
from cli.follow.live import follow
from cli.follow.picture import Picture
from cli.jobs.viewers import job_viewer
from services.coordinator.settings import ApiSettings
from services.dev.app import Running, running
from services.dev.settings import DevBlock, IsolatedDevSettings
from services.worker.runtimes.settings import RuntimeSettings
from shared.process.logging import configure_logging
from shared.process.run import Stop
from shared.process.settings.blocks import LogSettings

_HOST = "127.0.0.1"
_PROGRESS_SECONDS = 0.25


class DemoFailed(Exception):
    """The job did not complete; the text says why."""


async def run_demo(console: Console, job_file: Path, image: str) -> None:
    """Run the job on an embedded Conveyor. Raises DemoFailed, or what starting it raises.

    With a container engine, `image` is set on the tasks that name none. An empty `image` leaves
    them to the shell.
    """
    job_text = read_job_file(job_file)
    place = Place("in a shell, or in a container if the job names an image")
    if image and wants_image(job_text):
        _print(console, "Looking for a container engine ...")
        place = await find_place(image)
    _print(console, f"Tasks run {place.words}.")
    if place.image:
        job_text = with_image(job_text, place.image)
    began = time.monotonic()
    _print(console, "Starting Conveyor: four services and Postgres in this process ...")
    async with _conveyor(place) as conveyor:
        _print(console, f"Started in {time.monotonic() - began:.1f} s at {conveyor.url}\n")
        job = await _run_job(console, conveyor.url, job_file, job_text)
        _print_end(console, job)
    _print_next_steps(console)


@asynccontextmanager
async def _conveyor(place: Place) -> AsyncIterator[Running]:
    with TemporaryDirectory(prefix="conveyor-demo-") as directory, _logging_to(directory):
        stop = Stop()
        async with running(_settings(Path(directory), place), stop) as conveyor:
            try:
                yield conveyor
            finally:
                stop.request()
                stop.request()  # the second request aborts what still runs


@contextmanager
def _logging_to(directory: str) -> Iterator[None]:
    """The log lines of the services go to a file: the demo shows the job."""
    with (Path(directory) / "conveyor.log").open("w", encoding="utf-8") as log:
        configure_logging(LogSettings(), service="demo", stream=log)
        try:
            yield
        finally:
            configure_logging(LogSettings(level="error"), service="demo")


def _settings(data_dir: Path, place: Place) -> IsolatedDevSettings:
    return IsolatedDevSettings(
        dev=DevBlock(data_dir=data_dir),
        api=ApiSettings(address=f"{_HOST}:{_free_port()}"),
        runtime=RuntimeSettings(
            engine=place.engine,
            shell_allowed=True,
            shell_progress_seconds=_PROGRESS_SECONDS,
            container_progress_seconds=_PROGRESS_SECONDS,
        ),
    )


async def _run_job(console: Console, url: str, job_file: Path, job_text: str) -> JobView:
    async with ApiClient(Server.at(url)) as api:
        _print(console, f"POST /jobs with {_shown_path(job_file)}\n")
        job = await api.submit(Body(job_text.encode(), YAML_TYPE))
        picture = Picture.of(job_view(await api.job(job["id"])))
        with job_viewer(picture, console, console, with_log=True) as viewer:
            await follow(api, picture, viewer)
        return job_view(await api.job(job["id"]))


def _print_end(console: Console, job: JobView) -> None:
    if job.state != "COMPLETED":
        raise DemoFailed(f"the job is {job.state}: {job.error or 'no reason given'}")
    console.print()
    if job.result:
        console.print(Text.assemble(("  result     ", "bold"), job.result), soft_wrap=True)
    console.print(Text("  COMPLETED", "green bold"))


def _print_next_steps(console: Console) -> None:
    for line in (
        "",
        "Everything is stopped and nothing is left behind. Next steps:",
        "",
        "  make run    starts Conveyor at http://127.0.0.1:8000. Then, in another terminal:",
        "",
        "  curl -s -H 'Content-Type: text/yaml' \\",
        f"       --data-binary @{_shown_path(EXAMPLE)} http://127.0.0.1:8000/jobs",
        "",
        "  http://127.0.0.1:8000/docs documents the API, README.md the rest.",
    ):
        _print(console, line)


def _print(console: Console, text: str) -> None:
    console.print(Text(text), soft_wrap=True)


def _shown_path(path: Path) -> Path:
    """Relative to the current directory if possible."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
