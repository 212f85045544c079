"""`conveyor demo`: its options, and how it ends."""

import asyncio
import signal
import sys
from collections.abc import Awaitable
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from cli.api.session import ApiRejected, ApiUnavailable
from cli.demo.job_file import EXAMPLE, JobFileError
from cli.demo.story import DemoFailed, run_demo
from cli.exit_codes import EXIT_FAILED
from services.dev.postgres.binaries import EmbeddedPostgresError
from shared.process.settings.loading import SettingsError

_EXPECTED = (
    DemoFailed,
    JobFileError,
    ApiRejected,
    ApiUnavailable,
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
