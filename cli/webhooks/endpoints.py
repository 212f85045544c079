"""The commands for webhook endpoints: list, add, show, edit, rotate, enable, disable, delete."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

import click
from rich.text import Text

from cli.api_command import action, ask, asks_api, call, json_option, page_of, paged
from cli.messages import ago, cut, now, printable
from cli.references import endpoint_id
from cli.tables import print_answer, print_json, print_list, screen, shown_ids, style_of
from cli.views import Json, items_of
from cli.webhooks.endpoint_options import AnyCase, body_of, endpoint_options
from conveyor import AsyncClient, Rejected, Server
from shared.jobspec.problems import Problem

_COLUMNS = {
    "ID": "whole",
    "STATE": "whole",
    "DESCRIPTION": "text",
    "URL": "text",
    "EVENTS": "text",
    "CREATED": "right",
}
_LONGEST_DESCRIPTION = 40
_STYLES = {"active": "ACTIVE", "failing": "FAILED", "disabled": "PAUSED"}
_RESETTABLE = (
    *("description", "filter", "tags", "headers", "format", "payload"),
    *("ratePerSecond", "retryOn", "ordered"),
)


@click.command(name="list")
@paged(default=10)
@json_option
@asks_api
def list_endpoints(server: Server, page: int, size: int, as_json: bool) -> None:
    """List webhook endpoints, newest first."""
    answer = ask(server, lambda api: page_of(api, "/webhooks", page, size))
    shown = shown_ids([endpoint["id"] for endpoint in items_of(answer)])
    print_list(
        answer, _COLUMNS, lambda found: _row(found, shown), "no webhook endpoints", as_json=as_json
    )


@click.command()
@click.argument("target", metavar="URL")
@endpoint_options
@click.option(
    "--secret",
    metavar="WHSEC",
    envvar="CONVEYOR_WEBHOOK_SECRET",
    show_envvar=True,
    help="Secret that signs the requests. Default: a new one.",
)
@json_option
@asks_api
def add(server: Server, target: str, events: Sequence[str], as_json: bool, **fields: Any) -> None:  # noqa: ANN401 - by name, see endpoint_options
    """Add a webhook endpoint.

    URL is sent the events of all jobs that you can read, and of schedules and endpoints. Only its
    secret goes to standard output; it cannot be shown again. Without --event, the event is
    job.StateChange.
    """
    body = body_of({**fields, "url": target, "events": events or ("job.StateChange",)})
    answer = ask(server, lambda api: _explained(api.request("POST", "/webhooks", body=body)))
    if as_json:
        print_json(answer)
        return
    click.echo(f"added webhook endpoint {answer['id']}; its secret is not shown again:", err=True)
    click.echo(answer.get("secret", ""))


@click.command()
@click.argument("endpoint", metavar="ENDPOINT")
@json_option
@asks_api
def show(server: Server, endpoint: str, as_json: bool) -> None:
    """Show a webhook endpoint."""

    async def read(api: AsyncClient) -> Json:
        id_ = await endpoint_id(api, endpoint)
        return dict(await api.request("GET", "/webhooks/{id}", id=id_))

    answer = ask(server, read)
    if as_json:
        print_json(answer)
        return
    console = screen()
    for label, value in _facts(answer).items():
        style = style_of("FAILED") if label in ("failing", "disabled") else ""
        line = Text.assemble((f"{label:<12}", "dim"), (printable(value), style))
        console.print(line, soft_wrap=True)


@click.command()
@click.argument("endpoint", metavar="ENDPOINT")
@click.option("--to", "target", metavar="URL", help="Where events are posted.")
@endpoint_options
@click.option(
    "--reset",
    multiple=True,
    type=AnyCase(_RESETTABLE),
    metavar="FIELD",
    help=f"Set a field to its default: {', '.join(_RESETTABLE)}. Repeatable.",
)
@json_option
@asks_api
def edit(
    server: Server,
    endpoint: str,
    target: str | None,
    reset: Sequence[str],
    as_json: bool,
    **fields: Any,  # noqa: ANN401 - as above
) -> None:
    """Change a webhook endpoint. Options that are not given stay as they are.

    Repeatable options replace all values of their field.
    """
    given = {name: value for name, value in fields.items() if value not in (None, (), {})}
    changes = dict.fromkeys(reset) | given | ({"url": target} if target is not None else {})
    if not changes:
        raise click.UsageError("nothing to change: give an option")
    answer = ask(server, lambda api: _change(api, endpoint, changes))
    print_answer(answer, f"{endpoint} changed", as_json=as_json)


async def _change(api: AsyncClient, endpoint: str, changes: Mapping[str, object]) -> Json:
    id_ = await endpoint_id(api, endpoint)
    return await _explained(api.request("PATCH", "/webhooks/{id}", body=changes, id=id_))


async def _explained(answer: Awaitable[Json]) -> Json:
    """Rules that are broken are named without a line: the user has not written the body."""
    try:
        return await answer
    except Rejected as error:
        broken = [Problem(each.field, each.rule, each.value).without_line for each in error.errors]
        raise Rejected("; ".join(broken) or str(error), error.status) from None


@click.command()
@click.argument("endpoint", metavar="ENDPOINT")
@click.option(
    "--keep-for",
    metavar="DURATION",
    help="How long requests are signed with the old secret as well, such as 1h. Default: 24h.",
)
@click.option("--secret", metavar="WHSEC", help="The new secret. Default: a generated one.")
@json_option
@asks_api
def rotate(
    server: Server, endpoint: str, keep_for: str | None, secret: str | None, as_json: bool
) -> None:
    """Replace the secret of a webhook endpoint.

    Only the new secret goes to standard output; it cannot be shown again.
    """
    wanted = body_of({"keepFor": keep_for, "secret": secret})

    async def replace(api: AsyncClient) -> Json:
        id_ = await endpoint_id(api, endpoint)
        path = "/webhooks/{id}/rotate-secret"
        return await _explained(api.request("POST", path, body=wanted, id=id_))

    answer = ask(server, replace)
    if as_json:
        print_json(answer)
        return
    ends = ago(answer.get("previousSecretEndsAt"), now())
    old = f"the old secret ends {ends}; " if ends else ""
    click.echo(f"{old}the new one is not shown again:", err=True)
    click.echo(answer.get("secret", ""))


def _switch(name: str, done: str, help_text: str, *, disabled: bool) -> click.Command:
    act = call("PATCH", "/webhooks/{id}", {"disabled": disabled})
    return action(name, done, help_text, act, endpoint_id)


disable = _switch(
    "disable", "disabled", "Disable webhook endpoints: they are sent nothing more.", disabled=True
)
enable = _switch(
    "enable", "enabled", "Enable webhook endpoints, for what happens from now on.", disabled=False
)
delete = action(
    "delete",
    "deleted",
    "Delete webhook endpoints with their deliveries.",
    call("DELETE", "/webhooks/{id}"),
    endpoint_id,
)


def _row(endpoint: Json, shown_ids: Mapping[str, str]) -> tuple[str | Text, ...]:
    state = _state(endpoint)
    return (
        shown_ids[endpoint["id"]],
        Text(state, style_of(_STYLES[state])),
        cut(endpoint.get("description", ""), _LONGEST_DESCRIPTION),
        endpoint["url"].replace("[REDACTED]", "…"),
        ", ".join(endpoint["events"]),
        ago(endpoint.get("createdAt"), now()),
    )


def _state(endpoint: Json) -> str:
    if endpoint.get("disabled"):
        return "disabled"
    return "failing" if endpoint.get("failingSince") else "active"


def _facts(endpoint: Json) -> Mapping[str, str]:
    at, get = now(), endpoint.get
    disabled = f"{ago(get('disabledAt'), at)}: {get('disabledReason', '')}".removesuffix(": ")
    by = (get("createdBy") or {}).get("username")
    facts = {
        "id": endpoint["id"],
        "description": get("description"),
        "url": endpoint["url"],
        "events": ", ".join(endpoint["events"]),
        "filter": get("filter"),
        "tags": ", ".join(get("tags") or ()),
        "headers": ", ".join(get("headers") or ()),
        "format": f"{endpoint['format']}, {endpoint['payload']}",
        "rate": f"{get('ratePerSecond'):g} a second" if get("ratePerSecond") else "",
        "retry on": ", ".join(map(str, get("retryOn") or ())),
        "ordered": "yes" if get("ordered") else "",
        "created": ago(endpoint["createdAt"], at) + (f" by {by}" if by else ""),
        "old secret": f"ends {ago(get('previousSecretEndsAt'), at)}"
        if get("previousSecretEndsAt")
        else "",
        "failing": f"since {ago(get('failingSince'), at)}" if get("failingSince") else "",
        "disabled": disabled if get("disabled") else "",
    }
    return {label: value for label, value in facts.items() if value}
