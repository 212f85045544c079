"""A Kubo that keeps everything in memory: as much of its HTTP API as the store of files uses.

Its answers follow those of Kubo 0.43. A CID is made from the whole content, not from its blocks.
"""

import base64
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from tarfile import DIRTYPE
from typing import Any

from aiohttp import BodyPartReader, web
from aiohttp.test_utils import TestServer

from tests.support.files.tars import file_info, made_tar, tar_info


class KuboError(Exception):
    """Answered as Kubo does."""


class FakeKubo:
    """`adding` is how many uploads are under way."""

    def __init__(self) -> None:
        self.adding = 0
        self.broken: set[str] = set()
        self._blocks: dict[str, bytes] = {}
        self._trees: dict[str, dict[str, str]] = {}
        self._files: dict[str, str] = {}
        self._folders = {"/"}

    @property
    def partial_files(self) -> int:
        return len([path for path in self._files if path.startswith("/conveyor/partial/")])

    def application(self) -> web.Application:
        application = web.Application(client_max_size=1024**3)
        application.router.add_post("/api/v0/add", self._add)
        application.router.add_post("/api/v0/cat", self._cat)
        application.router.add_post("/api/v0/get", self._get)
        for command in ("stat", "cp", "mkdir", "mv", "ls", "rm"):
            handler = getattr(self, f"_{command}")
            application.router.add_post(f"/api/v0/files/{command}", _answering(handler, self))
        return application

    async def _add(self, request: web.Request) -> web.Response:
        self.adding += 1
        try:
            part = await anext(await request.multipart())
            assert isinstance(part, BodyPartReader)
            data = bytes(await part.read())
        finally:
            self.adding -= 1
        cid = self.add(data)
        return web.json_response({"Name": "object", "Hash": cid, "Size": str(len(data) + 11)})

    def add(self, data: bytes) -> str:
        digest = b"\x01\x55\x12\x20" + hashlib.sha256(data).digest()
        cid = "b" + base64.b32encode(digest).decode().lower().rstrip("=")
        self._blocks[cid] = data
        return cid

    def add_as(self, cid: str, data: bytes) -> None:
        """Under a name that a job has for it."""
        self._blocks[cid] = data

    def add_tree(self, files: Mapping[str, bytes]) -> str:
        return self._tree_of({path: self.add(data) for path, data in files.items()})

    def files_of(self, cid: str) -> dict[str, bytes]:
        return {path: self._blocks[block] for path, block in self._trees[cid].items()}

    def _tree_of(self, files: Mapping[str, str]) -> str:
        cid = self.add(repr(sorted(files.items())).encode())
        self._trees[cid] = dict(files)
        return cid

    async def _get(self, request: web.Request) -> web.StreamResponse:
        root = request.query["arg"].removeprefix("/ipfs/")
        files = {f"{root}/{path}": data for path, data in self.files_of(root).items()}
        return web.Response(
            body=made_tar(tar_info(root, DIRTYPE), *map(file_info, files, files.values()))
        )

    async def _cat(self, request: web.Request) -> web.StreamResponse:
        data = self._blocks[request.query["arg"].removeprefix("/ipfs/")]
        offset, length = int(request.query["offset"]), int(request.query["length"])
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(data[offset : offset + length])
        return answer

    def _stat(self, path: str) -> dict[str, Any]:
        cid = self._cid(path)
        if cid in self._trees:
            return {"Hash": cid, "Size": 0, "Type": "directory"}
        return {"Hash": cid, "Size": len(self._blocks[cid]), "Type": "file"}

    def _cp(self, source: str, target: str) -> None:
        self._mkdir(_parent(target))
        self._files[target] = self._cid(source)

    def _mkdir(self, path: str) -> None:
        while path not in self._folders:
            if path in self._files:
                raise KuboError(f"{path} was not a directory")
            self._folders.add(path)
            path = _parent(path)

    def _mv(self, source: str, target: str) -> None:
        if target in self._folders:
            target = f"{target}/{source.rpartition('/')[2]}"
        self._files[target] = self._files.pop(source)

    def _ls(self, path: str) -> dict[str, Any]:
        if path not in self._folders:
            raise KuboError("file does not exist")
        files = {name: cid for name, cid in self._files.items() if _parent(name) == path}
        folders = [name for name in self._folders if name != "/" and _parent(name) == path]
        entries = [
            {"Name": _last(name), "Type": 0, "Size": len(self._blocks[cid]), "Hash": cid}
            for name, cid in files.items()
        ]
        entries += [{"Name": _last(name), "Type": 1, "Size": 0, "Hash": ""} for name in folders]
        return {"Entries": entries or None}

    def _rm(self, path: str) -> None:
        self._cid(path)
        del self._files[path]

    def _cid(self, path: str) -> str:
        if path.startswith("/ipfs/"):
            cid, _, inner = path.removeprefix("/ipfs/").partition("/")
            if inner and inner in self._trees.get(cid, {}):
                return self._trees[cid][inner]
            if not inner and cid in self._blocks:
                return cid
        elif path in self._files:
            return self._files[path]
        elif path in self._folders:
            start = f"{path}/"
            below = {
                p.removeprefix(start): c for p, c in self._files.items() if p.startswith(start)
            }
            return self._tree_of(below)
        raise KuboError("file does not exist")


def _answering(handler: Callable[..., Any], kubo: FakeKubo) -> Any:
    async def answer(request: web.Request) -> web.Response:
        try:
            if handler.__name__ in kubo.broken:
                raise KuboError("broken")
            found = handler(*request.query.getall("arg"))
        except KuboError as error:
            text = {"Message": str(error), "Code": 0, "Type": "error"}
            return web.json_response(text, status=500)
        return web.Response() if found is None else web.json_response(found)

    return answer


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def _last(path: str) -> str:
    return path.rpartition("/")[2]


@asynccontextmanager
async def kubo_server() -> AsyncIterator[tuple[FakeKubo, int]]:
    """And its port."""
    kubo = FakeKubo()
    async with TestServer(kubo.application()) as server:
        assert server.port is not None
        yield kubo, server.port
