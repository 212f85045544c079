"""`conveyor get`: one job with its tasks."""

from collections.abc import Mapping
from datetime import datetime

import click
from rich.console import Console
from rich.text import Text

from cli.api_command import ask, asks_api, json_option
from cli.jobs.family import family, family_table
from cli.messages import ago, now, one_line, printable, took
from cli.references import job_id
from cli.tables import print_json, screen, state_text, style_of
from cli.views import Json, job_view
from conveyor import AsyncClient, ConveyorError, Server

_MOST_CHILDREN = 20
_LONGEST_RESULT = 2000


@click.command()
@click.argument("job")
@click.option("--all", "shows_all", is_flag=True, help="Show all children of all tasks.")
@json_option
@asks_api
def get(server: Server, job: str, *, shows_all: bool, as_json: bool) -> None:
    """Show JOB with its state and its tasks, their children, results and errors.

    JOB is an id, the beginning of an id, or a name. Of many children those are shown that failed
    or run; long results are cut: --json has all of them.
    """
    if as_json:
        print_json(ask(server, lambda api: _job(api, job)))
        return
    answer, failed, nodes = ask(server, lambda api: _with_more(api, job))
    console = screen()
    _print_head(console, answer)
    if failed:
        _print_failed_deliveries(console, answer["id"], failed)
    console.print()
    branches = family(job_view(answer), None if shows_all else _MOST_CHILDREN)
    console.print(family_table(branches, now(), console.width, nodes))
    if any(branch.left_out for branch in branches):
        console.print(Text("use --all to show every task", "dim"))


async def _job(api: AsyncClient, text: str) -> Json:
    return dict(await api.request("GET", "/jobs/{id}", id=await job_id(api, text)))


async def _with_more(api: AsyncClient, text: str) -> tuple[Json, int, Mapping[str, str]]:
    """The job, how many of its webhooks were given up, and how the nodes are called that its
    executions are on."""
    job = await _job(api, text)
    return job, await _failed_deliveries(api, job), await _names_of_nodes(api, job)


async def _names_of_nodes(api: AsyncClient, job: Json) -> Mapping[str, str]:
    tasks = job.get("execution") or ()
    if not any(task.get("execution") and task.get("nodeId") for task in tasks):
        return {}
    try:
        nodes = await api.request("GET", "/nodes")
    except ConveyorError:  # not everybody may see them: their ids are shown
        return {}
    return {node["id"]: node.get("name") or "" for node in nodes}


async def _failed_deliveries(api: AsyncClient, job: Json) -> int:
    try:
        query = {"page": 1, "size": 1, "state": "FAILED"}
        failed = await api.request("GET", "/jobs/{id}/webhooks", query=query, id=job["id"])
    except ConveyorError:  # a server without them (Tork): the job is what counts
        return 0
    return int(failed["totalItems"])


def _print_failed_deliveries(console: Console, job_id: str, failed: int) -> None:
    text = "1 was not delivered" if failed == 1 else f"{failed:,} were not delivered"
    command = f"conveyor webhooks deliveries --job {job_id} --state failed"
    line = Text.assemble((f"  {'webhooks':<12}", "dim"), (text, style_of("FAILED")), f": {command}")
    console.print(line, soft_wrap=True)


def _print_head(console: Console, job: Json) -> None:
    line = Text.assemble((one_line(job["name"]), "bold"), "  ", state_text(job["state"]))
    if 0 < job.get("progress", 0) < 100:
        line.append(f"  {job['progress']:.0f} %")
    if phase := job.get("phase"):
        line.append(f"  {phase}", style="dim")
    console.print(line, soft_wrap=True)
    for label, value in _facts(job, now()).items():
        for number, text in enumerate(value.splitlines()):
            name = label if number == 0 else ""
            style = style_of("FAILED") if label == "error" else ""
            line = Text.assemble((f"  {name:<12}", "dim"), (printable(text), style))
            console.print(line, soft_wrap=True)


def _facts(job: Json, at: datetime) -> Mapping[str, str]:
    ended = job.get("completedAt") or job.get("failedAt")
    started = job.get("runStartedAt") or job.get("startedAt")
    by = (job.get("createdBy") or {}).get("username")
    # It does not run yet, or its end time is unknown.
    has_no_duration = job["state"] in ("SCHEDULED", "CANCELLED")
    facts = {
        "id": job["id"],
        "description": job.get("description"),
        "tags": ", ".join(job.get("tags") or ()),
        "part of": job.get("parentId"),
        "created": ago(job["createdAt"], at) + (f" by {by}" if by else ""),
        "duration" if ended else "running for": "" if has_no_duration else took(started, ended, at),
        "usage": _used(job.get("usage") or {}),
        "of sub-jobs": _used(job.get("subJobsUsage") or {}),
        "waiting": (job.get("waiting") or {}).get("message"),
        "locked": _locked(job),
        "cancelled": _cancelled(job, at),
        "result": _cut(job.get("result") or ""),
        "error": job.get("error"),
    }
    return {label: value for label, value in facts.items() if value}


def _locked(job: Json) -> str:
    if not (ends := job.get("lockExpiresAt")):
        return ""
    by = (job.get("lockedBy") or {}).get("username")
    return f"until {datetime.fromisoformat(ends):%Y-%m-%dT%H:%M:%SZ}" + (f" by {by}" if by else "")


def _cancelled(job: Json, at: datetime) -> str:
    if not job.get("cancelledAt"):
        return ""
    by = (job.get("cancelledBy") or {}).get("username")
    client, reason = job.get("cancelledByClient"), job.get("cancelReason")
    who = f" by {by}" if by else ""
    how = f" with {client}" if client else ""
    return ago(job["cancelledAt"], at) + who + how + (f": {reason}" if reason else "")


def _used(usage: Json) -> str:
    """What its attempts have held, such as `2.5 CPU s, 5 GiB s, 0.02 BYC`."""
    amounts = (
        ("CPU s", usage.get("cpuSeconds")),
        ("GiB s", usage.get("memoryGibSeconds")),
        ("GPU s", usage.get("gpuSeconds")),
    )
    parts = [f"{amount:,.10g} {unit}" for unit, amount in amounts if amount]
    if "amount" in usage:
        parts.append(f"{usage['amount']} {usage.get('unit', '')}")
    return ", ".join(parts)


def _cut(result: str) -> str:
    if len(result) <= _LONGEST_RESULT:
        return result
    return f"{result[:_LONGEST_RESULT]}… ({len(result):,} characters; --json has all)"
