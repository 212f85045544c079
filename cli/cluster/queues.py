"""`conveyor queues`."""

import click

from cli.api.client import ApiClient
from cli.api.server import Server
from cli.asking import ask, asks_api, json_option
from cli.tables import print_json, print_table

_COLUMNS = {"QUEUE": "whole", "WAITING": "right", "RUNNING": "right", "CONSUMERS": "right"}


@click.command()
@json_option
@asks_api
def queues(server: Server, as_json: bool) -> None:
    """List the queues: how many messages wait, how many tasks run, who takes them.

    Queues of tasks come first, Conveyor's own last. A queue of tasks without consumers has no
    worker.
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
