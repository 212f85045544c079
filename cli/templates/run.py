"""`conveyor run`: a job of a template."""

import sys
from typing import Any

import click

from cli.api_command import ask, asks_api, json_option
from cli.exit_codes import EXIT_API
from cli.follow.patience import submit_with_retry
from cli.jobs.job_file import parse_inputs, parse_secrets
from cli.jobs.outcome import Output, to_the_end
from cli.jobs.submit import beginning_in, beginning_options, job_options, refuse_to_wait
from cli.jobs.uploads import parse_files, upload
from cli.templates.names import template_argument
from cli.views import Json
from conveyor import AsyncClient, Rejected, Server


@click.command()
@template_argument
@job_options
@click.option("--name", metavar="NAME", help="Of the job. Default: the one in the template.")
@beginning_options
@json_option
@asks_api
def run(
    server: Server,
    template: tuple[str, str],
    inputs: tuple[str, ...],
    secrets: tuple[str, ...],
    files: tuple[str, ...],
    name: str | None,
    **options: Any,  # noqa: ANN401 - when it begins, and those of the output
) -> None:
    """Submit a job of the template NAME: its newest version, or VERSION (1 or 1.2).

    `conveyor templates get NAME` shows which inputs it asks for. Output and exit codes are those
    of submit.
    """
    beginning = beginning_in(options)
    wanted = Output.of(**options)
    refuse_to_wait(wanted, beginning)
    given: dict[str, Any] = {"inputs": parse_inputs(inputs), "secrets": parse_secrets(secrets)}
    given |= {"version": template[1], "name": name, **beginning}
    if uploads := upload(server, parse_files(files)):
        given["uploads"] = uploads
    body = {field: value for field, value in given.items() if value}
    sys.exit(ask(server, lambda api: _run(api, template[0], body, wanted)))


async def _run(api: AsyncClient, template: str, body: Json, output: Output) -> int:
    """The exit code."""

    async def post(key: str) -> Json:
        path = "/templates/{name}/run"
        return dict(
            await api.request(
                "POST", path, body=body, idempotency_key=key, may_wait=True, name=template
            )
        )

    try:
        job = await submit_with_retry(post)
    except Rejected as error:
        if not error.errors:
            raise
        for broken in error.errors:
            click.secho(f"{_option(broken.field)}: {_rule(broken.raw)}", fg="red", err=True)
        return EXIT_API
    return await to_the_end(api, job, output)


_OPTIONS = {"inputs": "--input", "secrets": "--secret", "uploads": "--file"}


def _option(field: str) -> str:
    """What of the command line a field is."""
    place, _, rest = field.partition(".")
    return f"{_OPTIONS[place]} {rest}" if place in _OPTIONS else field


def _rule(broken: Json) -> str:
    value = broken.get("value")
    return f"{value} is not allowed: {broken['rule']}" if value is not None else broken["rule"]
