"""ByteNite's API as its clients call it, and what jobs of tests run."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
from aiohttp import ClientSession

from services.coordinator.store import templates
from services.coordinator.store.templates import Kind, NewTemplate
from services.dev.postgres.data_directory import USER
from services.dev.postgres.embedded import DATABASE
from shared.postgres.pool import set_up_connection

Tree = dict[str, Any]

COMPUTING, CUSTOMER = "/v1/computing", "/v1/customer"
BYPASS: Tree = {"dataSourceDescriptor": "bypass"}
UPPER = 'tr a-z A-Z < "$TASK_DIR/data.bin" > "$TASK_RESULTS_DIR/out.txt"'


def app(script: str = UPPER, **fields: Any) -> Tree:
    return {"name": "upper", "version": "1.0", "platform": "shell",
            "entrypoint": ["sh", "-c", script], **fields}  # fmt: skip


def template(**fields: Any) -> Tree:
    return {"id": "upper", "app": "upper@1", "partitioner": "lines", "assembler": "concat",
            "params": {"partitioner": {"linesPerChunk": 1}}, **fields}  # fmt: skip


@asynccontextmanager
async def database_of(data_dir: Path) -> AsyncIterator[asyncpg.Connection]:
    """That of `conveyor dev` on `data_dir`."""
    socket = (data_dir / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[4]
    dsn = f"postgresql://{USER}@/{DATABASE}?host={quote(socket, safe='')}&port=5432"
    connection = await asyncpg.connect(dsn)
    await set_up_connection(connection)
    yield connection
    await connection.close()


async def register(data_dir: Path, kind: Kind, document: Tree, **fields: Any) -> None:
    name = document.get("name") or document["id"]
    major, minor = document.get("version", "1.0").split(".")
    new = NewTemplate(f"{kind}-{name}-{major}-{minor}", kind, name, int(major), int(minor), "",
                      document, None, {}, True, None, [])  # fmt: skip
    async with database_of(data_dir) as connection:
        await templates.push(connection, new._replace(**fields), None)


class Client:
    """`call` gives the status and the body."""

    def __init__(self, session: ClientSession, prefix: str = COMPUTING) -> None:
        self._session = session
        self._prefix = prefix

    async def call(self, line: str, body: object = None, **headers: str) -> tuple[int, Any]:
        method, path = line.split(" ", 1)
        url = f"{self._prefix}{path}"
        async with self._session.request(method, url, json=body, headers=headers) as response:
            return response.status, await response.json()

    async def ok(self, line: str, body: object = None, **headers: str) -> Any:
        status, answer = await self.call(line, body, **headers)
        assert status == 200, answer
        return answer

    async def events(self, job_id: str) -> AsyncIterator[Tree]:
        """Until the job has ended."""
        url = f"{self._prefix}/events?jobId={job_id}"
        async with self._session.get(url) as response:
            async for line in response.content:
                if line.startswith(b'data: {"result"'):
                    yield json.loads(line.removeprefix(b"data: "))["result"]

    async def ended(self, job_id: str) -> Tree:
        """The job, once it is over."""
        async for _ in self.events(job_id):
            pass
        job: Tree = (await self.ok(f"GET /jobs/{job_id}"))["job"]
        return job

    async def refused(self, line: str, body: object = None, **headers: str) -> tuple[int, str, Any]:
        """The status, the code, and the fields that were told."""
        status, answer = await self.call(line, body, **headers)
        fields = [rule["field"] for rule in answer["details"]]
        return status, answer["error"]["code"], fields
