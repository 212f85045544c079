"""`conveyor schedules edit`: some fields of a scheduled job, from a file or in an editor."""

import sys
from typing import IO, Any

import click

from cli.api.client import ApiClient
from cli.api.references import schedule_id
from cli.api.session import YAML_TYPE, ApiRejected, Body, Json, Server
from cli.api_command import ask, asks_api, json_option
from cli.exit_codes import EXIT_API
from cli.jobs.job_file import JobFile, explain_refusal
from cli.schedules.yaml_text import yaml_text
from cli.tables import print_answer
from shared.jobspec.merge_patch import patch_between
from shared.jobspec.problems import InvalidJob
from shared.jobspec.tork.models import ScheduledJobSpec
from shared.jobspec.yaml_body import load_yaml

_FIELDS = [field.alias or name for name, field in ScheduledJobSpec.model_fields.items()]
_HEAD = """\
# {name} ({id}), version {version}. Save and close to edit it; change nothing to leave it.
# [REDACTED] stands for a secret, which stays as it is where you leave that.
"""


@click.command()
@click.argument("schedule", metavar="ID")
@click.argument("file", type=click.File("rb"), required=False)
@json_option
@asks_api
def edit(server: Server, schedule: str, file: IO[bytes] | None, as_json: bool) -> None:
    """Edit a scheduled job. FILE has the fields that change, in YAML or JSON; null takes one away,
    mappings are merged. Without FILE, all fields are opened in your editor ($EDITOR)."""
    if file:
        changes = JobFile.read(file)
        answer = ask(server, lambda api: _patched(api, schedule, changes))
    else:
        stored = ask(server, lambda api: _stored(api, schedule))
        patch = _edited(stored)
        answer = ask(server, lambda api: api.edit_schedule(stored["id"], patch)) if patch else {}
        if not patch:
            click.echo("nothing was changed", err=True)
            return
    if answer is None:
        sys.exit(EXIT_API)
    print_answer(answer, f"{schedule} edited", as_json=as_json)


async def _stored(api: ApiClient, text: str) -> Json:
    return await api.schedule(await schedule_id(api, text))


async def _patched(api: ApiClient, text: str, changes: JobFile) -> Json | None:
    id_ = await schedule_id(api, text)
    try:
        return await api.edit_schedule(id_, changes.body())
    except ApiRejected as error:
        if not error.errors:
            raise
        explain_refusal(changes, error, is_edited=False)
        return None


def _edited(stored: Json) -> Body | None:
    """What was changed in the editor, of this version; None: nothing."""
    before = {name: stored[name] for name in _FIELDS if name in stored}
    head = _HEAD.format(name=stored["name"], id=stored["id"], version=stored["version"])
    text = click.edit(head + yaml_text(before), extension=".yaml")
    if text is None:
        return None
    try:
        after = load_yaml(text)
    except InvalidJob as error:
        raise click.UsageError(f"what you wrote is not YAML: {error}") from None
    if not isinstance(after, dict):
        raise click.UsageError("what you wrote is no mapping of fields")
    was: Any = load_yaml(yaml_text(before))
    patch = patch_between(was, after)
    if not patch:
        return None
    return Body(yaml_text(patch).encode(), YAML_TYPE, version=stored["version"])
