"""The commands for deliveries: deliveries, delivery, resend and test."""

import asyncio
import sys
import time
from collections.abc import Sequence

import click
from rich.console import Console
from rich.text import Text

from cli.api_command import act_on_each, ask, asks_api, call, json_option, page_of, paged
from cli.exit_codes import EXIT_FAILED
from cli.messages import ago, counted, exact, now, one_line, printable
from cli.references import endpoint_id, job_id
from cli.tables import print_answer, print_json, print_list, screen, shown_ids, style_of
from cli.views import Json, items_of
from conveyor import AsyncClient, NotFound, Server

_STATES = ("PENDING", "DELIVERED", "FAILED")
_OF_ENDPOINT = {
    "ID": "whole",
    "CREATED": "right",
    "EVENT": "whole",
    "STATE": "whole",
    "TRIES": "right",
    "LAST RESPONSE": "text",
    "JOB": "whole",
}
_OF_JOB = {
    "ID": "whole",
    "EVENT": "whole",
    "STATE": "whole",
    "TRIES": "right",
    "RECEIVER": "text",
    "LAST RESPONSE": "text",
}
_POLL_SECONDS = 0.3


@click.command()
@click.argument("endpoint", required=False)
@click.option("--job", metavar="JOB", help="The deliveries of a job instead of an endpoint.")
@click.option(
    "--state", type=click.Choice(_STATES, case_sensitive=False), help="Only in this state."
)
@paged(default=20)
@json_option
@asks_api
def deliveries(
    server: Server,
    endpoint: str | None,
    job: str | None,
    state: str | None,
    page: int,
    size: int,
    *,
    as_json: bool,
) -> None:
    """List deliveries, newest first.

    Those to ENDPOINT or, with --job, those of a job: to its own webhooks and to endpoints.
    """
    if (endpoint is None) == (job is None):
        raise click.UsageError("give either an endpoint or --job")
    query = {"state": state} if state else {}

    async def read(api: AsyncClient) -> object:
        if endpoint is not None:
            id_, path = await endpoint_id(api, endpoint), "/webhooks/{id}/deliveries"
        else:
            id_, path = await job_id(api, job or ""), "/jobs/{id}/webhooks"
        return await page_of(api, path, page, size, query, id=id_)

    answer = ask(server, read)
    ids = shown_ids([each["id"] for each in items_of(answer)])
    jobs = shown_ids([each.get("jobId") or "" for each in items_of(answer)])

    def row(each: Json) -> tuple[str | Text, ...]:
        id_, facts, response = ids[each["id"]], _facts(each), _response(each)
        if endpoint is None:
            return (id_, *facts, _receiver(each["url"]), response)
        created = ago(each["createdAt"], now())
        return (id_, created, *facts, response, jobs[each.get("jobId") or ""])

    columns = _OF_JOB if endpoint is None else _OF_ENDPOINT
    print_list(answer, columns, row, "no deliveries", as_json=as_json)


@click.command()
@click.argument("delivery_id", metavar="ID")
@json_option
@asks_api
def delivery(server: Server, delivery_id: str, as_json: bool) -> None:
    """Show a delivery with its attempts.

    The newest attempt is first. ID is an id or the beginning of an id, as `conveyor webhooks
    deliveries` lists it, or the webhook-id that a receiver has got.
    """
    answer = ask(server, lambda api: _delivery(api, delivery_id))
    if as_json:
        print_json(answer)
    else:
        _print_delivery(screen(), answer)


@click.command()
@click.argument("delivery_ids", nargs=-1, metavar="[ID]...")
@click.option("--endpoint", metavar="ENDPOINT", help="All that failed at this endpoint.")
@click.option("--since", metavar="TIME", help="With --endpoint: failed since then, such as 2h.")
@json_option
@asks_api
def resend(
    server: Server,
    delivery_ids: Sequence[str],
    endpoint: str | None,
    since: str | None,
    *,
    as_json: bool,
) -> None:
    """Send deliveries again.

    Those with the given ids, or beginnings of ids; with --endpoint, all that failed at an endpoint.
    They keep their webhook-id, so a receiver can tell those that it has processed.
    """
    if bool(delivery_ids) == (endpoint is not None) or (endpoint is None) != (since is None):
        raise click.UsageError("give either ids of deliveries, or --endpoint and --since")
    if endpoint is None:
        sys.exit(ask(server, lambda api: _resend_each(api, delivery_ids, as_json=as_json)))

    async def resend_failed(api: AsyncClient) -> Json:
        id_ = await endpoint_id(api, endpoint)
        body, path = {"since": since}, "/webhooks/{id}/resend"
        return dict(await api.request("POST", path, body=body, may_wait=True, id=id_))

    answer = ask(server, resend_failed)
    text = f"{_counted(answer['resent'])} will be sent again"
    if answer.get("remaining"):
        text += f", {answer['remaining']:,} are left: repeat the command"
    print_answer(answer, text, as_json=as_json)


async def _resend_each(api: AsyncClient, ids: Sequence[str], *, as_json: bool) -> int:
    async def as_given(_: AsyncClient, text: str) -> str:
        return text

    act, done = call("POST", "/webhooks/deliveries/{id}/resend"), "will be sent again"
    return await act_on_each(api, ids, act, done, as_given, as_json=as_json)


@click.command()
@click.argument("endpoint", metavar="ENDPOINT")
@click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(min=0),
    default=30,
    show_default=True,
    help="Seconds to wait for the response.",
)
@json_option
@asks_api
def test(server: Server, endpoint: str, seconds: float, as_json: bool) -> None:
    """Send a test event to a webhook endpoint.

    The event is endpoint.Test. Waits for the response of the receiver. Exit code 1: the receiver
    did not accept it.
    """
    found = ask(server, lambda api: _tested(api, endpoint, seconds))
    if as_json:
        print_json(found or {})
    elif found is None:
        click.echo(f"sent; no response within {seconds:g} s", err=True)
    else:
        screen().print(_outcome(found), soft_wrap=True)
    sys.exit(0 if found and found["state"] == "DELIVERED" else EXIT_FAILED)


async def _tested(api: AsyncClient, endpoint: str, seconds: float) -> Json | None:
    """The delivery as soon as it was attempted."""
    id_ = await endpoint_id(api, endpoint)
    test = await api.request("POST", "/webhooks/{id}/test", id=id_)
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        found = await _delivery_if_there(api, test["deliveryId"])
        if found and (found.get("lastStatus") or found.get("lastError")):
            return found
        await asyncio.sleep(_POLL_SECONDS)
    return None


async def _delivery(api: AsyncClient, delivery_id: str) -> Json:
    return dict(await api.request("GET", "/webhooks/deliveries/{id}", id=delivery_id))


async def _delivery_if_there(api: AsyncClient, delivery_id: str) -> Json | None:
    """None before a dispatcher has added it."""
    try:
        return await _delivery(api, delivery_id)
    except NotFound:
        return None


def _facts(delivery: Json) -> tuple[str | Text, ...]:
    return (
        delivery.get("event", ""),
        _state(delivery["state"]),
        str(delivery["attemptCount"]),
    )


def _receiver(url: str) -> str:
    """Host and port, as the rest is redacted."""
    return url.partition("://")[2].partition("/")[0]


def _state(state: str) -> Text:
    return Text(state.lower(), style_of({"DELIVERED": "COMPLETED"}.get(state, state)))


def _response(delivery: Json) -> str:
    return str(delivery.get("lastError") or delivery.get("lastStatus") or "")


def _outcome(delivery: Json) -> Text:
    text = Text.assemble(_state(delivery["state"]), f"  {one_line(_response(delivery))}")
    if delivery["state"] == "PENDING" and (next_ := ago(delivery.get("nextAttemptAt"), now())):
        text.append(f"; sent again {next_}", "dim")
    return text


def _print_delivery(console: Console, delivery: Json) -> None:
    at = now()
    facts = {
        "state": delivery["state"].lower(),
        "event": delivery.get("event"),
        "job": delivery.get("jobId"),
        "endpoint": delivery.get("endpointId"),
        "url": delivery["url"],
        "sequence": str(delivery["sequence"]) if delivery.get("jobId") else "",
        "created": ago(delivery["createdAt"], at),
        "ended": ago(delivery.get("endedAt"), at),
        "next try": ago(delivery.get("nextAttemptAt"), at),
        "body": delivery.get("requestBody"),
    }
    for label, value in facts.items():
        if value:
            style = style_of("FAILED") if value == "failed" else ""
            line = Text.assemble((f"{label:<12}", "dim"), (printable(value), style))
            console.print(line, soft_wrap=True)
    for attempt in delivery["attempts"]:
        console.print(_attempt_line(attempt), soft_wrap=True)
        for text in (attempt.get("answer") or "").splitlines():
            console.print(Text(f"    {printable(text)}", "dim"), soft_wrap=True)


def _attempt_line(attempt: Json) -> Text:
    error = attempt.get("error")
    label = f"try {attempt['number']}"
    return Text.assemble(
        (f"{label:<12}", "dim"),
        f"{ago(attempt['at'], now())}, {exact(attempt['durationMs'] / 1000)}  ",
        (printable(str(error or attempt.get("status"))), style_of("FAILED" if error else "ACTIVE")),
    )


def _counted(number: int) -> str:
    return counted(number, "delivery") if number == 1 else f"{number:,} deliveries"
