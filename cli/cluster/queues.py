"""`conveyor queues` and `conveyor nodes`: where tasks wait, and the workers that take them."""

import click
from rich.text import Text

from cli.api_command import ask, asks_api, json_option
from cli.messages import ago, now
from cli.tables import print_list, state_text
from cli.views import Json
from conveyor import Server

_COLUMNS = {"QUEUE": "whole", "WAITING": "right", "RUNNING": "right", "CONSUMERS": "right"}


@click.command()
@json_option
@asks_api
def queues(server: Server, as_json: bool) -> None:
    """List queues with their waiting messages, running tasks and consumers.

    Task queues come first, the internal queues last. A task queue without consumers has no worker.
    """
    answer = ask(server, lambda api: api.request("GET", "/queues"))
    print_list(answer, _COLUMNS, _queue_row, "no queues", as_json=as_json)


def _queue_row(queue: Json) -> tuple[str, ...]:
    return (queue["name"], str(queue["size"]), str(queue["unacked"]), str(queue["subscribers"]))


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
    answer = ask(server, lambda api: api.request("GET", "/nodes"))
    nothing = "no workers: tasks wait until one is started (conveyor worker)"
    print_list(answer, _NODE_COLUMNS, _node_row, nothing, as_json=as_json)


def _node_row(node: Json) -> tuple[str | Text, ...]:
    return (
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
