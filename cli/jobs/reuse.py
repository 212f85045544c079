"""`conveyor reuse`: which submissions a job was the answer to and why, and whether one would be."""

from collections.abc import Iterator, Mapping
from typing import IO, Any

import click

from cli.api_command import ask, asks_api, json_option
from cli.jobs.job_file import JobFile
from cli.messages import counted, one_line
from cli.references import job_id
from cli.tables import print_json
from cli.views import Json
from conveyor import AsyncClient, Server


class _OrJob(click.Group):
    """What is no command is a job: `conveyor reuse JOB`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            args = ["show", *args]
        return super().resolve_command(ctx, args)


@click.group(cls=_OrJob)
def reuse() -> None:
    """Explain which submissions were answered with a job, and why.

    conveyor reuse JOB lists the last ones; docs/reuse.md tells what counts as the same work.
    """


@reuse.command()
@click.argument("job")
@json_option
@asks_api
def show(server: Server, job: str, *, as_json: bool) -> None:
    """List the submissions that were answered with JOB, with the rules that decided.

    JOB is an id, the beginning of an id, or a name.
    """

    async def found(api: AsyncClient) -> Json:
        return dict(await api.request("GET", "/jobs/{id}/reuse", id=await job_id(api, job)))

    answer = ask(server, found)
    if as_json:
        print_json(answer)
        return
    if not answer["submissions"]:
        click.echo("it was submitted without reuse: no submission is answered with it")
    for line in _not_reusable(answer):
        click.echo(line)
    for submission in answer["submissions"]:
        who = (submission.get("createdBy") or {}).get("username", "")
        what = "reused" if submission["reused"] else "made new"
        click.echo(f"{submission['createdAt']}  {what}{f'  by {who}' if who else ''}")
        _explain(submission, "  ")


@reuse.command()
@click.argument("file", type=click.File("rb"))
@json_option
@asks_api
def check(server: Server, file: IO[bytes], *, as_json: bool) -> None:
    """Check which job a submission of FILE would be answered with. Nothing is stored."""
    body = JobFile.read(file).body()

    async def found(api: AsyncClient) -> Json:
        return dict(await api.request("POST", "/jobs/reuse/check", body=body))

    answer = ask(server, found)
    if as_json:
        print_json(answer)
        return
    job = answer.get("jobId")
    click.echo(f"it would be answered with job {job}" if job else "it would be a new job")
    for line in _not_reusable(answer):
        click.echo(line)
    _explain(answer, "  ")


@reuse.command()
@click.argument("job")
@asks_api
def ban(server: Server, job: str) -> None:
    """Answer no submission with JOB any more."""

    async def act(api: AsyncClient) -> str:
        id_ = await job_id(api, job)
        await api.request("POST", "/jobs/{id}/reuse/ban", id=id_)
        return id_

    click.echo(f"job {ask(server, act)} is not reused any more")


def _not_reusable(answer: Json) -> Iterator[str]:
    if reasons := answer.get("nondeterministic"):
        yield f"no later submission is answered with it: nondeterministic ({', '.join(reasons)})"
    if banned_at := answer.get("bannedAt"):
        who = (answer.get("bannedBy") or {}).get("username", "")
        yield f"banned {banned_at}{f' by {who}' if who else ''}"


def _explain(decision: Mapping[str, Any], indent: str) -> None:
    for step in decision["steps"]:
        click.echo(f"{indent}{step['left']:>4}  {one_line(step['rule'])}")
    if near := decision.get("nearestMiss"):
        places = one_line(", ".join(near["differences"]))
        more = near["count"] - len(near["differences"])
        rest = f" and {counted(more, 'place')} more" if more else ""
        click.echo(f"{indent}nearest: job {near['jobId']} differs in {places}{rest}")
