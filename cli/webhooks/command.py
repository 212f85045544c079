"""`conveyor webhooks`: the group of its commands."""

import click

from cli.webhooks.deliveries import deliveries, delivery, resend, test
from cli.webhooks.endpoints import (
    add,
    delete,
    disable,
    edit,
    enable,
    list_endpoints,
    rotate,
    show,
)
from cli.webhooks.listen import listen


@click.group()
def webhooks() -> None:
    """Manage webhook endpoints and deliveries, and receive webhooks on this machine.

    ENDPOINT is an id, the beginning of an id, or a description.
    """


for _command in (
    *(list_endpoints, add, show, edit, rotate, test, enable, disable, delete),
    *(deliveries, delivery, resend, listen),
):
    webhooks.add_command(_command)
