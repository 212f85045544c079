"""`conveyor dev`: everything in one process, kept up."""

import sys

import click


@click.command()
def dev() -> None:
    """Run all four services in this process, at http://127.0.0.1:8000 unless told otherwise.

    Postgres comes along, its data in .conveyor/ (CONVEYOR_DEV_DATA_DIR). Tasks with an image run on
    the container engine of this machine, tasks without one in a shell. Ctrl-C stops it once the
    tasks that run are finished; a second Ctrl-C hands them back.
    """
    from services.dev.__main__ import main  # `--help` needs none of the services

    sys.exit(main())
