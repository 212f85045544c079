"""`conveyor cancel`, `release`, `restart` and `delete`: jobs by their ids, or all that options
choose."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import click

from cli.api_command import Act, act_on_each, ask, asks_api, call, json_option
from cli.exit_codes import EXIT_API, EXIT_FAILED
from cli.jobs.selection import STATES, JobFilter, chosen_jobs, filter_options
from cli.messages import counted, one_line
from cli.references import job_id, short_ids
from cli.views import FINAL_JOB_STATES, Json
from conveyor import AsyncClient, Rejected, Server

_AT_ONCE = 8
_SHOWN = 10


def _none(command: Callable[..., None]) -> Callable[..., None]:
    return command


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is done to jobs; `states` are those that allow it."""

    name: str
    done: str
    states: tuple[str, ...]
    act: Act
    help: str
    options: Callable[[Callable[..., None]], Callable[..., None]] = _none

    def command(self) -> click.Command:
        @click.command(name=self.name, help=self.help)
        @click.argument("jobs", nargs=-1, metavar="[JOB]...")
        @click.option("--all", "of_all", is_flag=True, help="Choose all jobs.")
        @filter_options
        @click.option("-y", "--yes", is_flag=True, help="Do not ask before.")
        @self.options
        @json_option
        @asks_api
        def command(
            server: Server,
            jobs: Sequence[str],
            chosen: JobFilter,
            *,
            of_all: bool,
            yes: bool,
            as_json: bool,
            **more: str | None,
        ) -> None:
            from_task, reason = more.get("from_task"), more.get("reason")
            if bool(jobs) == (of_all or bool(chosen)):
                raise click.UsageError("give either jobs, or options that choose them, or --all")
            if from_task is not None:
                if not jobs:
                    raise click.UsageError("--from needs the job")
                sys.exit(ask(server, lambda api: self._from(api, jobs, from_task, as_json=as_json)))
            acts = self if reason is None else self._for(reason)
            if jobs:
                sys.exit(ask(server, lambda api: acts._on_named(api, jobs, as_json=as_json)))
            sys.exit(acts._on_chosen(server, chosen, yes=yes))

        return command

    def _for(self, reason: str) -> "_Kind":
        return replace(self, act=call("PUT", "/jobs/{id}/cancel", {"reason": reason}))

    async def _from(
        self, api: AsyncClient, jobs: Sequence[str], task: str, *, as_json: bool
    ) -> int:
        place = int(task) if task.isascii() and task.isdigit() else task
        again = replace(self, act=call("PUT", "/jobs/{id}/restart", {"from": place}))
        return await again._on_named(api, jobs, as_json=as_json)

    async def _on_named(self, api: AsyncClient, jobs: Sequence[str], *, as_json: bool) -> int:
        return await act_on_each(api, jobs, self.act, self.done, job_id, as_json=as_json)

    def _on_chosen(self, server: Server, chosen: JobFilter, *, yes: bool) -> int:
        asked_for = chosen.states or self.states
        wanted = replace(chosen, states=tuple(s for s in asked_for if s in self.states))
        found = ask(server, lambda api: _all(api, wanted)) if wanted.states else []
        if not found:
            click.echo(f"no jobs to {self.name}", err=True)
            return 0
        if not yes and not self._is_confirmed(found):
            click.echo("nothing was done", err=True)
            return EXIT_FAILED
        return ask(server, lambda api: self._on_found(api, found))

    def _is_confirmed(self, found: Sequence[Json]) -> bool:
        short = short_ids([job["id"] for job in found])
        for job in found[:_SHOWN]:
            state = job["state"].lower()
            click.echo(f"  {short[job['id']]}  {state:<9}  {one_line(job['name'])[:60]}", err=True)
        if len(found) > _SHOWN:
            click.echo(f"  … {len(found) - _SHOWN:,} more", err=True)
        if not sys.stdin.isatty():
            raise click.UsageError(f"add --yes to {self.name} {counted(len(found), 'job')}")
        return click.confirm(f"{self.name} {counted(len(found), 'job')}?", err=True)

    async def _on_found(self, api: AsyncClient, found: Sequence[Json]) -> int:
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(job: Json) -> bool:
            async with slots:
                try:
                    await self.act(api, job["id"])
                except Rejected as error:  # it has another state by now, or is gone
                    click.secho(f"conveyor: {job['id']}: {error}", err=True, fg="red")
                    return False
                return True

        done = sum(await asyncio.gather(*map(one, found)))
        click.echo(f"{counted(done, 'job')} {self.done}")
        return 0 if done == len(found) else EXIT_API


async def _all(api: AsyncClient, chosen: JobFilter) -> list[Json]:
    return [job async for job in chosen_jobs(api, chosen)]


_ACTIVE = tuple(state for state in STATES if state not in FINAL_JOB_STATES)
_WHICH = """Jobs are named by id, the beginning of an id, or name; or chosen by options, then a
    confirmation is asked for.

    Exit code 3: the API rejected at least one; the others are {done}."""

cancel = _Kind(
    "cancel",
    "cancelled",
    _ACTIVE,
    call("PUT", "/jobs/{id}/cancel"),
    "Cancel active jobs. Their running tasks are stopped.\n\n    "
    + _WHICH.format(done="cancelled"),
    click.option("--reason", metavar="TEXT", help="Why: shown with the jobs."),
).command()
release = _Kind(
    "release",
    "released",
    ("PENDING",),
    call("PUT", "/jobs/{id}/release"),
    "Release held jobs: they begin, or wait for their startAt.\n\n    "
    + _WHICH.format(done="released"),
).command()
restart = _Kind(
    "restart",
    "restarted",
    ("FAILED", "CANCELLED"),
    call("PUT", "/jobs/{id}/restart"),
    "Restart failed or cancelled jobs, each from where it stopped; with --from, ended jobs from a "
    "task on.\n\n    " + _WHICH.format(done="restarted"),
    click.option(
        "--from",
        "from_task",
        metavar="TASK",
        help="Run TASK (name or position) and all that follow it again; earlier results stay.",
    ),
).command()
delete = _Kind(
    "delete",
    "deleted",
    tuple(sorted(FINAL_JOB_STATES)),
    call("DELETE", "/jobs/{id}"),
    "Delete completed, failed or cancelled jobs, with their logs.\n\n    "
    + _WHICH.format(done="deleted"),
).command()
