"""`conveyor queues`."""

import click

from cli.api.client import ApiClient
from cli.api.session import Server
from cli.api_command import ask, asks_api, json_option
from cli.tables import print_json, print_table

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
