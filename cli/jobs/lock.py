"""`conveyor lock` and `conveyor unlock`: only the holder of the lock may change what a job does."""

import click

from cli.api_command import ask, asks_api, json_option
from cli.references import job_id
from cli.tables import print_answer
from cli.views import Json
from conveyor import AsyncClient, Server


@click.command()
@click.argument("job")
@click.option(
    "--ttl", default="5m", show_default=True, help="Time until the lock expires, at most 24h."
)
@json_option
@asks_api
def lock(server: Server, job: str, ttl: str, as_json: bool) -> None:
    """Lock a job that has not ended, and print the token of the lock.

    Until the lock expires or the job ends, only the holder of the token can change what the job
    does.
    """

    async def work(api: AsyncClient) -> Json:
        made = await api.lock(await job_id(api, job), ttl=ttl)
        return dict(made.raw)

    made = ask(server, work)
    print_answer(made, str(made["token"]), as_json=as_json)


@click.command()
@click.argument("job")
@click.option(
    "--token",
    default="",
    envvar="CONVEYOR_LOCK_TOKEN",
    show_envvar=True,
    help="The token of the lock.",
)
@click.option("--force", is_flag=True, help="Remove the lock of another client (admins only).")
@asks_api
def unlock(server: Server, job: str, token: str, force: bool) -> None:
    """Unlock a job, with the token that `conveyor lock` printed."""

    async def work(api: AsyncClient) -> None:
        await api.unlock(await job_id(api, job), token, force=force)

    ask(server, work)
    click.echo(f"{job} unlocked")
