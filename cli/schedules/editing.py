"""`conveyor schedules edit`: some fields of a scheduled job, from a file or in an editor."""

import sys
from collections.abc import Mapping
from typing import IO, Any

import click

from cli.api_command import ask, asks_api, json_option
from cli.exit_codes import EXIT_API
from cli.jobs.job_file import JobFile, explain_refusal
from cli.references import schedule_id
from cli.tables import print_answer
from cli.views import Json
from conveyor import AsyncClient, Content, Rejected, Server
from shared.jobspec.merge_patch import patch_between
from shared.jobspec.problems import InvalidJob
from shared.jobspec.tork.models import ScheduledJobSpec
from shared.jobspec.yaml_body import load_yaml
from shared.jobspec.yaml_text import yaml_text

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
        if patch is None:
            click.echo("nothing was changed", err=True)
            return
        headers = {"If-Match": f'"{stored["version"]}"'}
        answer = ask(server, lambda api: _patch(api, stored["id"], patch, headers))
    if answer is None:
        sys.exit(EXIT_API)
    print_answer(answer, f"{schedule} edited", as_json=as_json)


async def _stored(api: AsyncClient, text: str) -> Json:
    id_ = await schedule_id(api, text)
    return dict(await api.request("GET", "/scheduled-jobs/{id}", id=id_))


async def _patch(
    api: AsyncClient, id_: str, body: str | Content, headers: Mapping[str, str] | None = None
) -> Json:
    return dict(
        await api.request("PATCH", "/scheduled-jobs/{id}", body=body, headers=headers, id=id_)
    )


async def _patched(api: AsyncClient, text: str, changes: JobFile) -> Json | None:
    id_ = await schedule_id(api, text)
    try:
        return await _patch(api, id_, changes.body())
    except Rejected as error:
        if not error.errors:
            raise
        explain_refusal(changes, error, is_edited=False)
        return None


def _edited(stored: Json) -> str | None:
    """What was changed in the editor, as YAML; None: nothing."""
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
    return yaml_text(patch) if patch else None
