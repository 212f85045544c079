"""Scheduled jobs as people read them."""

from collections.abc import Iterator, Mapping, Sequence

import click

from cli.messages import ago, counted, now, one_line
from cli.tables import Cell, print_table, shown_ids, state_text
from cli.views import Json

_RUNS = {"TIME": "whole", "STATE": "whole", "JOB": "whole", "DETAIL": "text"}
_RULES = ("timezone", "startAt", "endAt", "maxRuns", "jitter", "overlap", "pauseOnFailure")


def when(schedule: Json) -> str:
    """`0 9 * * *`, `every 1h`, `at 2026-06-01T12:00:00Z`, several expressions with commas."""
    rules = schedule.get("schedule") or {}
    if "interval" in rules:
        return f"every {rules['interval']}"
    if "at" in rules:
        return f"at {rules['at']}"
    return ", ".join(rules.get("crons") or [schedule.get("cron") or rules.get("cron", "")])


def print_schedule(schedule: Json, runs: Sequence[Json]) -> None:
    lines = list(_lines(schedule))
    width = max(len(name) for name, _ in lines)
    for name, text in lines:
        click.echo(f"{name:<{width}}  {one_line(text)}")
    if times := schedule.get("next"):
        click.echo("\nNext times:")
        print_times(times)
    if runs:
        click.echo("\nLast runs:")
        print_runs(runs)


def _lines(schedule: Json) -> Iterator[tuple[str, str]]:
    rules = schedule.get("schedule") or {}
    yield "name", schedule.get("name", "")
    yield "id", schedule["id"]
    yield "state", schedule["state"].lower()
    for name in ("note", "error"):
        if text := schedule.get(name):
            yield name, text
    yield "when", when(schedule)
    for name in _RULES:
        if name in rules:
            yield name, str(rules[name])
    yield "catchUp", _catch_up(rules.get("catchUp", "one"))
    yield "runs", f"{schedule.get('runs', 0):,}"
    if failures := schedule.get("failures"):
        yield "failures", f"{failures} in a row"
    if held := schedule.get("held"):
        yield "held", f"{counted(len(held), 'time')}, the first {held[0]}"
    if job := schedule.get("lastJobId"):
        yield "last job", f"{job}, {ago(schedule.get('lastAt'), now())}"
    yield "version", str(schedule.get("version", ""))


def _catch_up(policy: str | Json) -> str:
    if isinstance(policy, str):
        return policy
    others = [f"{name} {policy[name]}" for name in ("window", "limit") if name in policy]
    return ", ".join([policy["policy"], *others])


def print_times(firings: Sequence[Json]) -> None:
    """Each with how far it is, and when its job is created if jitter makes that later."""
    for firing in firings:
        late = ""
        if at := firing.get("at"):
            late = f"  job at {at}"
        elif latest := firing.get("latestAt"):
            late = f"  job before {latest}"
        due = firing["scheduledAt"]
        click.echo(f"  {due}  {ago(due, now())}{late}")


def print_runs(runs: Sequence[Json]) -> None:
    shown = shown_ids([run["jobId"] for run in runs if "jobId" in run])
    print_table(_RUNS, (_run(run, shown) for run in runs))


def _run(run: Json, shown_ids: Mapping[str, str]) -> tuple[Cell, ...]:
    until = f" to {run['until']}" if "until" in run else ""
    kind = run["kind"].lower()
    facts = [
        "" if kind == "scheduled" else kind,
        run.get("reason", run.get("jobState", "").lower()),
    ]
    return (
        run["scheduledAt"].partition(".")[0].removesuffix("Z") + "Z",
        state_text(run["state"]),
        shown_ids.get(run.get("jobId", ""), ""),
        ", ".join(filter(None, facts)) + until,
    )
