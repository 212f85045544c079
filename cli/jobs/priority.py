"""`conveyor priority`: how urgent jobs are from now on."""

import sys
from collections.abc import Sequence

import click

from cli.api_command import act_on_each, ask, asks_api, call, json_option
from cli.references import job_id
from conveyor import Server


@click.command()
@click.argument("jobs", nargs=-1, required=True, metavar="JOB...")
@click.argument("priority", type=click.IntRange(0, 9))
@json_option
@asks_api
def priority(server: Server, jobs: Sequence[str], priority: int, as_json: bool) -> None:
    """Change the priority of jobs that have not ended.

    PRIORITY, 0 to 9, takes the place of the priorities of all their tasks. Tasks that wait in a
    queue are queued again; tasks that run go on. Jobs are named by id, the beginning of an id, or
    name.
    """
    act = call("PUT", "/jobs/{id}/priority", {"priority": priority})
    done = f"has priority {priority}"
    sys.exit(ask(server, lambda api: act_on_each(api, jobs, act, done, job_id, as_json=as_json)))
