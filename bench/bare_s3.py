"""`python -m bench.bare_s3 FOLDER PORT`: as much of S3 as an upload and a download need.

It checks nothing, so that what is measured is the client. An object is a folder of its parts.
"""

import shutil
import sys
from asyncio import to_thread
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import uvloop
from aiohttp import web

_CHUNK_BYTES = 1024 * 1024
_LIMIT_BYTES = 1024**4


class BareS3:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def answer(self, request: web.Request) -> web.StreamResponse:
        key, query = request.path.strip("/").replace("/", "_"), request.query
        if request.method == "POST" and "uploads" in query:
            return _xml(f"<UploadId>{uuid4().hex}</UploadId>", "InitiateMultipartUploadResult")
        if request.method == "POST":
            await to_thread(self._complete, self._folder / query["uploadId"], key)
            return _xml("<ETag>&quot;whole&quot;</ETag>", "CompleteMultipartUploadResult")
        if request.method == "PUT":
            folder = self._folder / query.get("uploadId", key)
            await self._keep(request, folder, int(query.get("partNumber", 1)))
            return web.Response(headers={"ETag": '"part"'})
        return await self._send(request, sorted((self._folder / key).iterdir()))

    def _complete(self, upload: Path, key: str) -> None:
        shutil.rmtree(self._folder / key, ignore_errors=True)
        upload.rename(self._folder / key)

    async def _keep(self, request: web.Request, folder: Path, number: int) -> None:
        await to_thread(folder.mkdir, exist_ok=True)
        with await to_thread((folder / f"{number:05}").open, "wb") as file:
            async for chunk in request.content.iter_any():
                file.write(chunk)

    async def _send(self, request: web.Request, parts: list[Path]) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"ETag": '"whole"'})
        answer.content_length = sum(path.stat().st_size for path in parts)
        answer.last_modified = 0
        await answer.prepare(request)
        if request.method == "GET":
            async for chunk in _chunks(parts):
                await answer.write(chunk)
        return answer


async def _chunks(parts: list[Path]) -> AsyncIterator[bytes]:
    for path in parts:
        with await to_thread(path.open, "rb") as file:
            while chunk := await to_thread(file.read, _CHUNK_BYTES):
                yield chunk


def _xml(text: str, kind: str) -> web.Response:
    return web.Response(text=f"<{kind}>{text}</{kind}>", content_type="application/xml")


async def main(folder: str, port: str) -> None:
    application = web.Application(client_max_size=_LIMIT_BYTES)
    application.router.add_route("*", "/{path:.*}", BareS3(Path(folder)).answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", int(port))
    await site.start()
    print("listening", flush=True)
    await _for_ever()


async def _for_ever() -> None:
    import asyncio

    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
