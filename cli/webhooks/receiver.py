"""The HTTP server of `conveyor webhooks listen`."""

import asyncio
import ipaddress
import json
import signal
import socket
import time
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime

import click
from aiohttp import web
from rich.console import Console
from rich.text import Text

from cli.messages import counted
from cli.webhooks.received import Received
from shared.process.listening import naming
from shared.process.settings.blocks import ListeningBlock

_LARGEST_BODY = 64 * 1024 * 1024
_MOST_IDS = 10_000
_UNAUTHORIZED = 401
_HEAD = """\
Listening on {url}; Ctrl-C stops it.

In a job file:     webhooks: [{{url: {url}}}]
For all your jobs: conveyor webhooks add {url}

{allowing}
"""


class Receiver:
    """Answers and prints requests. Responds with `status`, or 401 to a signature that is wrong."""

    def __init__(
        self, keys: Sequence[bytes], status: int, console: Console, *, as_json: bool
    ) -> None:
        self._keys = keys
        self._status = status
        self._console = console
        self._as_json = as_json
        self.stop = asyncio.Event()
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._requests = self._repeated = self._refused = 0

    async def on_post(self, request: web.Request) -> web.Response:
        content = await request.read()
        received = Received.read(request.path, request.headers, content, self._keys, time.time())
        is_repeated = self._note(received)
        status = _UNAUTHORIZED if received.refusal else self._status
        try:
            self._print(received, status, is_repeated=is_repeated)
        except BrokenPipeError:  # who read it has ended
            self.stop.set()
        return web.Response(status=status, text=received.refusal)

    def total(self) -> str:
        text = counted(self._requests, "request")
        if self._repeated:
            text += f", {self._repeated:,} repeated"
        return text + (f", {self._refused:,} without a valid signature" if self._refused else "")

    def _note(self, received: Received) -> bool:
        """Whether its id came before."""
        self._requests += 1
        self._refused += received.refusal is not None
        is_repeated = bool(received.id) and received.id in self._ids
        self._repeated += is_repeated
        self._ids[received.id] = None
        if len(self._ids) > _MOST_IDS:
            self._ids.popitem(last=False)
        return is_repeated

    def _print(self, received: Received, status: int, *, is_repeated: bool) -> None:
        now = datetime.now().astimezone()
        if self._as_json:
            request = {
                "at": now.isoformat(timespec="milliseconds"),
                "path": received.path,
                "headers": received.headers,
                "body": received.body,
                "signature": received.verdict,
                "isRepeated": is_repeated,
                "status": status,
            }
            click.echo(json.dumps(request))
            return
        line = Text.assemble((f"{now:%H:%M:%S}  ", "dim"), received.line(is_repeated=is_repeated))
        if not 200 <= status < 300:
            line.append(f"  answered {status}", "yellow")
        self._console.print(line, soft_wrap=True)


async def serve(address: ListeningBlock, receiver: Receiver) -> None:
    """Until SIGINT or SIGTERM. Raises OSError."""
    app = web.Application(client_max_size=_LARGEST_BODY)
    app.router.add_post("/{path:.*}", receiver.on_post)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        with naming(address.host, address.port, "--address"):
            await web.TCPSite(runner, address.host, address.port).start()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, receiver.stop.set)
        click.echo(_head(address.host, runner.addresses[0][1]), err=True)
        await receiver.stop.wait()
    finally:
        await runner.cleanup()


def _head(host: str, port: int) -> str:
    """What to give to Conveyor, and what its operator has to allow."""
    is_every = host in ("0.0.0.0", "::")  # noqa: S104 - compared, not listened on
    name = socket.gethostname() if is_every else host
    shown = f"[{name}]" if ":" in name else name
    return _HEAD.format(url=f"http://{shown}:{port}/", allowing=_allowing(host))


def _allowing(host: str) -> str:
    if _is_loopback(host):
        return (
            "`conveyor dev` can call this address. A webhook dispatcher can if it runs on\n"
            "this machine with CONVEYOR_WEBHOOK_ALLOWED_NETWORKS=127.0.0.0/8,::1/128."
        )
    return (
        "If this address is not on the public internet, the dispatcher needs its network in\n"
        "CONVEYOR_WEBHOOK_ALLOWED_NETWORKS, for instance 192.168.1.0/24."
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return host == "localhost"
