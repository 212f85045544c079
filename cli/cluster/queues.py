"""`conveyor queues` and `conveyor nodes`: where tasks wait, and the workers that take them."""

import click

from cli.api.client import ApiClient
from cli.api.session import Server
from cli.api_command import ask, asks_api, json_option
from cli.messages import ago, now
from cli.tables import print_json, print_table, state_text

_COLUMNS = {"QUEUE": "whole", "WAITING": "right", "RUNNING": "right", "CONSUMERS": "right"}


@click.command()
@json_option
@asks_api
def queues(server: Server, as_json: bool) -> None:
    """List queues with their waiting messages, running tasks and consumers.

    Task queues come first, the internal queues last. A task queue without consumers has no worker.
    """
    answer = ask(server, ApiClient.queues)
    if as_json:
        print_json(answer)
        return
    print_table(
        _COLUMNS,
        (
            (queue["name"], str(queue["size"]), str(queue["unacked"]), str(queue["subscribers"]))
            for queue in answer
        ),
    )


_NODE_COLUMNS = {
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
        _NODE_COLUMNS,
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
