"""`conveyor templates`: push, list, show, activate, deactivate and delete stored jobs."""

import sys
from collections.abc import Iterator
from typing import IO, Any

import click

from cli.api_command import ask, asks_api, json_option, page_of, paged
from cli.exit_codes import EXIT_API, EXIT_USAGE, fail
from cli.jobs.job_file import JobFile, explain_refusal, explain_warnings
from cli.messages import ago, now, one_line
from cli.tables import Cell, print_answer, print_json, print_list, print_table
from cli.templates.names import template_argument
from cli.views import Json
from conveyor import AsyncClient, Rejected, Server
from shared.jobspec.yaml_text import yaml_text

_COLUMNS = {"NAME": "text", "VERSION": "whole", "STATUS": "whole", "PUSHED": "right"}
_LISTED = {**_COLUMNS, "DESCRIPTION": "text"}
_INPUTS = {"INPUT": "whole", "TYPE": "whole", "DEFAULT": "text", "DESCRIPTION": "text"}

_LATEST = "latest"


@click.group()
def templates() -> None:
    """Manage stored jobs, which are run with other inputs each time.

    NAME@1.2 is one version, NAME@1 the newest of 1, NAME the newest of all. Run one with
    `conveyor run`.
    """


@templates.command()
@click.argument("file", type=click.File("rb"))
@click.option("--strict", is_flag=True, help="Refuse the template if there are warnings.")
@json_option
@asks_api
def push(server: Server, file: IO[bytes], strict: bool, as_json: bool) -> None:
    """Store the job in FILE as a template.

    FILE is a job with `template: {name: ..., version: ..., inputs: ...}`. A version that you have
    pushed before is replaced; jobs keep what they were made of. Prints NAME@VERSION.
    """
    job_file = JobFile.read(file)
    answer = ask(server, lambda api: _push(api, job_file, strict=strict))
    if answer is None:
        sys.exit(EXIT_API)
    if not as_json:
        explain_warnings(job_file, answer, is_edited=False)
    print_answer(answer, f"{answer['name']}@{answer['version']}", as_json=as_json)


async def _push(api: AsyncClient, file: JobFile, *, strict: bool) -> Json | None:
    try:
        query = {"strict": strict}
        return dict(await api.request("POST", "/templates", body=file.body(), query=query))
    except Rejected as error:
        if not error.errors:
            raise
        explain_refusal(file, error, is_edited=False)
        return None


@templates.command(name="list")
@click.argument("text", required=False, default="")
@paged(default=20)
@json_option
@asks_api
def list_templates(server: Server, text: str, page: int, size: int, as_json: bool) -> None:
    """List templates with TEXT in name or description, those pushed last first."""
    answer = ask(server, lambda api: page_of(api, "/templates", page, size, {"q": text}))
    empty = "no templates; store one with: conveyor templates push FILE"
    print_list(answer, _LISTED, _listed, empty, as_json=as_json)


def _listed(template: Json) -> tuple[Cell, ...]:
    return (*_row(template), one_line(template.get("description", "")))


def _row(template: Json) -> tuple[Cell, ...]:
    return (
        template["name"],
        template["version"],
        template["status"],
        ago(template["updatedAt"], now()),
    )


@templates.command()
@template_argument
@click.option("--file", "as_file", is_flag=True, help="Print the job file, to edit and push it.")
@json_option
@asks_api
def get(server: Server, template: tuple[str, str], as_file: bool, as_json: bool) -> None:
    """Show the versions and the inputs of a template, or its job file."""
    name, version = template[0], template[1] or _LATEST
    if as_file:
        click.echo(ask(server, lambda api: _definition(api, name, version)), nl=False)
        return

    async def found(api: AsyncClient) -> tuple[Json, Json]:
        path = "/templates/{name}/versions/{version}"
        shown = await api.request("GET", path, name=name, version=version)
        return shown, await api.request("GET", "/templates/{name}", name=name)

    shown, all_ = ask(server, found)
    if as_json:
        print_json(shown)
    else:
        _print(shown, all_)


async def _definition(api: AsyncClient, name: str, version: str) -> str:
    path = "/templates/{name}/versions/{version}/definition"
    return yaml_text(await api.request("GET", path, name=name, version=version))


def _print(shown: Json, all_: Json) -> None:
    click.echo(f"{shown['name']}@{shown['version']} ({shown['status']})")
    if description := shown.get("description"):
        click.echo(one_line(description))
    click.echo()
    if rows := list(_inputs(shown["inputSchema"])):
        print_table(_INPUTS, rows)
    else:
        click.echo("no inputs")
    click.echo("\nVersions:")
    print_table(_COLUMNS, [_row(version) for version in all_["versions"]])


def _inputs(schema: Json) -> Iterator[tuple[Cell, ...]]:
    required = schema.get("required", ())
    for name, one in schema.get("properties", {}).items():
        default = "required" if name in required else _shown(one.get("default"))
        kind = one.get("x-type", one.get("type", ""))
        choices = f" ({', '.join(map(_shown, one['enum']))})" if "enum" in one else ""
        yield name, f"{kind}{choices}", default, one_line(one.get("description", ""))


def _shown(value: Any) -> str:  # noqa: ANN401 - JSON
    return "" if value is None else one_line(str(value))


def _act(name: str, done: str, text: str, method: str, *, needs_version: bool) -> click.Command:
    @click.command(name=name, help=text)
    @template_argument
    @json_option
    @asks_api
    def act(server: Server, template: tuple[str, str], as_json: bool) -> None:
        template_name, version = template
        if needs_version and not version:
            fail(f"name the version: {template_name}@1.0", EXIT_USAGE)
        path = "/templates/{name}/versions/{version}" if version else "/templates/{name}"
        path += f"/{name}" if method == "PUT" else ""

        async def request(api: AsyncClient) -> Json:
            return dict(await api.request(method, path, name=template_name, version=version))

        answer = ask(server, request)
        print_answer(answer, f"{_tag(template)} {done}", as_json=as_json)

    return act


def _tag(template: tuple[str, str]) -> str:
    name, version = template
    return f"{name}@{version}" if version else name


_ACTS = (
    ("activate", "activated", "Activate a version of a template.", "PUT", True),
    ("deactivate", "deactivated", "Deactivate a version: no job is made of it.", "PUT", True),
    ("delete", "deleted", "Delete a version, or without one all. Jobs stay.", "DELETE", False),
)
for _name, _done, _text, _method, _needs in _ACTS:
    templates.add_command(_act(_name, _done, _text, _method, needs_version=_needs))
