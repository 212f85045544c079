"""`conveyor nodes approve`, `cordon`, `drain` and so on: what administrators say of workers."""

import asyncio
import sys
from collections.abc import Sequence
from functools import partial

import click

from cli.api_command import Act, act_on_each, action, ask, asks_api, call, json_option
from cli.cluster.node_states import state_of
from cli.exit_codes import EXIT_FAILED
from cli.messages import counted
from cli.tables import print_json
from cli.views import Json
from conveyor import AsyncClient, Rejected, Server

_LOOK_SECONDS = 1.0
_CONFLICT = 409

_message = click.option(
    "-m", "--message", metavar="TEXT", help="Why. It is shown until the next change."
)


def _said(name: str, path: str, done: str, help_text: str) -> click.Command:
    @click.command(name=name, help=help_text)
    @click.argument("nodes", nargs=-1, required=True, metavar="NODE...")
    @_message
    @json_option
    @asks_api
    def command(
        server: Server, nodes: Sequence[str], message: str | None, *, as_json: bool
    ) -> None:
        act = _act(path, message)
        work = partial(act_on_each, named=nodes, act=act, done=done, resolve=_as_given)
        sys.exit(ask(server, lambda api: work(api, as_json=as_json)))

    return command


def _act(path: str, message: str | None) -> Act:
    return call("PUT", path, {"message": message} if message else None)


async def _as_given(_: AsyncClient, text: str) -> str:
    return text


@click.command()
@click.argument("node", metavar="NODE")
@_message
@click.option("--wait", "waits", is_flag=True, help="Wait until nothing runs there.")
@click.option(
    "--timeout",
    "timeout_seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="With --wait: how long at the most. Then the exit code is 1. Default: for ever.",
)
@json_option
@asks_api
def drain(
    server: Server,
    node: str,
    message: str | None,
    timeout_seconds: float | None,
    *,
    waits: bool,
    as_json: bool,
) -> None:
    """Give a worker no new tasks, and move its executions elsewhere.

    Tasks from its queues run on to their end. The command prints what still runs; `conveyor nodes
    uncordon` takes it back.
    """
    work = partial(_drained, node=node, message=message, waits=waits)
    answer, is_drained = ask(server, lambda api: work(api, timeout_seconds=timeout_seconds))
    if as_json:
        print_json(answer)
    else:
        click.echo(_summary(answer, node))
    sys.exit(0 if is_drained or not waits else EXIT_FAILED)


async def _drained(
    api: AsyncClient,
    *,
    node: str,
    message: str | None,
    waits: bool,
    timeout_seconds: float | None,
) -> tuple[Json, bool]:
    """The worker as it was seen last, and whether nothing runs there."""
    try:
        answer = await _act("/nodes/{id}/drain", message)(api, node)
    except Rejected as error:
        if error.status != _CONFLICT or not waits:
            raise
        answer = await _seen(api, node)  # it drains already: to wait for it is all that is left
    id_, left = answer["id"], -1
    deadline = None if timeout_seconds is None else _now() + timeout_seconds
    while waits and answer["tasks"] and (deadline is None or _now() < deadline):
        if left != (left := len(answer["tasks"])):
            click.echo(_summary(answer, node), err=True)
        await asyncio.sleep(_LOOK_SECONDS)
        answer = await _seen(api, id_)
    return answer, not answer["tasks"]


async def _seen(api: AsyncClient, node: str) -> Json:
    return dict(await api.request("GET", "/nodes/{id}", id=node))


def _now() -> float:
    return asyncio.get_running_loop().time()


def _summary(answer: Json, node: str) -> str:
    state, tasks = state_of(answer).lower(), answer["tasks"]
    if not tasks:
        return f"{node} is {state}: nothing runs there"
    executions = sum(1 for task in tasks if task["isExecution"])
    kinds = [
        counted(executions, "execution") if executions else "",
        counted(len(tasks) - executions, "task") + " of queues" if len(tasks) > executions else "",
    ]
    return f"{node} is {state}: {' and '.join(filter(None, kinds))} still there"


NODE_ACTS = (
    _said("approve", "/nodes/{id}/approve", "approved", "Let workers take tasks."),
    _said(
        "reject",
        "/nodes/{id}/reject",
        "rejected",
        "Take all tasks away from workers, and give them none.",
    ),
    _said(
        "cordon", "/nodes/{id}/cordon", "cordoned", "Give workers no new tasks. What runs goes on."
    ),
    _said("uncordon", "/nodes/{id}/uncordon", "takes tasks again", "Give workers new tasks again."),
    drain,
    action(
        "delete",
        "forgotten",
        "Forget workers that are offline, and what was said of them.",
        call("DELETE", "/nodes/{id}"),
    ),
)
