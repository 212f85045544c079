"""`conveyor demo`: its job file, what it does step by step, and how it ends."""

import asyncio
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import yaml
from rich.console import Console
from rich.text import Text

from cli.demo.containers import Place, find_place
from cli.exit_codes import EXIT_FAILED
from cli.follow.live import follow, job_of
from cli.follow.picture import Picture
from cli.jobs.viewers import job_viewer
from cli.views import JobView
from conveyor import AsyncClient, Rejected, Unavailable
from services.coordinator.settings import ApiSettings
from services.dev.app import running
from services.dev.banner import exports_for
from services.dev.postgres.programs import EmbeddedPostgresError
from services.dev.settings import DevBlock, IsolatedDevSettings
from services.worker.runtimes.settings import RuntimeSettings
from shared.jobspec.templates import FOLDER
from shared.process.logging import configure_logging
from shared.process.run import Stop
from shared.process.settings.blocks import LogSettings
from shared.process.settings.loading import SettingsError

EXAMPLE = FOLDER / "hello.yaml"

_HOST = "127.0.0.1"
_PROGRESS_SECONDS = 0.25


class JobFileError(Exception):
    """The file can't be read."""


def read_job_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise JobFileError(f"can't read {path}: {error.strerror}") from None


def with_image(job_text: str, image: str) -> str:
    """The same job with `image` set on each of its tasks that names none."""
    job = yaml.safe_load(job_text)
    for task in job["tasks"]:
        task.setdefault("image", image)
    return yaml.safe_dump(job, sort_keys=False, allow_unicode=True)


def wants_image(job_text: str) -> bool:
    """Whether `with_image` changes anything. What is not a job is left for the API to reject."""
    try:
        job = yaml.safe_load(job_text)
    except yaml.YAMLError:
        return False  # the API's answer says what is wrong with it
    tasks = job.get("tasks") if isinstance(job, dict) else None
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        return False
    return any("image" not in task for task in tasks)


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
    async with _conveyor(place) as url:
        _print(console, f"Started in {time.monotonic() - began:.1f} s at {url}\n")
        job = await _run_job(console, url, job_file, job_text)
        _print_end(console, job)
    _print_next_steps(console)


@asynccontextmanager
async def _conveyor(place: Place) -> AsyncIterator[str]:
    with TemporaryDirectory(prefix="conveyor-demo-") as directory, _logging_to(directory):
        stop = Stop()
        async with running(_settings(Path(directory), place), stop) as url:
            try:
                yield url
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
    async with AsyncClient(url, key="") as api:
        _print(console, f"POST /jobs with {_shown_path(job_file)}\n")
        job = await api.request("POST", "/jobs", body=job_text)
        picture = Picture.of(await job_of(api, job["id"]))
        with job_viewer(picture, console, console, with_log=True) as viewer:
            await follow(api, picture, viewer)
        return await job_of(api, job["id"])


def _print_end(console: Console, job: JobView) -> None:
    if job.state != "COMPLETED":
        raise DemoFailed(f"the job is {job.state}: {job.error or 'no reason given'}")
    console.print()
    if job.result:
        console.print(Text.assemble(("  result     ", "bold"), job.result), soft_wrap=True)
    console.print(Text("  COMPLETED", "green bold"))


_NEXT_STEPS = """
Everything is stopped and nothing is left behind. Next steps:

{exports}  conveyor dev                           starts Conveyor at http://127.0.0.1:8000

  Then, in another terminal:

{exports}  conveyor examples hello > hello.yaml   writes the job file that has just run
  conveyor submit hello.yaml --follow    runs it and shows its log
  conveyor list                          lists all jobs

  http://127.0.0.1:8000/docs documents the API; `conveyor examples` lists more jobs."""


def _print_next_steps(console: Console) -> None:
    exports = "".join(f"  export {each}\n" for each in exports_for("http://127.0.0.1:8000"))
    _print(console, _NEXT_STEPS.format(exports=exports))


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


_EXPECTED = (
    DemoFailed,
    JobFileError,
    Rejected,
    Unavailable,
    EmbeddedPostgresError,
    SettingsError,
)


@click.command()
@click.argument(
    "job_file", type=click.Path(dir_okay=False, path_type=Path), default=EXAMPLE, required=False
)
@click.option(
    "--image",
    default="busybox",
    show_default=True,
    help="Image for tasks that name none, with a container engine. Empty: use the shell.",
)
@click.option(
    "--timeout",
    "timeout_seconds",
    default=300.0,
    show_default=True,
    help="Maximum duration in seconds.",
)
def demo(job_file: Path, image: str, timeout_seconds: float) -> None:
    """Start an embedded Conveyor, run JOB_FILE (default: examples/hello.yaml) and stop.

    Everything runs in this process, on a free port of 127.0.0.1. The data is in a temporary
    directory that is removed at the end. Exit code 0: the job completed.
    """
    console = Console(highlight=False)
    try:
        asyncio.run(_until_stopped(run_demo(console, job_file, image), timeout_seconds))
    except (KeyboardInterrupt, asyncio.CancelledError):  # Ctrl-C or SIGTERM: all is stopped by now
        _end_badly(console, "stopped before the end of the job")
    except TimeoutError:
        _end_badly(console, f"the job did not end within {timeout_seconds:g} seconds")
    except _EXPECTED as error:  # its text is for the user
        _end_badly(console, str(error))


async def _until_stopped(demo_run: Awaitable[None], timeout_seconds: float) -> None:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - for the type checker: asyncio.run made one
    # As Ctrl-C does: the contexts are left in order, so nothing stays behind.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with asyncio.timeout(timeout_seconds):
        await demo_run


def _end_badly(console: Console, reason: str) -> None:
    console.print(Text.assemble(("\n  FAILED  ", "red bold"), reason), soft_wrap=True)
    sys.exit(EXIT_FAILED)
