"""The `conveyor` command in this process, asking an API that runs in the test's own loop."""

import asyncio

from click.testing import CliRunner, Result

from cli.main import conveyor

_ALONE = {"CONVEYOR_URL": None, "CONVEYOR_API_KEY": None, "CONVEYOR_USER": None}


async def run_command(
    url: str, *arguments: str, stdin: str | bytes = "", **environment: str
) -> Result:
    """In a thread of its own, as the command brings its own event loop."""
    env = {**_ALONE, "CONVEYOR_URL": url, **environment}
    return await asyncio.to_thread(
        CliRunner().invoke, conveyor, list(arguments), input=stdin, env=env
    )
