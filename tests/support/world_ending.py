"""How a world in memory comes to rest once nothing is lost any more."""

from datetime import timedelta

from shared.lifecycle import JobReleased, JobStartDue
from tests.support.family_world import World
from tests.support.world_invariants import check
from tests.support.world_workers import Verdict, honest_events, success


def finish_honestly(world: World, verdict: Verdict = success) -> None:
    for _ in range(400):
        world.now += timedelta(minutes=1)
        batch = [
            *world.messages,
            *(e for t in world.tasks.values() for e in honest_events(t, verdict)),
        ]
        world.messages.clear()
        batch += world.lost_signals()
        for job in world.jobs.values():
            if job.is_held:
                batch.append(JobReleased(job.id))
            elif job.due_at is not None:  # it is not news that its time has not come
                world.now = max(world.now, job.due_at)
                batch.append(JobStartDue(job.id))
        if not batch:
            return
        world.happen(*batch)
        check(world)
    raise AssertionError("the jobs do not end")
