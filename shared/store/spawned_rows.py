"""Tasks that tasks have made by requests: they come to be when their creator has succeeded."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from shared.messages import Spawned
from shared.postgres.pool import Connection

SPAWNED_BY = """
SELECT s.task_id, s.dispatch, s.sequence, s.parameters, s.name
FROM unnest($1::text[], $2::int[]) AS d(task_id, dispatch)
JOIN spawned_tasks s ON s.task_id = d.task_id AND s.dispatch = d.dispatch
ORDER BY s.task_id, s.dispatch, s.number
"""

ADD_SPAWNED = """
INSERT INTO spawned_tasks (task_id, dispatch, number, sequence, parameters, name, request_key,
                           request_digest, bytes_so_far)
SELECT $1, $2, $3::int + s.n, s.sequence, s.parameters, s.name, $8, $9,
       $4::int + sum(octet_length(s.parameters)) OVER (ORDER BY s.n)
FROM unnest($5::int[], $6::text[], $7::text[])
    WITH ORDINALITY AS s(sequence, parameters, name, n)
"""


async def spawned_by(
    connection: Connection, dispatches: Collection[tuple[str, int]]
) -> Mapping[tuple[str, int], Sequence[Spawned]]:
    ids, numbers = zip(*dispatches, strict=True)
    found: defaultdict[tuple[str, int], list[Spawned]] = defaultdict(list)
    for task_id, dispatch, sequence, parameters, name in await connection.fetch(
        SPAWNED_BY, ids, numbers
    ):
        made = Spawned(sequence=sequence, parameters=parameters, name=name)
        found[task_id, dispatch].append(made)
    return found


async def add_spawned(
    connection: Connection,
    dispatch: tuple[str, int],
    after: tuple[int, int],
    spawned: Sequence[Spawned],
    request: tuple[str | None, bytes | None],
) -> None:
    """`after` so many that the dispatch has made before, of so many bytes. `request`: its key, and
    the digest of its body."""
    columns = (
        [one.sequence for one in spawned],
        [one.parameters for one in spawned],
        [one.name for one in spawned],
    )
    await connection.execute(ADD_SPAWNED, *dispatch, *after, *columns, *request)
