"""`conveyor schema`: the JSON Schema of job files, for editors."""

import click

from cli.tables import print_json
from shared.jobspec.tork.schema import job_schema, scheduled_job_schema, template_schema


@click.command()
@click.option("--scheduled", is_flag=True, help="Of scheduled jobs (with `schedule`).")
@click.option("--template", is_flag=True, help="Of stored jobs (with `template`).")
def schema(*, scheduled: bool, template: bool) -> None:
    """Print the JSON Schema of job files, which editors use to complete and check them.

    \b
    conveyor schema > job.schema.json
    First line of a job file: # yaml-language-server: $schema=job.schema.json

    A server has it at /schema/job.json, and those of scheduled and stored
    jobs at /schema/scheduled-job.json and /schema/template.json.
    """
    made = template_schema if template else scheduled_job_schema if scheduled else job_schema
    print_json(made())
