"""A task that stands for a job, that job, and what the scheduler does for families of both."""

from typing import Any

from shared.lifecycle import Event
from shared.postgres.pool import acquired
from shared.store.subjob_signals import find_lost_signals
from tests.support.jobs.families import Play


def made_of_job(*tasks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The task `s`; without `tasks` its job has one."""
    listed = list(tasks) or [{"run": "true", "name": "inside"}]
    return {"name": "s", "subjob": {"name": "the sub-job", "tasks": listed, **fields}}


async def later(play: Play) -> list[Event]:
    """What the scheduler finds when the messages of a minute ago are lost."""
    await play.rig.pool.execute(
        "UPDATE tasks SET started_at = started_at - interval '1 minute' WHERE kind <> 'task'"
    )
    async with acquired(play.rig.pool) as connection:
        events = await find_lost_signals(connection)
    await play.happen(*events)
    return events


async def child(play: Play, job_id: str) -> dict[str, Any]:
    return await play.subjob_of(await play.task(job_id, "s"))
