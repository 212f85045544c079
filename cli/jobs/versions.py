"""`conveyor history`, `versions` and `rerun`: what has become of a job that has versions."""

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TypeVar

import click

from cli.api_command import ask, asks_api, json_option
from cli.jobs.bacalhau import ended_or_running, submitted_line
from cli.jobs.outcome import Output, note
from cli.messages import ago, now
from cli.references import SHORT, job_id
from cli.tables import print_json, print_table, screen
from cli.views import Json
from conveyor import AsyncClient, NotFound, Server

T = TypeVar("T")

_JOB = "/api/v1/orchestrator/jobs/{id}"
_HISTORY = "/api/v1/orchestrator/jobs/{id}/history"
_VERSIONS = "/api/v1/orchestrator/jobs/{id}/versions"
_RERUN = "/api/v1/orchestrator/jobs/{id}/rerun"
_OWN_VERSIONS = "/jobs/{id}/versions"
_NO_HISTORY = "{} is no job of Bacalhau, or not of this namespace: conveyor get shows others"
_NO_VERSIONS = "{} has no versions: conveyor run-again submits such a job once more"
_ROLLBACK = "/jobs/{id}/rollback"
_REPLACED = "Replaced"
"""By a newer version: it has no state of its own any more."""
_POLL_SECONDS = 0.5
_NANOSECONDS = 1e9
_SECONDS_LENGTH = len("2026-01-31T08:00:00")

_job = click.argument("job")
_namespace = click.option(
    "--namespace",
    metavar="NAME",
    default="",
    help="Of a job by its name. Default: default, or any.",
)


def _version(help_text: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
    return click.option("-v", "--version", type=click.IntRange(1), metavar="NUMBER", help=help_text)


@click.command()
@_job
@_namespace
@_version("Only of this version. Default: of all.")
@click.option("--execution", metavar="ID", default="", help="Only of this execution.")
@click.option("-f", "--follow", "follows", is_flag=True, help="Wait for more until the end.")
@json_option
@asks_api
def history(
    server: Server,
    job: str,
    namespace: str,
    version: int | None,
    execution: str,
    *,
    follows: bool,
    as_json: bool,
) -> None:
    """Show what has happened to the Bacalhau job JOB and to its executions, oldest first."""
    query = {
        "namespace": namespace,
        "job_version": version or "",
        "execution_id": execution,
        "all_job_versions": version is None,
    }
    asked = {name: value for name, value in query.items() if value}
    ask(server, lambda api: _print_history(api, job, asked, follows=follows, as_json=as_json))


async def _print_history(
    api: AsyncClient, job: str, query: Json, *, follows: bool, as_json: bool
) -> None:
    """A page after the other; the last one says no more that there is another."""
    token = ""
    console = screen()
    found = await _found(api, job, query.get("namespace", ""))
    while True:
        asked = {**query, "next_token": token} if token else query
        try:
            answer = await api.request("GET", _HISTORY, query=asked, id=found)
        except NotFound:
            raise NotFound(_NO_HISTORY.format(job), HTTPStatus.NOT_FOUND) from None
        for item in answer["Items"]:
            if as_json:
                print_json(item)
            else:
                console.print(_line(item), soft_wrap=True, markup=False)
        token = answer.get("NextToken") or ""
        if not token or not (answer["Items"] or follows):
            return
        if not answer["Items"]:
            await asyncio.sleep(_POLL_SECONDS)


async def _found(api: AsyncClient, job: str, namespace: str) -> str:
    """What the API is asked for: without a namespace a name may be in any. Raises NotFound."""
    if namespace:
        return job
    try:
        return str((await api.request("GET", _JOB, id=job))["Job"]["ID"])
    except NotFound:
        return await job_id(api, job)


def _line(item: Json) -> str:
    event = item.get("Event") or {}
    execution = str(item.get("ExecutionID") or "")[: len("e-") + SHORT]
    at = str(item.get("Time") or "")[:_SECONDS_LENGTH]
    text = str(event.get("Message") or "")
    details = event.get("Details") or {}
    hint = f" ({details['Hint']})" if details.get("Hint") else ""
    return f"{at}Z  v{item.get('JobVersion', 1)}  {execution:<10}  {text}{hint}"


@click.command()
@_job
@_namespace
@json_option
@asks_api
def versions(server: Server, job: str, namespace: str, *, as_json: bool) -> None:
    """List the versions of JOB, of Bacalhau or with placed tasks. `conveyor rerun -v` runs one of
    them again."""
    query = {"namespace": namespace} if namespace else {}

    async def listed(api: AsyncClient) -> Json | list[Json]:
        found = await _found(api, job, namespace)
        try:
            return dict(await api.request("GET", _VERSIONS, query=query, id=found))
        except NotFound:  # not one of Bacalhau
            return list(await api.request("GET", _OWN_VERSIONS, id=found))

    answer = ask(server, listed)
    if as_json:
        print_json(answer)
        return
    if not answer:
        click.echo("no versions")
        return
    if isinstance(answer, list):
        columns = {"VERSION": "right", "CHANGED": "whole", "BY": "text", "REASON": "text"}
        print_table(columns, map(_own_row, answer))
        return
    columns = {
        "VERSION": "right",
        "CHANGED": "whole",
        "STATE": "whole",
        "COUNT": "right",
        "ENGINE": "text",
    }
    print_table(columns, map(_row, answer["Items"]))


def _row(job: Json) -> tuple[str, ...]:
    engine = job["Tasks"][0]["Engine"]
    what = engine["Params"].get("Image") or engine["Params"].get("EntryModule") or ""
    changed = datetime.fromtimestamp(job.get("ModifyTime", 0) / _NANOSECONDS, UTC).isoformat()
    return (
        str(job["Version"]),
        ago(changed, now()),
        _REPLACED if (state := job["State"]["StateType"]) == "Undefined" else str(state),
        str(job.get("Count", "")),
        f"{engine['Type']} {what}".strip(),
    )


def _own_row(version: Json) -> tuple[str, ...]:
    by = (version.get("createdBy") or {}).get("username", "")
    reason = "" if version["version"] == 1 else str(version["reason"])
    current = "current" if version["isCurrent"] else ""
    told = ", ".join(filter(None, (current, reason)))
    return str(version["version"]), ago(version["createdAt"], now()), str(by), told


@click.command()
@_job
@_namespace
@_version("Run this version again. Default: the latest.")
@click.option("--wait", "waits", is_flag=True, help="Wait for the end of the job.")
@click.option("--follow", "follows", is_flag=True, help="Like --wait, and stream the log.")
@json_option
@asks_api
def rerun(server: Server, job: str, namespace: str, version: int | None, **flags: bool) -> None:
    """Run JOB, of Bacalhau or with placed tasks, again: a new version of it, with what the chosen
    one has.

    So -v takes it back to an older version. Other jobs: conveyor run-again. The exit codes are
    those of submit.
    """
    output = Output.of(**flags)
    query = {"namespace": namespace} if namespace else {}

    async def run(api: AsyncClient) -> int:
        found = await _found(api, job, namespace)
        asked = {"JobVersion": version or 0}
        try:
            answer = await api.request("PUT", _RERUN, body=asked, query=query, id=found)
        except NotFound:  # not one of Bacalhau, or it has no such version
            answer = await _rolled_back(api, found, version)
        id_ = str(answer["JobID"])
        if output.waits:
            return await ended_or_running(api, id_, output)
        if output.as_json:
            print_json(answer)
            return 0
        note(submitted_line(f"{job} version {answer['JobVersion']}", id_))
        click.echo(id_)
        return 0

    sys.exit(ask(server, run))


async def _rolled_back(api: AsyncClient, job: str, version: int | None) -> Json:
    versions = await api.request("GET", _OWN_VERSIONS, id=job)
    if not versions:
        raise NotFound(_NO_VERSIONS.format(job), HTTPStatus.NOT_FOUND)
    wanted = version or versions[0]["version"]
    made = await api.request("POST", _ROLLBACK, query={"version": wanted}, id=job)
    return {"JobID": job, "JobVersion": made["version"]}
