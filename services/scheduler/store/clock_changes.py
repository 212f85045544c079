"""What is stored as a moment of the database's clock, put right after that clock was set.

It moves no state: like the renewal of leases it goes round `apply`. Rows are locked in the order in
which `apply` locks them, each statement is a transaction of its own, and doing it twice does no
harm.
"""

from shared.postgres.pool import Connection

NOW_SECONDS = "SELECT extract(epoch FROM now())::float8"

# Workers are heard every few seconds: one that was heard in the future was heard by another clock.
WAS_SET_BACK = "SELECT EXISTS (SELECT FROM nodes WHERE last_heartbeat_at > now() + interval '1 s')"

# Set forward: who has waited for an hour by the clock may have done so for a second.
RUNNING_ANEW = """
WITH found AS (SELECT id FROM tasks WHERE state = 'RUNNING' AND deadline_at IS NOT NULL
               ORDER BY id FOR NO KEY UPDATE)
UPDATE tasks t SET deadline_at = now() + t.timeout FROM found WHERE t.id = found.id
"""
QUEUED_ANEW = """
WITH found AS (SELECT id FROM tasks WHERE state = 'SCHEDULED' AND deadline_at IS NOT NULL
               ORDER BY id FOR NO KEY UPDATE)
UPDATE tasks t SET deadline_at = now() + t.queue_timeout FROM found WHERE t.id = found.id
"""
JOBS_ANEW = """
WITH found AS (
    SELECT id, CASE WHEN must_end_at > now() THEN must_end_at END AS must_end_at FROM jobs
    WHERE deadline_at IS NOT NULL AND deadline_at IS DISTINCT FROM must_end_at
    ORDER BY id FOR NO KEY UPDATE)
UPDATE jobs j SET deadline_at = least(now() + j.timeout, found.must_end_at)
FROM found WHERE j.id = found.id
"""

# Set back: nothing is later than its full length from now. The lease's length is its worker's; a
# worker that was forgotten renews none.
LEASES = """
WITH found AS (
    SELECT t.id, coalesce(n.lease, '0') AS lease FROM tasks t LEFT JOIN nodes n ON n.id = t.node_id
    WHERE t.state = 'RUNNING' AND t.lease_expires_at > now() + coalesce(n.lease, '0')
    ORDER BY t.id FOR NO KEY UPDATE OF t)
UPDATE tasks t SET lease_expires_at = now() + found.lease FROM found WHERE t.id = found.id
"""
RUNNING = """
WITH found AS (SELECT id FROM tasks WHERE state = 'RUNNING' AND deadline_at > now() + timeout
               ORDER BY id FOR NO KEY UPDATE)
UPDATE tasks t SET deadline_at = now() + t.timeout FROM found WHERE t.id = found.id
"""
QUEUED = """
WITH found AS (SELECT id FROM tasks WHERE state = 'SCHEDULED' AND scheduled_at > now()
               ORDER BY id FOR NO KEY UPDATE)
UPDATE tasks t SET scheduled_at = now(), deadline_at = least(deadline_at, now() + queue_timeout)
FROM found WHERE t.id = found.id
"""
# A retry's delay begins when its row is made.
RETRIES = """
WITH found AS (SELECT id FROM tasks WHERE state = 'PENDING' AND created_at > now()
               ORDER BY id FOR NO KEY UPDATE)
UPDATE tasks t SET due_at = now() + (due_at - created_at) FROM found WHERE t.id = found.id
"""
JOBS = """
WITH found AS (SELECT id FROM jobs WHERE deadline_at > now() + timeout
               AND deadline_at IS DISTINCT FROM must_end_at ORDER BY id FOR NO KEY UPDATE)
UPDATE jobs j SET deadline_at = now() + j.timeout FROM found WHERE j.id = found.id
"""
NODES = "UPDATE nodes SET last_heartbeat_at = now() WHERE last_heartbeat_at > now()"

# Whoever holds these says so again within seconds, or is dead.
OUTBOX = """
UPDATE outbox SET claimed_until = now() WHERE claimed_until > now() + interval '1 minute'
"""
LISTENERS = """
UPDATE feed_cursors SET claimed_until = now() WHERE claimed_until > now() + interval '1 minute'
"""
WEBHOOK_EVENTS = """
UPDATE webhook_events SET due_at = now() WHERE due_at > now() + interval '1 minute'
"""
# The delay begins with the last attempt, and with none there is none.
WEBHOOKS = """
WITH begun AS (
    SELECT id, greatest(created_at, (SELECT max(at) FROM webhook_attempts a
                                     WHERE a.delivery_id = d.id)) AS at
    FROM webhook_deliveries d WHERE next_at > now() AND next_at < 'infinity')
UPDATE webhook_deliveries d SET next_at = now() + (d.next_at - begun.at)
FROM begun WHERE d.id = begun.id AND begun.at > now()
"""

_ANEW = (RUNNING_ANEW, QUEUED_ANEW, JOBS_ANEW)
_FORWARD = (
    LEASES,
    RUNNING,
    QUEUED,
    RETRIES,
    JOBS,
    NODES,
    OUTBOX,
    LISTENERS,
    WEBHOOK_EVENTS,
    WEBHOOKS,
)


async def now_seconds(connection: Connection) -> float:
    """The time of the transaction, in seconds."""
    seconds: float = await connection.fetchval(NOW_SECONDS)
    return seconds


async def was_set_back(connection: Connection) -> bool:
    """Whether the clock shows less than it did when something was written."""
    found: bool = await connection.fetchval(WAS_SET_BACK)
    return found


async def begin_timeouts_anew(connection: Connection) -> None:
    """The clock was set forward: every time-out has its full length from now."""
    for statement in _ANEW:
        await connection.execute(statement)


async def bring_forward(connection: Connection) -> None:
    """The clock was set back: nothing is waited for longer than its full length from now."""
    for statement in _FORWARD:
        await connection.execute(statement)
