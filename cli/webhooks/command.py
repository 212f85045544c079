"""`conveyor webhooks`: the group of its commands."""

import click

from cli.webhooks.listen import listen


@click.group()
def webhooks() -> None:
    """Manage webhook endpoints and deliveries, and receive webhooks on this machine."""


webhooks.add_command(listen)
