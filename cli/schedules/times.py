"""`conveyor schedules preview`: the next times of a schedule, before it is saved."""

from collections.abc import Sequence
from typing import IO, Any

import click
import yaml

from cli.api_command import ask, asks_api, json_option
from cli.schedules.views import print_times
from cli.tables import print_json
from cli.views import Json
from conveyor import Server
from shared.jobspec.problems import InvalidJob
from shared.jobspec.yaml_body import load_yaml
from shared.jobspec.yaml_text import yaml_text


@click.command()
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--cron", "crons", metavar="CRON", multiple=True, help="Expression; repeatable.")
@click.option("--interval", metavar="DURATION", help="Again and again after so long, such as 90m.")
@click.option("--timezone", metavar="ZONE", help="Whose clock --cron follows. Default: UTC.")
@click.option("--jitter", metavar="DURATION", help="Each job is created up to so much later.")
@click.option("--from", "since", metavar="TIME", help="The times after this one. Default: now.")
@click.option("--count", type=click.IntRange(1, 100), help="How many times. Default: 10.")
@json_option
@asks_api
def preview(
    server: Server,
    file: IO[bytes] | None,
    crons: Sequence[str],
    since: str | None,
    count: int | None,
    as_json: bool,
    **rules: Any,  # noqa: ANN401 - options by name
) -> None:
    """Show the next times of a schedule.

    The schedule is that of the job in FILE, or made of options.
    """
    given = {name: value for name, value in rules.items() if value}
    if crons:
        given |= {"cron": crons[0]} if len(crons) == 1 else {"crons": list(crons)}
    if bool(given) == bool(file):
        raise click.UsageError("give either FILE, or options such as --cron")
    asked: Json = {"schedule": _schedule_in(file) if file else given, "from": since, "count": count}
    fields = {name: value for name, value in asked.items() if value is not None}
    body = yaml_text(fields)
    answer = ask(server, lambda api: api.request("POST", "/scheduled-jobs/preview", body=body))
    if as_json:
        print_json(answer)
    elif not answer["firings"]:
        click.echo("it never fires", err=True)
    else:
        print_times(answer["firings"])


def _schedule_in(file: IO[bytes]) -> object:
    """The `schedule` of a job, or a schedule by itself."""
    try:
        tree = load_yaml(file.read().decode())
    except (InvalidJob, yaml.YAMLError, UnicodeDecodeError) as error:
        raise click.UsageError(f"FILE can't be read: {error}") from None
    if isinstance(tree, dict) and "schedule" not in tree and "tasks" in tree:
        raise click.UsageError("the job in FILE has no `schedule`")
    return tree.get("schedule", tree) if isinstance(tree, dict) else tree
