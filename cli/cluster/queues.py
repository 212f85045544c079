"""`conveyor queues`: where tasks wait."""

import click

from cli.api_command import ask, asks_api, json_option
from cli.tables import print_list
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
