"""`conveyor nodes`: the workers, what holds them, and whether they take tasks."""

from collections.abc import Iterator, Mapping

import click
from rich.console import Console
from rich.text import Text

from cli.api_command import ask, asks_api, json_option
from cli.cluster.node_acts import NODE_ACTS
from cli.cluster.node_states import state_of
from cli.messages import ago, exact_bytes, now, printable, took
from cli.tables import print_json, print_list, print_table, screen, state_text
from cli.views import Json
from conveyor import Server

_COLUMNS = {
    "NAME": "text",
    "STATE": "whole",
    "TASKS": "right",
    "FREE CPUS": "right",
    "FREE MEMORY": "right",
    "GPUS": "right",
    "ENGINES": "text",
    "QUEUES": "text",
    "HEARTBEAT": "right",
    "CPU USE": "right",
    "STARTED": "right",
    "HOST": "text",
    "VERSION": "whole",
}
_TASK_COLUMNS = {
    "TASK": "text",
    "STATE": "whole",
    "CPUS": "right",
    "MEMORY": "right",
    "GPUS": "right",
    "RUNS FOR": "right",
    "JOB": "whole",
    "ID": "whole",
}
_EVENT_COLUMNS = {"WHEN": "right", "EVENT": "whole", "BY": "text", "WHY": "text", "ID": "whole"}
_NONE = "no workers: tasks wait until one is started (conveyor worker)"


class _ListsByDefault(click.Group):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_ListsByDefault)
def nodes() -> None:
    """List workers, and say whether they take tasks.

    Without a sub-command: list. A NODE is the name of a worker, its id, or the beginning of its id.
    What is said of a worker holds for its name: also when it is restarted.
    """


@nodes.command(name="list")
@click.option(
    "--labels",
    metavar="SELECTOR",
    default="",
    help="Only workers with these labels: 'region=eu,tier in (a,b),!spot'.",
)
@click.option(
    "--membership",
    type=click.Choice(("pending", "approved", "rejected")),
    help="Only workers of this membership.",
)
@click.option(
    "--availability",
    type=click.Choice(("active", "cordoned", "draining")),
    help="Only workers of this availability.",
)
@click.option(
    "--status",
    type=click.Choice(("up", "offline")),
    help="Only these. Default: those that sent a heartbeat within the last five minutes.",
)
@json_option
@asks_api
def list_nodes(
    server: Server,
    labels: str,
    membership: str | None,
    availability: str | None,
    status: str | None,
    *,
    as_json: bool,
) -> None:
    """List workers with what is free on them.

    STATE is up, cordoned (takes no new tasks), draining (and its executions move elsewhere), held
    (takes no new tasks for a while, after failures of several jobs), pending (waits for approval),
    rejected, or offline. QUEUES has the slots of each queue.
    """
    given = {
        "labels": labels,
        "membership": (membership or "").upper(),
        "availability": availability or "",
        "status": (status or "").upper(),
    }
    query = {name: value for name, value in given.items() if value}
    answer = ask(server, lambda api: api.request("GET", "/nodes", query=query))
    print_list(answer, _COLUMNS, _row, "no such workers" if query else _NONE, as_json=as_json)


@nodes.command()
@click.argument("node")
@json_option
@asks_api
def show(server: Server, node: str, *, as_json: bool) -> None:
    """Show a worker: labels, capacity, and the tasks that hold it."""
    answer = ask(server, lambda api: api.request("GET", "/nodes/{id}", id=node))
    if as_json:
        print_json(answer)
        return
    console = screen()
    console.print(Text.assemble((answer["name"], "bold"), "  ", state_text(state_of(answer))))
    for label, value in _facts(answer):
        if value:
            line = Text.assemble((f"  {label:<14}", "dim"), printable(value))
            console.print(line, soft_wrap=True)
    _print_tasks(console, answer["tasks"])


@nodes.command()
@click.argument("node")
@json_option
@asks_api
def history(server: Server, node: str, *, as_json: bool) -> None:
    """Show what has become of a worker and what was said of it, newest first.

    The events are those of all workers of its name, at most 500. ID is which start of it.
    """
    answer = ask(server, lambda api: api.request("GET", "/nodes/{id}/history", id=node))
    print_list(answer, _EVENT_COLUMNS, _event_row, "no events are known", as_json=as_json)


for _act in NODE_ACTS:
    nodes.add_command(_act)


def _row(node: Json) -> tuple[str | Text, ...]:
    free, capacity = node.get("free", {}), node.get("capacity", {})
    return (
        node["name"],
        state_text(state_of(node)),
        str(node["taskCount"]),
        _of(free.get("cpus"), capacity.get("cpus")),
        exact_bytes(free.get("memory", 0)),
        _of(free.get("gpus"), capacity.get("gpus")) if capacity.get("gpus") else "",
        ",".join(node.get("engines", ())),
        node["queue"],
        ago(node["lastHeartbeatAt"], now()),
        f"{node['cpuPercent']:.0f} %",
        ago(node["startedAt"], now()),
        f"{node['hostname']}:{node['port']}",
        node["version"],
    )


def _event_row(event: Json) -> tuple[str, ...]:
    said = (event.get(name) or "" for name in ("by", "message", "nodeId"))
    return (ago(event["at"], now()), event["event"], *said)


def _of(free: float | None, whole: float | None) -> str:
    return "" if free is None or whole is None else f"{free:g}/{whole:g}"


def _facts(node: Json) -> Iterator[tuple[str, str]]:
    yield "id", node["id"]
    yield "host", f"{node['hostname']}:{node['port']}, version {node['version']}"
    yield "heartbeat", f"{ago(node['lastHeartbeatAt'], now())}, started {_started(node)}"
    yield "membership", node["membership"].lower()
    yield "availability", node["availability"]
    if at := node.get("changedAt"):
        by = f" by {node['changedBy']}" if node.get("changedBy") else ""
        why = f": {node['message']}" if node.get("message") else ""
        yield "changed", f"{ago(at, now())}{by}{why}"
    if until := node.get("heldUntil"):
        yield "held", f"ends {ago(until, now())}: {node['holdReason']}"
    yield "queues", node["queue"]
    yield "engines", ", ".join(node["engines"])
    yield "sources", ", ".join(node["storages"])
    yield "publish", ", ".join(node["publishers"])
    for number, gpu in enumerate(node["gpus"]):
        yield f"gpu {number}", f"{gpu['name']}, {exact_bytes(gpu['memory'])}"
    for name, shown in (("cpus", "{:g}".format), ("memory", exact_bytes), ("disk", exact_bytes)):
        yield name, f"{shown(node['free'][name])} of {shown(node['capacity'][name])} free"
    if node["capacity"]["gpus"]:
        yield "gpus", f"{node['free']['gpus']} of {node['capacity']['gpus']} free"
    yield "executions", f"{node['executions']} of at most {node['maxExecutions']}"
    for number, (key, value) in enumerate(sorted(node["labels"].items())):
        yield "" if number else "labels", f"{key}={value}"


def _started(node: Json) -> str:
    return ago(node["startedAt"], now())


def _print_tasks(console: Console, tasks: list[Mapping[str, Json]]) -> None:
    console.print()
    if tasks:
        print_table(_TASK_COLUMNS, map(_task_row, tasks))
    else:
        console.print(Text("no tasks", "dim"))


def _task_row(task: Json) -> tuple[str | Text, ...]:
    held = task["held"]
    state = state_text(task["state"])
    if recall := task.get("recall"):
        state.append(f" ({recall})")
    return (
        task["name"],
        state,
        f"{held['cpus']:g}" if held["cpus"] else "",
        exact_bytes(held["memory"]) if held["memory"] else "",
        str(held["gpus"] or ""),
        took(task.get("startedAt"), None, now()),
        task["jobId"],
        task["id"],
    )
