"""A proxy for one task, which makes connections to the domains of the task and to nothing else.

It runs on the event loop of the worker: there is nothing to install, no image to have, and it ends
with the worker. It speaks HTTP as proxies do: requests with a whole URL, and CONNECT for all that
is encrypted. A name is judged before it is resolved, so a refused one is not even asked for; the
guard judges each address that it resolves to, and the connection is made to that address.
"""

import asyncio
import resource
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from ipaddress import IPv4Address, IPv4Network

import h11

from services.worker.runtimes.proxy.requests import (
    BadRequest,
    Peer,
    Target,
    exchange,
    target_of,
    tunnel,
)
from shared.network.domains import Domains
from shared.network.guard import Guard

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host. Raises OSError."""

_HEAD_SECONDS = 60.0
_CONNECT_SECONDS = 20.0
_LAST_SECONDS = 2.0
_MOST_READ = 65_536
_MOST_CONNECTIONS, _LEAST_CONNECTIONS = 256, 8
_BACKLOG = 128
_FREEBIND = 15
"""IP_FREEBIND of Linux, which Python has no name for: an address that is not there yet."""

# Its own: tasks that ask for many names must not keep the worker's other threads busy.
_resolvers = ThreadPoolExecutor(8, thread_name_prefix="proxy-resolver")


async def resolved(host: str, port: int) -> list[str]:
    def look_up() -> list[str]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(address[0]) for *_, address in found))

    return await asyncio.get_running_loop().run_in_executor(_resolvers, look_up)


_open = set["FilteringProxy"]()
"""Those of this process."""


def _most_connections() -> int:
    """Of each: two descriptors a connection, of which the worker must keep enough for all else. By
    this share, ten tasks that came one after the other have three quarters of them."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    share = soft // (8 * max(len(_open), 1))
    return max(_LEAST_CONNECTIONS, min(share, _MOST_CONNECTIONS))


class _Refused(Exception):
    """With the status of the answer, and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class FilteringProxy:
    def __init__(
        self,
        domains: Domains,
        guard: Guard,
        on_refused: Callable[[str], Awaitable[None]],
        resolve: Resolve = resolved,
    ) -> None:
        """`on_refused` hears why a connection was not made."""
        self._domains = domains
        self._guard = guard
        self._on_refused = on_refused
        self._resolve = resolve
        self._clients = IPv4Network("0.0.0.0/32")
        self._server: asyncio.Server | None = None
        self._serving = set[asyncio.Task[None]]()

    async def listen(
        self, address: str, port: int, clients: IPv4Network, *, is_there_later: bool = False
    ) -> None:
        """Only addresses among `clients` are served: other tasks may have a way to here.

        `is_there_later`: `address` may come to this machine afterwards. Raises OSError.
        """
        self._clients = clients
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if is_there_later:
                listener.setsockopt(socket.IPPROTO_IP, _FREEBIND, 1)
            listener.bind((address, port))
            self._server = await asyncio.start_server(self._begin, sock=listener, backlog=_BACKLOG)
        except BaseException:  # whatever it was, the socket must not stay
            listener.close()
            raise
        _open.add(self)

    async def close(self) -> None:
        _open.discard(self)
        if self._server is not None:
            self._server.close()
        serving = list(self._serving)
        for each in serving:
            each.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer, *_ = writer.get_extra_info("peername") or ("0.0.0.1",)
        is_ours = IPv4Address(peer) in self._clients
        if not is_ours or len(self._serving) >= _most_connections():
            writer.transport.abort()
            return
        serving = asyncio.create_task(self._serve(Peer(h11.SERVER, reader, writer)))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def _serve(self, client: Peer) -> None:
        try:
            await self._answer(client)
            client.writer.close()
            await client.writer.wait_closed()
        except (h11.ProtocolError, OSError):  # one side has gone, or speaks no HTTP any more
            pass
        finally:
            client.writer.transport.abort()  # what is not sent by now has nobody who reads it

    async def _answer(self, client: Peer) -> None:
        try:
            async with asyncio.timeout(_HEAD_SECONDS):
                request = await client.next_event()
            if isinstance(request, h11.Request):
                await self._reach(client, request, target_of(request))
        except TimeoutError:  # it asks for nothing
            pass
        except (BadRequest, h11.RemoteProtocolError) as error:
            await _refuse(client, 400, str(error))
        except _Refused as error:
            await _refuse(client, error.status, str(error))

    async def _reach(self, client: Peer, request: h11.Request, target: Target) -> None:
        """Raises _Refused while nothing was answered, h11.LocalProtocolError, OSError."""
        server = await self._connected(target)
        try:
            if target.path is None:
                await tunnel(client, server)
            else:
                await exchange(client, server, request, target)
        except h11.RemoteProtocolError as error:
            if client.http.our_state is not h11.SEND_RESPONSE:
                raise OSError("the answer is cut off") from error
            raise _Refused(502, f"{target.host}: {error}") from error
        finally:
            server.writer.transport.abort()

    async def _connected(self, target: Target) -> Peer:
        """Raises _Refused."""
        if why := self._domains.refusal(target.host, target.port):
            await self._on_refused(why)
            raise _Refused(403, why)
        try:
            addresses = await self._resolve(target.host, target.port)
        except (OSError, UnicodeError) as error:
            raise _Refused(502, f"{target.host} could not be resolved: {error}") from error
        refusals = {each: self._guard.refusal(each, target.port) for each in addresses}
        allowed = [each for each, why in refusals.items() if why is None]
        if not allowed:
            why = f"{target.host}: " + "; ".join(filter(None, refusals.values()))
            await self._on_refused(why)
            raise _Refused(403, why)
        return await _connected_to(allowed, target)


async def _connected_to(addresses: list[str], target: Target) -> Peer:
    """The first that takes the connection. Raises _Refused."""
    last: Exception = OSError("it has no address")
    for address in addresses:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                return Peer(h11.CLIENT, *await asyncio.open_connection(address, target.port))
        except (OSError, TimeoutError) as error:  # the next may take it
            last = error
    why = str(last) or f"no answer within {_CONNECT_SECONDS:g} s"
    raise _Refused(502, f"no connection to {target.host}, port {target.port}: {why}")


async def _refuse(client: Peer, status: int, why: str) -> None:
    body = f"conveyor: {why}\n".encode()
    headers = [
        *(("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))),
        ("Connection", "close"),
    ]
    with suppress(h11.LocalProtocolError):  # an answer has begun, or what came was no request
        phrase = HTTPStatus(status).phrase.encode()
        await client.send(h11.Response(status_code=status, headers=headers, reason=phrase))
        await client.send(h11.Data(data=body))
        await client.send(h11.EndOfMessage())
        await _read_to_the_end(client)


async def _read_to_the_end(client: Peer) -> None:
    """What was on its way: closing with that unread would take the answer back."""
    client.writer.write_eof()
    with suppress(TimeoutError):
        async with asyncio.timeout(_LAST_SECONDS):
            while await client.reader.read(_MOST_READ):
                pass
