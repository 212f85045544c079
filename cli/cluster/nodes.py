"""`conveyor nodes`."""

import click

from cli.api.client import ApiClient
from cli.api.session import Server
from cli.api_command import ask, asks_api, json_option
from cli.messages import ago, now
from cli.tables import print_json, print_table, state_text

_COLUMNS = {
    "NAME": "text",
    "STATUS": "whole",
    "TASKS": "right",
    "CPU": "right",
    "QUEUES": "whole",
    "HEARTBEAT": "right",
    "STARTED": "right",
    "HOST": "text",
    "VERSION": "whole",
}


@click.command()
@json_option
@asks_api
def nodes(server: Server, as_json: bool) -> None:
    """List the workers that sent a heartbeat within the last minutes.

    QUEUES shows the queues of a worker, each with its number of slots.
    """
    answer = ask(server, ApiClient.nodes)
    if as_json:
        print_json(answer)
        return
    if not answer:
        click.echo("no workers: tasks wait until one is started (conveyor worker)", err=True)
        return
    print_table(
        _COLUMNS,
        (
            (
                node["name"],
                state_text(node["status"]),
                str(node["taskCount"]),
                f"{node['cpuPercent']:.0f} %",
                node["queue"],
                ago(node["lastHeartbeatAt"], now()),
                ago(node["startedAt"], now()),
                f"{node['hostname']}:{node['port']}",
                node["version"],
            )
            for node in answer
        ),
    )
