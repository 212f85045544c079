"""A small private image registry: one image behind a name and a password, on loopback."""

import base64
import gzip
import hashlib
import json
from typing import Any

from aiohttp import web

from tests.support.engines.images import busybox_tree

USERNAME, PASSWORD = "puller", "s3cret"
IMAGE = "private/busybox:1"
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


class FakeRegistry:
    """Speaks as much of the registry API (version 2) as a pull needs."""

    def __init__(self) -> None:
        tree = busybox_tree()
        layer = gzip.compress(tree, compresslevel=1, mtime=0)
        config = json.dumps(_image_config(_digest(tree))).encode()
        self._blobs = {_digest(blob): blob for blob in (layer, config)}
        self._manifest = json.dumps(_manifest(config, layer)).encode()
        self.layer_downloads = 0
        self._layer = _digest(layer)
        self._runner: web.AppRunner | None = None
        self.address = ""

    @property
    def image(self) -> str:
        return f"{self.address}/{IMAGE}"

    async def __aenter__(self) -> "FakeRegistry":
        app = web.Application(middlewares=[_authenticated])
        app.router.add_get("/v2/", _nothing)
        app.router.add_get("/v2/private/busybox/manifests/{reference}", self._on_manifest)
        app.router.add_get("/v2/private/busybox/blobs/{digest}", self._on_blob)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.address = f"127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _on_manifest(self, request: web.Request) -> web.Response:
        digest = _digest(self._manifest)
        if request.match_info["reference"] not in ("1", digest):
            body = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
            return web.json_response(body, status=404)
        headers = {"Docker-Content-Digest": digest, "Content-Type": _MANIFEST}
        return web.Response(body=self._manifest, headers=headers)

    async def _on_blob(self, request: web.Request) -> web.Response:
        digest = request.match_info["digest"]
        self.layer_downloads += digest == self._layer
        return web.Response(body=self._blobs[digest])


@web.middleware
async def _authenticated(request: web.Request, handler: Any) -> web.StreamResponse:
    expected = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    if request.headers.get("Authorization") != f"Basic {expected}":
        body = {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}
        headers = {"WWW-Authenticate": 'Basic realm="private"'}
        return web.json_response(body, status=401, headers=headers)
    answer: web.StreamResponse = await handler(request)
    answer.headers["Docker-Distribution-Api-Version"] = "registry/2.0"
    return answer


async def _nothing(_: web.Request) -> web.Response:
    return web.json_response({})


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _image_config(layer: str) -> dict[str, Any]:
    return {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/bin"], "User": "1000:1000"},
        "rootfs": {"type": "layers", "diff_ids": [layer]},
    }


def _manifest(config: bytes, layer: bytes) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": {"mediaType": _CONFIG, "size": len(config), "digest": _digest(config)},
        "layers": [{"mediaType": _LAYER, "size": len(layer), "digest": _digest(layer)}],
    }
