"""What the sources of tasks stand for: rows of artifacts and of uploads.

A task is found by where it stands, so that neither the length of a list nor the number of children
costs anything. Only what another job's task is called, or an expression gives, is looked for in
that job's list. All that a batch wants is looked for at once, step by step.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import asyncpg

from shared.definition import TakenArtifact, TakenChild, TaskList, decode_task
from shared.definition.references import parse_reference
from shared.expressions import has_expression
from shared.lifecycle import TaskState, derived_id
from shared.planning.taking import (
    MOST_CHILDREN,
    Found,
    NotThere,
    Wanted,
    WantedArtifact,
    WantedUpload,
)
from shared.postgres.pool import Connection
from shared.process.sealing import Sealer, SealingError
from shared.store.file_search import FileSearch

UPLOADS = "SELECT id, name, object, size, sha256 FROM uploads WHERE id = ANY($1::text[])"

OWNERS = "SELECT id, created_by, restarts FROM jobs WHERE id = ANY($1::text[])"

# What is sealed may have any name, and what is made of others may have children of any name.
LISTED = """
SELECT position, task FROM job_tasks
WHERE job_id = $1 AND (task->>'name' = $2 OR task->>'var' = $2 OR task->>'name' LIKE '%{{%'
                       OR task->>'var' LIKE '%{{%' OR task ?| '{sealed,parallel,each}')
ORDER BY position
"""

EVALUATED = """
SELECT position FROM tasks WHERE job_id = $1 AND position = ANY($2::int[]) AND parent_id IS NULL
                             AND (name = $3 OR var = $3)
ORDER BY created_at DESC LIMIT 1
"""

FIRST_ATTEMPTS = """
SELECT id, state, children, subjob_id, created_at FROM tasks WHERE id = ANY($1::text[])
"""

# Not for what has children: they stand at the same position.
ATTEMPTS = """
SELECT t.job_id, t.position, t.id, t.state, t.children, t.subjob_id
FROM unnest($1::text[], $2::int[]) AS p(job_id, position)
JOIN tasks t ON t.job_id = p.job_id AND t.position = p.position AND t.parent_id IS NULL
ORDER BY t.created_at, t.attempt
"""

ATTEMPTS_OF_CHILDREN = """
SELECT t.parent_id, t.child_index, t.id, t.state, t.children, t.subjob_id
FROM unnest($1::text[], $2::int[]) AS c(parent_id, child_index)
JOIN tasks t ON t.parent_id = c.parent_id AND t.child_index = c.child_index
ORDER BY t.created_at, t.attempt
"""

KEEPERS = """
SELECT DISTINCT a.job_id, a.name, t.position
FROM artifacts a JOIN tasks t ON t.id = a.task_id
WHERE a.job_id = ANY($1::text[]) AND a.name = ANY($2::text[])
"""

# Of all attempts at a task only the last that kept anything has rows.
ARTIFACTS = """
SELECT task_id, name, object, file_name, size, sha256, files, mode, chunks FROM artifacts
WHERE task_id = ANY($1::text[]) AND name = ANY($2::text[]) ORDER BY created_at
"""

CHILDREN = """
SELECT DISTINCT ON (child_index) child_index, id, state, exit_code, attempt,
       left(error, 500) AS error
FROM tasks WHERE parent_id = $1 ORDER BY child_index, created_at DESC, attempt DESC
"""

# A child that is placed has an execution, which has kept it.
ARTIFACTS_OF_CHILDREN = """
SELECT t.child_index, a.object, a.file_name, a.size, a.sha256, a.files, a.mode
FROM tasks t JOIN artifacts a ON a.task_id = t.id AND a.name = $2 WHERE t.parent_id = $1
UNION ALL
SELECT t.child_index, a.object, a.file_name, a.size, a.sha256, a.files, a.mode
FROM tasks t JOIN tasks e ON e.parent_id = t.id
             JOIN artifacts a ON a.task_id = e.id AND a.name = $2
WHERE t.parent_id = $1 AND t.kind = 'placed'
"""


async def load_files(
    connection: Connection, sealer: Sealer, wanted: Collection[Wanted]
) -> dict[Wanted, Found]:
    """All of `wanted`."""
    found: dict[Wanted, Found] = {}
    uploads = [each for each in wanted if isinstance(each, WantedUpload)]
    if uploads:
        rows = await connection.fetch(UPLOADS, [upload.id for upload in uploads])
        sent = {row["id"]: _taken(row, row["name"]) for row in rows}
        found |= {upload: sent.get(upload.id, _NO_UPLOAD) for upload in uploads}
    searches: list[FileSearch] = []
    for each in wanted:
        if isinstance(each, WantedArtifact):
            try:
                searches.append(FileSearch(each, parse_reference(each.text)))
            except ValueError as error:
                found[each] = NotThere(f"artifact {error}")
    if searches:
        await _Searching(connection, sealer, searches).run()
        found |= {s.wanted: s.found for s in searches if s.found is not None}
    return found


_NO_UPLOAD = NotThere("the upload was removed")


class _Searching:
    def __init__(self, connection: Connection, sealer: Sealer, searches: list[FileSearch]) -> None:
        self._connection = connection
        self._sealer = sealer
        self._searches = searches
        self._restarts: dict[str, int] = {}
        self._listed: dict[tuple[str, str], tuple[int, ...] | str] = {}

    async def run(self) -> None:
        searches: Sequence[FileSearch] = self._searches
        while searches:
            for step in (self._find_jobs, self._find_places, self._find_tasks, self._find_children):
                await step(searches)
                searches = [search for search in searches if search.found is None]
            searches = await self._enter_jobs([s for s in searches if s.last["subjob_id"]])
        await self._find_artifacts([search for search in self._searches if search.found is None])

    async def _enter_jobs(self, searches: Sequence[FileSearch]) -> Sequence[FileSearch]:
        """Those whose task is a job go on in it, at its task that has kept such an artifact."""
        searches = [search for search in searches if search.has_ended()]
        if not searches:
            return ()
        names = list({search.reference.artifact for search in searches})
        jobs = list({search.last["subjob_id"] for search in searches})
        rows = await self._connection.fetch(KEEPERS, jobs, names)
        keepers = _grouped(rows, "job_id", "name")
        for search in searches:
            key = search.last["subjob_id"], search.reference.artifact
            search.enter(key[0], [row["position"] for row in keepers.get(key, ())])
        return [search for search in searches if search.found is None]

    async def _find_jobs(self, searches: Sequence[FileSearch]) -> None:
        """A job may take what jobs of the same creator have kept; those of a family are."""
        rows = await self._connection.fetch(OWNERS, list({search.job_id for search in searches}))
        creators = {row["id"]: row["created_by"] for row in rows}
        self._restarts |= {row["id"]: row["restarts"] for row in rows}
        for search in searches:
            creator = search.wanted.created_by
            if search.job_id not in creators or creators[search.job_id] != creator:
                search.fail(f"there is no job {search.job_id}, or it is of another creator")

    async def _find_places(self, searches: Sequence[FileSearch]) -> None:
        for search in searches:
            if search.at:
                continue
            key = (search.job_id, search.reference.task)
            if key not in self._listed:
                self._listed[key] = await self._place_of(*key)
            place = self._listed[key]
            if isinstance(place, str):
                search.fail(f"{search.task} {place}")
            else:
                search.at = place

    async def _place_of(self, job_id: str, name: str) -> tuple[int, ...] | str:
        """Where the task stands; or why nobody can say."""
        rows = await self._connection.fetch(LISTED, job_id, name)
        try:
            tasks = {r["position"]: decode_task(self._sealer.opened(r["task"])) for r in rows}
        except SealingError as error:
            return f"can't be read: {error}"
        positions = list(tasks)
        named = TaskList(list(tasks.values())).named(name)
        found = {(positions[n.at[0] - 1], *n.at[1:]) for n in named}
        if len(found) > 1:
            return f"is one of {len(found)} with this name: give it a var"
        if found:
            return found.pop()
        evaluated = [p for p, t in tasks.items() if has_expression(f"{t.name} {t.var}")]
        position = await self._connection.fetchval(EVALUATED, job_id, evaluated, name)
        return (position,) if position else "does not exist, or has not begun"

    async def _find_tasks(self, searches: Sequence[FileSearch]) -> None:
        """Of each place in a list the attempts; of what has children, the row that has them."""
        places = {(search.job_id, search.at[0]) for search in searches}
        ids = {
            derived_id(job_id, position, restarts): (job_id, position)
            for job_id, position in places
            for restarts in range(self._restarts[job_id] + 1)
        }
        first: dict[tuple[str, int], asyncpg.Record] = {}
        for row in await self._connection.fetch(FIRST_ATTEMPTS, list(ids)):
            place = ids[row["id"]]
            if place not in first or row["created_at"] >= first[place]["created_at"]:
                first[place] = row
        single = [place for place, row in first.items() if row["children"] is None]
        rows = await self._connection.fetch(ATTEMPTS, *_columns(single)) if single else []
        found = _grouped(rows, "job_id", "position")
        for search in searches:
            place = search.job_id, search.at[0]
            search.attempts = found.get(place) or ([first[place]] if place in first else [])
            if not search.attempts:
                search.fail(f"{search.task} has not begun")

    async def _find_children(self, searches: Sequence[FileSearch]) -> None:
        """The attempts at the child that is meant, at any depth."""
        indexes = {search: list(search.at[1:]) for search in searches}
        while searches:
            wanted: dict[FileSearch, tuple[str, int]] = {}
            for search in searches:
                index = _next_index(search, indexes[search])
                if index is not None:
                    wanted[search] = (search.last["id"], index)
            pairs = list(set(wanted.values()))
            rows = (
                await self._connection.fetch(ATTEMPTS_OF_CHILDREN, *_columns(pairs))
                if pairs
                else []
            )
            found = _grouped(rows, "parent_id", "child_index")
            for search, pair in wanted.items():
                search.attempts = found.get(pair, [])
                if not search.attempts:
                    search.fail(f"{search.task} has no child {pair[1]}")
            searches = [search for search in wanted if search.found is None]

    async def _find_artifacts(self, searches: Sequence[FileSearch]) -> None:
        searches = [search for search in searches if search.has_ended()]
        lists = [search for search in searches if search.last["children"] is not None]
        single = [search for search in searches if search.last["children"] is None]
        ids = [row["id"] for search in single for row in search.attempts]
        names = {search.reference.artifact for search in single}
        rows = await self._connection.fetch(ARTIFACTS, ids, list(names)) if ids else []
        kept = {(row["task_id"], row["name"]): row for row in rows}
        for search in single:
            own = [kept.get((row["id"], search.reference.artifact)) for row in search.attempts]
            search.found = _last(search, [row for row in own if row is not None])
        whole: dict[tuple[str, str], Found] = {}
        for search in lists:
            key = search.last["id"], search.reference.artifact
            if key not in whole:
                whole[key] = await self._whole(search)
            search.found = whole[key]

    async def _whole(self, search: FileSearch) -> Found:
        """What all children have kept."""
        parent, name = search.last["id"], search.reference.artifact
        if (total := search.last["children"]["total"]) > MOST_CHILDREN:
            most = f"at most {MOST_CHILDREN:,} are brought as one directory"
            return NotThere(f"{search.task} has {total:,} children, and {most}")
        rows = await self._connection.fetch(ARTIFACTS_OF_CHILDREN, parent, name)
        kept = {row["child_index"]: _taken(row, row["file_name"]) for row in rows}
        if total and not kept:
            return NotThere(f'no child of {search.task} has kept an artifact "{name}"')
        return tuple(
            TakenChild(
                index=row["child_index"],
                task_id=row["id"],
                state=row["state"],
                exit_code=row["exit_code"],
                attempt=row["attempt"],
                error=row["error"],
                artifact=kept.get(row["child_index"]),
            )
            for row in await self._connection.fetch(CHILDREN, parent)
        )


def _next_index(search: FileSearch, left: list[int]) -> int | None:
    if left:
        return left.pop(0)
    return None if search.last["children"] is None else search.next_index()


def _last(search: FileSearch, kept: Sequence[asyncpg.Record]) -> Found:
    if kept:
        return replace(_taken(kept[-1], kept[-1]["file_name"]), path=search.path)
    state = search.last["state"]
    how = "" if state == TaskState.COMPLETED else f": it is {state}"
    return NotThere(f'{search.task} has kept no artifact "{search.reference.artifact}"{how}')


def _taken(row: asyncpg.Record, file_name: str) -> TakenArtifact:
    return TakenArtifact(
        object=row["object"],
        file_name=file_name,
        size=row["size"],
        sha256=row["sha256"],
        files=row.get("files"),
        mode=row.get("mode", TakenArtifact.mode),
        chunks=row.get("chunks"),
    )


def _columns(pairs: Sequence[tuple[str, int]]) -> tuple[list[str], list[int]]:
    return [first for first, _ in pairs], [second for _, second in pairs]


def _grouped(
    rows: Iterable[asyncpg.Record], first: str, second: str
) -> Mapping[tuple[str, int | str], list[asyncpg.Record]]:
    found: defaultdict[tuple[str, int | str], list[asyncpg.Record]] = defaultdict(list)
    for row in rows:
        found[row[first], row[second]].append(row)
    return found
