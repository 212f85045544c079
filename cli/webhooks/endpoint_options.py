"""The options that describe a webhook endpoint, and the body that they become."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, TypeVar

import click

T = TypeVar("T")

EVENTS = (
    "job.StateChange",
    "job.Progress",
    "job.PhaseChange",
    "task.StateChange",
    "task.Progress",
    "schedule.Fired",
    "schedule.Skipped",
    "endpoint.Failing",
    "endpoint.Disabled",
)


def _headers(_: click.Context, __: click.Parameter, given: Sequence[str]) -> Mapping[str, str]:
    headers = {}
    for text in filter(None, given):
        name, colon, value = text.partition(":")
        if not colon:  # its text may be a secret
            raise click.BadParameter("a header must be like 'Name: value'")
        headers[name.strip()] = value.strip()
    return headers


class AnyCase(click.Choice[str]):
    """Choices in any case; errors name them as they are written."""

    def __init__(self, choices: Sequence[str]) -> None:
        super().__init__(choices, case_sensitive=False)

    def get_invalid_choice_message(self, value: object, ctx: click.Context | None) -> str:
        return f"{value!r} is not one of {', '.join(map(repr, self.choices))}."


_OPTIONS = (
    click.option("--description", metavar="TEXT", help="What the endpoint is for."),
    click.option(
        "--event",
        "events",
        multiple=True,
        type=AnyCase(EVENTS),
        metavar="EVENT",
        help=f"An event that is sent: {', '.join(EVENTS[:-1])} or {EVENTS[-1]}. Repeatable.",
    ),
    click.option(
        "--filter",
        metavar="EXPRESSION",
        help="Only send events for which it is true: \"job.state == 'FAILED'\".",
    ),
    click.option(
        "--tag",
        "tags",
        multiple=True,
        metavar="TAG",
        help="Only send events of jobs and schedules with this tag, or another --tag. Repeatable.",
    ),
    click.option(
        "--header",
        "headers",
        multiple=True,
        metavar="'NAME: VALUE'",
        callback=_headers,
        help="A header of each request. Repeatable.",
    ),
    click.option("--format", type=click.Choice(["standard", "tork"]), help="Format of the body."),
    click.option(
        "--payload", type=click.Choice(["full", "thin"]), help="thin: only ids, state and time."
    ),
    click.option(
        "--rate",
        "ratePerSecond",
        type=float,
        metavar="NUMBER",
        help="Maximum average number of requests per second.",
    ),
    click.option(
        "--retry-on",
        "retryOn",
        multiple=True,
        type=int,
        metavar="STATUS",
        help="A status that is repeated although it is final by default. Repeatable.",
    ),
    click.option(
        "--ordered/--unordered",
        default=None,
        help="Send the changes of a job one after the other, in their order.",
    ),
)


def endpoint_options(command: Callable[..., T]) -> Callable[..., T]:
    return reduce(lambda made, option: option(made), reversed(_OPTIONS), command)


def body_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Of what was given: the API has defaults for the rest."""
    return {name: value for name, value in fields.items() if value not in (None, (), {})}
